//! A container's interfaces: its namespace, one pair for each network, addresses and names.

use super::dns::table::{self, Names};
use super::link::{self, Link, Veth};
use super::netlink::Socket;
use super::netns::{self, Netns};
use super::{Connected, Endpoint, bridge, files, firewall, mode, nft, publish, record};
use crate::error::{Error, Kind, Result};
use crate::store::{self, Lock, LockKind, Store};
use planner::desired::Attachment;
use planner::{ContainerId, ContainerSpec};
use serde::{Deserialize, Serialize};
use std::os::fd::AsFd;
use std::time::{Duration, Instant};

/// A bridge port passes frames within a millisecond of its link coming up; a container that
/// sent its first packet before that would wait a second for the next try.
const FORWARDING_PATIENCE: Duration = Duration::from_millis(50);

/// The interfaces of one container, on disk.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Endpoints {
    endpoints: Vec<Endpoint>,
}

/// Fails when a network that a container is to be on does not exist.
pub fn ensure_present(store: &Store, spec: &ContainerSpec) -> Result<()> {
    spec.networks.iter().try_for_each(|attachment| record::existing(store, &attachment.network).map(drop))
}

/// Makes a container's names known before it runs: they are then answered with a request to
/// ask again instead of with "no such name". Called when a container is created.
pub fn declare(store: &Store, id: &ContainerId, spec: &ContainerSpec) -> Result<()> {
    spec.networks.iter().try_for_each(|attachment| {
        if store.dns_entry(&attachment.network, id).exists() {
            return Ok(());
        }
        table::write(store, &attachment.network, id, &names(id, attachment, None))
    })
}

fn names(id: &ContainerId, attachment: &Attachment, endpoint: Option<&Endpoint>) -> Names {
    let mut names = attachment.aliases.clone();
    names.extend([id.name(), id.to_string()]);
    names.dedup();
    Names { names, address: endpoint.map(|endpoint| endpoint.address) }
}

/// Gives a container's names and leases back. Called when a container is removed. Idempotent.
pub fn forget(store: &Store, id: &ContainerId) -> Result<()> {
    disconnect(store, id)?;
    for network in record::file_names(&store.dns_root())? {
        store::remove_optional(&store.dns_entry(&network, id))?;
    }
    record::all(store)?.iter_mut().try_for_each(|network| record::give_back(store, network, id))
}

/// Makes the network namespace and its interfaces, and answers names with its addresses.
/// Idempotent; bridges and firewall rules that are missing are made again.
pub fn connect(store: &Store, id: &ContainerId, spec: &ContainerSpec) -> Result<Connected> {
    if !spec.network_mode.is_own() {
        return mode::join(store, id, spec);
    }
    let known = endpoints(store, id)?;
    let wanted = spec.networks.iter().map(|attachment| &attachment.network);
    let is_connected = netns::is_held(&store.netns(id))
        && store.endpoints(id).exists()
        && known.iter().map(|endpoint| &endpoint.network).eq(wanted);
    let endpoints = if is_connected {
        known
    } else {
        disconnect(store, id)?;
        let made = plug(store, id, spec);
        if made.is_err() {
            // The first failure is the one worth telling.
            let _ = disconnect(store, id);
        }
        made?
    };
    for (attachment, endpoint) in spec.networks.iter().zip(&endpoints) {
        table::write(store, &attachment.network, id, &names(id, attachment, Some(endpoint)))?;
    }
    Ok(Connected {
        netns: store.netns(id),
        hostname: files::hostname(id, spec),
        hosts: files::hosts(&files::own_names(id, spec), &endpoints, &spec.names.hosts),
        resolv_conf: files::resolv_conf(&spec.names),
        endpoints,
    })
}

/// One pair that is there: the host's end, by name, as a port of its bridge.
struct Port {
    name: String,
    endpoint: Endpoint,
}

fn plug(store: &Store, id: &ContainerId, spec: &ContainerSpec) -> Result<Vec<Endpoint>> {
    let mut netns = netns::make(&store.netns(id))?;
    let mut socket = Socket::route()?;
    let mut ports = Vec::new();
    for (at, attachment) in spec.networks.iter().enumerate() {
        let interface = format!("eth{at}");
        let (bridge, endpoint) = reserve(store, id, &mut socket, attachment, interface)?;
        let name = add_pair(store, id, &mut socket, &netns, (bridge, &endpoint))?;
        if !spec.ports.is_empty() {
            socket.request(&[link::set_hairpin(&name)])?;
        }
        ports.push(Port { name, endpoint });
    }
    configure(&mut netns.socket, &ports)?;
    let endpoints: Vec<_> = ports.iter().map(|port| port.endpoint.clone()).collect();
    store::write(&store.endpoints(id), &Endpoints { endpoints: endpoints.clone() })?;
    await_forwarding(&mut socket, &ports)?;
    Ok(endpoints)
}

/// The number of the bridge, and what the container has on this network.
fn reserve(
    store: &Store,
    id: &ContainerId,
    socket: &mut Socket,
    attachment: &Attachment,
    interface: String,
) -> Result<(u32, Endpoint)> {
    let _lock = Lock::take(store, "net", LockKind::Exclusive)?;
    let mut network = record::existing(store, &attachment.network)?;
    let address = record::lease(store, &mut network, id)?;
    let bridge = bridge::ensure(store, socket, &network)?;
    if !nft::exists(&firewall::table(store))? {
        firewall::refresh(store)?;
    }
    let mac = bridge::mac(0x73, address).map(|byte| format!("{byte:02x}")).join(":");
    let endpoint = Endpoint {
        network: network.spec.name,
        address,
        prefix: network.subnet.prefix_len(),
        gateway: network.gateway,
        mac,
        interface,
    };
    Ok((bridge, endpoint))
}

/// Makes the pair under the first of its names that is free; returns that name.
fn add_pair(
    store: &Store,
    id: &ContainerId,
    socket: &mut Socket,
    netns: &Netns,
    (bridge, endpoint): (u32, &Endpoint),
) -> Result<String> {
    let mut last = Error::new(Kind::Conflict, format!("no free interface name for {}", id.name()));
    for host in record::veth_names(store, id, &endpoint.network) {
        let veth = Veth {
            host: &host,
            inside: &endpoint.interface,
            mac: bridge::mac(0x73, endpoint.address),
            bridge,
            netns: netns.file.as_fd(),
        };
        match socket.request(&[link::add_veth(&veth)]) {
            Ok(()) => return Ok(host),
            Err(error) if error.kind == Kind::Conflict => last = error,
            Err(error) => return Err(error),
        }
    }
    Err(last)
}

/// Sets the interfaces inside the container up, with addresses and the default route.
fn configure(socket: &mut Socket, ports: &[Port]) -> Result<()> {
    let mut batch = vec![link::set_up(link::LOOPBACK)];
    for (at, Port { endpoint, .. }) in ports.iter().enumerate() {
        let name = &endpoint.interface;
        let link = link::find(socket, name)?
            .ok_or_else(|| Error::new(Kind::System, format!("interface {name} vanished")))?;
        let subnet = ipnet::Ipv4Net::new_assert(endpoint.address, endpoint.prefix);
        batch.extend([
            link::set_no_own_ipv6(link.index),
            link::add_address(link.index, endpoint.address, subnet),
            link::set_up(link.index),
        ]);
        if at == 0 {
            batch.push(link::add_default_route(link.index, endpoint.gateway));
        }
    }
    socket.request(&batch)
}

fn await_forwarding(socket: &mut Socket, ports: &[Port]) -> Result<()> {
    let start = Instant::now();
    for port in ports {
        let passes = |link: Option<Link>| link.is_some_and(|link| link.forwarding);
        while !passes(link::find(socket, &port.name)?) && start.elapsed() < FORWARDING_PATIENCE {
            std::thread::sleep(Duration::from_micros(100));
        }
    }
    Ok(())
}

/// Takes back what [`connect`] and [`publish`](super::publish) did, but for names and leases.
/// Idempotent.
pub fn disconnect(store: &Store, id: &ContainerId) -> Result<()> {
    for network in record::file_names(&store.dns_root())? {
        table::silence(store, &network, id)?;
    }
    publish::unpublish(store, id)?;
    netns::release(&store.netns(id))?;
    store::remove_optional(&store.endpoints(id))
}

/// The interfaces of a connected container; empty when it is not connected.
pub fn endpoints(store: &Store, id: &ContainerId) -> Result<Vec<Endpoint>> {
    let known: Option<Endpoints> = store::read_whole(&store.endpoints(id))?;
    Ok(known.unwrap_or_default().endpoints)
}
