//! Networks: a record, a bridge, its rules.

use super::link::{self, Mac};
use super::netlink::Socket;
use super::ranges::ranges;
use super::{NetworkRecord, direct, firewall, forward, netns, record};
use crate::error::{Context, Error, Kind, Result};
use crate::journal::Entry;
use crate::store::{self, Lock, LockKind, Store, fnv1a};
use planner::NetworkSpec;
use std::fs;
use std::net::{IpAddr, Ipv4Addr};
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
        None => {
            let made = establish(store, spec)?;
            Entry::network(&spec.name, spec.stack.as_ref(), "create").tell(store);
            made
        }
    };
    ensure(store, &mut Socket::route()?, &network)?;
    firewall::refresh(store)?;
    Ok(network)
}

/// Records what may change about a network that exists: its labels, and which of its addresses are
/// given out. Idempotent.
pub fn update(store: &Store, spec: &NetworkSpec) -> Result<()> {
    let _lock = Lock::take(store, "net", LockKind::Exclusive)?;
    let known = record::existing(store, &spec.name)?;
    take_over(store, known, spec).map(drop)
}

/// A network that is there already: its labels may change, its form not.
fn take_over(store: &Store, mut known: NetworkRecord, spec: &NetworkSpec) -> Result<NetworkRecord> {
    let same_four = match known.four {
        Some(four) => {
            !spec.without_ipv4
                && spec.subnet.is_none_or(|subnet| subnet.trunc() == four.subnet)
                && spec.gateway.is_none_or(|gateway| gateway == four.gateway)
        }
        None => spec.without_ipv4,
    };
    let same_six = match (spec.ipv6, known.six) {
        (None, None) => true,
        (Some(wanted), Some(six)) => {
            wanted.subnet.is_none_or(|subnet| subnet.trunc() == six.subnet)
                && wanted.gateway.is_none_or(|gateway| gateway == six.gateway)
        }
        _ => false,
    };
    let same_options = spec.options == known.spec.options && spec.direct == known.spec.direct;
    let same_form = same_four && same_six && same_options;
    if !same_form || spec.internal != known.spec.internal {
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
    let own = record::bridge_name(store, &spec.name);
    let parent = spec.direct.as_ref().and_then(|direct| direct.parent.clone());
    let bridge = spec.options.name.clone().or(parent).unwrap_or(own);
    // Held until the bridge shows the subnet to everybody who chooses one.
    let _choice = choose_alone()?;
    let left_over = left_over(store, spec, &mut socket, &bridge)?;
    let (four, six) = ranges(store, spec, &mut socket, left_over.as_slice())?;
    let leases = Default::default();
    let network = NetworkRecord { spec: spec.clone(), bridge, four, six, leases };
    if let Some(index) = left_over {
        // Its addresses are those of a network whose record is gone.
        socket.request(&[link::delete(index, &network.bridge)])?;
    }
    // Not forced to the disk: a power cut takes the bridge too, and what it leaves of the record is
    // repaired, or made anew, by the next `up`.
    store::write(&store.network(&spec.name), &network)?;
    ensure(store, &mut socket, &network).inspect_err(|_| {
        if network.is_direct() {
            // Without its parent there is nothing of it. The failure is what gets told.
            let _ = store::remove_optional(&store.network(&spec.name));
        }
    })?;
    Ok(network)
}

/// The number of a bridge of this name that a network whose record is gone left behind.
fn left_over(store: &Store, spec: &NetworkSpec, socket: &mut Socket, bridge: &str) -> Result<Option<u32>> {
    if spec.direct.as_ref().is_some_and(|direct| direct.parent.is_some()) {
        return Ok(None);
    }
    let Some(there) = link::find(socket, bridge)? else { return Ok(None) };
    let ours = alias(store, &spec.name);
    let is_ours = |(_, alias, index): &(String, String, u32)| *index == there.index && *alias == ours;
    if spec.options.name.is_some() && !link::aliased(socket)?.iter().any(is_ours) {
        let doing = format!("make the bridge {bridge} of network {}: that interface exists", spec.name);
        return Err(Error::new(Kind::Conflict, doing).hint("give the bridge another name in `driver_opts`"));
    }
    Ok(Some(there.index))
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

/// Makes the bridge when it is missing or half made: it is set up last. Returns its number.
pub(crate) fn ensure(store: &Store, socket: &mut Socket, network: &NetworkRecord) -> Result<u32> {
    if let Some(direct) = &network.spec.direct {
        return direct::ensure(store, socket, network, direct);
    }
    let name = &network.bridge;
    // One of a chosen name may be somebody else's since: then it is left alone.
    if network.spec.options.name.is_some() {
        left_over(store, &network.spec, socket, name)?;
    }
    match link::find(socket, name)? {
        Some(link) if link.up => return Ok(link.index),
        Some(link) => socket.request(&[link::delete(link.index, name)])?,
        None => {}
    }
    let mtu = network.spec.options.mtu;
    let mac = mac(0x53, network.own_address());
    socket.request(&[link::add_bridge(name, mac, mtu)])?;
    let link = link::find(socket, name)?;
    let index = link.ok_or_else(|| Error::new(Kind::System, format!("bridge {name} vanished")))?.index;
    forward::on(network.four.is_some(), network.six.is_some())?;
    socket.request(&[
        link::set_no_own_ipv6(index),
        // Lets packets for 127.0.0.1 through that a published port has turned towards a container.
        link::set_route_localnet(index),
        link::set_alias(index, &alias(store, &network.spec.name)),
    ])?;
    if let Some(four) = network.four {
        socket.request(&[link::add_address(index, four.gateway.into(), four.subnet.into())])?;
    }
    socket.request(&[link::set_up(index)])?;
    if let Some(six) = network.six {
        // Whom the host looks for on behalf of others it asks for with a link-local address.
        let local = link::local_address(mac).into();
        let add = [
            link::add_address(index, six.gateway.into(), six.subnet.into()),
            link::add_address(index, local, link::local_subnet()),
        ];
        socket.request(&add).map_err(|error| error.hint(forward::NO_IPV6))?;
    }
    Ok(index)
}

/// What the alias of a bridge of this store begins with; the network's name follows.
fn alias_prefix(store: &Store) -> String {
    format!("sampan {} ", store.tag())
}

/// The alias of what is made for a network.
pub(super) fn alias(store: &Store, network: &str) -> String {
    format!("{}{network}", alias_prefix(store))
}

/// A hardware address of our own making, the same for the same address, so that neighbours need not
/// learn it anew.
pub(crate) fn mac(kind: u8, address: IpAddr) -> Mac {
    let [a, b, c, d] = match address {
        IpAddr::V4(address) => address.octets(),
        IpAddr::V6(address) => fnv1a(&address.octets()).to_be_bytes(),
    };
    [0x02, kind, a, b, c, d]
}

impl NetworkRecord {
    /// The address of its bridge, of IPv4 if it has one.
    pub(super) fn own_address(&self) -> IpAddr {
        let six = self.six.map(|six| IpAddr::V6(six.gateway));
        let own = self.four.map(|four| IpAddr::V4(four.gateway)).or(six);
        own.unwrap_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED))
    }
}

/// Removes a network with its bridge and leases. Idempotent; refuses while a container is connected.
pub fn remove(store: &Store, name: &str) -> Result<()> {
    let _lock = Lock::take(store, "net", LockKind::Exclusive)?;
    let known = record::find_whole(store, name)?;
    let leases = known.as_ref().map(|network| network.leases.clone()).unwrap_or_default();
    if let Some(id) = leases.values().find(|id| netns::is_held(&store.netns(id))) {
        let doing = format!("remove network {name}: {} is on it", id.name());
        return Err(Error::new(Kind::Conflict, doing).hint("stop its containers first"));
    }
    let mut socket = Socket::route()?;
    let stack = known.as_ref().map(|network| network.spec.stack.clone());
    match known {
        Some(network) if network.is_direct() => direct::remove(store, &mut socket, &network)?,
        known => {
            let bridge = known.map_or_else(|| record::bridge_name(store, name), |network| network.bridge);
            if let Some(link) = link::find(&mut socket, &bridge)? {
                socket.request(&[link::delete(link.index, &bridge)])?;
            }
        }
    }
    remove_folder(&store.leases(name))?;
    remove_folder(&store.dns(name))?;
    store::remove_optional(&store.network(name))?;
    if let Some(stack) = stack {
        Entry::network(name, stack.as_ref(), "destroy").tell(store);
    }
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
