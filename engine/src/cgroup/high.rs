//! Hearing that much memory is in use, before it runs out.

use super::oom::event_fd;
use super::{Controller, Group, Version, stats};
use crate::sys::event;
use planner::policy::Level;
use std::fs;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

/// Becomes readable when an amount of memory is passed, on the way up and on the way down.
/// Version 1 only: in version 2 the file that [`super::OomWatch`] watches tells of it.
#[derive(Debug)]
pub struct HighWatch {
    fd: OwnedFd,
}

impl AsFd for HighWatch {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

impl HighWatch {
    /// Empties it after it was readable.
    pub fn drain(&self) {
        event::drain(self.fd.as_fd());
    }
}

impl Group {
    /// Wants to hear when so many bytes are in use. In version 2 that begins with
    /// [`Group::arm`].
    pub fn watch_high(&self, at: u64) -> io::Result<Option<HighWatch>> {
        match (self.version(), self.folder(Controller::Memory)) {
            (Version::V1, Some(folder)) => {
                let fd = event_fd(&folder, "memory.usage_in_bytes", Some(at))?;
                Ok(Some(HighWatch { fd }))
            }
            _ => Ok(None),
        }
    }

    /// Version 2: the kernel counts in `memory.events` when so many bytes are in use. Beyond them
    /// it slows the container down, too: once it has told, [`Group::disarm`] it at once.
    pub fn arm(&self, at: u64) {
        self.write_high(&at.to_string());
    }

    /// Version 2: it need not tell any more.
    pub fn disarm(&self) {
        self.write_high("max");
    }

    /// In a group that is just removed there is nothing to tell.
    fn write_high(&self, value: &str) {
        if let (Version::V2, Some(folder)) = (self.version(), self.folder(Controller::Memory)) {
            let _ = fs::write(folder.join("memory.high"), value);
        }
    }

    /// How much is in use against this amount, and in bytes. Files that the kernel keeps in memory
    /// do not count: it takes them back before it kills.
    pub fn level(&self, at: u64) -> (Level, u64) {
        let Some(folder) = self.folder(Controller::Memory) else { return (Level::Below, 0) };
        // The lists of active and inactive files do not count: what was read just now is on none.
        let (usage, cached, shared) = match self.version() {
            Version::V1 => ("memory.usage_in_bytes", "total_cache", "total_shmem"),
            Version::V2 => ("memory.current", "file", "shmem"),
        };
        let used = stats::read_number(&folder, usage).unwrap_or(0);
        if used < at {
            return (Level::Below, used);
        }
        let stat = fs::read_to_string(folder.join("memory.stat")).unwrap_or_default();
        let [cached, shared] = [cached, shared].map(|name| stats::field(&stat, name).unwrap_or(0));
        let bound = used.saturating_sub(cached.saturating_sub(shared));
        let level = if bound < at { Level::Reclaimable { room: at - bound } } else { Level::Above };
        (level, bound)
    }
}
