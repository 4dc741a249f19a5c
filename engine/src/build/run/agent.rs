//! `--mount=type=ssh`: a socket in the sandbox behind which an agent of the host answers.
//!
//! The program does not get the agent's own socket: who may use that is the host's business.

use super::workspace::{Access, Workspace};
use crate::error::{Context, Error, Kind, Result};
use std::fs::{self, Permissions};
use std::io;
use std::net::Shutdown;
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::fs::{PermissionsExt, chown};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};

/// One socket in the sandbox.
#[derive(Debug)]
pub(super) struct Agent {
    listener: UnixListener,
    /// Where it is in the workspace.
    pub(super) path: PathBuf,
    /// The agent's own.
    socket: PathBuf,
}

impl Agent {
    /// Listens for an agent.
    pub(super) fn listen(workspace: &Workspace, socket: &Path, access: Access) -> Result<Self> {
        let doing = || format!("forward the agent at {}", socket.display());
        // Now is when people can do something about one that does not answer.
        UnixStream::connect(socket)
            .doing(doing)
            .map_err(|error| Error { kind: Kind::NotFound, ..error }.hint("is the agent running?"))?;
        let path = workspace.fresh();
        let listen = || {
            let listener = UnixListener::bind(&path)?;
            listener.set_nonblocking(true)?;
            chown(&path, Some(access.owner.0), Some(access.owner.1))?;
            fs::set_permissions(&path, Permissions::from_mode(access.mode))?;
            Ok::<_, io::Error>(listener)
        };
        let listener = listen().doing(doing)?;
        Ok(Self { listener, path, socket: socket.to_owned() })
    }

    /// To poll for reading; then call [`Agent::connect`].
    pub(super) fn fd(&self) -> BorrowedFd<'_> {
        self.listener.as_fd()
    }

    /// Connects who calls with the agent. When that fails the caller sees its connection end.
    pub(super) fn connect(&self) {
        let connect = || {
            let (caller, _) = self.listener.accept()?;
            caller.set_nonblocking(false)?;
            let agent = UnixStream::connect(&self.socket)?;
            pass(caller.try_clone()?, agent.try_clone()?)?;
            pass(agent, caller)
        };
        let _: io::Result<()> = connect();
    }
}

/// Passes on what one end says until it has said all. The processes of the sandbox end before the
/// `RUN` does, and with them their connections.
fn pass(mut from: UnixStream, mut to: UnixStream) -> io::Result<()> {
    let pass = move || {
        let _ = io::copy(&mut from, &mut to);
        let _ = to.shutdown(Shutdown::Write);
    };
    std::thread::Builder::new().name("agent".to_owned()).spawn(pass).map(drop)
}
