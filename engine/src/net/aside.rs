//! Containers that run aside: nothing leads to them, neither names nor published ports, until they
//! are switched to.
//!
//! A mark in the runtime folder says so, for whoever comes later: the supervisor, and who adopts.
//! The order of a switch makes an interrupted one be seen as not done, and done again.

use super::dns::table;
use super::firewall::{self, Mapping};
use super::{Published, conntrack, endpoint, publish};
use crate::error::{Context, Result};
use crate::store::{self, Lock, LockKind, Store};
use planner::{ContainerId, ContainerSpec};
use std::fs::File;

/// Whether nothing leads to it.
pub fn is_aside(store: &Store, id: &ContainerId) -> bool {
    store.aside(id).exists()
}

/// From now on nothing new leads to it.
pub fn set_aside(store: &Store, id: &ContainerId) -> Result<()> {
    let path = store.aside(id);
    File::create(&path).map(drop).doing(|| format!("write {}", path.display()))
}

/// Leads names and ports to one container and away from others of its slot. All ports change in one
/// moment; of the names, the new one answers before the old ones fall silent. Supervisors have still
/// to be told.
pub fn switch(
    store: &Store,
    (to, spec): (&ContainerId, &ContainerSpec),
    from: &[ContainerId],
    ports: &[Published],
) -> Result<()> {
    endpoint::tell_names(store, to, spec, &endpoint::endpoints(store, to)?)?;
    let mapping = match ports {
        [] => None,
        ports => Some(publish::mapping(store, to, ports)?),
    };
    switch_ports(store, to, mapping, from)?;
    withdraw_names(store, from)?;
    store::remove_optional(&store.aside(to))
}

/// Leads nothing to containers any more that give way to one that has ended already.
pub fn withdraw(store: &Store, to: &ContainerId, from: &[ContainerId]) -> Result<()> {
    switch_ports(store, to, None, from)?;
    withdraw_names(store, from)?;
    store::remove_optional(&store.aside(to))
}

fn switch_ports(
    store: &Store,
    to: &ContainerId,
    mapping: Option<Mapping>,
    from: &[ContainerId],
) -> Result<()> {
    let _lock = Lock::take(store, "net", LockKind::Exclusive)?;
    if let Some(mapping) = &mapping {
        store::write(&store.published(to), mapping)?;
    }
    let mut gone: Vec<Mapping> = Vec::new();
    for id in from {
        gone.extend(store::read_whole(&store.published(id))?);
    }
    if mapping.is_some() || !gone.is_empty() {
        firewall::refresh_without(store, from)?;
    }
    // Who talks in datagrams would go on with the old one for ever.
    mapping.iter().chain(&gone).for_each(conntrack::forget);
    from.iter().try_for_each(|id| store::remove_optional(&store.published(id)))
}

fn withdraw_names(store: &Store, from: &[ContainerId]) -> Result<()> {
    for id in from {
        for endpoint in endpoint::endpoints(store, id)? {
            table::silence(store, &endpoint.network, id)?;
        }
        if store.runtime_container(id).exists() {
            set_aside(store, id)?;
        }
    }
    Ok(())
}
