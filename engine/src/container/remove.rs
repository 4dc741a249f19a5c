//! Removing a container: it, its writable layer and its log.

use super::guard::Guard;
use super::names;
use super::record::{self, ContainerRecord};
use super::state::StateRecord;
use super::volatile::{self, clear, remove_folder, take_down};
use crate::error::{Context, Error, Kind, Result};
use crate::journal::Entry;
use crate::store::Store;
use crate::{net, volume};
use planner::ContainerId;
use planner::live::State;
use std::fs;
use std::io;
use std::time::Duration;

/// How long a supervisor whose container ended may take to end itself.
const PATIENCE: Duration = Duration::from_secs(10);

/// Removes a container that does not run. What is volatile goes first and the record last, so
/// that an interrupted removal is seen and done again. Idempotent.
pub fn remove(store: &Store, id: &ContainerId) -> Result<()> {
    if store.container(id).exists() {
        let _guard = alone(store, id)?;
        take_down(store, id)?;
        take_away(store, id)?;
    }
    remove_folder(&store.undead(id))
}

/// Removes a container with its anonymous volumes; for its own supervisor, when nothing volatile is
/// left of it.
pub fn discard(store: &Store, id: &ContainerId, record: &ContainerRecord) -> Result<()> {
    take_away(store, id)?;
    remove_folder(&store.undead(id))?;
    for name in record.spec.volumes() {
        let is_anonymous = volume::get(store, name)?.is_some_and(|volume| volume.spec.anonymous);
        if is_anonymous && record::find(store, |record| record.spec.mounts_volume(name)).is_none() {
            volume::remove(store, name)?;
        }
    }
    Ok(())
}

fn take_away(store: &Store, id: &ContainerId) -> Result<()> {
    net::forget(store, id)?;
    clear(store, id)?;
    let record = record::read_or_guess(store, id)?;
    match fs::rename(store.container(id), store.undead(id)) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        gone => gone.doing(|| format!("remove container {}", record::called(store, id)))?,
    }
    let spec = record.map(|record| record.spec).unwrap_or_default();
    Entry::container(id, &spec, "destroy").tell(store);
    names::give_back(store, spec.name.as_ref())
}

fn alone(store: &Store, id: &ContainerId) -> Result<Guard> {
    let state = StateRecord::now(store, id)?;
    if state.is_running() {
        return Err(Error::new(
            Kind::Conflict,
            format!("container {} is running", record::called(store, id)),
        )
        .hint("stop it first"));
    }
    if matches!(state, State::Exited { .. }) {
        // Its supervisor takes down the rest and is about to end, too.
        volatile::wait_for_supervisor(store, id, PATIENCE)?;
    }
    volatile::dismiss(store, id)
}
