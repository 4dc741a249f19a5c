//! The terminal that this process was started from, while it belongs to a program of a container.

use crate::sys::pty;
use nix::sys::signal::{SigSet, Signal};
use nix::sys::signalfd::{SfdFlags, SignalFd};
use rustix::termios::{OptionalActions, Termios, tcgetattr, tcsetattr};
use std::io::{self, ErrorKind, Read, Stdin, Write};
use std::os::fd::{AsFd, BorrowedFd};

/// Signals as a descriptor. They stay blocked: the caller does nothing else and ends.
pub(super) fn signals(signals: &[Signal]) -> io::Result<SignalFd> {
    let mut set = SigSet::empty();
    signals.iter().for_each(|signal| set.add(*signal));
    set.thread_block()?;
    Ok(SignalFd::with_flags(&set, SfdFlags::SFD_CLOEXEC | SfdFlags::SFD_NONBLOCK)?)
}

/// Our terminal's size to the other one. Without a terminal of ours it has none.
pub(super) fn copy_size(master: BorrowedFd<'_>) {
    if let Ok(size) = pty::size(io::stdin().as_fd()) {
        let _ = pty::set_size(master, size);
    }
}

/// Our terminal passes every key on as it is, until this is dropped.
pub(super) struct Raw {
    before: Option<Termios>,
    stdin: Stdin,
}

impl Raw {
    /// Does nothing when standard input is no terminal.
    pub(super) fn enter() -> Self {
        let stdin = io::stdin();
        let before = tcgetattr(&stdin).ok();
        if let Some(before) = &before {
            let mut raw = before.clone();
            raw.make_raw();
            let _ = tcsetattr(&stdin, OptionalActions::Drain, &raw);
        }
        Self { before, stdin }
    }
}

impl Drop for Raw {
    fn drop(&mut self) {
        if let Some(before) = &self.before {
            let _ = tcsetattr(&self.stdin, OptionalActions::Drain, before);
        }
    }
}

/// One read, written on; `false` at the end of `from`.
pub(super) fn forward(from: &mut impl Read, to: &mut impl Write) -> io::Result<bool> {
    // As large as the buffer of standard input: nothing stays in that, where no poll(2) sees it.
    let mut chunk = [0; 8192];
    match from.read(&mut chunk) {
        Ok(0) => Ok(false),
        Ok(length) => {
            to.write_all(&chunk[..length])?;
            to.flush()?;
            Ok(true)
        }
        Err(error) if error.kind() == ErrorKind::Interrupted => Ok(true),
        // The master reads this once nobody holds the slave (pty(7)).
        Err(error) if error.raw_os_error() == Some(nix::libc::EIO) => Ok(false),
        Err(error) => Err(error),
    }
}
