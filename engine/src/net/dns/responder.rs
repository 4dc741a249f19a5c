//! The sockets of a responder: questions in, answers out, everything else asked upstream.
//!
//! One epoll instance holds them all, with a timer for questions that nobody answers. The
//! sockets for questions are in the container's network namespace; those towards the
//! resolvers are in the host's, so that a resolver on the host's loopback can be asked.

use super::ADDRESS;
use super::answer::{Manner, Verdict, decide};
use super::packet::{self, Code, Question};
use super::stream::Stream;
use super::table::Tables;
use super::upstream::Servers;
use crate::error::{Context, Result};
use crate::net::{netns, record};
use crate::store::Store;
use nix::sys::epoll::{Epoll, EpollCreateFlags, EpollEvent, EpollFlags, EpollTimeout};
use nix::sys::socket::setsockopt;
use nix::sys::socket::sockopt::RcvBufForce;
use nix::sys::time::TimeSpec;
use nix::sys::timerfd::{ClockId, Expiration, TimerFd, TimerFlags, TimerSetTimeFlags};
use planner::{ContainerId, ContainerSpec};
use std::collections::BTreeMap;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener, UdpSocket};
use std::os::fd::{AsFd, BorrowedFd};
use std::time::{Duration, Instant};

/// Port of the responder.
const PORT: u16 = 53;
/// How long one resolver has to answer; clients ask again after 5 s.
const PATIENCE: Duration = Duration::from_secs(2);
/// How long a client's connection may say nothing.
const IDLE: Duration = Duration::from_secs(10);
/// Connections and open questions at one time.
const PEERS: usize = 256;
/// Bytes of questions that wait to be read, each with what the kernel adds to it: thousands.
const WAITING: usize = 2 << 20;
/// Datagrams taken at once, so that other work of the supervisor gets its turn.
const AT_ONCE: usize = 64;

/// What an epoll event is about; larger numbers are peers.
const UDP: u64 = 0;
const TCP: u64 = 1;
const TIMER: u64 = 2;
const FIRST_PEER: u64 = 16;

/// Answers names inside one container. One file descriptor to poll for reading (an epoll
/// instance that holds sockets and timers); never blocks.
#[derive(Debug)]
pub struct Responder {
    epoll: Epoll,
    timer: TimerFd,
    udp: UdpSocket,
    tcp: TcpListener,
    peers: BTreeMap<u64, Peer>,
    next: u64,
    turn: usize,
    tables: Tables,
    servers: Servers,
    outside: bool,
}

/// A connection, or a question on its way.
#[derive(Debug)]
enum Peer {
    Client { stream: Stream, until: Instant },
    Asked(Asked),
}

/// A question that was passed on.
#[derive(Debug)]
struct Asked {
    from: From,
    query: Vec<u8>,
    id: u16,
    server: usize,
    via: Via,
    until: Instant,
}

/// Who waits for the answer.
#[derive(Clone, Copy, Debug)]
enum From {
    Datagram(SocketAddr),
    Connection(u64),
}

/// How a resolver is asked: the way in which we were asked.
#[derive(Debug)]
enum Via {
    Udp(UdpSocket),
    Tcp(Stream),
}

/// The names that a container of this spec knows, and whether it may ask for others elsewhere.
fn known(store: &Store, spec: &ContainerSpec) -> Result<(Tables, bool)> {
    let networks = || spec.networks.iter().map(|attachment| attachment.network.as_str());
    let (mut outside, mut ranges) = (false, Vec::new());
    for network in networks() {
        let network = record::existing(store, network)?;
        outside |= !network.spec.internal;
        // Beside the host there are others of whom we know nothing.
        if !network.is_direct() {
            ranges.extend(network.subnets());
        }
    }
    Ok((Tables::of(store, networks()).linked(&spec.names.links).over(ranges), outside))
}

impl Responder {
    /// Opens the sockets inside the container's network namespace, which must be connected.
    /// The calling thread enters the namespace and comes back.
    pub fn open(store: &Store, id: &ContainerId, spec: &ContainerSpec) -> Result<Self> {
        let (tables, outside) = known(store, spec)?;
        let doing = || format!("answer names in {} on {ADDRESS}:{PORT}", id.name());
        let (udp, tcp) = netns::inside(&store.netns(id), || {
            let bind = || {
                Ok::<_, io::Error>((UdpSocket::bind((ADDRESS, PORT))?, TcpListener::bind((ADDRESS, PORT))?))
            };
            bind().doing(doing)
        })?;
        Self::over(udp, tcp, tables, Servers::of(&spec.names.servers), outside).doing(doing)
    }

    /// From now on it answers as a container of this spec is to be answered.
    pub fn move_to(&mut self, store: &Store, spec: &ContainerSpec) -> Result<()> {
        (self.tables, self.outside) = known(store, spec)?;
        self.servers = Servers::of(&spec.names.servers);
        Ok(())
    }

    fn over(
        udp: UdpSocket,
        tcp: TcpListener,
        tables: Tables,
        servers: Servers,
        outside: bool,
    ) -> io::Result<Self> {
        // Without the right to so much it is as much as the host allows.
        let _ = setsockopt(&udp, RcvBufForce, &WAITING);
        udp.set_nonblocking(true)?;
        tcp.set_nonblocking(true)?;
        let epoll = Epoll::new(EpollCreateFlags::EPOLL_CLOEXEC)?;
        let flags = TimerFlags::TFD_CLOEXEC | TimerFlags::TFD_NONBLOCK;
        let timer = TimerFd::new(ClockId::CLOCK_MONOTONIC, flags)?;
        epoll.add(&udp, EpollEvent::new(EpollFlags::EPOLLIN, UDP))?;
        epoll.add(&tcp, EpollEvent::new(EpollFlags::EPOLLIN, TCP))?;
        epoll.add(&timer, EpollEvent::new(EpollFlags::EPOLLIN, TIMER))?;
        let (peers, next, turn) = (BTreeMap::new(), FIRST_PEER, 0);
        Ok(Self { epoll, timer, udp, tcp, peers, next, turn, tables, servers, outside })
    }

    /// Does what is to be done now; called when the file descriptor is readable. What fails is
    /// dropped: whoever asked will ask again.
    pub fn handle(&mut self) {
        let mut events = [EpollEvent::empty(); AT_ONCE];
        let count = self.epoll.wait(&mut events, EpollTimeout::ZERO).unwrap_or(0);
        for event in &events[..count] {
            match event.data() {
                UDP => self.datagrams(),
                TCP => self.connections(),
                TIMER => self.expire(Instant::now()),
                peer => self.peer(peer),
            }
        }
        self.set_timer();
    }

    fn datagrams(&mut self) {
        let mut buffer = [0; 4096];
        for _ in 0..AT_ONCE {
            let Ok((length, from)) = self.udp.recv_from(&mut buffer) else { return };
            self.question(&buffer[..length], From::Datagram(from), None);
        }
    }

    fn connections(&mut self) {
        while let Ok((stream, _)) = self.tcp.accept() {
            if self.peers.len() >= PEERS {
                continue;
            }
            if let Ok(stream) = Stream::accepted(stream) {
                self.add(Peer::Client { stream, until: Instant::now() + IDLE });
            }
        }
    }

    /// Edge-triggered for both directions: each event says that something more may be possible.
    fn add(&mut self, peer: Peer) -> Option<u64> {
        let number = self.next;
        self.next += 1;
        let flags = EpollFlags::EPOLLIN | EpollFlags::EPOLLOUT | EpollFlags::EPOLLET;
        self.epoll.add(&peer, EpollEvent::new(flags, number)).ok()?;
        self.peers.insert(number, peer);
        Some(number)
    }

    fn question(&mut self, packet: &[u8], from: From, limit: Option<usize>) {
        let manner = Manner { turn: self.turn, limit, outside: self.outside };
        self.turn = self.turn.wrapping_add(1);
        match decide(packet, &mut self.tables, manner) {
            Verdict::Say(reply) => self.say(from, &reply),
            Verdict::Forward => self.pass_on(packet.to_vec(), from, 0),
            Verdict::Ignore => {}
        }
    }

    fn say(&mut self, to: From, reply: &[u8]) {
        match to {
            From::Datagram(address) => {
                // A full send buffer loses the answer, as any network may.
                let _ = self.udp.send_to(reply, address);
            }
            From::Connection(number) => {
                if let Some(Peer::Client { stream, until }) = self.peers.get_mut(&number) {
                    *until = Instant::now() + IDLE;
                    if stream.send(reply).is_err() {
                        self.peers.remove(&number);
                    }
                }
            }
        }
    }

    /// Asks the first server, from this one on, that can be asked.
    fn pass_on(&mut self, query: Vec<u8>, from: From, first: usize) {
        let mut server = first;
        while self.peers.len() < PEERS
            && let Some(address) = self.servers.at(server)
        {
            let id = RandomState::new().build_hasher().finish() as u16;
            let mut renumbered = query.clone();
            packet::set_id(&mut renumbered, id);
            if let Ok(via) = ask(address, &renumbered, from) {
                let until = Instant::now() + PATIENCE;
                self.add(Peer::Asked(Asked { from, query, id, server, via, until }));
                return;
            }
            server += 1;
        }
        self.give_up(&query, from);
    }

    fn give_up(&mut self, query: &[u8], from: From) {
        if let Ok(question) = Question::read(query) {
            self.say(from, &question.reply(Code::Failure));
        }
    }

    fn peer(&mut self, number: u64) {
        // Taken out while it is worked on; what is over is not put back.
        match self.peers.remove(&number) {
            Some(Peer::Client { mut stream, until }) => {
                let Ok(messages) = stream.flush().and_then(|()| stream.receive()) else { return };
                self.peers.insert(number, Peer::Client { stream, until });
                for message in messages {
                    self.question(&message, From::Connection(number), Some(packet::LARGEST));
                }
            }
            Some(Peer::Asked(mut asked)) => match asked.answer() {
                Ok(Some(reply)) => self.answered(asked, reply),
                Ok(None) => drop(self.peers.insert(number, Peer::Asked(asked))),
                Err(_) => self.pass_on(asked.query, asked.from, asked.server + 1),
            },
            None => {}
        }
    }

    fn answered(&mut self, asked: Asked, mut reply: Vec<u8>) {
        if packet::is_refusal(&reply) && self.servers.at(asked.server + 1).is_some() {
            return self.pass_on(asked.query, asked.from, asked.server + 1);
        }
        packet::set_id(&mut reply, packet::id(&asked.query).unwrap_or_default());
        self.say(asked.from, &reply);
    }

    fn expire(&mut self, now: Instant) {
        let _ = self.timer.wait();
        let late: Vec<_> =
            self.peers.iter().filter(|(_, peer)| peer.until() <= now).map(|(number, _)| *number).collect();
        for number in late {
            if let Some(Peer::Asked(asked)) = self.peers.remove(&number) {
                self.pass_on(asked.query, asked.from, asked.server + 1);
            }
        }
    }

    fn set_timer(&mut self) {
        let Some(first) = self.peers.values().map(Peer::until).min() else {
            let _ = self.timer.unset();
            return;
        };
        // Zero would switch it off.
        let left = first.saturating_duration_since(Instant::now()).max(Duration::from_millis(1));
        let expiration = Expiration::OneShot(TimeSpec::from_duration(left));
        let _ = self.timer.set(expiration, TimerSetTimeFlags::empty());
    }
}

fn ask(server: SocketAddr, query: &[u8], from: From) -> io::Result<Via> {
    match from {
        From::Datagram(_) => {
            let any = if server.is_ipv6() {
                SocketAddr::from((Ipv6Addr::UNSPECIFIED, 0))
            } else {
                SocketAddr::from((Ipv4Addr::UNSPECIFIED, 0))
            };
            // A socket for each question has a port of its own, hard to guess for forgers.
            let socket = UdpSocket::bind(any)?;
            socket.set_nonblocking(true)?;
            socket.connect(server)?;
            socket.send(query)?;
            Ok(Via::Udp(socket))
        }
        From::Connection(_) => {
            let mut stream = Stream::connecting(server)?;
            stream.send(query)?;
            Ok(Via::Tcp(stream))
        }
    }
}

impl Asked {
    /// The answer, when it is there; an error when there will be none.
    fn answer(&mut self) -> io::Result<Option<Vec<u8>>> {
        let replies = match &mut self.via {
            Via::Tcp(stream) => stream.flush().and_then(|()| stream.receive())?,
            Via::Udp(socket) => datagrams_from(socket)?,
        };
        let fits =
            |reply: &Vec<u8>| packet::id(reply) == Some(self.id) && packet::is_answer_to(reply, &self.query);
        Ok(replies.into_iter().find(fits))
    }
}

fn datagrams_from(socket: &UdpSocket) -> io::Result<Vec<Vec<u8>>> {
    let mut buffer = vec![0; packet::LARGEST];
    let mut datagrams = Vec::new();
    loop {
        match socket.recv(&mut buffer) {
            Ok(length) => datagrams.push(buffer[..length].to_vec()),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(datagrams),
            Err(error) => return Err(error),
        }
    }
}

impl Peer {
    fn until(&self) -> Instant {
        match self {
            Self::Client { until, .. } => *until,
            Self::Asked(asked) => asked.until,
        }
    }
}

impl AsFd for Peer {
    fn as_fd(&self) -> BorrowedFd<'_> {
        match self {
            Self::Client { stream, .. } | Self::Asked(Asked { via: Via::Tcp(stream), .. }) => stream.as_fd(),
            Self::Asked(Asked { via: Via::Udp(socket), .. }) => socket.as_fd(),
        }
    }
}

impl AsFd for Responder {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.epoll.0.as_fd()
    }
}

#[cfg(test)]
#[path = "responder_tests.rs"]
mod tests;
