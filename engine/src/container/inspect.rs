//! All that is known of one container.

use super::record::{self, ContainerRecord};
use super::state::StateRecord;
use crate::error::{Error, Kind, Result};
use crate::net::{self, Endpoint};
use crate::store::Store;
use planner::ContainerId;
use planner::live::State;
use std::path::PathBuf;

/// All that is known of one container.
#[derive(Clone, Debug)]
pub struct Inspection {
    /// Which one.
    pub id: ContainerId,
    /// What it was made from.
    pub record: ContainerRecord,
    /// What its supervisor last said.
    pub state: StateRecord,
    /// What it is doing.
    pub live: State,
    /// Its presence on networks, while it runs.
    pub endpoints: Vec<Endpoint>,
    /// Where of it what is.
    pub places: Places,
}

/// Where things of a container are.
#[derive(Clone, Debug)]
pub struct Places {
    /// Its writable layer.
    pub upper: PathBuf,
    /// The work folder of that.
    pub work: PathBuf,
    /// Its log.
    pub log: PathBuf,
    /// Its network namespace.
    pub netns: PathBuf,
    /// The folder with its hosts, hostname and resolv.conf.
    pub files: PathBuf,
    /// The data of its volumes, in the order of its mounts; `None` for what is no volume.
    pub volumes: Vec<Option<PathBuf>>,
}

/// Reads it all. The record may be damaged, and is then guessed.
pub fn inspect(store: &Store, id: &ContainerId) -> Result<Inspection> {
    let missing = || Error::new(Kind::NotFound, format!("no container {id}"));
    let record = record::read_or_guess(store, id)?.ok_or_else(missing)?;
    let volume =
        |mount: &planner::desired::MountSpec| mount.kind.volume().map(|name| store.volume_data(name));
    let files = store.file(id, "hosts");
    let (state, live) = StateRecord::look(store, id)?;
    Ok(Inspection {
        state,
        live,
        endpoints: net::endpoints(store, id)?,
        places: Places {
            upper: store.upper(id),
            work: store.work(id),
            log: store.log(id),
            netns: store.netns(id),
            files: files.parent().map(PathBuf::from).unwrap_or_default(),
            volumes: record.spec.mounts.iter().map(volume).collect(),
        },
        id: id.clone(),
        record,
    })
}
