//! Talking to a container's supervisor.

use crate::error::{Context, Error, Kind, Result};
use crate::shim::wire::{self, Reply, Request};
use crate::store::Store;
use planner::ContainerId;
use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::AsRawFd;
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::time::Duration;

/// A connection to a supervisor.
#[derive(Debug)]
pub struct Client {
    stream: UnixStream,
    received: Vec<u8>,
}

impl Client {
    /// Connects. `None` when no supervisor listens.
    pub fn connect(store: &Store, id: &ContainerId) -> Result<Option<Self>> {
        match connect(store, id) {
            Ok(stream) => Ok(Some(Self { stream, received: Vec::new() })),
            Err(error) if is_absent(&error) => Ok(None),
            Err(error) => Err(error).doing(|| format!("reach the supervisor of {}", id.name())),
        }
    }

    /// Asks, passes on the notes, returns at the reply. Waits no longer than `patience` between
    /// two messages; a supervisor that ends instead of replying has done what was asked.
    pub fn call(
        &mut self,
        request: &Request,
        patience: Duration,
        note: &mut dyn FnMut(String),
    ) -> Result<()> {
        let doing = || "talk to the supervisor".to_owned();
        self.stream.set_read_timeout(Some(patience)).doing(doing)?;
        match self.stream.write_all(&wire::encode(request)) {
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => return Ok(()),
            other => other.doing(doing)?,
        }
        loop {
            match self.receive()? {
                Some(Reply::Note(text)) => note(text),
                Some(Reply::Failed(text)) => return Err(Error::new(Kind::Container, text)),
                Some(Reply::Done) | None => return Ok(()),
                Some(Reply::Changed) => {}
            }
        }
    }

    /// Asks and does not wait for the answer.
    pub fn leave(mut self, request: &Request) {
        // A supervisor that is gone has nothing left to do.
        let _ = self.stream.write_all(&wire::encode(request));
    }

    fn receive(&mut self) -> Result<Option<Reply>> {
        loop {
            if let Some(reply) = wire::decode(&mut self.received) {
                let damaged =
                    |text| Error::new(Kind::Corrupt, format!("the supervisor said nonsense: {text}"));
                return reply.map(Some).map_err(damaged);
            }
            let mut chunk = [0; 512];
            match self.stream.read(&mut chunk) {
                Ok(0) => return Ok(None),
                Ok(length) => self.received.extend_from_slice(&chunk[..length]),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.kind() == io::ErrorKind::ConnectionReset => return Ok(None),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    return Err(Error::new(Kind::Timeout, "the supervisor does not answer"));
                }
                Err(error) => return Err(error).doing(|| "listen to the supervisor".to_owned()),
            }
        }
    }
}

/// Connects and asks to be told each change of the state record.
pub fn watch(store: &Store, id: &ContainerId) -> Result<Option<UnixStream>> {
    listen(store, id, &Request::Watch)
}

/// Connects and asks to be told each change of the state record and of the log.
pub fn follow(store: &Store, id: &ContainerId) -> Result<Option<UnixStream>> {
    listen(store, id, &Request::Follow)
}

/// Connects and attaches; from here on both sides speak in [frames](crate::shim::frame). Blocks where
/// there is nothing to read.
pub fn attach(store: &Store, id: &ContainerId, whole: bool) -> Result<Option<UnixStream>> {
    let stream = listen(store, id, &Request::Attach { whole })?;
    let blocking = |stream: UnixStream| stream.set_nonblocking(false).map(|()| stream);
    stream.map(blocking).transpose().doing(|| format!("attach to {}", id.name()))
}

fn listen(store: &Store, id: &ContainerId, request: &Request) -> Result<Option<UnixStream>> {
    let connect = || {
        let mut stream = connect(store, id)?;
        stream.write_all(&wire::encode(request))?;
        stream.set_nonblocking(true)?;
        Ok(stream)
    };
    match connect() {
        Ok(stream) => Ok(Some(stream)),
        Err(error) if is_absent(&error) => Ok(None),
        Err(error) => Err(error).doing(|| format!("watch the supervisor of {}", id.name())),
    }
}

fn connect(store: &Store, id: &ContainerId) -> io::Result<UnixStream> {
    let folder = File::open(store.runtime_container(id))?;
    UnixStream::connect(short_path(&folder))
}

/// Path of the control socket through an open folder: the name of a socket has room for 108
/// bytes only (unix(7)), and stores can lie deep.
pub(crate) fn short_path(folder: &File) -> PathBuf {
    PathBuf::from(format!("/proc/self/fd/{}/control", folder.as_raw_fd()))
}

fn is_absent(error: &io::Error) -> bool {
    use io::ErrorKind::{BrokenPipe, ConnectionRefused, ConnectionReset, NotFound};
    matches!(error.kind(), NotFound | ConnectionRefused | ConnectionReset | BrokenPipe)
}
