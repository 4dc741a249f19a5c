//! One image that should be built, with everything that a build section or a command line can ask.

use super::Ulimit;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::PathBuf;

/// One build, fully decided. What only the command line knows (environment, agents) is given to
/// the engine beside it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct BuildSpec {
    /// What COPY and ADD see.
    pub context: BuildContext,
    /// The instructions.
    pub dockerfile: DockerfileSource,
    /// More contexts, by the name that FROM and `--from` use.
    pub additional_contexts: BTreeMap<String, BuildContext>,
    /// Values of ARG.
    pub args: BTreeMap<String, String>,
    /// The stage to build, by name or number; `None` is the last one.
    pub target: Option<String>,
    /// Names that the image gets.
    pub tags: Vec<String>,
    /// Labels over those of the Dockerfile.
    pub labels: BTreeMap<String, String>,
    /// Where earlier results may be taken from.
    pub cache_from: Vec<CachePlace>,
    /// Where results are kept for others.
    pub cache_to: Vec<CachePlace>,
    /// Nothing is taken from the cache.
    pub no_cache: bool,
    /// Stages for which nothing is taken from the cache.
    pub no_cache_filter: Vec<String>,
    /// Images of FROM are asked for at their registry even when they are there.
    pub pull: bool,
    /// What RUN reaches.
    pub network: BuildNetwork,
    /// Names for the hosts file of RUN: name, then address or `host-gateway`.
    pub extra_hosts: Vec<(String, String)>,
    /// `os/arch[/variant]`; empty is this machine.
    pub platforms: Vec<String>,
    /// Secrets for `RUN --mount=type=secret`, by id.
    pub secrets: BTreeMap<String, BuildSecret>,
    /// Agents and keys for `RUN --mount=type=ssh`, by id (`default`).
    pub ssh: BTreeMap<String, SshSource>,
    /// Size of /dev/shm of RUN in bytes; `None` is 64 MiB.
    pub shm_size: Option<u64>,
    /// Resource limits of RUN's processes (setrlimit(2)).
    pub ulimits: BTreeMap<String, Ulimit>,
    /// Bytes of memory that a RUN may use; `None` is as much as there is.
    pub memory: Option<u64>,
    /// Every RUN has all privileges.
    pub privileged: bool,
    /// What instructions may ask for: `network.host`, `security.insecure`.
    pub entitlements: Vec<String>,
    /// Seconds since 1970 that all times in the image are set to, for reproducible builds.
    pub source_date_epoch: Option<i64>,
}

/// A tree of files that a build sees.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BuildContext {
    /// Nothing at all.
    #[default]
    Empty,
    /// A folder; absolute.
    Folder(PathBuf),
    /// An archive (tar, compressed or not); absolute.
    Archive(PathBuf),
    /// An address: an archive by http(s), or a git repository.
    Url(String),
    /// An image of the store or a registry (`docker-image://`, or the image of a service).
    Image(String),
    /// A folder in the OCI layout, and the tag or digest in it.
    OciLayout {
        /// The folder; absolute.
        folder: PathBuf,
        /// Tag or `sha256:…`; `None` when there is only one image.
        reference: Option<String>,
    },
    /// Another stage of the same Dockerfile.
    Stage(String),
}

impl BuildContext {
    /// As contexts are written: an absolute path, `docker-image://IMAGE`, `oci-layout://FOLDER`,
    /// `target:STAGE`, or an address.
    pub fn parse(text: &str) -> Self {
        if let Some(image) = text.strip_prefix("docker-image://") {
            return Self::Image(image.to_owned());
        }
        if let Some(layout) = text.strip_prefix("oci-layout://") {
            return oci_layout(layout);
        }
        if let Some(stage) = text.strip_prefix("target:") {
            return Self::Stage(stage.to_owned());
        }
        match text.starts_with('/') {
            true => Self::Folder(PathBuf::from(text)),
            false => Self::Url(text.to_owned()),
        }
    }

    /// The image that it is, by its reference.
    pub fn image(&self) -> Option<&str> {
        if let Self::Image(reference) = self { Some(reference) } else { None }
    }
}

/// `path[:tag]` or `path@digest`.
fn oci_layout(text: &str) -> BuildContext {
    let tagged = || text.rsplit_once(':').filter(|(_, tag)| !tag.contains('/'));
    let (folder, reference) = match text.split_once('@').or_else(tagged) {
        Some((folder, reference)) => (folder, Some(reference.to_owned())),
        None => (text, None),
    };
    BuildContext::OciLayout { folder: PathBuf::from(folder), reference }
}

/// Where the instructions come from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DockerfileSource {
    /// A file of this machine; absolute.
    File(PathBuf),
    /// A file of the context, by its path in there. Of `Dockerfile` that does not exist,
    /// `Containerfile` takes the place.
    InContext(String),
    /// The text itself.
    Inline(String),
}

impl Default for DockerfileSource {
    fn default() -> Self {
        Self::InContext("Dockerfile".to_owned())
    }
}

/// What RUN reaches.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BuildNetwork {
    /// The outside.
    #[default]
    Default,
    /// Loopback only.
    None,
    /// The network of this machine.
    Host,
    /// A network of ours, by its real name.
    Named(String),
}

impl BuildNetwork {
    /// As it is written.
    pub fn parse(name: &str) -> Self {
        match name {
            "" | "default" | "bridge" => Self::Default,
            "host" => Self::Host,
            "none" => Self::None,
            name => Self::Named(name.to_owned()),
        }
    }
}

/// Where a secret's content is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BuildSecret {
    /// In a file; absolute.
    File(PathBuf),
    /// In a variable of the caller's environment.
    Environment(String),
}

/// Where the keys of an ssh mount are.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SshSource {
    /// With the caller's agent.
    Agent,
    /// Behind this socket, or in these key files; absolute.
    Paths(Vec<PathBuf>),
}

/// Where cached results are read from or kept, such as `type=local,dest=/tmp/cache`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct CachePlace {
    /// `registry`, `local`, `inline`, …
    pub kind: String,
    /// The other attributes: `ref`, `src`, `dest`, `mode`, …
    pub attributes: BTreeMap<String, String>,
}

impl CachePlace {
    /// `type=registry,ref=…`; a text without a type is the name of an image in a registry. Paths
    /// stay as they are: Docker Compose, too, looks for them from where it was called.
    pub fn parse(text: &str) -> Self {
        let pairs = text.split(',').filter_map(|pair| pair.trim().split_once('='));
        let mut attributes: BTreeMap<String, String> =
            pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
        match attributes.remove("type") {
            Some(kind) => Self { kind, attributes },
            None => {
                Self { kind: "registry".to_owned(), attributes: [("ref".to_owned(), text.to_owned())].into() }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn contexts_are_told_apart_by_how_they_begin() {
        let layout = |reference: Option<&str>| BuildContext::OciLayout {
            folder: "/l".into(),
            reference: reference.map(str::to_owned),
        };
        for (text, expected) in [
            ("/srv/a", BuildContext::Folder("/srv/a".into())),
            ("docker-image://a:1", BuildContext::Image("a:1".into())),
            ("oci-layout:///l", layout(None)),
            ("oci-layout:///l:v1", layout(Some("v1"))),
            ("oci-layout:///l@sha256:0", layout(Some("sha256:0"))),
            ("target:base", BuildContext::Stage("base".into())),
            ("https://host/x.git", BuildContext::Url("https://host/x.git".into())),
        ] {
            assert_eq!(BuildContext::parse(text), expected, "{text}");
        }
    }

    #[test]
    fn a_cache_without_a_type_is_the_name_of_an_image() {
        let told = |text: &str| {
            let place = CachePlace::parse(text);
            let attributes = place.attributes.iter().map(|(name, value)| format!("{name}={value}"));
            format!("{} {}", place.kind, attributes.collect::<Vec<_>>().join(" "))
        };
        assert_eq!(told("reg:5000/web:1"), "registry ref=reg:5000/web:1");
        assert_eq!(told("type=local, dest=c,mode=max"), "local dest=c mode=max");
    }
}
