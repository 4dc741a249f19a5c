//! Hearing that memory ran out.

use crate::sys::event;
use nix::sys::inotify::{AddWatchFlags, InitFlags, Inotify};
use std::fs::{self, File};
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::path::Path;

/// Becomes readable when the container's memory ran out. It may do so for other reasons too (the
/// group is removed; version 2 tells of memory pressure in the same file): ask
/// [`super::Group::oom_kills`].
#[derive(Debug)]
pub struct OomWatch {
    fd: OwnedFd,
}

impl AsFd for OomWatch {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

/// Version 1: an eventfd that is registered for a file of a group, with the amount that matters.
pub(super) fn event_fd(group: &Path, file: &str, amount: Option<u64>) -> io::Result<OwnedFd> {
    let fd = event::counter()?;
    let control = File::open(group.join(file))?;
    let amount = amount.map_or_else(String::new, |amount| format!(" {amount}"));
    let registration = format!("{} {}{amount}", fd.as_raw_fd(), control.as_raw_fd());
    fs::write(group.join("cgroup.event_control"), registration)?;
    Ok(fd)
}

impl OomWatch {
    /// Empties it after it was readable.
    pub fn drain(&self) {
        event::drain(self.fd.as_fd());
    }

    /// Version 1: an eventfd registered for `memory.oom_control` of a group.
    pub(super) fn version1(group: &Path) -> io::Result<Self> {
        Ok(Self { fd: event_fd(group, "memory.oom_control", None)? })
    }

    /// Version 2: the kernel modifies `memory.events` of the group.
    pub(super) fn version2(group: &Path) -> io::Result<Self> {
        let inotify = Inotify::init(InitFlags::IN_CLOEXEC | InitFlags::IN_NONBLOCK)?;
        inotify.add_watch(&group.join("memory.events"), AddWatchFlags::IN_MODIFY)?;
        Ok(Self { fd: inotify.into() })
    }
}
