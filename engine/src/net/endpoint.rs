//! A container's interfaces: its namespace, one pair for each network, addresses and names.

use super::dns::table::{self, Names};
use super::link::{self, Branch, Link, Veth};
use super::netlink::{Message, Socket};
use super::netns::{self, Netns};
use super::tune::tune;
use super::{
    Connected, Endpoint, FourEndpoint, SixEndpoint, bridge, files, firewall, is_aside, lease, mode, nft,
    publish, record,
};
use crate::error::{Error, Kind, Result};
use crate::journal::Entry;
use crate::store::{self, Lock, LockKind, Store};
use ipnet::IpNet;
use planner::desired::{Attachment, DirectKind, DirectSpec, Mac};
use planner::{ContainerId, ContainerSpec, NetworkSpec};
use serde::{Deserialize, Serialize};
use std::net::IpAddr;
use std::os::fd::AsFd;
use std::time::{Duration, Instant};

/// A bridge port passes frames within a millisecond of its link coming up; a container that
/// sent its first packet before that would wait a second for the next try.
const FORWARDING_PATIENCE: Duration = Duration::from_millis(50);

/// Largest packet in bytes, where the network says nothing.
const MTU: u32 = 1500;

/// The interfaces of one container, on disk.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Endpoints {
    endpoints: Vec<Endpoint>,
}

/// Fails when a network that a container is to be on does not exist.
pub fn ensure_present(store: &Store, spec: &ContainerSpec) -> Result<()> {
    spec.networks.iter().try_for_each(|attachment| record::existing(store, &attachment.network).map(drop))
}

/// Takes the fixed addresses of a container that is about to be made. When another one has them it
/// is not made.
pub fn reserve_fixed(store: &Store, id: &ContainerId, spec: &ContainerSpec) -> Result<()> {
    lease::keep_fixed(store, id, spec)
}

/// Makes a container's names known before it runs: they are then answered with a request to
/// ask again instead of with "no such name". Called when a container is created.
pub fn declare(store: &Store, id: &ContainerId, spec: &ContainerSpec) -> Result<()> {
    lease::keep_fixed(store, id, spec)?;
    spec.networks.iter().try_for_each(|attachment| {
        let entry = store.dns_entry(&attachment.network, id);
        let names = names((id, spec), attachment, None);
        match store::read_whole::<Names>(&entry)? {
            // It runs, or is called so already.
            Some(known) if known.addresses().next().is_some() || known == names => Ok(()),
            _ => table::write(store, &attachment.network, id, &names),
        }
    })
}

fn names(
    (id, spec): (&ContainerId, &ContainerSpec),
    attachment: &Attachment,
    endpoint: Option<&Endpoint>,
) -> Names {
    let mut names = attachment.aliases.clone();
    names.extend([spec.called(id), id.to_string()]);
    names.dedup();
    let four = endpoint.and_then(|endpoint| endpoint.four).map(|four| four.address);
    let six = endpoint.and_then(|endpoint| endpoint.six).map(|six| six.address);
    Names { names, address: four, six }
}

/// Gives a container's names and leases back. Called when a container is removed. Idempotent.
pub fn forget(store: &Store, id: &ContainerId) -> Result<()> {
    disconnect(store, id)?;
    for network in record::file_names(&store.dns_root())? {
        store::remove_optional(&store.dns_entry(&network, id))?;
    }
    record::all(store)?.iter_mut().try_for_each(|network| lease::give_back(store, network, id))
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
    announce(store, id, spec, &endpoints)?;
    Ok(Connected {
        netns: store.netns(id),
        hostname: files::hostname(id, spec),
        hosts: files::hosts(&files::own_names(id, spec), &endpoints, &spec.names.hosts),
        resolv_conf: files::resolv_conf(&spec.names),
        endpoints,
    })
}

/// Answers a container's names with its addresses, unless nothing is to lead to it yet.
pub(super) fn announce(
    store: &Store,
    id: &ContainerId,
    spec: &ContainerSpec,
    all: &[Endpoint],
) -> Result<()> {
    if is_aside(store, id) { Ok(()) } else { tell_names(store, id, spec, all) }
}

/// Answers a container's names with its addresses, one endpoint for each of its networks.
pub(super) fn tell_names(
    store: &Store,
    id: &ContainerId,
    spec: &ContainerSpec,
    all: &[Endpoint],
) -> Result<()> {
    spec.networks.iter().zip(all).try_for_each(|(attachment, endpoint)| {
        table::write(store, &attachment.network, id, &names((id, spec), attachment, Some(endpoint)))
    })
}

/// One more interface for a container whose namespace is there.
pub(super) struct Plug<'a> {
    pub(super) store: &'a Store,
    pub(super) id: &'a ContainerId,
    pub(super) socket: &'a mut Socket,
    pub(super) netns: &'a mut Netns,
    /// The container reaches its own published ports.
    pub(super) hairpin: bool,
}

impl Plug<'_> {
    /// Makes it, up and with addresses.
    pub(super) fn one(self, wanted: &Attachment, interface: String) -> Result<Endpoint> {
        let (switch, endpoint) = reserve(self.store, self.id, self.socket, wanted, interface)?;
        let name = add(self.store, self.id, self.socket, self.netns, (&switch, &endpoint))?;
        if let Some(name) = name.as_ref().filter(|_| self.hairpin) {
            self.socket.request(&[link::set_hairpin(name)])?;
        }
        let batch = bring_up(&mut self.netns.socket, &endpoint)?;
        self.netns.socket.request(&batch)?;
        // Setting a link up makes some of them anew.
        tune(&self.store.netns(self.id), &endpoint.interface, &wanted.sysctls)?;
        let port = Port { name, endpoint };
        await_forwarding(self.socket, std::slice::from_ref(&port))?;
        Entry::membership(&port.endpoint.network, self.id, "connect").tell(self.store);
        Ok(port.endpoint)
    }
}

/// Records the interfaces of a container.
pub(super) fn write(store: &Store, id: &ContainerId, endpoints: &[Endpoint]) -> Result<()> {
    store::write(&store.endpoints(id), &Endpoints { endpoints: endpoints.to_vec() })
}

/// One interface that is there, and the host's end of the pair, if it is one.
struct Port {
    name: Option<String>,
    endpoint: Endpoint,
}

fn plug(store: &Store, id: &ContainerId, spec: &ContainerSpec) -> Result<Vec<Endpoint>> {
    let mut netns = netns::make(&store.netns(id))?;
    let mut socket = Socket::route()?;
    let mut ports = Vec::new();
    for (attachment, interface) in spec.networks.iter().zip(interfaces(&spec.networks)) {
        let (switch, endpoint) = reserve(store, id, &mut socket, attachment, interface)?;
        let name = add(store, id, &mut socket, &netns, (&switch, &endpoint))?;
        if let Some(name) = name.as_ref().filter(|_| !spec.ports.is_empty()) {
            socket.request(&[link::set_hairpin(name)])?;
        }
        ports.push(Port { name, endpoint });
    }
    let endpoints: Vec<_> = ports.iter().map(|port| port.endpoint.clone()).collect();
    configure(store, &mut netns.socket, &endpoints)?;
    for (attachment, endpoint) in spec.networks.iter().zip(&endpoints) {
        tune(&store.netns(id), &endpoint.interface, &attachment.sysctls)?;
    }
    write(store, id, &endpoints)?;
    await_forwarding(&mut socket, &ports)?;
    endpoints.iter().for_each(|made| Entry::membership(&made.network, id, "connect").tell(store));
    Ok(endpoints)
}

/// A network as its interfaces are concerned.
struct Switch {
    /// Number of the bridge, or of the interface of the host.
    link: u32,
    mtu: Option<u32>,
    /// Ports do not reach each other.
    isolated: bool,
    direct: Option<DirectKind>,
}

/// The network, and what the container has on this network.
fn reserve(
    store: &Store,
    id: &ContainerId,
    socket: &mut Socket,
    attachment: &Attachment,
    interface: String,
) -> Result<(Switch, Endpoint)> {
    let _lock = Lock::take(store, "net", LockKind::Exclusive)?;
    let mut network = record::existing(store, &attachment.network)?;
    let lease = lease::take(store, &mut network, id, attachment)?;
    let link = bridge::ensure(store, socket, &network)?;
    let family = if network.four.is_some() { nft::Family::Four } else { nft::Family::Six };
    if !network.is_direct() && !nft::exists(family, &firewall::table(store))? {
        firewall::refresh(store)?;
    }
    let mac = attachment.mac.or(lease.first().map(|address| Mac(bridge::mac(0x73, address))));
    let four = network.four.zip(lease.four).map(|(four, address)| FourEndpoint {
        address,
        prefix: four.subnet.prefix_len(),
        gateway: four.gateway,
    });
    let six = network.six.zip(lease.six).map(|(six, address)| SixEndpoint {
        address,
        prefix: six.subnet.prefix_len(),
        gateway: six.gateway,
    });
    let endpoint = Endpoint {
        network: network.spec.name.clone(),
        four,
        six,
        link_local: attachment.link_local.clone(),
        mac: mac.map(|mac| mac.to_string()).unwrap_or_default(),
        interface,
    };
    let options = &network.spec.options;
    let direct = network.spec.direct.as_ref().map(|direct| direct.kind);
    Ok((Switch { link, mtu: options.mtu, isolated: options.isolated, direct }, endpoint))
}

/// Makes the interface; returns the name of the host's end, if it is a pair.
fn add(
    store: &Store,
    id: &ContainerId,
    socket: &mut Socket,
    netns: &Netns,
    (switch, endpoint): (&Switch, &Endpoint),
) -> Result<Option<String>> {
    let Some(kind) = switch.direct else {
        return add_pair(store, id, socket, netns, (switch, endpoint)).map(Some);
    };
    let branch = Branch {
        parent: switch.link,
        kind,
        inside: &endpoint.interface,
        mac: mac(endpoint).filter(|_| matches!(kind, DirectKind::Macvlan(_))),
        mtu: switch.mtu,
        netns: netns.file.as_fd(),
    };
    let made = socket.request(&[link::add_branch(&branch)]);
    made.map(|()| None).map_err(|error| match error.kind {
        Kind::Unsupported => error.hint(format!("this kernel has no {kind}: use another driver")),
        _ => error,
    })
}

fn mac(endpoint: &Endpoint) -> Option<link::Mac> {
    Mac::parse(&endpoint.mac).map(|mac| mac.0)
}

/// Makes the pair under the first of its names that is free; returns that name.
fn add_pair(
    store: &Store,
    id: &ContainerId,
    socket: &mut Socket,
    netns: &Netns,
    (switch, endpoint): (&Switch, &Endpoint),
) -> Result<String> {
    let mut last = Error::new(Kind::Conflict, format!("no free interface name for {}", id.name()));
    for host in record::veth_names(store, id, &endpoint.network) {
        let veth = Veth {
            host: &host,
            inside: &endpoint.interface,
            mac: mac(endpoint).unwrap_or_default(),
            bridge: switch.link,
            mtu: switch.mtu.unwrap_or(MTU),
            netns: netns.file.as_fd(),
        };
        match socket.request(&[link::add_veth(&veth)]) {
            Ok(()) if switch.isolated => {
                return socket.request(&[link::set_isolated(&host)]).map(|()| host);
            }
            Ok(()) => return Ok(host),
            Err(error) if error.kind == Kind::Conflict => last = error,
            Err(error) => return Err(error),
        }
    }
    Err(last)
}

/// The names of the interfaces: those asked for, else `eth` and their place, or a later number.
fn interfaces(attachments: &[Attachment]) -> Vec<String> {
    let mut names: Vec<Option<String>> = attachments.iter().map(|one| one.interface.clone()).collect();
    for at in 0..names.len() {
        let free = (at..).map(|number| format!("eth{number}"));
        let mut free = free.filter(|name| !names.iter().flatten().any(|taken| taken == name));
        let name = free.next();
        names[at] = names[at].take().or(name);
    }
    names.into_iter().flatten().collect()
}

/// Sets the interfaces inside the container up, with addresses and the default routes.
fn configure(store: &Store, socket: &mut Socket, endpoints: &[Endpoint]) -> Result<()> {
    let mut batch = vec![link::set_up(link::LOOPBACK)];
    for endpoint in endpoints {
        batch.extend(bring_up(socket, endpoint)?);
    }
    batch.extend(default_routes(store, socket, endpoints)?);
    socket.request(&batch)
}

/// Sets the default routes of a container anew.
pub(super) fn route(store: &Store, socket: &mut Socket, endpoints: &[Endpoint]) -> Result<()> {
    for six in [false, true] {
        link::forget_default_routes(socket, six)?;
    }
    let routes = default_routes(store, socket, endpoints)?;
    if routes.is_empty() { Ok(()) } else { socket.request(&routes) }
}

fn bring_up(socket: &mut Socket, endpoint: &Endpoint) -> Result<Vec<Message>> {
    let index = index_of(socket, endpoint)?;
    let mut batch = vec![link::set_no_own_ipv6(index)];
    batch.extend(addresses(endpoint).map(|(address, subnet)| link::add_address(index, address, subnet)));
    batch.push(link::set_up(index));
    Ok(batch)
}

/// Through the first network that leads to the outside, else through the first.
fn default_routes(store: &Store, socket: &mut Socket, endpoints: &[Endpoint]) -> Result<Vec<Message>> {
    let (mut open, mut closed) = (Vec::new(), Vec::new());
    for endpoint in endpoints {
        let NetworkSpec { internal, direct, .. } = record::existing(store, &endpoint.network)?.spec;
        let is_routed = direct.as_ref().is_some_and(DirectSpec::is_routed);
        match internal {
            false => open.push((endpoint, is_routed)),
            true if direct.is_none() => closed.push((endpoint, is_routed)),
            // Nobody is at the gateway of a wire that leads nowhere.
            true => {}
        }
    }
    let ways: Vec<(&Endpoint, bool)> = open.into_iter().chain(closed).collect();
    let four = ways.iter().find_map(|(one, routed)| Some((one, routed, one.four?.gateway.into())));
    let six = ways.iter().find_map(|(one, routed)| Some((one, routed, one.six?.gateway.into())));
    let mut routes = Vec::new();
    for (endpoint, is_routed, gateway) in four.into_iter().chain(six) {
        let index = index_of(socket, endpoint)?;
        routes.push(match is_routed {
            true => link::add_device_route(index, gateway),
            false => link::add_default_route(index, gateway),
        });
    }
    Ok(routes)
}

fn index_of(socket: &mut Socket, endpoint: &Endpoint) -> Result<u32> {
    let name = &endpoint.interface;
    let link = link::find(socket, name)?;
    Ok(link.ok_or_else(|| Error::new(Kind::System, format!("interface {name} vanished")))?.index)
}

fn local_address(endpoint: &Endpoint) -> Option<IpAddr> {
    Some(link::local_address(mac(endpoint)?).into())
}

/// All addresses of an interface, each with its subnet.
fn addresses(endpoint: &Endpoint) -> impl Iterator<Item = (IpAddr, IpNet)> {
    let net = |address: IpAddr, prefix| Some((address, IpNet::new(address, prefix).ok()?));
    let four = endpoint.four.and_then(|four| net(four.address.into(), four.prefix));
    let six = endpoint.six.and_then(|six| net(six.address.into(), six.prefix));
    let local = endpoint.link_local.iter().filter_map(move |address| match address {
        IpAddr::V4(_) => net(*address, 16),
        IpAddr::V6(_) => net(*address, 64),
    });
    let own = endpoint.six.and_then(|_| Some((local_address(endpoint)?, link::local_subnet())));
    four.into_iter().chain(six).chain(own).chain(local)
}

fn await_forwarding(socket: &mut Socket, ports: &[Port]) -> Result<()> {
    let start = Instant::now();
    for name in ports.iter().filter_map(|port| port.name.as_ref()) {
        let passes = |link: Option<Link>| link.is_some_and(|link| link.forwarding);
        while !passes(link::find(socket, name)?) && start.elapsed() < FORWARDING_PATIENCE {
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
    unplug_direct(store, id)?;
    netns::release(&store.netns(id))?;
    let left = endpoints(store, id)?;
    store::remove_optional(&store.endpoints(id))?;
    left.iter().for_each(|one| Entry::membership(&one.network, id, "disconnect").tell(store));
    Ok(())
}

/// Takes the interfaces away that are on one of the host: the kernel is in no hurry to do so with a
/// namespace, and nobody else could have their hardware address meanwhile.
fn unplug_direct(store: &Store, id: &ContainerId) -> Result<()> {
    let path = store.netns(id);
    for endpoint in endpoints(store, id)?.iter().filter(|_| netns::is_held(&path)) {
        let network = record::find_whole(store, &endpoint.network)?;
        if network.is_some_and(|network| network.is_direct()) {
            let mut socket = netns::open(&path)?.socket;
            if let Some(link) = link::find(&mut socket, &endpoint.interface)? {
                socket.request(&[link::delete(link.index, &endpoint.interface)])?;
            }
        }
    }
    Ok(())
}

/// The interfaces of a connected container; empty when it is not connected.
pub fn endpoints(store: &Store, id: &ContainerId) -> Result<Vec<Endpoint>> {
    let known: Option<Endpoints> = store::read_whole(&store.endpoints(id))?;
    Ok(known.unwrap_or_default().endpoints)
}
