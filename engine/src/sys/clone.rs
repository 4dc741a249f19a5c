//! New processes: clone3(2).

use super::check;
use rustix::io::Errno;
use rustix::process::{Pid, WaitOptions};
use std::mem::size_of;
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};

/// `CLONE_INTO_CGROUP` of linux/sched.h.
const CLONE_INTO_CGROUP: u64 = 0x2_0000_0000;

/// A process that this one must wait for.
#[derive(Debug)]
pub struct Child {
    /// Its number in this process's pid namespace.
    pub pid: i32,
    /// A handle that stays valid: readable when the process has ended.
    pub pidfd: OwnedFd,
}

impl Child {
    /// Waits for its end, which is near, and forgets how it ended.
    pub fn reap(&self) {
        // It fails when somebody else has done so.
        let _ = rustix::process::waitpid(Pid::from_raw(self.pid), WaitOptions::empty());
    }
}

/// Ends the process at once, should a panic ever unwind out of a child's body: the frames above
/// it belong to the parent.
struct NoWayBack;

impl Drop for NoWayBack {
    fn drop(&mut self) {
        super::process::exit(255);
    }
}

/// Clones this process into new namespaces (`CLONE_NEW…`) and, on cgroup v2, into a group. The
/// child runs `body`, which turns it into a program or ends it; it never returns from here.
///
/// The child is a copy, with a copy of this thread only. When other threads exist, a lock that
/// one of them holds stays locked in the copy for ever: `body` must then neither allocate nor
/// lock. Nothing of it can damage memory.
pub fn clone(namespaces: i32, into: Option<BorrowedFd<'_>>, body: impl FnOnce()) -> Result<Child, Errno> {
    let mut pidfd: RawFd = -1;
    let mut arguments = libc::clone_args {
        // The flags are small positive numbers or the top bit of 32.
        flags: u64::from(namespaces as u32) | libc::CLONE_PIDFD as u64,
        pidfd: std::ptr::from_mut(&mut pidfd) as u64,
        child_tid: 0,
        parent_tid: 0,
        exit_signal: libc::SIGCHLD as u64,
        stack: 0,
        stack_size: 0,
        tls: 0,
        set_tid: 0,
        set_tid_size: 0,
        cgroup: 0,
    };
    if let Some(group) = into {
        arguments.flags |= CLONE_INTO_CGROUP;
        arguments.cgroup = group.as_raw_fd() as u64;
    }
    // SAFETY: the arguments are complete and outlive the call; without CLONE_VM the child gets its
    // own copy of memory and stack, so that nothing it does reaches this process.
    let pid = check(unsafe {
        libc::syscall(libc::SYS_clone3, &raw const arguments, size_of::<libc::clone_args>())
    })?;
    if pid == 0 {
        let _no_way_back = NoWayBack;
        body();
        super::process::exit(255);
    }
    // SAFETY: the kernel stored a new descriptor that nobody else owns.
    let pidfd = unsafe { OwnedFd::from_raw_fd(pidfd) };
    Ok(Child { pid: pid as i32, pidfd })
}

/// fork(2) without the C library's handlers: 0 in the child, its number in the parent.
pub(super) fn fork() -> Result<i32, Errno> {
    // SAFETY: without CLONE_VM the child gets its own copy of memory and stack; all pointers are null.
    check(unsafe { libc::syscall(libc::SYS_clone, libc::SIGCHLD, 0, 0, 0, 0) }).map(|pid| pid as i32)
}
