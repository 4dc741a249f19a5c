//! DNS messages over TCP, each behind its length (RFC 1035, section 4.2.2), without blocking.

use rustix::io::Errno;
use rustix::net::{AddressFamily, SocketFlags, SocketType, connect, socket_with};
use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::os::fd::{AsFd, BorrowedFd};

/// Bytes that may wait for a peer that does not read: more is a peer to be dropped.
const PATIENCE: usize = 256 << 10;

/// A connection.
#[derive(Debug)]
pub(super) struct Stream {
    stream: TcpStream,
    inbox: Vec<u8>,
    outbox: Vec<u8>,
}

impl Stream {
    /// A connection that somebody made to us.
    pub(super) fn accepted(stream: TcpStream) -> io::Result<Self> {
        stream.set_nonblocking(true)?;
        Ok(Self { stream, inbox: Vec::new(), outbox: Vec::new() })
    }

    /// Begins to connect; what is sent meanwhile goes out later.
    pub(super) fn connecting(to: SocketAddr) -> io::Result<Self> {
        let family = if to.is_ipv6() { AddressFamily::INET6 } else { AddressFamily::INET };
        let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
        let fd = socket_with(family, SocketType::STREAM, flags, None)?;
        match connect(&fd, &to) {
            Ok(()) | Err(Errno::INPROGRESS) => {}
            Err(error) => return Err(error.into()),
        }
        Ok(Self { stream: fd.into(), inbox: Vec::new(), outbox: Vec::new() })
    }

    /// Sends a message, as far as the peer takes it now.
    pub(super) fn send(&mut self, message: &[u8]) -> io::Result<()> {
        let length = u16::try_from(message.len()).map_err(io::Error::other)?;
        self.outbox.extend_from_slice(&length.to_be_bytes());
        self.outbox.extend_from_slice(message);
        if self.outbox.len() > PATIENCE {
            return Err(io::ErrorKind::TimedOut.into());
        }
        self.flush()
    }

    /// Sends what waits, as far as the peer takes it now.
    pub(super) fn flush(&mut self) -> io::Result<()> {
        while !self.outbox.is_empty() {
            match self.stream.write(&self.outbox) {
                Ok(count) => drop(self.outbox.drain(..count)),
                Err(error) if is_later(&error) => break,
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Takes the messages that have come in whole. An error is the end of the connection.
    pub(super) fn receive(&mut self) -> io::Result<Vec<Vec<u8>>> {
        let mut buffer = [0; 4096];
        let mut is_over = false;
        while !is_over && self.inbox.len() < PATIENCE {
            match self.stream.read(&mut buffer) {
                Ok(0) => is_over = true,
                Ok(count) => self.inbox.extend_from_slice(&buffer[..count]),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if is_later(&error) => break,
                Err(error) => return Err(error),
            }
        }
        let messages = self.whole_messages();
        if is_over && messages.is_empty() { Err(io::ErrorKind::UnexpectedEof.into()) } else { Ok(messages) }
    }

    fn whole_messages(&mut self) -> Vec<Vec<u8>> {
        let mut messages = Vec::new();
        let mut at = 0;
        while let Some(length) = self.inbox.get(at..at + 2) {
            let end = at + 2 + usize::from(u16::from_be_bytes([length[0], length[1]]));
            let Some(message) = self.inbox.get(at + 2..end) else { break };
            messages.push(message.to_vec());
            at = end;
        }
        self.inbox.drain(..at);
        messages
    }
}

/// Not connected yet counts as not now: the connection is still being made.
fn is_later(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::NotConnected)
}

impl AsFd for Stream {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.stream.as_fd()
    }
}
