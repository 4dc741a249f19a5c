//! Directs host ports to containers: records of what is published, then the rules.

use super::firewall::{self, Mapping};
use super::{HeldPort, Proxy, Published, conntrack, endpoint, is_aside, record};
use crate::error::{Error, Kind, Result};
use crate::store::{self, Lock, LockKind, Store};
use planner::ContainerId;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Directs host ports to a connected container. Replaces what was published for it before.
pub fn publish(store: &Store, id: &ContainerId, ports: &[Published]) -> Result<()> {
    if ports.is_empty() {
        return unpublish(store, id);
    }
    let mapping = mapping(store, id, ports)?;
    let _lock = Lock::take(store, "net", LockKind::Exclusive)?;
    store::write(&store.published(id), &mapping)?;
    firewall::refresh(store)?;
    // What was sent while nothing was published is tracked as for the host itself.
    conntrack::forget(&mapping);
    Ok(())
}

/// What host ports lead to a connected container.
pub(super) fn mapping(store: &Store, id: &ContainerId, ports: &[Published]) -> Result<Mapping> {
    let (address, six) = addresses(store, id)?;
    Ok(Mapping { address, six, ports: ports.to_vec() })
}

/// Directs what is held to a connected container, unless nothing is to lead to it yet. What the
/// firewall cannot turn towards it is for the proxy to pass on.
pub fn publish_held(store: &Store, id: &ContainerId, held: &[HeldPort]) -> Result<Option<Proxy>> {
    if is_aside(store, id) {
        return Ok(None);
    }
    let ports: Vec<Published> = held.iter().map(|port| port.published.clone()).collect();
    publish(store, id, &ports)?;
    open_doors(store, id, held)
}

/// Passes on what the firewall cannot turn towards a connected container.
pub fn open_doors(store: &Store, id: &ContainerId, held: &[HeldPort]) -> Result<Option<Proxy>> {
    if held.is_empty() { Ok(None) } else { Proxy::open(held, published_address(store, id)?) }
}

/// Where published ports of a connected container lead.
pub fn published_address(store: &Store, id: &ContainerId) -> Result<IpAddr> {
    let (four, six) = addresses(store, id)?;
    four.map(IpAddr::V4).or(six.map(IpAddr::V6)).ok_or_else(|| nowhere(id))
}

fn nowhere(id: &ContainerId) -> Error {
    let doing = format!("publish ports of {}: it is on no network that passes the host", id.name());
    Error::new(Kind::NotFound, doing).hint("put it on a bridge")
}

/// The addresses on the first bridge that has a way to the outside and such addresses, otherwise on
/// the first bridge.
fn addresses(store: &Store, id: &ContainerId) -> Result<(Option<Ipv4Addr>, Option<Ipv6Addr>)> {
    let (mut open, mut closed) = (Vec::new(), Vec::new());
    for endpoint in endpoint::endpoints(store, id)? {
        let network = record::existing(store, &endpoint.network)?;
        match network.spec.internal {
            _ if network.is_direct() => {}
            true => closed.push(endpoint),
            false => open.push(endpoint),
        }
    }
    let ways = if open.is_empty() { closed } else { open };
    if ways.is_empty() {
        return Err(nowhere(id));
    }
    let four = ways.iter().find_map(|endpoint| endpoint.four).map(|four| four.address);
    Ok((four, ways.iter().find_map(|endpoint| endpoint.six).map(|six| six.address)))
}

/// No longer directs host ports to a container. Idempotent.
pub fn unpublish(store: &Store, id: &ContainerId) -> Result<()> {
    if !store::is_begun(&store.published(id)) {
        return Ok(());
    }
    let _lock = Lock::take(store, "net", LockKind::Exclusive)?;
    let mapping: Option<Mapping> = store::read_whole(&store.published(id))?;
    // The record goes last: an interruption repeats the whole.
    firewall::refresh_without(store, std::slice::from_ref(id))?;
    mapping.iter().for_each(conntrack::forget);
    store::remove_optional(&store.published(id))
}

/// What is published for a container.
pub fn published(store: &Store, id: &ContainerId) -> Result<Vec<Published>> {
    let mapping: Option<Mapping> = store::read_whole(&store.published(id))?;
    Ok(mapping.map(|mapping| mapping.ports).unwrap_or_default())
}
