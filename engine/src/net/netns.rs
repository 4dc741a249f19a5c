//! Network namespaces: made, entered for a moment, held by a bind mount.

use super::link::{self, LOOPBACK};
use super::netlink::Socket;
use crate::error::{Context, Error, Kind, Result};
use crate::store::remove_optional;
use nix::mount::{MntFlags, MsFlags, mount, umount2};
use nix::sched::{CloneFlags, setns, unshare};
use nix::sys::statfs::statfs;
use std::fs::File;
use std::path::Path;

/// The network namespace of the calling thread.
const OWN: &str = "/proc/thread-self/ns/net";
/// `NSFS_MAGIC` (linux/magic.h): what a bound namespace file is on.
const NSFS: i64 = 0x6e73_6673;

/// A fresh network namespace.
#[derive(Debug)]
pub(crate) struct Netns {
    /// Refers to it.
    pub(crate) file: File,
    /// Configures links inside it; stays there wherever it is used.
    pub(crate) socket: Socket,
}

/// Makes a network namespace and binds it to `path`. The calling thread enters it and comes back.
pub(crate) fn make(path: &Path) -> Result<Netns> {
    let doing = || format!("create network namespace {}", path.display());
    away(
        || unshare(CloneFlags::CLONE_NEWNET).doing(doing),
        || {
            let file = File::open(OWN).doing(doing)?;
            let socket = Socket::route()?;
            File::create(path).doing(doing)?;
            mount(Some(OWN), path, None::<&str>, MsFlags::MS_BIND, None::<&str>).doing(doing)?;
            Ok(Netns { file, socket })
        },
    )
}

/// The network namespace that is held at a path.
pub(crate) fn open(path: &Path) -> Result<Netns> {
    let file = File::open(path).doing(|| format!("open network namespace {}", path.display()))?;
    Ok(Netns { file, socket: inside(path, Socket::route)? })
}

/// Makes a network namespace with nothing but its loopback device, and binds it to `path`.
pub(crate) fn isolate(path: &Path) -> Result<()> {
    make(path)?.socket.request(&[link::set_up(LOOPBACK)])
}

/// Binds the network namespace that is held at one path to another, in place of what was there.
pub(crate) fn share(held: &Path, path: &Path) -> Result<()> {
    release(path)?;
    let doing = || format!("share network namespace {}", held.display());
    if !is_held(held) {
        return Err(Error::new(Kind::NotFound, doing()).hint("start the container that it belongs to"));
    }
    File::create(path).doing(doing)?;
    mount(Some(held), path, None::<&str>, MsFlags::MS_BIND, None::<&str>).doing(doing)
}

/// Goes elsewhere with this thread, works there and comes back. Nothing else may ever run on a
/// thread that is in the wrong namespace: when there is no way back the process ends. The kernel
/// has no reason to refuse to whom it let go.
fn away<T>(go: impl FnOnce() -> Result<()>, work: impl FnOnce() -> Result<T>) -> Result<T> {
    let home = File::open(OWN).doing(|| "open our own network namespace".to_owned())?;
    go()?;
    let result = work();
    if setns(&home, CloneFlags::CLONE_NEWNET).is_err() {
        std::process::abort();
    }
    result
}

/// Whether a network namespace is bound to `path`.
pub(crate) fn is_held(path: &Path) -> bool {
    statfs(path).is_ok_and(|found| found.filesystem_type().0 == NSFS)
}

/// Removes the bind mount; the kernel takes the namespace and its interfaces away once its last
/// process is gone, without anyone waiting. Idempotent.
pub(crate) fn release(path: &Path) -> Result<()> {
    // Several mounts can lie on top of each other after an interruption.
    loop {
        match umount2(path, MntFlags::MNT_DETACH) {
            Ok(()) => {}
            Err(nix::Error::EINVAL | nix::Error::ENOENT) => break,
            Err(error) => {
                return Err(error).doing(|| format!("release network namespace {}", path.display()));
            }
        }
    }
    remove_optional(path)
}

/// Runs `work` inside the namespace bound to `path` and comes back. Meant for small things such
/// as opening sockets.
pub(crate) fn inside<T>(path: &Path, work: impl FnOnce() -> Result<T>) -> Result<T> {
    let doing = || format!("enter network namespace {}", path.display());
    let target = File::open(path).doing(doing)?;
    away(|| setns(&target, CloneFlags::CLONE_NEWNET).doing(doing), work)
}
