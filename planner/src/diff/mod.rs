//! Desired against Live, field by field.

mod fields;
mod format;

pub use fields::{CONTAINER, Field, NETWORK, OnChange, VOLUME, changes, container_changes};

use crate::desired::{ContainerId, ContainerSpec, Desired, NetworkSpec, Slot, VolumeSpec};
use crate::live::{Container, Live};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// How one field differs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FieldChange {
    /// Which field, in the words of the stack file: `environment.MODE`, `deploy.resources.limits.memory`.
    pub field: String,
    /// What exists; `None` when it was not set.
    pub from: Option<String>,
    /// What should be; `None` when it is no longer set.
    pub to: Option<String>,
}

/// What must become of one resource.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Change {
    /// It does not exist.
    Create,
    /// It is as it should be.
    Keep,
    /// It can be changed as it is. Whether it must also be started is for the plan to see.
    Update(Vec<FieldChange>),
    /// It can be changed as it is, but stands still for it.
    Restart(Vec<FieldChange>),
    /// It must be made anew.
    Replace(Vec<FieldChange>),
    /// It is as it should be but does not run.
    Start,
    /// It should not exist.
    Remove,
}

/// What must become of one slot.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SlotDiff {
    /// The occupant that the change is about: the newest that can become what is desired as it
    /// is, else the one that runs, else the newest.
    pub occupant: Option<ContainerId>,
    /// What must become of it.
    pub change: Change,
    /// The other occupants, oldest first: left by interrupted commands, they must go.
    pub leftovers: Vec<ContainerId>,
}

/// What must become of every resource in scope.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Diff {
    /// Networks by real name.
    pub networks: BTreeMap<String, Change>,
    /// Volumes by real name. They are created or kept, never replaced: they hold data.
    pub volumes: BTreeMap<String, Change>,
    /// Slots of the services in scope, the desired and the occupied ones.
    pub containers: BTreeMap<Slot, SlotDiff>,
}

/// Compares what should exist with what does.
pub fn diff(desired: &Desired, live: &Live) -> Diff {
    let network = |(name, spec): (&String, _)| (name.clone(), network(spec, live.networks.get(name)));
    let volume = |(name, spec): (&String, &VolumeSpec)| {
        let exists = spec.external || live.volumes.contains_key(name);
        (name.clone(), if exists { Change::Keep } else { Change::Create })
    };
    let wanted = desired.containers.iter().map(|(place, spec)| (place.clone(), slot(place, spec, live)));
    let in_scope = |id: &&ContainerId| desired.depends_on.contains_key(&id.slot.service);
    // A one-off container is no replica, and none of these is too many when one is asked for.
    let runs: BTreeSet<&String> =
        desired.containers.keys().filter(|slot| slot.is_one_off()).map(|slot| &slot.service).collect();
    let is_replica = |id: &&ContainerId| !id.slot.is_one_off() && !runs.contains(&id.slot.service);
    let surplus = live.containers.keys().filter(in_scope).filter(is_replica).map(|id| &id.slot);
    let surplus = surplus.filter(|place| !desired.containers.contains_key(*place));
    let surplus = surplus.map(|place| (place.clone(), surplus_slot(place, live)));
    Diff {
        networks: desired.networks.iter().map(network).collect(),
        volumes: desired.volumes.iter().map(volume).collect(),
        containers: surplus.chain(wanted).collect(),
    }
}

/// Whether a container of the one spec can become one of the other as it is.
pub fn changes_in_place(from: &ContainerSpec, to: &ContainerSpec) -> bool {
    container_changes(from, to).iter().all(|(_, on_change)| *on_change != OnChange::Replace)
}

/// Whether a container must stand still to become one of the other spec as it is.
pub fn changes_at_rest(from: &ContainerSpec, to: &ContainerSpec) -> bool {
    container_changes(from, to).iter().any(|(_, on_change)| *on_change == OnChange::Restart)
}

/// Whether a network of the one spec can become one of the other as it is.
pub fn network_changes_in_place(from: &NetworkSpec, to: &NetworkSpec) -> bool {
    from.stack == to.stack
        && changes(NETWORK, from, to).iter().all(|(_, on_change)| *on_change != OnChange::Replace)
}

fn network(spec: &NetworkSpec, live: Option<&NetworkSpec>) -> Change {
    match live {
        _ if spec.external => Change::Keep,
        None => Change::Create,
        Some(live) => verdict(changes(NETWORK, live, spec)),
    }
}

fn surplus_slot(slot: &Slot, live: &Live) -> SlotDiff {
    let mut leftovers: Vec<_> = live.occupants(slot).map(|(id, _)| id.clone()).collect();
    SlotDiff { occupant: leftovers.pop(), change: Change::Remove, leftovers }
}

fn slot(slot: &Slot, spec: &ContainerSpec, live: &Live) -> SlotDiff {
    let newest_first: Vec<_> = {
        let mut occupants: Vec<_> = live.occupants(slot).collect();
        occupants.reverse();
        occupants
    };
    let fits = |(_, container): &&(&ContainerId, &Container)| {
        !matches!(container_change(spec, container, live), Change::Replace(_))
    };
    let chosen = newest_first
        .iter()
        .find(fits)
        .or_else(|| newest_first.iter().find(|(_, container)| container.state.is_running()))
        .or(newest_first.first());
    let Some(&(occupant, container)) = chosen else {
        return SlotDiff { occupant: None, change: Change::Create, leftovers: Vec::new() };
    };
    let others = newest_first.iter().rev().map(|(id, _)| *id).filter(|id| *id != occupant);
    SlotDiff {
        occupant: Some(occupant.clone()),
        change: container_change(spec, container, live),
        leftovers: others.cloned().collect(),
    }
}

fn container_change(spec: &ContainerSpec, container: &Container, live: &Live) -> Change {
    if container.image_id.is_empty() {
        let [from, to] = ["damaged", "whole"].map(|text| Some(text.to_owned()));
        return Change::Replace(vec![FieldChange { field: "record".to_owned(), from, to }]);
    }
    let mut found = container_changes(&container.spec, spec);
    found.extend(image_change(spec, container, live).map(|change| (change, OnChange::Replace)));
    match verdict(found) {
        Change::Keep if container.needs_start(spec) => Change::Start,
        change => change,
    }
}

/// The same reference can mean another image than when the container was made.
fn image_change(spec: &ContainerSpec, container: &Container, live: &Live) -> Option<FieldChange> {
    let image = live.images.get(&spec.image)?;
    if spec.image != container.spec.image || image.id == container.image_id {
        return None;
    }
    let named = |id: &str| Some(format!("{} ({})", spec.image, format::digest(id)));
    Some(FieldChange { field: "image".to_owned(), from: named(&container.image_id), to: named(&image.id) })
}

/// What a list of changes means for the resource; a list without consequences means keeping it.
fn verdict(changes: Vec<(FieldChange, OnChange)>) -> Change {
    let gravest = changes.iter().map(|(_, on_change)| *on_change).max();
    let told = || {
        let telling = changes.iter().filter(|(_, on_change)| *on_change != OnChange::Keep);
        telling.map(|(change, _)| change.clone()).collect()
    };
    match gravest {
        None | Some(OnChange::Keep) => Change::Keep,
        Some(OnChange::UpdateInPlace) => Change::Update(told()),
        Some(OnChange::Restart) => Change::Restart(told()),
        Some(OnChange::Replace) => Change::Replace(told()),
    }
}

impl FieldChange {
    /// Whether it is about what a container is given anew at each start: variables, and what configs
    /// and secrets hold.
    fn is_given(&self) -> bool {
        let is_file = ["configs.", "secrets."].iter().any(|map| self.field.starts_with(map));
        self.field.starts_with("environment.") || is_file && self.field.ends_with(fields::CONTENT)
    }

    /// Whether its values must not be shown: what the name of a variable or label, or
    /// credentials in an address, give away, and what configs and secrets hold.
    pub fn is_secret(&self) -> bool {
        let is_file = ["configs.", "secrets."].iter().any(|map| self.field.starts_with(map));
        if is_file && self.field.ends_with(fields::CONTENT) {
            return true;
        }
        let is_map = ["environment.", "labels."].iter().any(|map| self.field.starts_with(map));
        let upper = self.field.to_ascii_uppercase();
        let mut words = ["PASSWORD", "PASSWD", "SECRET", "TOKEN", "KEY"].iter();
        let named = is_map && words.any(|word| upper.contains(word));
        named || [&self.from, &self.to].into_iter().flatten().any(|value| holds_credentials(value))
    }
}

/// Whether a text has the form `scheme://user:password@host`.
fn holds_credentials(value: &str) -> bool {
    let Some((_, rest)) = value.split_once("://") else { return false };
    let authority = rest.split('/').next().unwrap_or_default();
    authority.split_once('@').is_some_and(|(user, _)| user.contains(':'))
}

#[cfg(test)]
mod tests;
