//! Who has a host port: socket tables for the inode, /proc for the process that has it open.

use super::netlink::{Message, Socket};
use crate::error::{Context, Result};
use crate::store::Store;
use crate::sys::pidfd;
use planner::ContainerId;
use planner::desired::Protocol;
use rustix::net::{getpeername, getsockname, ipproto, sockopt};
use rustix::process::{PidfdGetfdFlags, pidfd_getfd};
use std::collections::BTreeSet;
use std::fmt;
use std::fs;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::os::fd::OwnedFd;
use std::path::PathBuf;

/// Who has a port.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Owner {
    /// A supervisor, and whose it is.
    Container {
        /// The container that it holds the port for.
        id: ContainerId,
        /// Runtime folder of its store.
        runtime: PathBuf,
    },
    /// Something else.
    Process {
        /// Name of the program.
        name: String,
        /// Process id.
        pid: u32,
    },
}

impl fmt::Display for Owner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Container { id, .. } => write!(f, "container {}", id.name()),
            Self::Process { name, pid } => write!(f, "{name} (pid {pid})"),
        }
    }
}

impl Owner {
    /// Whether it is a container of the same service in the same store.
    pub(crate) fn is_replica_of(&self, store: &Store, of: &ContainerId) -> bool {
        match self {
            Self::Container { id, runtime } => {
                runtime == store.runtime() && id.stack == of.stack && id.slot.service == of.slot.service
            }
            Self::Process { .. } => false,
        }
    }

    /// Recognises `sampan shim … --runtime <folder> … <id>`; anything else is a process.
    fn of(pid: u32, command: &[&str], name: &str) -> Self {
        let value = |option| Some(*command.get(command.iter().position(|one| *one == option)? + 1)?);
        let shim = || {
            (command.get(1) == Some(&"shim")).then_some(())?;
            let id = command[2..].iter().find_map(|argument| argument.parse().ok())?;
            Some(Self::Container { id, runtime: value("--runtime")?.into() })
        };
        shim().unwrap_or_else(|| Self::Process { name: name.to_owned(), pid })
    }
}

/// Everybody with a socket bound so that `address` cannot be bound. Empty when nobody can be
/// found.
pub(crate) fn owners(address: SocketAddr, protocol: Protocol) -> Result<BTreeSet<Owner>> {
    let names = match protocol {
        Protocol::Tcp => ["tcp", "tcp6"],
        Protocol::Udp => ["udp", "udp6"],
        // Nobody lists these in this form.
        Protocol::Sctp => return Ok(BTreeSet::new()),
    };
    let mut inodes = BTreeSet::new();
    for name in names {
        let path = format!("/proc/thread-self/net/{name}");
        let table = fs::read_to_string(&path).unwrap_or_default();
        inodes.extend(table.lines().skip(1).filter_map(entry).filter(|one| clashes(one, address)));
    }
    if protocol == Protocol::Tcp {
        inodes.extend(bound(address.port())?.into_iter().filter(|one| clashes(one, address)));
    }
    // Connections that are closing have no inode any more.
    let inodes = inodes.into_iter().map(|(_, inode)| inode).filter(|inode| *inode != 0).collect();
    let found = processes_with(&inodes)?;
    if found.is_empty() && protocol == Protocol::Tcp { holders(address) } else { Ok(found) }
}

/// The processes that hold a TCP port which clashes, found by looking at copies of their sockets
/// (pidfd_getfd(2)): before Linux 6.8 no table lists what is bound and does not listen.
fn holders(wanted: SocketAddr) -> Result<BTreeSet<Owner>> {
    let network = |pid: &str| fs::read_link(format!("/proc/{pid}/ns/net")).ok();
    let ours = network("thread-self");
    let near = processes()?.filter(|pid| network(&pid.to_string()) == ours);
    Ok(near.filter(|pid| holds(*pid, wanted)).map(owner).collect())
}

/// Whether a process has a TCP socket that clashes, neither listens nor is connected.
fn holds(pid: u32, wanted: SocketAddr) -> bool {
    let Ok(entries) = fs::read_dir(format!("/proc/{pid}/fd")) else { return false };
    let Ok(process) = pidfd::open(pid.cast_signed()) else { return false };
    let is_socket = |link: &PathBuf| link.to_string_lossy().starts_with("socket:");
    let sockets = entries.flatten().filter(|entry| fs::read_link(entry.path()).as_ref().is_ok_and(is_socket));
    let numbers = sockets.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    numbers
        .filter_map(|number| pidfd_getfd(&process, number, PidfdGetfdFlags::empty()).ok())
        .any(|socket| idle_address(&socket).is_some_and(|local| clashes(&(local, 0), wanted)))
}

/// The address of a TCP socket that is bound and nothing else.
fn idle_address(socket: &OwnedFd) -> Option<SocketAddr> {
    let is_tcp = sockopt::socket_protocol(socket).ok()? == Some(ipproto::TCP);
    let is_idle = !sockopt::socket_acceptconn(socket).ok()? && getpeername(socket).is_err();
    let local = SocketAddr::try_from(getsockname(socket).ok()?).ok()?;
    (is_tcp && is_idle).then_some(local)
}

/// A local address and the inode of its socket.
type Bound = (SocketAddr, u64);

fn clashes((local, _): &Bound, wanted: SocketAddr) -> bool {
    let (one, other) = (local.ip(), wanted.ip());
    let same_family = one.is_ipv4() == other.is_ipv4();
    // A dual-stack socket on [::] has the port on IPv4 too; ours are never dual-stack.
    let covers = one.is_unspecified() && (same_family || one.is_ipv6());
    local.port() == wanted.port() && (one == other || covers || (other.is_unspecified() && same_family))
}

/// One line of /proc/net/{tcp,udp}{,6} (proc_net(5)): words in the byte order of the machine.
fn entry(line: &str) -> Option<Bound> {
    let mut fields = line.split_whitespace();
    let (host, port) = fields.nth(1)?.split_once(':')?;
    let inode = fields.nth(7)?.parse().ok()?;
    let word = |at: usize| u32::from_str_radix(host.get(at * 8..at * 8 + 8)?, 16).ok();
    let ip = if host.len() == 8 {
        IpAddr::from(Ipv4Addr::from(word(0)?.to_ne_bytes()))
    } else {
        let mut bytes = [0; 16];
        for at in 0..4 {
            bytes[at * 4..at * 4 + 4].copy_from_slice(&word(at)?.to_ne_bytes());
        }
        plain(Ipv6Addr::from(bytes))
    };
    Some((SocketAddr::new(ip, u16::from_str_radix(port, 16).ok()?), inode))
}

/// An IPv4 address in an IPv6 one as what it is.
fn plain(address: Ipv6Addr) -> IpAddr {
    address.to_ipv4_mapped().map_or(IpAddr::V6(address), IpAddr::V4)
}

/// TCP sockets that are bound and nothing else, by sock_diag(7) (`struct inet_diag_req_v2`).
fn bound(port: u16) -> Result<Vec<Bound>> {
    /// `SOCK_DIAG_BY_FAMILY`, `1 << TCP_BOUND_INACTIVE` (linux/sock_diag.h, net/tcp_states.h).
    const BY_FAMILY: u16 = 20;
    const BOUND_INACTIVE: u32 = 1 << 13;
    let mut socket = Socket::diagnosis()?;
    let mut found = Vec::new();
    for family in [libc::AF_INET, libc::AF_INET6] {
        let mut request = [0; 56];
        request[0] = family as u8;
        request[1] = libc::IPPROTO_TCP as u8;
        request[4..8].copy_from_slice(&BOUND_INACTIVE.to_ne_bytes());
        request[8..10].copy_from_slice(&port.to_be_bytes());
        let message = Message::new(BY_FAMILY, 0, "list bound sockets").raw(&request);
        // A kernel without it cannot name these sockets; that is no reason to fail.
        let replies = socket.dump(&message).unwrap_or_default();
        found.extend(replies.iter().filter_map(|reply| diagnosed(reply.fixed(72))));
    }
    Ok(found)
}

/// The local address and inode in a `struct inet_diag_msg`.
fn diagnosed(message: &[u8]) -> Option<Bound> {
    let port = u16::from_be_bytes(message.get(4..6)?.try_into().ok()?);
    let four = <[u8; 4]>::try_from(message.get(8..12)?).ok()?;
    let sixteen = <[u8; 16]>::try_from(message.get(8..24)?).ok()?;
    let inode = u32::from_ne_bytes(message.get(68..72)?.try_into().ok()?);
    let is_four = i32::from(*message.first()?) == libc::AF_INET;
    let ip = if is_four { IpAddr::from(four) } else { plain(sixteen.into()) };
    Some((SocketAddr::new(ip, port), inode.into()))
}

/// The processes that have one of these sockets open.
fn processes_with(inodes: &BTreeSet<u64>) -> Result<BTreeSet<Owner>> {
    if inodes.is_empty() {
        return Ok(BTreeSet::new());
    }
    let links: BTreeSet<_> = inodes.iter().map(|inode| format!("socket:[{inode}]")).collect();
    Ok(processes()?.filter(|pid| has_open(*pid, &links)).map(owner).collect())
}

fn processes() -> Result<impl Iterator<Item = u32>> {
    let entries = fs::read_dir("/proc").doing(|| "list processes".to_owned())?;
    Ok(entries.flatten().filter_map(|entry| entry.file_name().to_str()?.parse().ok()))
}

fn has_open(pid: u32, links: &BTreeSet<String>) -> bool {
    // It may end while we look: then it has nothing open.
    let Ok(entries) = fs::read_dir(format!("/proc/{pid}/fd")) else { return false };
    entries.flatten().any(|entry| {
        fs::read_link(entry.path()).is_ok_and(|link| link.to_str().is_some_and(|link| links.contains(link)))
    })
}

fn owner(pid: u32) -> Owner {
    let command = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    let command = String::from_utf8_lossy(&command);
    let command: Vec<_> = command.split_terminator('\0').collect();
    let name = fs::read_to_string(format!("/proc/{pid}/comm")).unwrap_or_default();
    Owner::of(pid, &command, name.trim_end())
}

#[cfg(test)]
mod tests {
    use super::*;
    use rustix::net::{AddressFamily, SocketType};

    #[test]
    fn a_supervisor_is_told_from_a_process_by_its_command_line() {
        let command =
            ["/proc/self/exe", "shim", "--root", "/r", "--runtime", "/t", "shop.web.2.1", "--adopt"];
        let owner = Owner::of(7, &command, "sampan");
        assert_eq!(owner.to_string(), "container shop-web-2");
        let store = Store::new("/r", "/t");
        assert!(owner.is_replica_of(&store, &"shop.web.1.4".parse().unwrap()));
        assert!(!owner.is_replica_of(&store, &"shop.api.1.4".parse().unwrap()));
        assert!(!owner.is_replica_of(&Store::new("/r", "/elsewhere"), &"shop.web.1.4".parse().unwrap()));
        assert_eq!(Owner::of(123, &["nginx: master"], "nginx").to_string(), "nginx (pid 123)");
        assert_eq!(Owner::of(9, &["x", "shim"], "x").to_string(), "x (pid 9)");
    }

    #[test]
    fn a_port_that_is_held_shows_in_the_copied_socket_and_a_listening_one_does_not() {
        let held = rustix::net::socket(AddressFamily::INET, SocketType::STREAM, None).unwrap();
        rustix::net::bind(&held, &SocketAddr::from(([127, 0, 0, 1], 0))).unwrap();
        let local = idle_address(&held).unwrap();
        assert!(holds(std::process::id(), local));
        let other = SocketAddr::new(Ipv4Addr::new(127, 0, 0, 2).into(), local.port());
        assert!(!holds(std::process::id(), other));
        rustix::net::listen(&held, 1).unwrap();
        assert_eq!(idle_address(&held), None);
    }

    #[test]
    fn socket_tables_read_as_addresses_and_inodes() {
        let four = "   0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 4242 1";
        assert_eq!(entry(four), Some(("127.0.0.1:8080".parse().unwrap(), 4242)));
        let six = "   0: 00000000000000000000000000000000:0050 00000000000000000000000000000000:0000 0A 0:0 00:0 0 0 0 17 1";
        assert_eq!(entry(six), Some(("[::]:80".parse().unwrap(), 17)));
        assert_eq!(entry("nonsense"), None);
    }

    #[test]
    fn a_wildcard_clashes_with_every_address_of_its_family() {
        let at = |text: &str| (text.parse().unwrap(), 1);
        let wanted = |text: &str| text.parse().unwrap();
        assert!(clashes(&at("0.0.0.0:80"), wanted("127.0.0.1:80")));
        assert!(clashes(&at("127.0.0.1:80"), wanted("0.0.0.0:80")));
        assert!(clashes(&at("[::]:80"), wanted("0.0.0.0:80")));
        assert!(!clashes(&at("0.0.0.0:80"), wanted("[::]:80")));
        assert!(!clashes(&at("[::1]:80"), wanted("0.0.0.0:80")));
        assert!(!clashes(&at("127.0.0.1:80"), wanted("127.0.0.2:80")));
        assert!(!clashes(&at("127.0.0.1:81"), wanted("127.0.0.1:80")));
    }
}
