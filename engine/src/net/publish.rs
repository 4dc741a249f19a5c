//! Directs host ports to containers: records of what is published, then the rules.

use super::firewall::{self, Mapping};
use super::{HeldPort, Proxy, Published, conntrack, endpoint, record};
use crate::error::{Error, Kind, Result};
use crate::store::{self, Lock, LockKind, Store};
use planner::ContainerId;
use std::net::{Ipv4Addr, Ipv6Addr};

/// Directs host ports to a connected container. Replaces what was published for it before.
pub fn publish(store: &Store, id: &ContainerId, ports: &[Published]) -> Result<()> {
    if ports.is_empty() {
        return unpublish(store, id);
    }
    let (address, six) = address(store, id)?;
    let mapping = Mapping { address, six, ports: ports.to_vec() };
    let _lock = Lock::take(store, "net", LockKind::Exclusive)?;
    store::write(&store.published(id), &mapping)?;
    firewall::refresh(store)?;
    // What was sent while nothing was published is tracked as for the host itself.
    conntrack::forget(&mapping);
    Ok(())
}

/// Directs what is held to a connected container. What the firewall cannot turn towards it is for
/// the proxy to pass on.
pub fn publish_held(store: &Store, id: &ContainerId, held: &[HeldPort]) -> Result<Option<Proxy>> {
    let ports: Vec<Published> = held.iter().map(|port| port.published.clone()).collect();
    publish(store, id, &ports)?;
    if held.is_empty() { Ok(None) } else { Proxy::open(held, address(store, id)?.0) }
}

/// Where published ports of a connected container lead.
pub fn published_address(store: &Store, id: &ContainerId) -> Result<Ipv4Addr> {
    address(store, id).map(|(address, _)| address)
}

/// The address on the first network that has a way to the outside, otherwise on the first; and the
/// same of IPv6, where there is one.
fn address(store: &Store, id: &ContainerId) -> Result<(Ipv4Addr, Option<Ipv6Addr>)> {
    let mut endpoints = endpoint::endpoints(store, id)?;
    let mut open = Vec::new();
    for endpoint in &endpoints {
        open.push(!record::existing(store, &endpoint.network)?.spec.internal);
    }
    if open.contains(&true) {
        endpoints = endpoints.into_iter().zip(open).filter(|(_, open)| *open).map(|(one, _)| one).collect();
    }
    let first = endpoints.first().ok_or_else(|| {
        Error::new(Kind::NotFound, format!("publish ports of {}: it is on no network", id.name()))
    })?;
    let six = endpoints.iter().find_map(|endpoint| endpoint.six).map(|six| six.address);
    Ok((first.address, six))
}

/// No longer directs host ports to a container. Idempotent.
pub fn unpublish(store: &Store, id: &ContainerId) -> Result<()> {
    if !store::is_begun(&store.published(id)) {
        return Ok(());
    }
    let _lock = Lock::take(store, "net", LockKind::Exclusive)?;
    let mapping: Option<Mapping> = store::read_whole(&store.published(id))?;
    // The record goes last: an interruption repeats the whole.
    firewall::refresh_without(store, id)?;
    mapping.iter().for_each(conntrack::forget);
    store::remove_optional(&store.published(id))
}

/// What is published for a container.
pub fn published(store: &Store, id: &ContainerId) -> Result<Vec<Published>> {
    let mapping: Option<Mapping> = store::read_whole(&store.published(id))?;
    Ok(mapping.map(|mapping| mapping.ports).unwrap_or_default())
}
