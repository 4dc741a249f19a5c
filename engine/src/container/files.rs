//! A container's own files: what its root file system is, without what is mounted into it.

use super::handle::Handle;
use super::record;
use super::state::{ProcessKey, StateRecord};
use crate::error::{Context, Error, Kind, Result};
use crate::overlay;
use crate::store::Store;
use crate::sys::mountfd;
use crate::tree;
use nix::sched::{CloneFlags, setns, unshare};
use planner::ContainerId;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::thread;

/// The open root folder of a container, whether it runs or not; not to be written to.
pub(crate) fn look(store: &Store, id: &ContainerId) -> Result<OwnedFd> {
    // What a mount is made with can only be used to get at paths in it.
    tree::open_below(mount(store, id)?.as_fd(), c".").doing(|| format!("open the files of {}", id.name()))
}

/// A copy of the mount that is the `/` of a container that runs.
pub(crate) fn mount_of_process(store: &Store, id: &ContainerId) -> Result<Option<OwnedFd>> {
    let first = StateRecord::read(store, id)?.and_then(|state| state.process);
    if let Some(process) = first.as_ref().and_then(Handle::open) {
        let seen = thread::scope(|scope| scope.spawn(|| look_inside(&process)).join());
        let seen = seen.unwrap_or_else(|_| Err(io::Error::other("the thread inside panicked")));
        match seen {
            // It ended while we were about to look.
            Err(_) if !first.as_ref().is_some_and(ProcessKey::is_alive) => {}
            seen => return seen.map(Some).doing(|| format!("look at the files of {}", id.name())),
        }
    }
    Ok(None)
}

/// The mount that is its `/`, or a look at what it is made of.
pub(crate) fn mount(store: &Store, id: &ContainerId) -> Result<OwnedFd> {
    let record = record::read(store, id)?;
    if let Some(mount) = mount_of_process(store, id)? {
        return Ok(mount);
    }
    let upper = store.upper(id);
    if !upper.is_dir() {
        return Err(Error::new(Kind::Corrupt, format!("{} has lost its files", id.name()))
            .hint("`up` makes the container anew"));
    }
    let layers: Vec<_> = record.layers.into_iter().chain([upper]).collect();
    overlay::view(&layers)
}

/// A copy of the mount that is its `/`. A mount can only be copied from inside its namespace, and a
/// thread can only enter one when it shares its root folder with no other.
fn look_inside(process: &Handle) -> io::Result<OwnedFd> {
    unshare(CloneFlags::CLONE_FS)?;
    setns(process.as_fd(), CloneFlags::CLONE_NEWNS)?;
    Ok(mountfd::copy(c"/", false)?)
}
