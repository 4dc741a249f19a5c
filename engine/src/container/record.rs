//! What a container was made from: the durable record.

use super::process::Process;
use crate::error::{Error, Kind, Result};
use crate::store::{self, Store};
use jiff::Timestamp;
use planner::{ContainerId, ContainerSpec};
use serde::{Deserialize, Serialize};
use std::fs;
use std::path::PathBuf;

/// What a container was made from. Written when it is created and when it is updated in place.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ContainerRecord {
    /// What the stack wants.
    pub spec: ContainerSpec,
    /// The content-addressed id of its image.
    pub image_id: String,
    /// The image's layers, lowest first; they stay as long as a container uses the image.
    pub layers: Vec<PathBuf>,
    /// The spec merged with what the image supplies.
    pub process: Process,
    /// When it was created.
    pub created_at: Timestamp,
}

/// Reads the record of a container.
pub fn read(store: &Store, id: &ContainerId) -> Result<ContainerRecord> {
    read_optional(store, id)?.ok_or_else(|| Error::new(Kind::NotFound, format!("no container {}", id.name())))
}

/// Reads the record of a container that may not exist. An empty record is what a power cut
/// leaves of a container that was just being created: it counts as none.
pub fn read_optional(store: &Store, id: &ContainerId) -> Result<Option<ContainerRecord>> {
    let path = store.container_record(id);
    match store::read_optional(&path) {
        Err(error) if error.kind == Kind::Corrupt && is_empty(&path) => Ok(None),
        other => other,
    }
}

fn is_empty(path: &std::path::Path) -> bool {
    fs::metadata(path).is_ok_and(|metadata| metadata.len() == 0)
}

/// Ids of all containers that have a record, in order. Other folders are left-overs of
/// interrupted commands.
pub fn ids(store: &Store) -> Vec<ContainerId> {
    let folders = fs::read_dir(store.containers()).into_iter().flatten().flatten();
    let mut ids: Vec<ContainerId> =
        folders.filter_map(|entry| entry.file_name().to_str()?.parse().ok()).collect();
    ids.sort();
    ids
}

/// Ids of the containers of one stack, in order.
pub fn ids_of(store: &Store, stack: &str) -> Vec<ContainerId> {
    ids(store).into_iter().filter(|id| id.stack == stack).collect()
}

/// Name of the first container whose record satisfies the test.
pub fn find(store: &Store, test: impl Fn(&ContainerRecord) -> bool) -> Option<String> {
    let matches =
        |id: &ContainerId| read_optional(store, id).ok().flatten().is_some_and(|record| test(&record));
    ids(store).into_iter().find(matches).map(|id| id.name())
}
