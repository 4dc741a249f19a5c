//! What a container was made from: the durable record.

use super::process::Process;
use crate::error::{Error, Kind, Result};
use crate::net::{self, NetworkRecord};
use crate::store::{self, Store};
use crate::volume;
use jiff::Timestamp;
use planner::desired::{Attachment, MountKind, MountSpec};
use planner::{ContainerId, ContainerSpec, VolumeSpec};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::time::Duration;

/// Time between stop signal and kill where nobody knows what was asked for.
const GRACE: Duration = Duration::from_secs(10);

/// What a container was made from. Written when it is created and when it is updated in place.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ContainerRecord {
    /// What the stack wants.
    pub spec: ContainerSpec,
    /// The content-addressed id of its image; empty when the record is damaged.
    pub image_id: String,
    /// The image's layers, lowest first; they stay as long as a container uses the image.
    pub layers: Vec<PathBuf>,
    /// The layers of the images that it mounts, lowest first, by id.
    #[serde(default)]
    pub mounted: BTreeMap<String, Vec<PathBuf>>,
    /// The spec merged with what the image supplies.
    pub process: Process,
    /// When it was created.
    pub created_at: Timestamp,
}

impl ContainerRecord {
    /// Whether it needs the image of this id. One that is damaged may need any.
    pub fn uses_image(&self, id: &str) -> bool {
        self.image_id == id || self.image_id.is_empty() || self.mounted.contains_key(id)
    }
}

/// Reads the record of a container.
pub fn read(store: &Store, id: &ContainerId) -> Result<ContainerRecord> {
    read_optional(store, id)?.ok_or_else(|| Error::new(Kind::NotFound, format!("no container {}", id.name())))
}

/// Reads the record of a container that may not exist.
pub fn read_optional(store: &Store, id: &ContainerId) -> Result<Option<ContainerRecord>> {
    store::read_optional(&store.container_record(id)).map_err(|error| match error.kind {
        Kind::Corrupt => error.hint("`up` makes the container anew, `down` removes it; volumes stay"),
        _ => error,
    })
}

/// The record of a container that may not exist; when it is damaged or lost, what can be told
/// without it, for those who must be able to stop and remove it.
pub fn read_or_guess(store: &Store, id: &ContainerId) -> Result<Option<ContainerRecord>> {
    match read_optional(store, id) {
        Err(error) if error.kind == Kind::Corrupt => guess(store, id).map(Some),
        Ok(None) if store.container(id).exists() => guess(store, id).map(Some),
        other => other,
    }
}

/// Its networks are those where it has an address. That it may have any volume of its stack keeps
/// them from being removed before it.
fn guess(store: &Store, id: &ContainerId) -> Result<ContainerRecord> {
    let leased = net::list(store)?.into_iter().filter(|network| network.is_leased_to(id));
    let attach = |network: NetworkRecord| Attachment { network: network.spec.name, ..Default::default() };
    let volumes = volume::list(store)?.into_iter().map(|volume| volume.spec);
    let ours = volumes.filter(|volume| volume.stack.as_ref() == Some(&id.stack));
    let mount = |volume: VolumeSpec| MountSpec {
        target: "?".to_owned(),
        read_only: false,
        kind: MountKind::whole_volume(volume.name),
    };
    Ok(ContainerRecord {
        spec: ContainerSpec {
            networks: leased.map(attach).collect(),
            mounts: ours.map(mount).collect(),
            stop_grace_period: GRACE,
            ..ContainerSpec::default()
        },
        image_id: String::new(),
        layers: Vec::new(),
        mounted: BTreeMap::new(),
        process: Process::unknown(id),
        created_at: Timestamp::UNIX_EPOCH,
    })
}

/// The name that people see of a container; that of its place when its record cannot be read.
pub fn called(store: &Store, id: &ContainerId) -> String {
    read_optional(store, id).ok().flatten().map_or_else(|| id.name(), |record| record.spec.called(id))
}

/// Ids of all containers that have a record, in order. Other folders are left-overs of
/// interrupted commands.
pub fn ids(store: &Store) -> Vec<ContainerId> {
    let folders = fs::read_dir(store.containers()).into_iter().flatten().flatten();
    let id = |name: &str| name.parse().ok().filter(|_| !name.starts_with('.'));
    let mut ids: Vec<ContainerId> = folders.filter_map(|entry| id(entry.file_name().to_str()?)).collect();
    ids.sort();
    ids
}

/// Ids of the containers of one stack, in order.
pub fn ids_of(store: &Store, stack: &str) -> Vec<ContainerId> {
    ids(store).into_iter().filter(|id| id.stack == stack).collect()
}

/// Name of the first container whose record satisfies the test; a damaged one is guessed.
pub fn find(store: &Store, test: impl Fn(&ContainerRecord) -> bool) -> Option<String> {
    let matches =
        |id: &ContainerId| read_or_guess(store, id).ok().flatten().is_some_and(|record| test(&record));
    ids(store).into_iter().find(matches).map(|id| called(store, &id))
}
