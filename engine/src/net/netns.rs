//! Network namespaces: made on a thread of their own, held by a bind mount.

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

/// Makes a network namespace and binds it to `path`. The thread that enters it ends with this
/// call, so that no other work ever runs inside by accident.
pub(crate) fn make(path: &Path) -> Result<Netns> {
    let doing = || format!("create network namespace {}", path.display());
    let make = || {
        unshare(CloneFlags::CLONE_NEWNET).doing(doing)?;
        let file = File::open(OWN).doing(doing)?;
        let socket = Socket::route()?;
        File::create(path).doing(doing)?;
        mount(Some(OWN), path, None::<&str>, MsFlags::MS_BIND, None::<&str>).doing(doing)?;
        Ok(Netns { file, socket })
    };
    on_a_thread(make)
}

/// Runs something on a thread that ends with this call, so that it may change namespaces.
fn on_a_thread<T: Send>(work: impl FnOnce() -> Result<T> + Send) -> Result<T> {
    std::thread::scope(|scope| {
        let thread = std::thread::Builder::new().name("netns".into()).spawn_scoped(scope, work);
        let thread = thread.doing(|| "start a thread".to_owned())?;
        thread.join().unwrap_or_else(|_| Err(Error::new(Kind::System, "enter a network namespace")))
    })
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
/// as opening sockets. When the way back fails the error says so and the thread is lost: its
/// process must end.
pub(crate) fn inside<T>(path: &Path, work: impl FnOnce() -> Result<T>) -> Result<T> {
    let doing = || format!("enter network namespace {}", path.display());
    let home = File::open(OWN).doing(doing)?;
    let target = File::open(path).doing(doing)?;
    setns(&target, CloneFlags::CLONE_NEWNET).doing(doing)?;
    let result = work();
    setns(&home, CloneFlags::CLONE_NEWNET).doing(|| "come back from a network namespace".to_owned())?;
    result
}
