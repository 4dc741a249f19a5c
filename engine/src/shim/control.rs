//! The control socket: who may ask, what was asked, who is told.

use super::wire::{self, Reply, Request};
use crate::container::client::short_path;
use crate::error::{Context, Result};
use crate::store::Store;
use planner::ContainerId;
use std::fs::{self, File};
use std::io::{ErrorKind, Read, Write};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::{UnixListener, UnixStream};

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
}

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

    /// To poll for reading: the listener, then the connections.
    pub fn fds(&self) -> impl Iterator<Item = BorrowedFd<'_>> {
        let connections = self.connections.iter().map(|connection| connection.stream.as_fd());
        std::iter::once(self.listener.as_fd()).chain(connections)
    }

    /// Takes in what is there, from whomever; gives what was asked.
    pub fn requests(&mut self) -> Vec<(ConnectionId, Request)> {
        self.accept();
        let mut requests = Vec::new();
        self.connections.retain_mut(|connection| connection.receive(&mut requests));
        for (id, request) in &requests {
            let wants = match request {
                Request::Watch => Wants::State,
                Request::Follow => Wants::Log,
                _ => continue,
            };
            self.connections.iter_mut().filter(|it| it.id == *id).for_each(|it| it.wants = wants);
            self.reply(*id, &Reply::Changed);
        }
        requests
    }

    fn accept(&mut self) {
        while let Ok((stream, _)) = self.listener.accept() {
            if stream.set_nonblocking(true).is_ok() {
                let connection =
                    Connection { id: self.next, stream, received: Vec::new(), wants: Wants::Answer };
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
    fn receive(&mut self, requests: &mut Vec<(ConnectionId, Request)>) -> bool {
        let mut chunk = [0; 512];
        let alive = loop {
            match self.stream.read(&mut chunk) {
                Ok(0) => break false,
                Ok(length) => self.received.extend_from_slice(&chunk[..length]),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => break error.kind() == ErrorKind::WouldBlock,
            }
            if self.received.len() > wire::LONGEST {
                break false;
            }
        };
        while let Some(request) = wire::decode(&mut self.received) {
            match request {
                Ok(request) => requests.push((self.id, request)),
                Err(text) => return self.send(&Reply::Failed(text)) && alive,
            }
        }
        alive
    }

    /// Sends; `false` when the other end is gone. Who does not read loses words, but never the
    /// fact that there were some: its socket is full of them.
    fn send(&mut self, reply: &Reply) -> bool {
        match self.stream.write_all(&wire::encode(reply)) {
            Ok(()) => true,
            Err(error) => error.kind() == ErrorKind::WouldBlock,
        }
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
            let requests = control.requests();
            if let Some((from, _)) = requests.iter().find(|(_, request)| *request == Request::Ping) {
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
