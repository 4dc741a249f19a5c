//! `--mount=type=cache`: folders that stay from build to build.
//!
//! ```text
//! <root>/build/cache-mounts/<hex of id>/<n>/      what a RUN sees; 0 unless it must be alone
//! <root>/build/cache-mounts/<hex of id>/<n>.new/  one that is being made
//! ```

use super::request::Sharing;
use super::workspace::Access;
use crate::build::cancel::Cancel;
use crate::error::{Context, Result};
use crate::image::digest;
use crate::store::{Lock, LockKind, Store};
use crate::tree;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use std::fs::{self, Permissions};
use std::io;
use std::os::fd::AsFd;
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::{Path, PathBuf};

/// How long to sleep between two looks at a lock that somebody has.
const PAUSE: Timespec = Timespec { tv_sec: 0, tv_nsec: 20_000_000 };

/// One cache in use.
#[derive(Debug)]
pub(super) struct Cache {
    pub(super) folder: PathBuf,
    _lock: Lock,
}

/// Takes a cache as it may be shared; one that is new begins as `fill` makes it.
pub(super) fn take(
    store: &Store,
    (id, sharing): (&str, Sharing),
    cancel: &Cancel,
    fill: &dyn Fn(&Path) -> Result<()>,
) -> Result<Cache> {
    let digest = digest::of(id.as_bytes());
    let hex = digest::hex(&digest);
    let name = |number: u32| format!("build-cache-{}-{number}", &hex[..16]);
    let (number, lock) = match sharing {
        Sharing::Shared => (0, Lock::take(store, &name(0), LockKind::Shared)?),
        Sharing::Locked => (0, wait(store, &name(0), cancel)?),
        Sharing::Private => first_free(store, &name)?,
    };
    let folder = store.cache_mount(hex).join(number.to_string());
    if !folder.exists() {
        // Others that share it make it at the same time.
        let _making = Lock::take(store, &format!("{}-making", name(number)), LockKind::Exclusive)?;
        make(&folder, fill)?;
    }
    Ok(Cache { folder, _lock: lock })
}

fn wait(store: &Store, name: &str, cancel: &Cancel) -> Result<Lock> {
    loop {
        if let Some(lock) = Lock::try_take(store, name)? {
            return Ok(lock);
        }
        let mut wish = [PollFd::from_borrowed_fd(cancel.as_fd(), PollFlags::IN)];
        // An interruption is as good as a pause.
        let _ = poll(&mut wish, Some(&PAUSE));
        cancel.check()?;
    }
}

fn first_free(store: &Store, name: &dyn Fn(u32) -> String) -> Result<(u32, Lock)> {
    let mut number = 0;
    loop {
        if let Some(lock) = Lock::try_take(store, &name(number))? {
            return Ok((number, lock));
        }
        number += 1;
    }
}

fn make(folder: &Path, fill: &dyn Fn(&Path) -> Result<()>) -> Result<()> {
    if folder.exists() {
        return Ok(());
    }
    let doing = || format!("make the cache {}", folder.display());
    let unborn = folder.with_extension("new");
    tree::remove(&unborn)?;
    fs::create_dir_all(&unborn).doing(doing)?;
    fill(&unborn)?;
    fs::rename(&unborn, folder).doing(doing)
}

/// Gives a new, empty cache its owner and mode.
pub(super) fn describe(folder: &Path, access: Access) -> io::Result<()> {
    chown(folder, Some(access.owner.0), Some(access.owner.1))?;
    fs::set_permissions(folder, Permissions::from_mode(access.mode))
}
