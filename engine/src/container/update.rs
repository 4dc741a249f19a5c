//! Changing a container in place.

use super::client::Client;
use super::given;
use super::names;
use super::process::Process;
use super::record::{self, ContainerRecord};
use super::volatile;
use crate::error::{Error, Kind, Result};
use crate::image::Images;
use crate::journal::Entry;
use crate::net;
use crate::shim::wire::Request;
use crate::stacks;
use crate::store::{self, Store};
use planner::{ContainerId, ContainerSpec};
use std::time::Duration;

/// How long the supervisor may take to open its sockets again.
const PATIENCE: Duration = Duration::from_secs(10);

/// Makes the container what the spec says, without a restart. The record is written last: an
/// interrupted update is seen as not done. The supervisor reads the record when it decides
/// something, so it need only be told what it holds open: names, ports and what it listens for.
pub fn update(store: &Store, id: &ContainerId, spec: &ContainerSpec) -> Result<()> {
    let mut record = record::read(store, id)?;
    if !planner::diff::changes_in_place(&record.spec, spec) {
        let doing = format!("container {} cannot be changed like this in place", id.name());
        return Err(Error::new(Kind::Conflict, doing));
    }
    if [&record.spec.configs, &record.spec.secrets] != [&spec.configs, &spec.secrets] {
        given::rewrite(store, id, spec)?;
    }
    let image = Images::new(store).resolve(&record.image_id)?;
    let image =
        image.ok_or_else(|| Error::new(Kind::NotFound, format!("image {} is gone", record.spec.image)))?;
    let process = Process::merge(id, spec, &image.config)?;
    let group = volatile::group(store, id)?;
    if record.spec.limits != spec.limits && !group.procs()?.is_empty() {
        group.update(&spec.limits)?;
    }
    let listens = record.spec.pressure != spec.pressure;
    let is_moved = net::is_concerned(&record.spec, spec);
    if is_moved {
        net::reconnect(store, id, &record.spec, spec)?;
    }
    record.process = process;
    let old = std::mem::replace(&mut record.spec, spec.clone());
    write(store, id, &record, old.name.as_ref())?;
    tell(store, id, &old, spec);
    match Client::connect(store, id)?.filter(|_| is_moved || listens) {
        Some(mut supervisor) => supervisor.call(&Request::Moved, PATIENCE, &mut drop),
        None => Ok(()),
    }
}

/// Changes a container in place that nobody else changes meanwhile.
pub fn change(
    store: &Store,
    id: &ContainerId,
    how: impl FnOnce(&mut ContainerSpec) -> Result<()>,
) -> Result<()> {
    let _lock = stacks::lock(store, &id.stack)?;
    let mut spec = record::read(store, id)?.spec;
    how(&mut spec)?;
    update(store, id, &spec)
}

fn write(store: &Store, id: &ContainerId, record: &ContainerRecord, old: Option<&String>) -> Result<()> {
    let is_renamed = record.spec.name.as_ref() != old;
    let names = is_renamed.then(|| names::lock(store)).transpose()?;
    if is_renamed {
        names::take(store, id, &record.spec)?;
    }
    store::write_durable(&store.container_record(id), record)?;
    drop(names);
    if is_renamed { names::give_back(store, old) } else { Ok(()) }
}

fn tell(store: &Store, id: &ContainerId, old: &ContainerSpec, new: &ContainerSpec) {
    if old.name != new.name {
        Entry::container(id, new, "rename").with("oldName", old.called(id)).tell(store);
    }
    // Who joins and leaves networks is told where it is done.
    let rest = |spec: &ContainerSpec| ContainerSpec { name: None, networks: Vec::new(), ..spec.clone() };
    if rest(old) != rest(new) {
        Entry::container(id, new, "update").tell(store);
    }
}
