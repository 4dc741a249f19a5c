//! Checks of containers: what their records name is there, and nothing is left of those that
//! are gone.

use super::Finding;
use super::mend::Mend;
use crate::container::{ContainerRecord, StateRecord, record, volatile};
use crate::error::{Kind, Result};
use crate::image::Images;
use crate::image::layers::names;
use crate::net;
use crate::store::{Lock, Store};
use planner::ContainerId;
use planner::desired::MountKind;
use std::collections::BTreeSet;

pub(super) fn examine(store: &Store) -> Result<Vec<Finding>> {
    let mut found = half_made(store)?;
    for id in record::ids(store) {
        match record::read_optional(store, &id) {
            Ok(Some(record)) => found.extend(one(store, &id, &record)?),
            Ok(None) => found.push(damaged(store, &id, "missing")),
            Err(error) if error.kind == Kind::Corrupt => found.push(damaged(store, &id, "damaged")),
            Err(error) => return Err(error),
        }
    }
    found.extend(remains(store)?);
    Ok(found)
}

fn damaged(store: &Store, id: &ContainerId, word: &str) -> Finding {
    let what = format!("the record of container {} is {word}", id.name());
    Finding::told(what, store.container_record(id), "`up` makes it anew, `down` removes it; volumes stay")
}

/// What interrupted commands left, where none is at work right now.
fn half_made(store: &Store) -> Result<Vec<Finding>> {
    let mut found = Vec::new();
    for name in names(&store.containers())? {
        let left = name.strip_prefix(".new-").or_else(|| name.strip_prefix(".old-"));
        let Some(id) = left.and_then(|id| id.parse::<ContainerId>().ok()) else { continue };
        if is_idle(store, &id.stack)? {
            let what = format!("an interrupted command left half of container {}", id.name());
            found.push(Finding::mendable(what, store.containers().join(name), Mend::Sweep(id.stack)));
        }
    }
    Ok(found)
}

/// Whether no command is changing the stack.
pub(super) fn is_idle(store: &Store, stack: &str) -> Result<bool> {
    Ok(Lock::try_take(store, &format!("stack-{stack}"))?.is_some())
}

fn one(store: &Store, id: &ContainerId, record: &ContainerRecord) -> Result<Vec<Finding>> {
    let mut found = Vec::new();
    let images = Images::new(store);
    let is_indexed = images.index()?.images.contains_key(&record.image_id);
    let missing = record.layers.iter().find(|layer| !layer.is_dir());
    let place = store.container_record(id);
    match missing {
        Some(layer) if !is_indexed => {
            let what = format!("layer {} of container {} is missing", layer.display(), id.name());
            let remedy = format!("pull or load {} again, or remove the container", record.spec.image);
            found.push(Finding::told(what, place, remedy));
        }
        None if !is_indexed => {
            let what = format!("the image of container {} is not in the index", id.name());
            let finding = match images.blob(&record.image_id).exists() {
                true => Finding::mendable(what, place, Mend::Adopt(record.image_id.clone())),
                false => Finding::told(what, place, format!("pull or load {} again", record.spec.image)),
            };
            found.push(finding);
        }
        _ => {}
    }
    if !store.upper(id).is_dir() {
        let what = format!("container {} has lost its files", id.name());
        found.push(Finding::told(what, store.upper(id), "`up --force-recreate` makes it anew"));
    }
    for mount in &record.spec.mounts {
        if let MountKind::Volume { name, .. } = &mount.kind
            && !store.volume_data(name).is_dir()
        {
            let what = format!("volume {name} of container {} is missing", id.name());
            found.push(Finding::told(what, store.volume(name), "`up --force-recreate` makes both anew"));
        }
    }
    found.extend(mounts(store, id, record)?);
    Ok(found)
}

/// A container that runs on networks has a mount that holds its namespace.
fn mounts(store: &Store, id: &ContainerId, record: &ContainerRecord) -> Result<Option<Finding>> {
    let runs = StateRecord::now(store, id)?.is_running();
    if !runs || record.spec.networks.is_empty() || net::is_held(&store.netns(id)) {
        return Ok(None);
    }
    let what = format!("nothing holds the network namespace of container {}, which runs", id.name());
    Ok(Some(Finding::told(what, store.netns(id), "`restart` gives it a new one")))
}

/// What is left in the runtime folder of containers that are gone.
fn remains(store: &Store) -> Result<Vec<Finding>> {
    let mut ids = BTreeSet::new();
    for folder in [
        store.runtime().join("containers"),
        store.runtime().join("netns"),
        store.endpoints_root(),
        store.ports(),
    ] {
        let there = names(&folder)?.into_iter().filter_map(|name| name.parse::<ContainerId>().ok());
        ids.extend(there.filter(|id| !store.container(id).exists()));
    }
    let mut found = Vec::new();
    for id in ids {
        if !is_idle(store, &id.stack)? {
            continue;
        }
        let pids = volatile::group(store, &id)?.procs()?;
        let place = store.runtime_container(&id);
        found.push(match pids.first() {
            None => {
                let what = format!("container {} is gone but not all of it", id.name());
                Finding::mendable(what, place, Mend::TakeDown(id))
            }
            Some(pid) => {
                let what = format!("container {} runs although it has no record", id.name());
                Finding::told(what, place, format!("end it with `kill {pid}`, then {}", super::REPAIR))
            }
        });
    }
    Ok(found)
}
