//! File descriptors by number: dup2(2), close_range(2).

use super::check;
use rustix::io::Errno;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};

/// Makes copies of these descriptors standard input, output and error.
pub fn make_standard(fds: [BorrowedFd<'_>; 3]) -> Result<(), Errno> {
    // First out of the way: one of them may itself have a number below 3.
    let copies = [high_copy(fds[0])?, high_copy(fds[1])?, high_copy(fds[2])?];
    for (copy, number) in copies.iter().zip(0..) {
        duplicate_to(copy.as_fd(), number)?;
    }
    Ok(())
}

/// A copy with a number of at least 3, closed at exec.
pub fn high_copy(fd: BorrowedFd<'_>) -> Result<OwnedFd, Errno> {
    rustix::io::fcntl_dupfd_cloexec(fd, 3)
}

fn duplicate_to(fd: BorrowedFd<'_>, number: RawFd) -> Result<(), Errno> {
    // SAFETY: dup3 affects descriptors only; `number` is 0, 1 or 2, which no `OwnedFd` of a child
    // between clone and exec owns.
    check(unsafe { libc::syscall(libc::SYS_dup3, fd.as_raw_fd(), number, 0) }).map(drop)
}

/// Lets no descriptor from `first` on survive exec.
pub fn close_at_exec_from(first: u32) -> Result<(), Errno> {
    close_range(first, libc::CLOSE_RANGE_CLOEXEC)
}

/// Closes every descriptor from `first` on. Only for a process that uses none of them again and ends
/// without looking back.
pub(super) fn close_from(first: u32) -> Result<(), Errno> {
    close_range(first, 0)
}

/// Closes every descriptor. Only for a process that ends without using one again.
pub(super) fn close_all() -> Result<(), Errno> {
    close_from(0)
}

fn close_range(first: u32, flags: u32) -> Result<(), Errno> {
    // SAFETY: with CLOEXEC nothing is closed now; without, the callers are processes that
    // own no such descriptor and never return.
    check(unsafe { libc::syscall(libc::SYS_close_range, first, u32::MAX, flags) }).map(drop)
}
