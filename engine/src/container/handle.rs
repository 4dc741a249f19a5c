//! Holding on to a process that may not be our child.

use super::state::ProcessKey;
use crate::sys::pidfd;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::time::{Duration, Instant};

/// A process, surely the one that is meant: signals cannot reach a successor of its pid.
#[derive(Debug)]
pub struct Handle {
    fd: OwnedFd,
}

impl Handle {
    /// Takes hold of a process; `None` when it has ended.
    pub fn open(key: &ProcessKey) -> Option<Self> {
        let fd = pidfd::open(key.pid).ok()?;
        // Asked after opening: if the key still fits, the descriptor is of the same process.
        key.is_alive().then_some(Self { fd })
    }

    /// Sends a signal. A process that has ended is none to complain about.
    pub fn signal(&self, number: i32) -> io::Result<()> {
        match pidfd::send_signal(self.fd.as_fd(), number) {
            Err(error) if error.raw_os_error() == Some(nix::libc::ESRCH) => Ok(()),
            other => other,
        }
    }

    /// Waits for its end; says whether it came.
    pub fn wait(&self, patience: Duration) -> io::Result<bool> {
        let deadline = Instant::now() + patience;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            let timeout = Timespec { tv_sec: left.as_secs() as i64, tv_nsec: left.subsec_nanos().into() };
            match poll(&mut [PollFd::new(&self.fd, PollFlags::IN)], Some(&timeout)) {
                Ok(ready) => return Ok(ready > 0),
                Err(rustix::io::Errno::INTR) => {}
                Err(error) => return Err(error.into()),
            }
        }
    }
}

impl AsFd for Handle {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}
