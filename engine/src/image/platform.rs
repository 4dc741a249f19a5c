//! Platforms in the words of images: Go's names of systems and processors.

use crate::error::{Error, Kind, Result};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// What containers here run on.
pub(crate) const OS: &str = "linux";

/// The processor.
pub(crate) const ARCHITECTURE: &str = go_name(std::env::consts::ARCH);

/// Names differ for these only.
const fn go_name(rust: &'static str) -> &'static str {
    match rust.as_bytes() {
        b"x86_64" => "amd64",
        b"aarch64" => "arm64",
        b"x86" => "386",
        b"powerpc64" => "ppc64le",
        b"loongarch64" => "loong64",
        _ => rust,
    }
}

/// A system and a processor, as `linux/arm/v7`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Platform {
    /// `linux`.
    #[serde(default)]
    pub os: String,
    /// `amd64`, `arm64`, `arm`, …
    #[serde(default)]
    pub architecture: String,
    /// `v7`; most processors have none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub variant: Option<String>,
}

impl Platform {
    /// This machine.
    #[must_use]
    pub fn host() -> Self {
        Self { os: OS.to_owned(), architecture: ARCHITECTURE.to_owned(), variant: None }.normal()
    }

    /// Other spellings become the one that indexes of images have.
    fn normal(mut self) -> Self {
        let architecture = match self.architecture.as_str() {
            "x86_64" | "x86-64" => "amd64",
            "aarch64" => "arm64",
            "i386" | "i686" => "386",
            "armhf" => "arm",
            "armel" => {
                self.variant = Some("v6".to_owned());
                "arm"
            }
            other => other,
        };
        self.architecture = architecture.to_owned();
        // Every 64-bit ARM is v8, every x86 at least v1: images say so or say nothing.
        let is_plain = matches!(
            (self.architecture.as_str(), self.variant.as_deref()),
            ("arm64", Some("v8" | "8")) | ("amd64", Some("v1")) | (_, Some(""))
        );
        if is_plain {
            self.variant = None;
        }
        if self.architecture == "arm" && self.variant.is_none() {
            self.variant = Some("v7".to_owned());
        }
        self
    }

    /// How well an image for `offered` runs here, lower is better; `None` when it does not.
    /// Older variants run on newer processors, never the other way round.
    #[must_use]
    pub fn rank(&self, offered: &Self) -> Option<u32> {
        let (wanted, offered) = (self.clone().normal(), offered.clone().normal());
        if (&wanted.os, &wanted.architecture) != (&offered.os, &offered.architecture) {
            return None;
        }
        let level = |variant: &Option<String>| -> Option<u32> {
            variant.as_ref().map_or(Some(0), |text| text.trim_start_matches('v').parse().ok())
        };
        if wanted.variant == offered.variant {
            return Some(0);
        }
        match (level(&wanted.variant), level(&offered.variant)) {
            (Some(wanted), Some(offered)) => wanted.checked_sub(offered),
            _ => None,
        }
    }
}

impl fmt::Display for Platform {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.os, self.architecture)?;
        self.variant.iter().try_for_each(|variant| write!(f, "/{variant}"))
    }
}

impl FromStr for Platform {
    type Err = Error;

    /// `linux/arm64`, `linux/arm/v7`; a processor alone is one of Linux.
    fn from_str(text: &str) -> Result<Self> {
        let parts: Vec<&str> = text.split('/').collect();
        let of = |os: &str, architecture: &str, variant: Option<&str>| Self {
            os: os.to_ascii_lowercase(),
            architecture: architecture.to_ascii_lowercase(),
            variant: variant.map(str::to_ascii_lowercase),
        };
        let platform = match parts[..] {
            _ if parts.iter().any(|part| part.is_empty()) => None,
            [OS] => Some(Self::host()),
            [architecture] => Some(of(OS, architecture, None)),
            [os, architecture] => Some(of(os, architecture, None)),
            [os, architecture, variant] => Some(of(os, architecture, Some(variant))),
            _ => None,
        };
        platform.map(Self::normal).ok_or_else(|| {
            Error::new(Kind::Unsupported, format!("`{text}` is not a platform"))
                .hint("write it as `linux/amd64` or `linux/arm/v7`")
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spellings_of_a_platform_become_one() {
        for (text, expected) in [
            ("linux/amd64", "linux/amd64"),
            ("linux/x86_64", "linux/amd64"),
            ("arm64", "linux/arm64"),
            ("linux/arm64/v8", "linux/arm64"),
            ("linux/arm", "linux/arm/v7"),
            ("linux/armel", "linux/arm/v6"),
            ("Linux/AMD64/v2", "linux/amd64/v2"),
        ] {
            assert_eq!(text.parse::<Platform>().unwrap().to_string(), expected);
        }
        for bad in ["", "linux/", "a/b/c/d", "/amd64"] {
            assert!(bad.parse::<Platform>().is_err(), "{bad}");
        }
    }

    #[test]
    fn older_variants_run_and_newer_ones_do_not() {
        let rank =
            |wanted: &str, offered: &str| wanted.parse::<Platform>().unwrap().rank(&offered.parse().unwrap());
        assert_eq!(rank("linux/arm/v7", "linux/arm/v7"), Some(0));
        assert_eq!(rank("linux/arm/v7", "linux/arm/v6"), Some(1));
        assert_eq!(rank("linux/arm/v6", "linux/arm/v7"), None);
        assert_eq!(rank("linux/arm64", "linux/arm64/v8"), Some(0));
        assert_eq!(rank("linux/amd64", "linux/amd64/v3"), None);
        assert_eq!(rank("linux/amd64", "windows/amd64"), None);
        assert_eq!(rank("linux/amd64", "linux/386"), None);
    }
}
