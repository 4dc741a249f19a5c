//! Networks that are a wire of the host: the interface there, which may have to be made.

use super::link::{self, Veth};
use super::netlink::Socket;
use super::{NetworkRecord, bridge, record};
use crate::error::{Context, Error, Kind, Result};
use crate::store::Store;
use planner::desired::DirectSpec;
use std::fs::File;
use std::os::fd::AsFd;

/// Largest packet in bytes on a wire of our own, where the network says nothing.
const MTU: u32 = 1500;

/// Makes the interface when it is missing and ours to make. Returns its number.
pub(super) fn ensure(
    store: &Store,
    socket: &mut Socket,
    network: &NetworkRecord,
    direct: &DirectSpec,
) -> Result<u32> {
    let name = &network.bridge;
    match (link::find(socket, name)?, &direct.parent) {
        (Some(link), Some(_)) => return Ok(link.index),
        (Some(link), None) if link.up => return Ok(link.index),
        (Some(link), None) => socket.request(&[link::delete(link.index, name)])?,
        (None, _) => {}
    }
    match &direct.parent {
        Some(parent) => add_vlan(socket, network, parent)?,
        None => add_wire(socket, network)?,
    }
    let link = link::find(socket, name)?;
    let index = link.ok_or_else(|| Error::new(Kind::System, format!("interface {name} vanished")))?.index;
    let alias = bridge::alias(store, &network.spec.name);
    socket.request(&[link::set_alias(index, &alias), link::set_no_own_ipv6(index), link::set_up(index)])?;
    Ok(index)
}

/// `eth0.10` is made when there is `eth0`; other interfaces are not ours to make.
fn add_vlan(socket: &mut Socket, network: &NetworkRecord, parent: &str) -> Result<()> {
    let missing = || {
        let doing = format!("make network {}: this host has no interface {parent}", network.spec.name);
        Error::new(Kind::NotFound, doing).hint("`ip link` lists them; name one as `parent` in `driver_opts`")
    };
    let (below, number) = parent.rsplit_once('.').ok_or_else(missing)?;
    let number = number.parse().ok().filter(|number| (1..=4094).contains(number)).ok_or_else(missing)?;
    let below = link::find(socket, below)?.ok_or_else(missing)?;
    socket.request(&[link::add_vlan(parent, below.index, number)]).map_err(|error| match error.kind {
        Kind::Unsupported => error.hint("this kernel has no VLANs: name an interface that is there"),
        _ => error,
    })
}

/// A pair of interfaces with nothing at its other end: what is on the first has a wire.
fn add_wire(socket: &mut Socket, network: &NetworkRecord) -> Result<()> {
    let (name, other) = (&network.bridge, other_end(&network.bridge));
    let here = File::open("/proc/thread-self/ns/net").doing(|| "open our network namespace".to_owned())?;
    let veth = Veth {
        host: name,
        inside: &other,
        mac: bridge::mac(0x53, network.own_address()),
        bridge: 0,
        mtu: network.spec.options.mtu.unwrap_or(MTU),
        netns: here.as_fd(),
    };
    socket.request(&[link::add_veth(&veth)])?;
    let Some(other) = link::find(socket, &other)? else { return Ok(()) };
    socket.request(&[link::set_no_own_ipv6(other.index), link::set_up(other.index)])
}

fn other_end(name: &str) -> String {
    format!("{name}x")
}

/// Takes away what was made for a network, unless another one is on it too. Idempotent.
pub(super) fn remove(store: &Store, socket: &mut Socket, network: &NetworkRecord) -> Result<()> {
    let ours = bridge::alias(store, &network.spec.name);
    let is_ours = |(name, alias, _): &&(String, String, u32)| *name == network.bridge && *alias == ours;
    let aliased = link::aliased(socket)?;
    let Some((name, _, index)) = aliased.iter().find(is_ours) else { return Ok(()) };
    let others = record::all(store)?;
    let heir = others.iter().find(|other| other.bridge == *name && other.spec.name != network.spec.name);
    socket.request(&[match heir {
        Some(heir) => link::set_alias(*index, &bridge::alias(store, &heir.spec.name)),
        None => link::delete(*index, name),
    }])
}
