//! Networks: a record, a bridge, its rules.

use super::link::{self, Mac};
use super::netlink::Socket;
use super::{NetworkRecord, firewall, ipam, netns, record};
use crate::error::{Context, Error, Kind, Result};
use crate::store::{self, Lock, LockKind, Store};
use ipnet::Ipv4Net;
use planner::NetworkSpec;
use std::fs;
use std::net::Ipv4Addr;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixListener};
use std::path::Path;
use std::time::{Duration, Instant};

/// How long to wait for another store that is choosing a subnet right now.
const CHOICE_PATIENCE: Duration = Duration::from_secs(10);

/// Makes a network: takes a subnet, makes the bridge. Idempotent.
pub fn create(store: &Store, spec: &NetworkSpec) -> Result<NetworkRecord> {
    if spec.external {
        return record::existing(store, &spec.name);
    }
    let _lock = Lock::take(store, "net", LockKind::Exclusive)?;
    let network = match record::find(store, &spec.name)? {
        Some(known) => take_over(store, known, spec)?,
        None => establish(store, spec)?,
    };
    ensure(store, &mut Socket::route()?, &network)?;
    firewall::refresh(store)?;
    Ok(network)
}

/// Records what may change about a network that exists: its labels. Idempotent.
pub fn update(store: &Store, spec: &NetworkSpec) -> Result<()> {
    let _lock = Lock::take(store, "net", LockKind::Exclusive)?;
    let known = record::existing(store, &spec.name)?;
    take_over(store, known, spec).map(drop)
}

/// A network that is there already: its labels may change, its form not.
fn take_over(store: &Store, mut known: NetworkRecord, spec: &NetworkSpec) -> Result<NetworkRecord> {
    let same_subnet = spec.subnet.is_none_or(|subnet| subnet.trunc() == known.subnet);
    let same_gateway = spec.gateway.is_none_or(|gateway| gateway == known.gateway);
    if !same_subnet || !same_gateway || spec.internal != known.spec.internal {
        let doing = format!("network {} exists with another form", spec.name);
        return Err(Error::new(Kind::Conflict, doing).hint("remove it first"));
    }
    if known.spec != *spec {
        known.spec = spec.clone();
        store::write_durable(&store.network(&spec.name), &known)?;
    }
    Ok(known)
}

pub(crate) fn establish(store: &Store, spec: &NetworkSpec) -> Result<NetworkRecord> {
    let mut socket = Socket::route()?;
    let bridge = record::bridge_name(store, &spec.name);
    // Held until the bridge shows the subnet to everybody who chooses one.
    let _choice = choose_alone()?;
    let left_over = link::find(&mut socket, &bridge)?.map(|link| link.index);
    let hosts = link::used_subnets(&mut socket, left_over.as_slice())?;
    let subnet = subnet(store, spec, &hosts)?;
    let gateway = gateway(spec, subnet)?;
    let network = NetworkRecord { spec: spec.clone(), bridge, subnet, gateway, leases: Default::default() };
    if let Some(index) = left_over {
        // Its addresses are those of a network whose record is gone.
        socket.request(&[link::delete(index, &network.bridge)])?;
    }
    // Not forced to the disk: a power cut takes the bridge too, and what it leaves of the record is
    // repaired, or made anew, by the next `up`.
    store::write(&store.network(&spec.name), &network)?;
    ensure(store, &mut socket, &network)?;
    Ok(network)
}

/// One store at a time chooses a subnet: a bound abstract socket is a lock in this network
/// namespace that no file system needs to share, and that a killed process gives back.
fn choose_alone() -> Result<UnixListener> {
    let doing = || "wait for another sampan that is choosing a subnet".to_owned();
    let address = SocketAddr::from_abstract_name("sampan-subnets").doing(doing)?;
    let start = Instant::now();
    loop {
        match UnixListener::bind_addr(&address) {
            Err(error)
                if error.kind() == std::io::ErrorKind::AddrInUse && start.elapsed() < CHOICE_PATIENCE =>
            {
                std::thread::sleep(Duration::from_millis(1));
            }
            bound => return bound.doing(doing),
        }
    }
}

fn subnet(store: &Store, spec: &NetworkSpec, hosts: &[Ipv4Net]) -> Result<Ipv4Net> {
    let networks = record::all(store)?;
    let Some(wanted) = spec.subnet.map(|subnet| subnet.trunc()) else {
        let used: Vec<_> =
            networks.iter().map(|network| network.subnet).chain(hosts.iter().copied()).collect();
        return ipam::free_subnet(&used).map_err(|error| {
            Error::new(Kind::Conflict, format!("find a subnet for network {}", spec.name))
                .hint("remove networks that are no longer needed, or give it a subnet under `ipam`")
                .because(error)
        });
    };
    let doing = format!("give network {} the subnet {wanted}", spec.name);
    if !ipam::is_usable(wanted) {
        return Err(Error::new(Kind::Unsupported, doing).hint("it is too small: take a /30 or larger"));
    }
    if let Some(other) = networks.iter().find(|network| ipam::overlap(network.subnet, wanted)) {
        let hint = format!("network {} has {}", other.spec.name, other.subnet);
        return Err(Error::new(Kind::Conflict, doing).hint(hint));
    }
    if let Some(other) = hosts.iter().find(|other| ipam::overlap(**other, wanted)) {
        return Err(Error::new(Kind::Conflict, doing).hint(format!("this host has a route to {other}")));
    }
    Ok(wanted)
}

fn gateway(spec: &NetworkSpec, subnet: Ipv4Net) -> Result<Ipv4Addr> {
    let gateway = spec.gateway.or_else(|| ipam::default_gateway(subnet));
    let reserved = [subnet.network(), subnet.broadcast()];
    gateway.filter(|gateway| subnet.contains(gateway) && !reserved.contains(gateway)).ok_or_else(|| {
        let doing = format!("the gateway of network {} is no host address of {subnet}", spec.name);
        Error::new(Kind::Unsupported, doing)
    })
}

/// Makes the bridge when it is missing or half made: it is set up last. Returns its number.
pub(crate) fn ensure(store: &Store, socket: &mut Socket, network: &NetworkRecord) -> Result<u32> {
    let name = &network.bridge;
    match link::find(socket, name)? {
        Some(link) if link.up => return Ok(link.index),
        Some(link) => socket.request(&[link::delete(link.index, name)])?,
        None => {}
    }
    socket.request(&[link::add_bridge(name, mac(0x53, network.gateway))])?;
    let link = link::find(socket, name)?;
    let index = link.ok_or_else(|| Error::new(Kind::System, format!("bridge {name} vanished")))?.index;
    forward_packets()?;
    let alias = format!("{}{}", alias_prefix(store), network.spec.name);
    socket.request(&[
        link::set_no_own_ipv6(index),
        // Lets packets for 127.0.0.1 through that a published port has turned towards a container.
        link::set_route_localnet(index),
        link::set_alias(index, &alias),
        link::add_address(index, network.gateway, network.subnet),
        link::set_up(index),
    ])?;
    Ok(index)
}

/// What the alias of a bridge of this store begins with; the network's name follows.
fn alias_prefix(store: &Store) -> String {
    format!("sampan {} ", store.tag())
}

/// A hardware address of our own making, the same for the same IPv4 address, so that neighbours
/// need not learn it anew.
pub(crate) fn mac(kind: u8, address: Ipv4Addr) -> Mac {
    let [a, b, c, d] = address.octets();
    [0x02, kind, a, b, c, d]
}

/// Makes this host pass packets on between its links.
fn forward_packets() -> Result<()> {
    const SETTING: &str = "/proc/sys/net/ipv4/ip_forward";
    let doing = || format!("switch {SETTING} on");
    if fs::read(SETTING).doing(doing)?.starts_with(b"1") {
        return Ok(());
    }
    fs::write(SETTING, "1").doing(doing)
}

/// Removes a network with its bridge and leases. Idempotent; refuses while a container is connected.
pub fn remove(store: &Store, name: &str) -> Result<()> {
    let _lock = Lock::take(store, "net", LockKind::Exclusive)?;
    let leases = record::find_whole(store, name)?.map(|network| network.leases).unwrap_or_default();
    if let Some(id) = leases.keys().find(|id| netns::is_held(&store.netns(id))) {
        let doing = format!("remove network {name}: {} is on it", id.name());
        return Err(Error::new(Kind::Conflict, doing).hint("stop its containers first"));
    }
    let mut socket = Socket::route()?;
    let bridge = record::bridge_name(store, name);
    if let Some(link) = link::find(&mut socket, &bridge)? {
        socket.request(&[link::delete(link.index, &bridge)])?;
    }
    remove_folder(&store.leases(name))?;
    remove_folder(&store.dns(name))?;
    store::remove_optional(&store.network(name))?;
    firewall::refresh(store)
}

fn remove_folder(path: &Path) -> Result<()> {
    match fs::remove_dir_all(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(error).doing(|| format!("remove {}", path.display()))
        }
        _ => Ok(()),
    }
}

/// All recorded networks, by name.
pub fn list(store: &Store) -> Result<Vec<NetworkRecord>> {
    record::all(store)
}

/// Removes what is left of networks that have no record any more, and the firewall table when
/// none has.
pub fn sweep(store: &Store) -> Result<()> {
    let _lock = Lock::take(store, "net", LockKind::Exclusive)?;
    let networks = record::all(store)?;
    let mut socket = Socket::route()?;
    let kept = |name: &str| networks.iter().any(|network| network.spec.name == name);
    for (link, alias, index) in link::aliased(&mut socket)? {
        if alias.strip_prefix(&alias_prefix(store)).is_some_and(|name| !kept(name)) {
            socket.request(&[link::delete(index, &link)])?;
        }
    }
    for name in record::file_names(&store.dns_root())?.iter().filter(|name| !kept(name)) {
        remove_folder(&store.dns(name))?;
    }
    firewall::refresh(store)
}
