//! The control socket: who may ask, what was asked, who is told.

use super::frame::{Shown, Typed};
use super::wire::{self, Reply, Request};
use crate::container::client::short_path;
use crate::error::{Context, Result};
use crate::store::Store;
use planner::ContainerId;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use std::fs::{self, File};
use std::io::{ErrorKind, Read, Write};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::{UnixListener, UnixStream};
use std::time::{Duration, Instant};

/// How long somebody who need not get every byte is waited for at the end.
const FAREWELL: Duration = Duration::from_secs(2);

/// Names one connection as long as it lives.
pub type ConnectionId = u64;

/// The listener and its connections. Nothing here ever blocks.
#[derive(Debug)]
pub struct Control {
    listener: UnixListener,
    connections: Vec<Connection>,
    next: ConnectionId,
}

#[derive(Debug)]
struct Connection {
    id: ConnectionId,
    stream: UnixStream,
    received: Vec<u8>,
    wants: Wants,
    attached: Option<Attached>,
}

/// What somebody who is attached still has to get.
#[derive(Debug)]
struct Attached {
    whole: bool,
    outgoing: Vec<u8>,
    skipped: u64,
}

/// What somebody said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Said {
    /// Asked for something.
    Asked(Request),
    /// Typed something.
    Typed(Typed),
}

/// So much may wait for somebody who is attached and does not read.
const MOST_OUTGOING: usize = 1 << 20;

/// Bytes taken at once from one connection, so that none keeps all others waiting.
const CHUNK: usize = 16 << 10;

/// What the other end wants to be told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Wants {
    /// Nothing but the answer.
    Answer,
    /// Changes of the state record.
    State,
    /// And of the log.
    Log,
}

impl Control {
    /// Listens. Only root can reach the socket: its folder is closed to others.
    pub fn listen(store: &Store, id: &ContainerId) -> Result<Self> {
        let doing = || format!("listen on {}", store.control(id).display());
        let listen = || {
            match fs::remove_file(store.control(id)) {
                Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
                _ => {}
            }
            let folder = File::open(store.runtime_container(id))?;
            let listener = UnixListener::bind(short_path(&folder))?;
            listener.set_nonblocking(true)?;
            Ok(listener)
        };
        Ok(Self { listener: listen().doing(doing)?, connections: Vec::new(), next: 0 })
    }

    /// To poll: the listener, then the connections. Those that type are not listened to while there
    /// is no `room` for it.
    pub fn fds(&self, room: bool) -> impl Iterator<Item = (BorrowedFd<'_>, PollFlags)> {
        let connections = self.connections.iter().map(move |it| (it.stream.as_fd(), it.interest(room)));
        std::iter::once((self.listener.as_fd(), PollFlags::IN)).chain(connections)
    }

    /// Takes in what is there, from whomever, and sends what waits to be sent; gives what was said.
    pub fn hear(&mut self, room: bool) -> Vec<(ConnectionId, Said)> {
        self.accept();
        let mut said = Vec::new();
        self.connections.retain_mut(|connection| connection.flush() && connection.receive(room, &mut said));
        for (id, said) in &said {
            let wants = match said {
                Said::Asked(Request::Watch) => Wants::State,
                Said::Asked(Request::Follow) => Wants::Log,
                _ => continue,
            };
            self.connections.iter_mut().filter(|it| it.id == *id).for_each(|it| it.wants = wants);
            self.reply(*id, &Reply::Changed);
        }
        said
    }

    /// Shows those that are attached what the process wrote to a stream.
    pub fn show_text(&mut self, stream: usize, text: &[u8]) {
        if self.is_watched() {
            self.show(&Shown::Text(stream, text.to_vec()));
        }
    }

    /// Shows those that are attached what the process wrote.
    pub fn show(&mut self, shown: &Shown) {
        let frame = shown.encode();
        self.connections.retain_mut(|it| it.show(&frame));
    }

    /// Whether somebody who must get every byte has not read for too long: then the process has to wait.
    pub fn is_congested(&self) -> bool {
        self.connections.iter().any(|it| it.attached.as_ref().is_some_and(Attached::is_full))
    }

    /// Whether anybody is attached.
    pub fn is_watched(&self) -> bool {
        self.connections.iter().any(|it| it.attached.is_some())
    }

    /// The last word to those that are attached. Who must get every byte gets the time for it.
    pub fn farewell(&mut self, code: i32) {
        self.show(&Shown::Ended(code));
        let since = Instant::now();
        loop {
            let waits = |it: &&Connection| it.attached.as_ref().is_some_and(|at| !at.outgoing.is_empty());
            let waiting: Vec<&Connection> = self.connections.iter().filter(waits).collect();
            let is_whole = |it: &&Connection| it.attached.as_ref().is_some_and(|at| at.whole);
            if waiting.is_empty() || since.elapsed() > FAREWELL && !waiting.iter().any(is_whole) {
                return;
            }
            let mut fds: Vec<PollFd<'_>> =
                waiting.iter().map(|it| PollFd::new(&it.stream, PollFlags::OUT)).collect();
            let while_ = Timespec { tv_sec: 1, tv_nsec: 0 };
            let _ = poll(&mut fds, Some(&while_));
            drop(fds);
            self.connections.retain_mut(Connection::flush);
        }
    }

    fn accept(&mut self) {
        while let Ok((stream, _)) = self.listener.accept() {
            if stream.set_nonblocking(true).is_ok() {
                let connection = Connection {
                    id: self.next,
                    stream,
                    received: Vec::new(),
                    wants: Wants::Answer,
                    attached: None,
                };
                self.connections.push(connection);
                self.next += 1;
            }
        }
    }

    /// Answers one connection, if it is still there.
    pub fn reply(&mut self, to: ConnectionId, reply: &Reply) {
        self.connections.retain_mut(|it| it.id != to || it.send(reply));
    }

    /// Tells all that watch that the state record was written.
    pub fn changed(&mut self) {
        self.tell(Wants::State);
    }

    /// Tells all that follow that the log has grown.
    pub fn logged(&mut self) {
        self.tell(Wants::Log);
    }

    fn tell(&mut self, what: Wants) {
        self.connections.retain_mut(|it| it.wants < what || it.send(&Reply::Changed));
    }
}

impl Connection {
    /// Reads what is there; `false` when the other end is gone or talks nonsense.
    fn receive(&mut self, room: bool, said: &mut Vec<(ConnectionId, Said)>) -> bool {
        if self.attached.is_some() && !room {
            return !self.is_gone();
        }
        let mut chunk = [0; CHUNK];
        let alive = match self.stream.read(&mut chunk) {
            Ok(0) => false,
            Ok(length) => {
                self.received.extend_from_slice(&chunk[..length]);
                true
            }
            Err(error) => matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted),
        };
        while self.attached.is_none() {
            match wire::decode(&mut self.received) {
                Some(Ok(Request::Attach { whole })) => {
                    self.attached = Some(Attached { whole, outgoing: Vec::new(), skipped: 0 });
                    said.push((self.id, Said::Asked(Request::Attach { whole })));
                }
                Some(Ok(request)) => said.push((self.id, Said::Asked(request))),
                Some(Err(text)) => return self.send(&Reply::Failed(text)) && alive,
                None => return alive && self.received.len() <= wire::LONGEST,
            }
        }
        while let Some(typed) = Typed::decode(&mut self.received) {
            match typed {
                Ok(typed) => said.push((self.id, Said::Typed(typed))),
                Err(()) => return false,
            }
        }
        alive
    }

    /// Whether the other end is closed; asked where what it said last is not read.
    fn is_gone(&self) -> bool {
        let mut look = [PollFd::new(&self.stream, PollFlags::empty())];
        let now = Timespec { tv_sec: 0, tv_nsec: 0 };
        matches!(poll(&mut look, Some(&now)), Ok(1..))
    }

    fn interest(&self, room: bool) -> PollFlags {
        let Some(attached) = &self.attached else { return PollFlags::IN };
        let mut interest = if room { PollFlags::IN } else { PollFlags::empty() };
        interest.set(PollFlags::OUT, !attached.outgoing.is_empty());
        interest
    }

    /// Puts a frame behind what waits, and sends what it can.
    fn show(&mut self, frame: &[u8]) -> bool {
        let Some(attached) = &mut self.attached else { return true };
        attached.push(frame);
        self.flush()
    }

    /// Sends what waits; `false` when the other end is gone.
    fn flush(&mut self) -> bool {
        let Some(attached) = &mut self.attached else { return true };
        while !attached.outgoing.is_empty() {
            match self.stream.write(&attached.outgoing) {
                Ok(length) => drop(attached.outgoing.drain(..length)),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return error.kind() == ErrorKind::WouldBlock,
            }
        }
        attached.outgoing.shrink_to(CHUNK);
        true
    }

    /// Sends; `false` when the other end is gone. Who does not read loses words, but never the
    /// fact that there were some: its socket is full of them.
    fn send(&mut self, reply: &Reply) -> bool {
        if self.attached.is_some() {
            return true;
        }
        match self.stream.write_all(&wire::encode(reply)) {
            Ok(()) => true,
            Err(error) => error.kind() == ErrorKind::WouldBlock,
        }
    }
}

impl Attached {
    fn is_full(&self) -> bool {
        self.whole && self.outgoing.len() > MOST_OUTGOING
    }

    /// A frame goes out whole or not at all.
    fn push(&mut self, frame: &[u8]) {
        let is_text = frame.first().is_some_and(|kind| *kind < 2);
        if !self.whole && is_text && self.outgoing.len() > MOST_OUTGOING {
            self.skipped += frame.len() as u64;
            return;
        }
        if self.skipped > 0 {
            self.outgoing.extend(Shown::Skipped(self.skipped).encode());
            self.skipped = 0;
        }
        self.outgoing.extend_from_slice(frame);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::container::client::{self, Client};
    use std::time::Duration;

    #[test]
    fn requests_and_replies_cross_a_socket_deep_below_long_names() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::new(folder.path(), folder.path().join("x".repeat(120)));
        let id: ContainerId = "stack.service.1.1".parse().unwrap();
        fs::create_dir_all(store.runtime_container(&id)).unwrap();
        assert!(Client::connect(&store, &id).unwrap().is_none());
        let mut control = Control::listen(&store, &id).unwrap();
        let mut watch = client::watch(&store, &id).unwrap().unwrap();
        let mut client = Client::connect(&store, &id).unwrap().unwrap();
        let asking = std::thread::spawn(move || {
            let mut notes = Vec::new();
            client.call(&Request::Ping, Duration::from_secs(10), &mut |note| notes.push(note)).unwrap();
            notes
        });
        loop {
            let said = control.hear(true);
            if let Some((from, _)) = said.iter().find(|(_, said)| *said == Said::Asked(Request::Ping)) {
                control.reply(*from, &Reply::Note("a".into()));
                control.reply(*from, &Reply::Done);
                break;
            }
            std::thread::yield_now();
        }
        assert_eq!(asking.join().unwrap(), ["a"]);
        control.changed();
        watch.set_nonblocking(false).unwrap();
        let mut lines = [0; 20];
        watch.read_exact(&mut lines).unwrap();
        assert_eq!(&lines, b"\"Changed\"\n\"Changed\"\n", "at once, and at the change");
        drop(control);
        // Another test's child may hold the socket until it executes something.
        let start = std::time::Instant::now();
        while Client::connect(&store, &id).unwrap().is_some() {
            assert!(start.elapsed() < Duration::from_secs(10), "nobody listens any more");
            std::thread::yield_now();
        }
    }
}
