//! Holds host ports: bound sockets on which nothing is received, because the firewall turns
//! connections away before they get there. They make clashes known before anything starts.
//!
//! They do not listen: until a port is published a client is refused instead of kept waiting. Then
//! those of IPv6 do, for what the firewall leaves to the [proxy](super::proxy).

use super::{HeldPort, Published, culprit};
use crate::error::{Context, Error, Kind, Result};
use crate::store::{Lock, LockKind, Store};
use planner::desired::{PortSpec, Protocol};
use planner::{ContainerId, ContainerSpec};
use rustix::net::{
    AddressFamily, SocketAddrAny, SocketFlags, SocketType, bind, getsockname, ipproto, socket_with, sockopt,
};
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::ops::RangeInclusive;
use std::os::fd::OwnedFd;
use std::time::Duration;

/// How many ports of the kernel's choice to try until one is free for IPv6 too.
const CHOICES: usize = 32;

/// Binds the host ports of a container; called by its supervisor, which keeps them. A port that
/// somebody else has is a conflict that names who. Replicas of one service share ports. Where there
/// is a choice, what was `known` to be published stays if it can.
pub fn hold_ports(
    store: &Store,
    id: &ContainerId,
    spec: &ContainerSpec,
    known: &[Published],
) -> Result<Vec<HeldPort>> {
    if spec.ports.is_empty() {
        return Ok(Vec::new());
    }
    refuse_twice(&spec.ports)?;
    // Two replicas that start at once must see each other's sockets whole.
    let _lock = Lock::take(store, "ports", LockKind::Exclusive)?;
    spec.ports.iter().map(|port| hold(store, id, port, known)).collect()
}

fn refuse_twice(ports: &[PortSpec]) -> Result<()> {
    let is_any = |port: &PortSpec| port.host_ip.is_none_or(|host| host.is_unspecified());
    for (at, port) in ports.iter().enumerate() {
        let same = |other: &&PortSpec| {
            other.published_last.is_none()
                && port.published_last.is_none()
                && other.published == port.published
                && other.protocol == port.protocol
                && (is_any(port) || is_any(other) || other.host_ip == port.host_ip)
        };
        if let (Some(number), Some(_)) = (port.published, ports[..at].iter().find(same)) {
            let doing = format!(
                "host port {} is published twice by the same container",
                label(number, port.protocol)
            );
            return Err(Error::new(Kind::Conflict, doing));
        }
    }
    Ok(())
}

fn label(port: u16, protocol: Protocol) -> String {
    match protocol {
        Protocol::Tcp => format!("{port}/tcp"),
        Protocol::Udp => format!("{port}/udp"),
        Protocol::Sctp => format!("{port}/sctp"),
    }
}

fn hold(store: &Store, id: &ContainerId, port: &PortSpec, known: &[Published]) -> Result<HeldPort> {
    let is_same = |one: &&Published| {
        (one.host_ip, one.target, one.protocol) == (port.host_ip, port.target, port.protocol)
    };
    let is_chosen = port.published.is_none() || port.published_last.is_some();
    for published in known.iter().filter(|_| is_chosen).filter(is_same) {
        if let Ok(sockets) = hold_free(port, published.published) {
            return Ok(HeldPort { published: published.clone(), sockets });
        }
    }
    let (number, sockets) = match (port.published, port.published_last) {
        (Some(first), Some(last)) => hold_one_of(port, first..=last)?,
        (Some(number), None) => (number, hold_number(store, id, port, number)?),
        (None, _) => choose(port)?,
    };
    let host_ip = port.host_ip;
    let published = Published { host_ip, published: number, target: port.target, protocol: port.protocol };
    Ok(HeldPort { published, sockets })
}

/// Holds the first port of a range that nobody has.
fn hold_one_of(port: &PortSpec, range: RangeInclusive<u16>) -> Result<(u16, Vec<OwnedFd>)> {
    let label = format!("{}-{}", range.start(), label(*range.end(), port.protocol));
    for number in range {
        match hold_free(port, number) {
            Err(error) if error.kind() == io::ErrorKind::AddrInUse => {}
            held => return held.map(|held| (number, held)).doing(|| format!("hold host port {number}")),
        }
    }
    Err(Error::new(Kind::Conflict, format!("every host port of {label} is already in use"))
        .hint("publish a larger range, or stop what has them"))
}

/// Binds a port on all its addresses, or on none.
fn hold_free(port: &PortSpec, number: u16) -> io::Result<Vec<OwnedFd>> {
    let mut held = Vec::new();
    for address in addresses(port, number) {
        match bind_alone(address, port.protocol) {
            Err(error) if is_lacking(&error, address, port) => {}
            bound => held.push(bound?),
        }
    }
    Ok(held)
}

/// The addresses to bind: a port on every address is held for IPv6 too.
fn addresses(port: &PortSpec, number: u16) -> Vec<SocketAddr> {
    let four = port.host_ip.unwrap_or(Ipv4Addr::UNSPECIFIED.into());
    let six = port.host_ip.is_none().then_some(IpAddr::from(Ipv6Addr::UNSPECIFIED));
    [four].into_iter().chain(six).map(|host| SocketAddr::new(host, number)).collect()
}

fn hold_number(store: &Store, id: &ContainerId, port: &PortSpec, number: u16) -> Result<Vec<OwnedFd>> {
    let hold = |address: SocketAddr| match bind_alone(address, port.protocol) {
        Err(error) if error.kind() == io::ErrorKind::AddrInUse => {
            share(store, id, address, port.protocol).map(Some)
        }
        Err(error) if is_lacking(&error, address, port) => Ok(None),
        Err(error) if error.kind() == io::ErrorKind::AddrNotAvailable => {
            let doing = format!("publish port {number} on {}", address.ip());
            Err(Error::new(Kind::NotFound, doing).hint("that is not an address of this host").because(error))
        }
        bound => bound.map(Some).doing(|| format!("hold host port {}", label(number, port.protocol))),
    };
    let held: Vec<_> = addresses(port, number).into_iter().map(hold).collect::<Result<_>>()?;
    Ok(held.into_iter().flatten().collect())
}

/// Whether this host has no such sockets and can do without: it has no IPv6 where the port is to be
/// on every address, or its kernel knows no sockets of a protocol that is only passed on.
fn is_lacking(error: &io::Error, address: SocketAddr, port: &PortSpec) -> bool {
    let code = error.raw_os_error();
    let no_six = matches!(code, Some(libc::EAFNOSUPPORT | libc::EADDRNOTAVAIL));
    let no_protocol = matches!(code, Some(libc::EPROTONOSUPPORT | libc::ESOCKTNOSUPPORT));
    port.host_ip.is_none() && address.is_ipv6() && no_six || port.protocol == Protocol::Sctp && no_protocol
}

/// Binds beside the replicas of the same service; anybody else is a conflict.
fn share(store: &Store, id: &ContainerId, address: SocketAddr, protocol: Protocol) -> Result<OwnedFd> {
    let name = label(address.port(), protocol);
    let doing = || format!("host port {name} is already in use");
    if let Some(foreign) = stranger(store, id, address, protocol)? {
        return Err(Error::new(Kind::Conflict, format!("{} by {foreign}", doing()))
            .hint("stop it, or publish another port"));
    }
    // No owner at all is a socket that only newer kernels list. Only a supervisor of ours has
    // one that can be shared and yet neither listens nor is connected.
    bind_shared(address, protocol).map_err(|error| Error::new(Kind::Conflict, doing()).because(error))
}

/// How often who has a port is looked at, and the time between: what a supervisor runs beside its
/// container has all its sockets until it executes its program.
const LOOKS: usize = 10;
const BORN: Duration = Duration::from_millis(10);

/// Somebody who has a port and is no replica of the same service.
fn stranger(
    store: &Store,
    id: &ContainerId,
    address: SocketAddr,
    protocol: Protocol,
) -> Result<Option<culprit::Owner>> {
    let look = || {
        let owners = culprit::owners(address, protocol)?;
        Ok(owners.into_iter().find(|owner| !owner.is_replica_of(store, id)))
    };
    for _ in 1..LOOKS {
        match look()? {
            None => return Ok(None),
            Some(culprit::Owner::Container { .. }) => break,
            Some(culprit::Owner::Process { .. }) => std::thread::sleep(BORN),
        }
    }
    look()
}

/// Lets the kernel choose a port.
fn choose(port: &PortSpec) -> Result<(u16, Vec<OwnedFd>)> {
    let doing = || "find a free host port".to_owned();
    let mut last = io::Error::from(io::ErrorKind::AddrInUse);
    for _ in 0..CHOICES {
        let Some(first) = addresses(port, 0).first().copied() else { break };
        let choice = bind_alone(first, port.protocol).doing(doing)?;
        let number = port_of(&choice).doing(doing)?;
        // The kernel gives it to nobody else so soon.
        drop(choice);
        match hold_free(port, number) {
            Ok(held) => return Ok((number, held)),
            Err(error) => last = error,
        }
    }
    Err(last).doing(doing)
}

fn port_of(fd: &OwnedFd) -> io::Result<u16> {
    let address: SocketAddrAny = getsockname(fd)?;
    Ok(SocketAddr::try_from(address)?.port())
}

/// Binds where nobody else is; replicas may join later.
fn bind_alone(address: SocketAddr, protocol: Protocol) -> io::Result<OwnedFd> {
    let fd = open(address, protocol)?;
    bind(&fd, &address)?;
    sockopt::set_socket_reuseport(&fd, true)?;
    Ok(fd)
}

/// Binds beside sockets that allow it.
fn bind_shared(address: SocketAddr, protocol: Protocol) -> io::Result<OwnedFd> {
    let fd = open(address, protocol)?;
    sockopt::set_socket_reuseport(&fd, true)?;
    bind(&fd, &address)?;
    Ok(fd)
}

fn open(address: SocketAddr, protocol: Protocol) -> io::Result<OwnedFd> {
    let family = if address.is_ipv6() { AddressFamily::INET6 } else { AddressFamily::INET };
    let (kind, protocol) = match protocol {
        Protocol::Tcp => (SocketType::STREAM, None),
        Protocol::Udp => (SocketType::DGRAM, None),
        Protocol::Sctp => (SocketType::STREAM, Some(ipproto::SCTP)),
    };
    let fd = socket_with(family, kind, SocketFlags::CLOEXEC, protocol)?;
    if address.is_ipv6() {
        sockopt::set_ipv6_v6only(&fd, true)?;
    }
    Ok(fd)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn port(host: Option<&str>, published: Option<u16>) -> PortSpec {
        let host_ip = host.map(|host| host.parse().unwrap());
        PortSpec { host_ip, published, target: 80, ..Default::default() }
    }

    fn hold_in(folder: &std::path::Path, ports: Vec<PortSpec>) -> Result<Vec<HeldPort>> {
        let store = Store::new(folder.join("root"), folder.join("run"));
        store.prepare()?;
        let id = "shop.web.1.1".parse().unwrap();
        hold_ports(&store, &id, &ContainerSpec { ports, ..Default::default() }, &[])
    }

    #[test]
    fn a_port_of_the_kernels_choice_is_told_and_cannot_be_taken() {
        let folder = tempfile::tempdir().unwrap();
        let held = hold_in(folder.path(), vec![port(Some("127.0.0.1"), None)]).unwrap();
        let number = held[0].published.published;
        assert_ne!(number, 0);
        let error = std::net::TcpListener::bind(("127.0.0.1", number)).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::AddrInUse);
        let known = [held[0].published.clone()];
        drop(held);
        let store = Store::new(folder.path().join("root"), folder.path().join("run"));
        let spec = ContainerSpec { ports: vec![port(Some("127.0.0.1"), None)], ..Default::default() };
        let again = hold_ports(&store, &"shop.web.1.1".parse().unwrap(), &spec, &known).unwrap();
        assert_eq!(again[0].published, known[0], "a new supervisor keeps it");
    }

    #[test]
    fn a_port_in_use_is_a_conflict_that_names_the_process() {
        let folder = tempfile::tempdir().unwrap();
        let other = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let number = other.local_addr().unwrap().port();
        let error = hold_in(folder.path(), vec![port(Some("127.0.0.1"), Some(number))]).unwrap_err();
        assert_eq!(error.kind, Kind::Conflict);
        let pid = format!("(pid {})", std::process::id());
        assert!(error.doing.starts_with(&format!("host port {number}/tcp is already in use by ")), "{error}");
        assert!(error.doing.ends_with(&pid), "{error}");
    }

    #[test]
    fn a_port_published_twice_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let twice = vec![port(None, Some(8080)), port(Some("127.0.0.1"), Some(8080))];
        let error = hold_in(folder.path(), twice).unwrap_err();
        assert_eq!(error.doing, "host port 8080/tcp is published twice by the same container");
    }

    #[test]
    fn of_a_range_the_first_free_port_is_held() {
        let folder = tempfile::tempdir().unwrap();
        let other = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let taken = other.local_addr().unwrap().port();
        let choice = |last| PortSpec { published_last: Some(last), ..port(Some("127.0.0.1"), Some(taken)) };
        let held = hold_in(folder.path(), vec![choice(taken.saturating_add(50))]).unwrap();
        assert!(held[0].published.published > taken);
        let error = hold_in(folder.path(), vec![choice(taken)]).unwrap_err();
        let expected = format!("every host port of {taken}-{taken}/tcp is already in use");
        assert_eq!((error.kind, error.doing), (Kind::Conflict, expected));
    }

    #[test]
    fn an_address_of_every_host_of_one_family_is_of_that_family_only() {
        let families = |host: Option<&str>| -> Vec<bool> {
            addresses(&port(host, None), 80).iter().map(SocketAddr::is_ipv6).collect()
        };
        assert_eq!(families(None), [false, true]);
        assert_eq!((families(Some("0.0.0.0")), families(Some("::"))), (vec![false], vec![true]));
    }
}
