//! The files of a container as it sees them: its root file system, with its volumes and what is
//! bound into it. What lies only in memory, and what the kernel shows, is left out.
//!
//! They are put together on a thread with mounts of its own, and handed out as one detached mount:
//! nothing of it is visible anywhere, and it goes with its descriptor.

use super::locate::open;
use crate::container::files;
use crate::container::guard::Guard;
use crate::container::record::{self, ContainerRecord};
use crate::error::{Context, Error, Kind, Result};
use crate::shim::birth::Rootfs;
use crate::shim::mounts::open_part;
use crate::store::{Lock, Store};
use crate::sys::mountfd;
use crate::{stacks, tree};
use nix::sched::{CloneFlags, unshare};
use planner::ContainerId;
use planner::desired::{MountKind, MountSpec, Submounts};
use rustix::fs::{CWD, FileType, Mode, OFlags};
use rustix::io::Errno;
use rustix::mount::{MountAttrFlags, MountPropagationFlags, mount_change};
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::thread;

/// The files of a container.
pub(super) struct Inside {
    root: OwnedFd,
    /// While a container does not run nobody may start it, or mount its files a second time.
    _alone: Option<(Lock, Guard)>,
}

/// Something that is mounted into it.
struct Bound {
    mount: OwnedFd,
    target: PathBuf,
    is_folder: bool,
}

impl Inside {
    pub(super) fn to_read(store: &Store, id: &ContainerId) -> Result<Self> {
        let record = record::read(store, id)?;
        Ok(Self { root: assembled(store, &record, id, files::mount(store, id)?)?, _alone: None })
    }

    pub(super) fn to_write(store: &Store, id: &ContainerId) -> Result<Self> {
        let record = record::read(store, id)?;
        let read_only = || {
            let what = format!("the root file system of {} is read-only", id.name());
            Error::new(Kind::Conflict, what).hint("what is to be written belongs in a volume")
        };
        if let Some(mount) = files::mount_of_process(store, id)? {
            return Ok(Self { root: assembled(store, &record, id, mount)?, _alone: None });
        }
        let lock = stacks::lock(store, &id.stack)?;
        let Some(guard) = Guard::try_take(store, id)? else {
            let what = format!("container {} is about to start or to end", id.name());
            return Err(Error::new(Kind::Conflict, what).hint("try again"));
        };
        if record.spec.read_only {
            return Err(read_only());
        }
        let mount = Rootfs::of(store, id, &record)?.take()?;
        Ok(Self { root: assembled(store, &record, id, mount)?, _alone: Some((lock, guard)) })
    }

    pub(super) fn root(&self) -> BorrowedFd<'_> {
        self.root.as_fd()
    }
}

impl AsFd for Inside {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.root()
    }
}

/// Opens the root with all that is mounted in it.
fn assembled(store: &Store, record: &ContainerRecord, id: &ContainerId, base: OwnedFd) -> Result<OwnedFd> {
    let (mounts, place) = (&record.spec.mounts, store.runtime());
    let bound = |mount: &MountSpec| source(store, mount).map(|from| (from, mount.clone()));
    let wanted: Vec<(PathBuf, MountSpec)> = mounts.iter().filter_map(bound).collect();
    let made = thread::scope(|scope| scope.spawn(|| assemble(base, &wanted, place)).join());
    let made = made.unwrap_or_else(|_| Err(io::Error::other("the thread panicked")));
    let mount = made.doing(|| format!("look at the files of {}", id.name()))?;
    tree::open_below(mount.as_fd(), c".").doing(|| format!("open the files of {}", id.name()))
}

/// What lies on this machine and is mounted into a container.
fn source(store: &Store, mount: &MountSpec) -> Option<PathBuf> {
    match &mount.kind {
        MountKind::Volume { name, .. } => Some(store.volume_data(name)),
        MountKind::Bind { source, .. } => Some(source.clone()),
        MountKind::Tmpfs(_) | MountKind::Image { .. } => None,
    }
}

/// Mounts it all over a folder that exists, where only this thread sees it, and copies that.
fn assemble(base: OwnedFd, wanted: &[(PathBuf, MountSpec)], place: &Path) -> io::Result<OwnedFd> {
    unshare(CloneFlags::CLONE_FS | CloneFlags::CLONE_NEWNS)?;
    mount_change("/", MountPropagationFlags::REC | MountPropagationFlags::PRIVATE)?;
    // The sources first: the folder may hide them.
    let mut bound = Vec::new();
    for (from, mount) in wanted {
        bound.extend(copy(from, mount)?);
    }
    bound.sort_by_key(|one| one.target.components().count());
    let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let under = rustix::fs::openat(CWD, place, flags, Mode::empty())?;
    mountfd::attach(base.as_fd(), under.as_fd())?;
    let root = rustix::fs::openat(CWD, place, flags, Mode::empty())?;
    for one in &bound {
        match open(root.as_fd(), one.target.as_os_str().as_bytes(), OFlags::PATH) {
            // It has not been started yet, and there is no place.
            Err(Errno::NOENT | Errno::NOTDIR) => {}
            place => {
                let place = place?;
                let is_folder =
                    FileType::from_raw_mode(rustix::fs::fstat(&place)?.st_mode) == FileType::Directory;
                if is_folder == one.is_folder {
                    mountfd::attach(one.mount.as_fd(), place.as_fd())?;
                }
            }
        }
    }
    Ok(mountfd::copy_of(root.as_fd(), true)?)
}

/// A copy of what is to be mounted; `None` when it is gone.
fn copy(from: &Path, mount: &MountSpec) -> io::Result<Option<Bound>> {
    let part = if let MountKind::Volume { subpath, .. } = &mount.kind { subpath } else { "" };
    let recursive = !matches!(mount.kind, MountKind::Bind { submounts: Submounts::Excluded, .. });
    let opened = match part {
        "" => rustix::fs::openat(CWD, from, OFlags::PATH | OFlags::CLOEXEC, Mode::empty()),
        part => open_part(from, part),
    };
    let opened = match opened {
        Err(Errno::NOENT) => return Ok(None),
        opened => opened?,
    };
    let copied = mountfd::copy_of(opened.as_fd(), recursive)?;
    if mount.read_only {
        mountfd::set_attributes(copied.as_fd(), MountAttrFlags::MOUNT_ATTR_RDONLY, true)?;
    }
    let is_folder = FileType::from_raw_mode(rustix::fs::fstat(&copied)?.st_mode) == FileType::Directory;
    Ok(Some(Bound { mount: copied, target: PathBuf::from(&mount.target), is_folder }))
}
