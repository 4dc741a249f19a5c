//! The container's first process, our child or adopted.

use super::beside::exit_code;
use crate::container::state::{ProcessKey, UNKNOWN_CODE};
use crate::sandbox::Child;
use crate::sys::pidfd;
use nix::libc;
use std::fs::File;
use std::os::fd::{AsFd, BorrowedFd};
use std::time::Duration;

/// How long the parent of an adopted process may take to wait for it; then its exit code stays
/// unknown.
const PARENT: Duration = Duration::from_secs(5);

/// Time between two looks whether the parent has done so.
const LOOK: Duration = Duration::from_millis(20);

/// The container's first process.
#[derive(Debug)]
pub struct First {
    child: Child,
    adopted: bool,
    /// Its mount namespace, taken apart when the last of its holders lets go of it.
    mounts: Option<File>,
    /// When an adopted process was first seen to be dead.
    dead_since: Option<Duration>,
    look_at: Duration,
}

/// How it ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct End {
    /// The exit code, 128 plus the signal number when killed by one.
    pub code: i32,
    /// The code is made up: nobody saw the end.
    pub unknown: bool,
}

impl First {
    /// A process that we started.
    pub fn born(child: Child) -> Self {
        // Without it the process itself is the last: then who waits for its end waits for that too.
        let mounts = File::open(format!("/proc/{}/ns/mnt", child.pid)).ok();
        Self { child, adopted: false, mounts, dead_since: None, look_at: Duration::ZERO }
    }

    /// What is left of it after its end: to be dropped when there is time.
    pub fn remains(self) -> Option<File> {
        self.mounts
    }

    /// A process that a supervisor before us started; `None` when it has ended.
    pub fn adopted(key: &ProcessKey) -> Option<Self> {
        let pidfd = pidfd::open(key.pid).ok()?;
        // Asked after opening: if the key still fits, the descriptor is of the same process.
        let child = Child { pid: key.pid, pidfd };
        key.is_alive().then(|| Self { adopted: true, ..Self::born(child) })
    }

    /// Its number.
    pub fn pid(&self) -> i32 {
        self.child.pid
    }

    /// Its descriptor.
    pub fn pidfd(&self) -> BorrowedFd<'_> {
        self.child.pidfd.as_fd()
    }

    /// To poll for reading: its end. Nothing while we wait for the parent of an adopted one.
    pub fn wake(&self) -> Option<BorrowedFd<'_>> {
        self.dead_since.is_none().then(|| self.pidfd())
    }

    /// When to look again.
    pub fn due(&self) -> Option<Duration> {
        self.dead_since.map(|_| self.look_at)
    }

    /// Sends a signal. A process that has ended is none to complain about.
    pub fn signal(&self, number: i32) {
        let _ = pidfd::send_signal(self.pidfd(), number);
    }

    /// How it ended; `None` while it lives or as long as that is not known.
    pub fn end(&mut self, now: Duration) -> Option<End> {
        if !self.adopted {
            return exit_code(&self.child).map(|code| End { code, unknown: false });
        }
        if self.dead_since.is_none() && !is_dead(self.pidfd()) {
            return None;
        }
        let since = *self.dead_since.get_or_insert(now);
        self.look_at = now + LOOK;
        match pidfd::exit_status(self.pidfd()) {
            Ok(Some(status)) => Some(End { code: decode(status), unknown: false }),
            Ok(None) if now.saturating_sub(since) < PARENT => None,
            _ => Some(End { code: UNKNOWN_CODE, unknown: true }),
        }
    }
}

/// A descriptor of a process is readable from its end on (pidfd_open(2)).
fn is_dead(pidfd: BorrowedFd<'_>) -> bool {
    use rustix::event::{PollFd, PollFlags, Timespec, poll};
    let at_once = Timespec { tv_sec: 0, tv_nsec: 0 };
    matches!(poll(&mut [PollFd::from_borrowed_fd(pidfd, PollFlags::IN)], Some(&at_once)), Ok(1..))
}

/// A wait status as of wait(2) to an exit code.
fn decode(status: i32) -> i32 {
    if libc::WIFSIGNALED(status) { 128 + libc::WTERMSIG(status) } else { libc::WEXITSTATUS(status) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::process::Command;

    #[test]
    fn the_end_of_an_adopted_process_is_seen_although_it_is_not_our_child() {
        // Its parent is the shell, which waits for it.
        let line = "sh -c 'sleep 0.05; exit 42' & echo $!; wait $!";
        let mut shell =
            Command::new("sh").args(["-c", line]).stdout(std::process::Stdio::piped()).spawn().unwrap();
        let mut pid = String::new();
        std::io::BufRead::read_line(&mut std::io::BufReader::new(shell.stdout.take().unwrap()), &mut pid)
            .unwrap();
        let key = ProcessKey::of(pid.trim().parse().unwrap()).unwrap();
        let mut first = First::adopted(&key).unwrap();
        let mut now = Duration::ZERO;
        let end = loop {
            if let Some(end) = first.end(now) {
                break end;
            }
            std::thread::sleep(Duration::from_millis(1));
            now += Duration::from_millis(1);
        };
        shell.wait().unwrap();
        // Kernels before 6.15 do not tell.
        assert!(end == End { code: 42, unknown: false } || end == End { code: 255, unknown: true });
        assert!(First::adopted(&key).is_none());
    }

    #[test]
    fn a_wait_status_becomes_the_code_that_a_shell_would_give() {
        assert_eq!((decode(42 << 8), decode(15), decode(9 | 0x80)), (42, 143, 137));
    }
}
