//! Passes on what the firewall cannot turn towards a container: connections and datagrams to `::1`,
//! and to every IPv6 address of the host when the container has none.
//!
//! One epoll instance holds all sockets. Events come once for each change (edge-triggered), so that
//! each pump goes on until its sockets would block, or until it had its share and asks to be woken
//! again.

use super::proxy_link::{Link, Progress};
use super::{HeldPort, Published};
use crate::error::{Context, Result};
use nix::sys::epoll::{Epoll, EpollCreateFlags, EpollEvent, EpollFlags, EpollTimeout};
use nix::sys::time::TimeSpec;
use nix::sys::timerfd::{ClockId, Expiration, TimerFd, TimerFlags, TimerSetTimeFlags};
use planner::desired::Protocol;
use rustix::net::{getsockname, listen};
use std::collections::{BTreeMap, HashMap};
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::time::{Duration, Instant};

/// Connections and conversations at one time: each needs up to two file descriptors.
const PEERS: usize = 512;
/// Connections that wait to be accepted.
const BACKLOG: i32 = 128;
/// How long a conversation of datagrams may say nothing.
const IDLE: Duration = Duration::from_secs(60);
/// Datagrams taken at once, so that other work of the supervisor gets its turn.
const AT_ONCE: usize = 64;
/// What the first peer is called; doors and the timer have lower numbers.
const FIRST_PEER: u64 = 1 << 20;
const TIMER: u64 = FIRST_PEER - 1;

/// Passes connections on. One file descriptor to poll for reading; never blocks.
#[derive(Debug)]
pub struct Proxy {
    epoll: Epoll,
    timer: TimerFd,
    doors: Vec<Door>,
    peers: BTreeMap<u64, Peer>,
    /// Who talks in datagrams: through which door, from where.
    talkers: HashMap<(usize, SocketAddr), u64>,
    next: u64,
    closed: bool,
}

/// A socket of the host, and where it leads.
#[derive(Debug)]
struct Door {
    socket: Socket,
    port: u16,
    target: IpAddr,
}

#[derive(Debug)]
enum Socket {
    Tcp(TcpListener),
    Udp(UdpSocket),
}

#[derive(Debug)]
enum Peer {
    /// A connection; its two ends are this peer and the next number.
    Link(Box<Link>),
    /// The other end of the connection before.
    End,
    Talk {
        door: usize,
        with: SocketAddr,
        socket: UdpSocket,
        until: Instant,
    },
}

impl Proxy {
    /// Opens the doors that held ports have on IPv6; none when there are none.
    pub fn open(ports: &[HeldPort], target: IpAddr) -> Result<Option<Self>> {
        let doing = || "pass IPv6 connections on".to_owned();
        let doors =
            ports.iter().flat_map(|port| port.sockets.iter().map(move |socket| (socket, &port.published)));
        let doors = doors.filter_map(|(socket, port)| door(socket, port, target).transpose());
        let doors: Vec<Door> = doors.collect::<io::Result<_>>().doing(doing)?;
        if doors.is_empty() {
            return Ok(None);
        }
        Self::over(doors).map(Some).doing(doing)
    }

    fn over(doors: Vec<Door>) -> io::Result<Self> {
        let epoll = Epoll::new(EpollCreateFlags::EPOLL_CLOEXEC)?;
        let timer =
            TimerFd::new(ClockId::CLOCK_MONOTONIC, TimerFlags::TFD_CLOEXEC | TimerFlags::TFD_NONBLOCK)?;
        epoll.add(&timer, EpollEvent::new(EpollFlags::EPOLLIN, TIMER))?;
        for (at, door) in doors.iter().enumerate() {
            epoll.add(door.socket.as_fd(), EpollEvent::new(EpollFlags::EPOLLIN, at as u64))?;
        }
        let (peers, talkers) = (BTreeMap::new(), HashMap::new());
        Ok(Self { epoll, timer, doors, peers, talkers, next: FIRST_PEER, closed: false })
    }

    /// From now on new connections go here.
    pub fn lead_to(&mut self, target: IpAddr) {
        self.doors.iter_mut().for_each(|door| door.target = target);
    }

    /// Takes nobody new: who waits is let in, then the doors close. What goes on goes on.
    pub fn close_doors(&mut self) {
        (0..self.doors.len()).for_each(|at| self.door(at));
        for door in &self.doors {
            if let Socket::Tcp(listener) = &door.socket {
                let _ = self.epoll.delete(listener);
                // The port stays held, as before it was published.
                let _ = rustix::net::shutdown(listener, rustix::net::Shutdown::Both);
            }
        }
        self.closed = true;
    }

    /// Whether it takes nobody new.
    pub fn is_closed(&self) -> bool {
        self.closed
    }

    /// Does what is to be done now; called when the file descriptor is readable.
    pub fn handle(&mut self) {
        let mut events = [EpollEvent::empty(); AT_ONCE];
        let count = self.epoll.wait(&mut events, EpollTimeout::ZERO).unwrap_or(0);
        for event in &events[..count] {
            match event.data() {
                TIMER => self.expire(),
                peer if peer >= FIRST_PEER => self.peer(peer),
                door => self.door(door as usize),
            }
        }
    }

    fn door(&mut self, at: usize) {
        for _ in 0..AT_ONCE {
            let Some(door) = self.doors.get(at) else { return };
            let to = SocketAddr::new(door.target, door.port);
            let done = match &door.socket {
                Socket::Tcp(listener) => match listener.accept() {
                    Ok((client, _)) => self.link(client, to),
                    Err(error) => Err(error),
                },
                Socket::Udp(socket) => {
                    let mut buffer = vec![0; usize::from(u16::MAX)];
                    match socket.recv_from(&mut buffer) {
                        Ok((length, with)) => self.talk(at, with, &buffer[..length]),
                        Err(error) => Err(error),
                    }
                }
            };
            if done.is_err_and(|error| error.kind() == io::ErrorKind::WouldBlock) {
                return;
            }
        }
    }

    /// What cannot be passed on is closed: whoever asked sees that nobody answers.
    fn link(&mut self, client: TcpStream, to: SocketAddr) -> io::Result<()> {
        if self.peers.len() >= PEERS {
            return Ok(());
        }
        let link = Link::begin(client, to)?;
        let flags = EpollFlags::EPOLLIN | EpollFlags::EPOLLOUT | EpollFlags::EPOLLRDHUP | EpollFlags::EPOLLET;
        for (offset, end) in link.ends().into_iter().enumerate() {
            self.epoll.add(end, EpollEvent::new(flags, self.next + offset as u64))?;
        }
        self.peers.insert(self.next, Peer::Link(Box::new(link)));
        self.peers.insert(self.next + 1, Peer::End);
        self.next += 2;
        Ok(())
    }

    fn talk(&mut self, door: usize, with: SocketAddr, datagram: &[u8]) -> io::Result<()> {
        let known = self.talkers.get(&(door, with)).and_then(|number| self.peers.get_mut(number));
        if let Some(Peer::Talk { socket, until, .. }) = known {
            *until = Instant::now() + IDLE;
            let _ = socket.send(datagram);
            return Ok(());
        }
        let Some(target) = self.doors.get(door).filter(|_| self.peers.len() < PEERS) else { return Ok(()) };
        let any: IpAddr = match target.target {
            IpAddr::V4(_) => Ipv4Addr::UNSPECIFIED.into(),
            IpAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
        };
        let socket = UdpSocket::bind((any, 0))?;
        socket.set_nonblocking(true)?;
        socket.connect((target.target, target.port))?;
        let _ = socket.send(datagram);
        self.epoll.add(&socket, EpollEvent::new(EpollFlags::EPOLLIN, self.next))?;
        self.talkers.insert((door, with), self.next);
        self.peers.insert(self.next, Peer::Talk { door, with, socket, until: Instant::now() + IDLE });
        self.next += 1;
        self.wake_later();
        Ok(())
    }

    fn peer(&mut self, number: u64) {
        match self.peers.get_mut(&number) {
            Some(Peer::End) => self.peer_link(number - 1),
            Some(Peer::Link(_)) => self.peer_link(number),
            Some(Peer::Talk { .. }) => self.answer(number),
            None => {}
        }
    }

    fn peer_link(&mut self, number: u64) {
        let Some(Peer::Link(link)) = self.peers.get_mut(&number) else { return };
        match link.pump() {
            Progress::Waits => {}
            // Said again at once, behind what else there is to do.
            Progress::Goes => {
                let flags =
                    EpollFlags::EPOLLIN | EpollFlags::EPOLLOUT | EpollFlags::EPOLLRDHUP | EpollFlags::EPOLLET;
                for (offset, end) in link.ends().into_iter().enumerate() {
                    let _ = self.epoll.modify(end, &mut EpollEvent::new(flags, number + offset as u64));
                }
            }
            Progress::Over => {
                self.peers.remove(&number);
                self.peers.remove(&(number + 1));
            }
        }
    }

    fn answer(&mut self, number: u64) {
        let mut buffer = vec![0; usize::from(u16::MAX)];
        for _ in 0..AT_ONCE {
            let Some(Peer::Talk { door, with, socket, until }) = self.peers.get_mut(&number) else { return };
            let Ok(length) = socket.recv(&mut buffer) else { return };
            *until = Instant::now() + IDLE;
            if let Some(Socket::Udp(out)) = self.doors.get(*door).map(|door| &door.socket) {
                let _ = out.send_to(&buffer[..length], *with);
            }
        }
    }

    fn expire(&mut self) {
        let _ = self.timer.wait();
        let now = Instant::now();
        let is_over = |peer: &Peer| matches!(peer, Peer::Talk { until, .. } if *until <= now);
        self.peers.retain(|_, peer| !is_over(peer));
        let peers = &self.peers;
        self.talkers.retain(|_, number| peers.contains_key(number));
        if !self.talkers.is_empty() {
            self.wake_later();
        }
    }

    fn wake_later(&self) {
        let later = Expiration::OneShot(TimeSpec::from_duration(IDLE));
        let _ = self.timer.set(later, TimerSetTimeFlags::empty());
    }
}

/// The door that a held socket is: only those of IPv6 are.
fn door(held: &OwnedFd, port: &Published, target: IpAddr) -> io::Result<Option<Door>> {
    let local = SocketAddr::try_from(getsockname(held)?)?;
    if matches!(local.ip(), IpAddr::V4(_)) {
        return Ok(None);
    }
    let socket = held.try_clone()?;
    let socket = match port.protocol {
        Protocol::Tcp => {
            listen(&socket, BACKLOG)?;
            let listener = TcpListener::from(socket);
            listener.set_nonblocking(true)?;
            Socket::Tcp(listener)
        }
        Protocol::Udp => {
            let socket = UdpSocket::from(socket);
            socket.set_nonblocking(true)?;
            Socket::Udp(socket)
        }
        // Whoever speaks it speaks it to the firewall.
        Protocol::Sctp => return Ok(None),
    };
    Ok(Some(Door { socket, port: port.target, target }))
}

impl AsFd for Socket {
    fn as_fd(&self) -> BorrowedFd<'_> {
        match self {
            Self::Tcp(listener) => listener.as_fd(),
            Self::Udp(socket) => socket.as_fd(),
        }
    }
}

impl AsFd for Proxy {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.epoll.0.as_fd()
    }
}

#[cfg(test)]
#[path = "proxy_tests.rs"]
mod tests;
