//! One connection that is passed on: two sockets, and the bytes between.

use rustix::io::Errno;
use rustix::net::{AddressFamily, SocketFlags, SocketType, connect, socket_with};
use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::os::fd::{AsFd, BorrowedFd};

/// Bytes that wait in one direction.
const BUFFER: usize = 64 << 10;
/// How often one direction is filled before others get their turn.
const TURNS: usize = 16;

/// A connection that is passed on.
#[derive(Debug)]
pub(super) struct Link {
    client: TcpStream,
    server: TcpStream,
    /// From the client to the server, and back.
    ways: [Way; 2],
}

/// One direction.
#[derive(Debug, Default)]
struct Way {
    /// Read and not written yet.
    waiting: Vec<u8>,
    /// Nothing more comes.
    is_ended: bool,
    /// The other side knows that nothing more comes.
    is_told: bool,
}

/// What became of a turn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Progress {
    /// Nothing can be done until something happens.
    Waits,
    /// There is more to do at once.
    Goes,
    /// The connection is over.
    Over,
}

impl Link {
    /// Begins to connect; what is sent meanwhile goes out later.
    pub(super) fn begin(client: TcpStream, to: SocketAddr) -> io::Result<Self> {
        client.set_nonblocking(true)?;
        let family = if to.is_ipv6() { AddressFamily::INET6 } else { AddressFamily::INET };
        let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
        let server = socket_with(family, SocketType::STREAM, flags, None)?;
        match connect(&server, &to) {
            Ok(()) | Err(Errno::INPROGRESS) => {}
            Err(error) => return Err(error.into()),
        }
        let server = TcpStream::from(server);
        // Small messages go at once, as they would without us.
        let _ = client.set_nodelay(true).and(server.set_nodelay(true));
        Ok(Self { client, server, ways: Default::default() })
    }

    /// Both sockets.
    pub(super) fn ends(&self) -> [BorrowedFd<'_>; 2] {
        [self.client.as_fd(), self.server.as_fd()]
    }

    /// Passes on what there is, in both directions.
    pub(super) fn pump(&mut self) -> Progress {
        let [there, back] = &mut self.ways;
        let (client, server) = (&self.client, &self.server);
        match (there.pump(client, server), back.pump(server, client)) {
            (Err(_), _) | (_, Err(_)) => Progress::Over,
            _ if there.is_told && back.is_told => Progress::Over,
            (Ok(one), Ok(other)) if one || other => Progress::Goes,
            _ => Progress::Waits,
        }
    }
}

impl Way {
    /// Whether there may be more to do at once. An error is the end of the connection.
    fn pump(&mut self, mut from: &TcpStream, mut to: &TcpStream) -> io::Result<bool> {
        for _ in 0..TURNS {
            if self.waiting.is_empty() && !self.is_ended {
                self.waiting.resize(BUFFER, 0);
                let Some(count) = read(&mut from, &mut self.waiting)? else {
                    // What nobody uses now need not be kept at hand.
                    self.waiting = Vec::new();
                    return Ok(false);
                };
                self.waiting.truncate(count);
                self.is_ended = count == 0;
            }
            while !self.waiting.is_empty() {
                match to.write(&self.waiting) {
                    Ok(count) => drop(self.waiting.drain(..count)),
                    Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                    Err(error) if is_later(&error) => return Ok(false),
                    Err(error) => return Err(error),
                }
            }
            if self.is_ended {
                return self.tell_end(to).map(|()| false);
            }
        }
        Ok(true)
    }

    fn tell_end(&mut self, to: &TcpStream) -> io::Result<()> {
        if !self.is_told {
            match to.shutdown(Shutdown::Write) {
                Err(error) if error.kind() == io::ErrorKind::NotConnected => return Ok(()),
                done => done?,
            }
            self.is_told = true;
        }
        Ok(())
    }
}

/// `None`: nothing now.
fn read(from: &mut &TcpStream, into: &mut [u8]) -> io::Result<Option<usize>> {
    loop {
        match from.read(into) {
            Ok(count) => return Ok(Some(count)),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) if is_later(&error) => return Ok(None),
            Err(error) => return Err(error),
        }
    }
}

/// Not connected yet counts as not now: the connection is still being made.
fn is_later(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::NotConnected)
}
