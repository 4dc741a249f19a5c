//! Root file systems: image layers below, the container's own layer on top.

use crate::error::{Error, Kind, Result};
use std::os::fd::OwnedFd;
use std::path::PathBuf;

/// What an overlay is made of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Layers {
    /// Read-only folders, lowest first; may be empty.
    pub lower: Vec<PathBuf>,
    /// The writable folder; made when missing.
    pub upper: PathBuf,
    /// Folder on the same file system in which a fresh work folder is made at each mount.
    pub work: PathBuf,
    /// The upper is thrown away after use: never write it back to the disk.
    pub volatile: bool,
}

/// Mounts it, detached: nothing is visible anywhere until the mount is moved to a place.
pub fn mount(_layers: &Layers) -> Result<OwnedFd> {
    Err(Error::new(Kind::Unsupported, "mount an overlay"))
}

/// A read-only look at layers, lowest first, detached.
pub fn view(_lower: &[PathBuf]) -> Result<OwnedFd> {
    Err(Error::new(Kind::Unsupported, "mount a view of layers"))
}
