//! User namespaces that only say who is who: nothing runs in them.

use super::clone::clone;
use rustix::process::{Signal, pidfd_send_signal};
use std::fs::{self, File};
use std::io;
use std::os::fd::{AsFd, OwnedFd};

/// A user namespace with this table of users and groups, lines of user_namespaces(7). Allocates:
/// not for use between clone and exec.
pub fn with_table(table: &str) -> io::Result<OwnedFd> {
    let child = clone(libc::CLONE_NEWUSER, None, wait)?;
    let made = open(child.pid, table);
    // It ends with its parent at the latest.
    let _ = pidfd_send_signal(child.pidfd.as_fd(), Signal::KILL);
    child.reap();
    made
}

fn open(pid: i32, table: &str) -> io::Result<OwnedFd> {
    for file in ["uid_map", "gid_map"] {
        fs::write(format!("/proc/{pid}/{file}"), table)?;
    }
    File::open(format!("/proc/{pid}/ns/user")).map(OwnedFd::from)
}

/// A namespace lasts as long as somebody is in it or has it open.
fn wait() {
    if nix::sys::prctl::set_pdeathsig(nix::sys::signal::Signal::SIGKILL).is_ok() {
        loop {
            nix::unistd::pause();
        }
    }
}
