//! What is mounted into a container.

use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// Something mounted into the container.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MountSpec {
    /// Absolute path inside the container.
    pub target: String,
    /// No writing through this mount.
    pub read_only: bool,
    /// What is mounted.
    pub kind: MountKind,
}

/// What is mounted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum MountKind {
    /// A volume, by its real name.
    Volume {
        /// The volume's real name.
        name: String,
        /// Do not copy the image's content into the empty volume.
        nocopy: bool,
        /// The file or folder of the volume that is mounted; empty is all of it.
        #[serde(default)]
        subpath: String,
        /// Another container has it: whether content is copied is not for this one to say.
        #[serde(default)]
        inherited: bool,
    },
    /// A file or folder of the host.
    Bind {
        /// Absolute host path.
        source: PathBuf,
        /// Make the folder when it is missing.
        create: bool,
        /// Which later mounts are seen on the other side.
        #[serde(default)]
        propagation: Propagation,
        /// What becomes of the mounts below it.
        #[serde(default)]
        submounts: Submounts,
    },
    /// Memory.
    Tmpfs(Memory),
    /// The files of an image, which cannot be changed.
    Image {
        /// The reference as written.
        reference: String,
        /// The content-addressed id that it means; empty as long as the image is not here.
        id: String,
        /// The file or folder of the image that is mounted; empty is all of it.
        #[serde(default)]
        subpath: String,
    },
}

/// A file system in memory.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Memory {
    /// Bytes; `None` is the kernel's default.
    pub size: Option<u64>,
    /// Permission bits; `None` is 1777.
    pub mode: Option<u32>,
    /// Owner; `None` is root.
    pub uid: Option<u32>,
    /// Group; `None` is root's.
    pub gid: Option<u32>,
    /// The most files; `None` is the kernel's default.
    pub inodes: Option<u64>,
    /// Programs in it can be executed.
    pub exec: bool,
    /// Programs in it can gain privileges by their owner.
    pub suid: bool,
    /// The times of reading are not kept.
    pub noatime: bool,
}

/// Which later mounts are seen on the other side of a mount (mount_namespaces(7)), also of those
/// below it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Propagation {
    /// None.
    #[default]
    Private,
    /// Those of the host are seen in the container.
    Slave,
    /// Both sides see those of the other.
    Shared,
}

/// What becomes of the mounts below one that is bound.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Submounts {
    /// They come along, as read-only as it.
    #[default]
    Included,
    /// They come along and can be written to, also when it cannot.
    Writable,
    /// They are not there.
    Excluded,
}

impl MountKind {
    /// The real name of the volume that it is.
    pub fn volume(&self) -> Option<&str> {
        match self {
            Self::Volume { name, .. } => Some(name),
            _ => None,
        }
    }

    /// The whole of a volume.
    pub fn whole_volume(name: impl Into<String>) -> Self {
        Self::Volume { name: name.into(), nocopy: false, subpath: String::new(), inherited: false }
    }
}

impl Propagation {
    /// What a word of a stack file means.
    pub fn parse(text: &str) -> Self {
        match text {
            "slave" | "rslave" => Self::Slave,
            "shared" | "rshared" => Self::Shared,
            _ => Self::Private,
        }
    }

    /// Its word in a stack file.
    pub fn word(self) -> &'static str {
        match self {
            Self::Private => "rprivate",
            Self::Slave => "rslave",
            Self::Shared => "rshared",
        }
    }
}
