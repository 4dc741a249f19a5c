//! A terminal between ours and the program's.

use crate::container::console::{Raw, copy_size, forward, signals};
use crate::error::{Context, Result};
use crate::sandbox::Child;
use crate::sys::pty;
use nix::sys::signal::Signal;
use nix::sys::signalfd::SignalFd;
use rustix::event::{PollFd, PollFlags, poll};
use std::fs::File;
use std::io;
use std::os::fd::{AsFd, BorrowedFd};

/// Runs what `spawn` starts on the slave end of a new terminal of the container that process
/// `pid` is in; gives its exit code.
pub(super) fn run(pid: i32, spawn: impl FnOnce(BorrowedFd<'_>) -> Result<Child>) -> Result<i32> {
    let doing = || "open a terminal".to_owned();
    let pty = pty::open_in(pid).doing(doing)?;
    let changes = signals(&[Signal::SIGWINCH]).doing(doing)?;
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
