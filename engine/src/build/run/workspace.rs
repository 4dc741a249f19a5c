//! A folder in memory that only one thread and the processes that it bears can see.

use crate::error::{Context, Result};
use crate::store::Store;
use crate::sys::mountfd;
use nix::sched::{CloneFlags, unshare};
use rustix::fs::{CWD, Mode, OFlags, openat};
use rustix::mount::{MountAttrFlags, MountPropagationFlags, mount_change};
use std::cell::Cell;
use std::ffi::CStr;
use std::fs::{self, File, Permissions};
use std::io::{self, Write};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::fs::{PermissionsExt, fchown};
use std::path::{Path, PathBuf};

/// The folder. It is gone with the thread.
#[derive(Debug)]
pub(super) struct Workspace {
    root: PathBuf,
    next: Cell<u32>,
}

/// Who owns something, and with which permission bits.
#[derive(Clone, Copy, Debug)]
pub(super) struct Access {
    pub(super) owner: (u32, u32),
    pub(super) mode: u32,
}

impl Workspace {
    /// Gives the calling thread mounts of its own, with the folder among them. What is mounted or
    /// unmounted elsewhere later happens here, too: we keep no disk busy.
    pub(super) fn enter(store: &Store) -> Result<Self> {
        let root = store.build_workspace();
        let enter = || {
            fs::create_dir_all(&root)?;
            unshare(CloneFlags::CLONE_NEWNS)?;
            mount_change("/", MountPropagationFlags::REC | MountPropagationFlags::DOWNSTREAM)?;
            let memory = memory(&[(c"mode", Some(c"700"))])?;
            mountfd::attach(memory.as_fd(), open(&root)?.as_fd())?;
            Ok::<_, io::Error>(())
        };
        enter().doing(|| format!("make a workspace at {}", root.display()))?;
        Ok(Self { root, next: Cell::new(0) })
    }

    /// A path where nothing is yet.
    pub(super) fn fresh(&self) -> PathBuf {
        self.next.set(self.next.get() + 1);
        self.root.join(self.next.get().to_string())
    }

    /// Makes a file.
    pub(super) fn file(&self, content: &[u8], access: Access) -> Result<PathBuf> {
        let path = self.fresh();
        let write = || {
            let mut file = File::create_new(&path)?;
            file.write_all(content)?;
            fchown(&file, Some(access.owner.0), Some(access.owner.1))?;
            file.set_permissions(Permissions::from_mode(access.mode))
        };
        write().doing(|| "write a file for a RUN".to_owned())?;
        Ok(path)
    }

    /// Makes an empty folder that everybody may enter.
    pub(super) fn folder(&self) -> Result<PathBuf> {
        let path = self.fresh();
        let make = || {
            fs::create_dir(&path)?;
            fs::set_permissions(&path, Permissions::from_mode(0o755))
        };
        make().doing(|| "make a folder for a RUN".to_owned())?;
        Ok(path)
    }

    /// Puts a detached mount of a folder, or of a file, at a place of its own.
    pub(super) fn attach(&self, mount: BorrowedFd<'_>, is_folder: bool) -> Result<PathBuf> {
        let path =
            if is_folder { self.folder()? } else { self.file(&[], Access { owner: (0, 0), mode: 0o644 })? };
        let attach = || mountfd::attach(mount, open(&path)?.as_fd());
        attach().doing(|| "mount something for a RUN".to_owned())?;
        Ok(path)
    }

    /// Memory of this size at most, in which programs can be executed.
    pub(super) fn tmpfs(&self, size: Option<u64>) -> Result<PathBuf> {
        let size = size.map(|size| std::ffi::CString::new(size.to_string())).transpose();
        let size = size.map_err(io::Error::other).doing(|| "make a tmpfs".to_owned())?;
        let mut options = vec![(c"mode", Some(c"1777"))];
        options.extend(size.as_deref().map(|size| (c"size", Some(size))));
        let memory = memory(&options).doing(|| "make a tmpfs".to_owned())?;
        self.attach(memory.as_fd(), true)
    }
}

fn memory(options: &[(&CStr, Option<&CStr>)]) -> rustix::io::Result<std::os::fd::OwnedFd> {
    let attributes = MountAttrFlags::MOUNT_ATTR_NOSUID | MountAttrFlags::MOUNT_ATTR_NODEV;
    mountfd::filesystem(c"tmpfs", options, attributes)
}

fn open(path: &Path) -> rustix::io::Result<std::os::fd::OwnedFd> {
    openat(CWD, path, OFlags::PATH | OFlags::CLOEXEC, Mode::empty())
}
