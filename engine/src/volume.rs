//! Named volumes: create, remove, copy-up of image content.

use crate::error::{Error, Kind, Result};
use crate::store::Store;
use jiff::Timestamp;
use planner::VolumeSpec;
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// One volume that exists.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct VolumeRecord {
    /// What was asked for.
    pub spec: VolumeSpec,
    /// When it was made.
    pub created_at: Timestamp,
    /// Where it stands with content from an image.
    pub content: Content,
}

/// Where a volume stands with content from an image.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Content {
    /// No container has had it: it may be given content from an image.
    Fresh,
    /// A complete copy waits beside the data folder to be moved in.
    Moving,
    /// It is the user's.
    Settled,
}

/// Makes a volume; one that exists already for the same stack is left as it is.
pub fn create(_store: &Store, _spec: &VolumeSpec) -> Result<()> {
    Err(soon())
}

/// Removes a volume and its content; one that does not exist is no error.
pub fn remove(_store: &Store, _name: &str) -> Result<()> {
    Err(soon())
}

/// All volumes, by name.
pub fn list(_store: &Store) -> Result<Vec<VolumeRecord>> {
    Err(soon())
}

/// The volume of this name.
pub fn get(_store: &Store, _name: &str) -> Result<Option<VolumeRecord>> {
    Err(soon())
}

/// Gives a fresh volume what the image has at `target`, then counts it as the user's.
/// Does nothing to a volume that is not fresh or has content.
/// `layers` are those of the image, lowest first.
pub fn copy_up(_store: &Store, _name: &str, _layers: &[PathBuf], _target: &str) -> Result<()> {
    Err(soon())
}

/// Counts a volume as the user's without giving it content: for mounts with `nocopy`.
pub fn settle(_store: &Store, _name: &str) -> Result<()> {
    Err(soon())
}

fn soon() -> Error {
    Error::new(Kind::Unsupported, "volumes cannot be used yet")
}
