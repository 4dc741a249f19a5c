//! Manifests and indexes: which blobs an image consists of
//! (<https://github.com/opencontainers/image-spec/blob/main/manifest.md>, and Docker's schema 2).

use super::Platform;
use crate::error::{Error, Kind, Result};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

pub(crate) const OCI_MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
pub(crate) const OCI_INDEX: &str = "application/vnd.oci.image.index.v1+json";
pub(crate) const DOCKER_MANIFEST: &str = "application/vnd.docker.distribution.manifest.v2+json";
pub(crate) const DOCKER_INDEX: &str = "application/vnd.docker.distribution.manifest.list.v2+json";
pub(crate) const OCI_CONFIG: &str = "application/vnd.oci.image.config.v1+json";
pub(crate) const DOCKER_CONFIG: &str = "application/vnd.docker.container.image.v1+json";

/// One blob, by digest.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Descriptor {
    #[serde(default)]
    pub(crate) media_type: String,
    #[serde(default)]
    pub(crate) size: u64,
    pub(crate) digest: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) platform: Option<Platform>,
    /// Where the blob is when registries may not have it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) urls: Option<Vec<String>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) annotations: Option<BTreeMap<String, String>>,
}

/// An image for one platform.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Manifest {
    #[serde(default)]
    pub(crate) schema_version: u32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) media_type: Option<String>,
    pub(crate) config: Descriptor,
    pub(crate) layers: Vec<Descriptor>,
}

/// Manifests, one for each platform.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Index {
    pub(crate) manifests: Vec<Descriptor>,
}

impl Descriptor {
    /// A layer that registries do not distribute.
    pub(crate) fn is_foreign(&self) -> bool {
        let kind = &self.media_type;
        kind.contains(".nondistributable.")
            || kind.contains(".foreign.")
            || self.urls.as_ref().is_some_and(|urls| !urls.is_empty())
    }
}

/// Compression is told by the content; the type only has to be one of a tar archive.
pub(crate) fn is_layer(kind: &str) -> bool {
    let tar = kind
        .strip_prefix("application/vnd.oci.image.layer.v1.")
        .or_else(|| kind.strip_prefix("application/vnd.oci.image.layer.nondistributable.v1."))
        .or_else(|| kind.strip_prefix("application/vnd.docker.image.rootfs.diff."))
        .or_else(|| kind.strip_prefix("application/vnd.docker.image.rootfs.foreign.diff."));
    matches!(tar, Some("tar" | "tar+gzip" | "tar+zstd" | "tar.gzip" | "tar.zstd"))
}

pub(crate) fn is_image_config(kind: &str) -> bool {
    matches!(kind, OCI_CONFIG | DOCKER_CONFIG)
}

/// The one for a platform: the best of those that run there. `where_from` has them.
pub(crate) fn choose(
    descriptors: &[Descriptor],
    platform: &Platform,
    where_from: &str,
) -> Result<Descriptor> {
    let rank = |one: &Descriptor| match &one.platform {
        Some(is) => platform.rank(is),
        None => (descriptors.len() == 1).then_some(0),
    };
    let ranked = descriptors.iter().filter_map(|one| Some((rank(one)?, one)));
    let chosen = ranked.min_by_key(|(rank, _)| *rank).map(|(_, one)| one.clone());
    chosen.ok_or_else(|| {
        let platforms = descriptors.iter().filter_map(|one| one.platform.as_ref());
        // What describes other images of the index has no platform: `unknown/unknown`.
        let known = platforms.filter(|platform| platform.os != "unknown");
        let offered: Vec<String> = known.map(ToString::to_string).collect();
        let error = Error::new(Kind::NotFound, format!("{where_from} has no image for {platform}"));
        if offered.is_empty() {
            error
        } else {
            error.hint(format!("it has images for: {}", offered.join(", ")))
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn descriptor(platform: Option<&str>) -> Descriptor {
        Descriptor {
            media_type: OCI_MANIFEST.into(),
            size: 1,
            digest: platform.unwrap_or("none").into(),
            platform: platform.map(|text| {
                let parts: Vec<&str> = text.split('/').collect();
                Platform {
                    os: parts[0].into(),
                    architecture: parts[1].into(),
                    variant: parts.get(2).map(ToString::to_string),
                }
            }),
            urls: None,
            annotations: None,
        }
    }

    #[test]
    fn the_best_platform_is_chosen() {
        let index: Vec<Descriptor> = [
            "windows/amd64",
            "linux/amd64/v3",
            "linux/amd64",
            "linux/arm/v5",
            "linux/arm/v7",
            "linux/arm64/v8",
            "unknown/unknown",
        ]
        .map(|text| descriptor(Some(text)))
        .into();
        let chosen =
            |platform: &str| choose(&index, &platform.parse().unwrap(), "x").map(|one| one.digest).ok();
        for (platform, expected) in [
            ("linux/amd64", Some("linux/amd64")),
            ("linux/amd64/v4", Some("linux/amd64/v3")),
            ("linux/amd64/v2", Some("linux/amd64")),
            ("linux/arm", Some("linux/arm/v7")),
            ("linux/arm/v6", Some("linux/arm/v5")),
            ("linux/arm64", Some("linux/arm64/v8")),
            ("linux/s390x", None),
        ] {
            assert_eq!(chosen(platform).as_deref(), expected, "{platform}");
        }
        let error = choose(&index, &"linux/s390x".parse().unwrap(), "`web`").unwrap_err();
        assert_eq!(error.doing, "`web` has no image for linux/s390x");
        assert!(error.hint.as_ref().unwrap().contains("linux/arm/v7, linux/arm64/v8"), "{error:?}");
        assert!(!error.hint.unwrap().contains("unknown"));
        assert!(choose(&[descriptor(None)], &Platform::host(), "x").is_ok());
    }
}
