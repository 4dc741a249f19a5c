//! This program's own file, out of a container's reach.
//!
//! A process that enters a container is for a moment a process of the container whose executable
//! file is ours. A program inside can make it execute that file again (`#!/proc/self/exe`), open it
//! through /proc and later write to it: the host's binary. Therefore whatever enters containers is
//! executed from a read-only copy of the mount that the file is on, which no container can change.

use super::mountfd;
use rustix::fs::{CWD, Mode, OFlags, StatVfsMountFlags};
use rustix::io::Errno;
use rustix::mount::MountAttrFlags;
use std::ffi::CString;
use std::io;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

/// A program's file on a mount that nobody can write to.
#[derive(Debug)]
pub struct Sealed(OwnedFd);

impl Sealed {
    /// Where to execute it from, by this process or a child of it.
    pub fn path(&self) -> PathBuf {
        PathBuf::from(format!("/proc/self/fd/{}", self.0.as_raw_fd()))
    }
}

/// Whether this process was executed from a mount that cannot be written to.
pub fn is_sealed() -> io::Result<bool> {
    Ok(is_read_only(&open(Path::new("/proc/self/exe"))?)?)
}

/// Makes a read-only copy of the mount that a program is on. Allocates; needs `CAP_SYS_ADMIN`.
pub fn seal(program: &Path) -> io::Result<Sealed> {
    let place = open(program)?;
    if is_read_only(&place)? {
        return Ok(Sealed(place));
    }
    let copy = mountfd::copy(&CString::new(program.as_os_str().as_bytes())?, false)?;
    mountfd::set_attributes(copy.as_fd(), MountAttrFlags::MOUNT_ATTR_RDONLY, false)?;
    Ok(Sealed(copy))
}

fn open(path: &Path) -> Result<OwnedFd, Errno> {
    rustix::fs::openat(CWD, path, OFlags::PATH | OFlags::CLOEXEC, Mode::empty())
}

fn is_read_only(place: &OwnedFd) -> Result<bool, Errno> {
    Ok(rustix::fs::fstatvfs(place)?.f_flag.contains(StatVfsMountFlags::RDONLY))
}
