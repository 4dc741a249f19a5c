//! A terminal between ours and the program's.

use crate::error::{Context, Result};
use crate::sandbox::Child;
use crate::sys::pty;
use nix::sys::signal::{SigSet, Signal};
use nix::sys::signalfd::{SfdFlags, SignalFd};
use rustix::event::{PollFd, PollFlags, poll};
use rustix::termios::{OptionalActions, Termios, tcgetattr, tcsetattr};
use std::fs::File;
use std::io::{self, ErrorKind, Read, Stdin, Write};
use std::os::fd::{AsFd, BorrowedFd};

/// Runs what `spawn` starts on the slave end of a new terminal of the container that process
/// `pid` is in; gives its exit code.
pub(super) fn run(pid: i32, spawn: impl FnOnce(BorrowedFd<'_>) -> Result<Child>) -> Result<i32> {
    let doing = || "open a terminal".to_owned();
    let pty = pty::open_in(pid).doing(doing)?;
    let changes = size_changes().doing(doing)?;
    copy_size(pty.master.as_fd());
    let child = spawn(pty.slave.as_fd())?;
    // Only the program holds the slave end now: its end is the end of what can be read.
    drop(pty.slave);
    let raw = Raw::enter();
    let relayed = relay(File::from(pty.master), &child, &changes);
    drop(raw);
    relayed.doing(|| "relay the terminal".to_owned())?;
    super::wait(&child)
}

/// `SIGWINCH` as a descriptor. The signal stays blocked: the caller does nothing else and ends.
fn size_changes() -> io::Result<SignalFd> {
    let mut set = SigSet::empty();
    set.add(Signal::SIGWINCH);
    set.thread_block()?;
    Ok(SignalFd::with_flags(&set, SfdFlags::SFD_CLOEXEC | SfdFlags::SFD_NONBLOCK)?)
}

/// Our terminal's size to the other one. Without a terminal of ours it has none.
fn copy_size(master: BorrowedFd<'_>) {
    if let Ok(size) = pty::size(io::stdin().as_fd()) {
        let _ = pty::set_size(master, size);
    }
}

/// Our terminal passes every key on as it is, until this is dropped.
struct Raw {
    before: Option<Termios>,
    stdin: Stdin,
}

impl Raw {
    /// Does nothing when standard input is no terminal.
    fn enter() -> Self {
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

/// Passes bytes both ways until the program has ended and all that it wrote was shown.
fn relay(mut master: File, child: &Child, changes: &SignalFd) -> io::Result<()> {
    let stdin = io::stdin();
    let mut input_open = true;
    loop {
        let ended = exit_code_pending(child);
        let mut fds = vec![
            PollFd::new(&master, PollFlags::IN),
            PollFd::new(changes, PollFlags::IN),
            PollFd::new(&child.pidfd, PollFlags::IN),
        ];
        if input_open {
            fds.push(PollFd::new(&stdin, PollFlags::IN));
        }
        match poll(&mut fds, None) {
            Ok(_) | Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
        let ready: Vec<bool> = fds.iter().map(|fd| !fd.revents().is_empty()).collect();
        drop(fds);
        if ready[1] {
            while let Ok(Some(_)) = changes.read_signal() {}
            copy_size(master.as_fd());
        }
        if ready.get(3) == Some(&true) {
            input_open = forward(&mut stdin.lock(), &mut master)?;
        }
        if ready[0] && !forward(&mut master, &mut io::stdout().lock())? {
            return Ok(());
        }
        // Background processes can hold the terminal; the program's own end is what counts.
        if ended && !ready[0] {
            return Ok(());
        }
    }
}

/// Whether the program has ended, without waiting for it yet.
fn exit_code_pending(child: &Child) -> bool {
    let at_once = rustix::event::Timespec { tv_sec: 0, tv_nsec: 0 };
    matches!(poll(&mut [PollFd::new(&child.pidfd, PollFlags::IN)], Some(&at_once)), Ok(1..))
}

/// One read, written on; `false` at the end of `from`.
fn forward(from: &mut impl Read, to: &mut impl Write) -> io::Result<bool> {
    let mut chunk = [0; 4096];
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
