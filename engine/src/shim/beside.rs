//! A program that the supervisor runs beside the container's own, the beginning of its output kept.

use crate::error::{Context, Result};
use crate::sandbox::Child;
use crate::sys::pidfd;
use nix::libc;
use rustix::fs::OFlags;
use rustix::process::{WaitId, WaitIdOptions, waitid};
use std::fs::File;
use std::io::Read;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::time::Duration;

/// How much of the output is kept.
pub(super) const OUTPUT: usize = 4 << 10;

/// One that runs.
#[derive(Debug)]
pub struct Beside {
    child: Child,
    /// `None` after its end: nobody holds the other end any more.
    output: Option<File>,
    text: Vec<u8>,
    ended: bool,
    /// When it was started.
    pub(super) since: Duration,
}

impl Beside {
    /// Starts it with `spawn`, which is given the descriptor for its output.
    pub fn start(
        argv: &[String],
        now: Duration,
        spawn: impl FnOnce(&[String], BorrowedFd<'_>) -> Result<Child>,
    ) -> Result<Self> {
        let pipe = || -> std::io::Result<(OwnedFd, OwnedFd)> {
            let (read, write) = rustix::pipe::pipe_with(rustix::pipe::PipeFlags::CLOEXEC)?;
            rustix::fs::fcntl_setfl(&read, OFlags::NONBLOCK)?;
            Ok((read, write))
        };
        let (read, write) = pipe().doing(|| "open a pipe for the output of a program".to_owned())?;
        let child = spawn(argv, write.as_fd())?;
        Ok(Self { child, output: Some(File::from(read)), text: Vec::new(), ended: false, since: now })
    }

    /// To poll for reading: its end, its output. Then call [`Beside::progress`].
    pub fn fds(&self) -> impl Iterator<Item = BorrowedFd<'_>> {
        std::iter::once(self.child.pidfd.as_fd()).chain(self.output.as_ref().map(AsFd::as_fd))
    }

    /// Ends it. One that has just ended is none to complain about.
    pub fn kill(&self) {
        let _ = pidfd::send_signal(self.child.pidfd.as_fd(), libc::SIGKILL);
    }

    /// Reads what it has written; its exit code once it is over.
    pub fn progress(&mut self) -> Option<i32> {
        self.read();
        let code = exit_code(&self.child)?;
        self.ended = true;
        self.read();
        Some(code)
    }

    /// The beginning of its output.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.text).into_owned()
    }

    /// Reads all that is there; what is too much is read and dropped, so that the program does
    /// not hang on a full pipe.
    fn read(&mut self) {
        let mut chunk = [0; 1024];
        while let Some(output) = &mut self.output {
            match output.read(&mut chunk) {
                Ok(0) => self.output = None,
                Ok(length) => {
                    let room = OUTPUT - self.text.len();
                    self.text.extend_from_slice(&chunk[..length.min(room)]);
                }
                Err(_) => return,
            }
        }
    }
}

impl Drop for Beside {
    /// The container ended: this ended with it and has only to be waited for.
    fn drop(&mut self) {
        if !self.ended {
            self.kill();
            let _ = waitid(WaitId::PidFd(self.child.pidfd.as_fd()), WaitIdOptions::EXITED);
        }
    }
}

/// How a child of ours ended, in the way of the shell: 128 plus the signal number when killed by
/// one. `None` while it lives.
pub fn exit_code(child: &Child) -> Option<i32> {
    let options = WaitIdOptions::EXITED | WaitIdOptions::NOHANG;
    match waitid(WaitId::PidFd(child.pidfd.as_fd()), options) {
        Ok(None) | Err(rustix::io::Errno::INTR) => None,
        Ok(Some(status)) => {
            let signal = status.terminating_signal().map(|signal| 128 + signal);
            Some(status.exit_status().or(signal).unwrap_or(crate::container::state::UNKNOWN_CODE))
        }
        // Nobody else waits for our children; if it happens, its end is as unknown as can be.
        Err(_) => Some(crate::container::state::UNKNOWN_CODE),
    }
}
