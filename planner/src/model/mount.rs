//! Mounts of a service.

use super::{Bytes, Extensions};
use crate::diagnostic::Span;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// One entry of `volumes`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Mount {
    /// Where it stands.
    #[serde(skip_serializing)]
    pub span: Span,
    /// What kind of thing is mounted.
    #[serde(rename = "type")]
    pub kind: MountType,
    /// A host path (absolute), the key of a volume (empty: an anonymous one), or an image.
    pub source: String,
    /// Absolute path in the container.
    pub target: String,
    /// No writing.
    pub read_only: bool,
    /// Ignored on Linux.
    pub consistency: String,
    /// Options of a host path.
    pub bind: Option<BindOptions>,
    /// Options of a volume.
    pub volume: Option<VolumeOptions>,
    /// Options of memory.
    pub tmpfs: Option<TmpfsOptions>,
    /// Options of an image.
    pub image: Option<ImageOptions>,
    /// Its `x-…` keys.
    pub extensions: Extensions,
}

/// What kind of thing is mounted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum MountType {
    /// A volume.
    #[default]
    Volume,
    /// A file or folder of the host.
    Bind,
    /// Memory.
    Tmpfs,
    /// The files of an image.
    Image,
    /// A named pipe (Windows).
    Npipe,
    /// A volume of a cluster.
    Cluster,
}

/// Options of a host path.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct BindOptions {
    /// SELinux label: `z` shared, `Z` private.
    pub selinux: String,
    /// Which later mounts are seen: `rprivate`, `shared`, `rslave`, …
    pub propagation: String,
    /// Make the folder when it is missing.
    pub create_host_path: bool,
    /// Whether mounts below come along: `enabled`, `disabled`, `writable`, `readonly`.
    pub recursive: String,
    /// Its `x-…` keys.
    pub extensions: Extensions,
}

/// Options of a volume.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct VolumeOptions {
    /// Labels of an anonymous volume.
    pub labels: BTreeMap<String, String>,
    /// No copy of what the image has there.
    pub nocopy: bool,
    /// The folder of the volume that is mounted.
    pub subpath: String,
    /// Its `x-…` keys.
    pub extensions: Extensions,
}

/// Options of memory.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct TmpfsOptions {
    /// Size; unset: the kernel's default.
    pub size: Bytes,
    /// Permission bits; unset: 1777.
    pub mode: u32,
    /// Its `x-…` keys.
    pub extensions: Extensions,
}

/// Options of an image.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct ImageOptions {
    /// The folder of the image that is mounted.
    pub subpath: String,
    /// Its `x-…` keys.
    pub extensions: Extensions,
}

impl Mount {
    /// The key of the named volume that this mounts.
    pub fn volume_key(&self) -> Option<&str> {
        (self.kind == MountType::Volume && !self.source.is_empty()).then_some(self.source.as_str())
    }

    /// Whether this mounts a volume that has no name.
    pub fn is_anonymous(&self) -> bool {
        self.kind == MountType::Volume && self.source.is_empty()
    }

    /// Whether a missing host folder is made: the short form says so, a long one without
    /// options does too.
    pub fn creates_host_path(&self) -> bool {
        self.bind.as_ref().is_none_or(|bind| bind.create_host_path)
    }
}
