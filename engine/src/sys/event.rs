//! Counters that poll(2) can wait for: eventfd(2).

use rustix::event::EventfdFlags;
use rustix::io::Errno;
use std::os::fd::{BorrowedFd, OwnedFd};

/// A counter at zero, non-blocking, closed at exec.
pub fn counter() -> Result<OwnedFd, Errno> {
    rustix::event::eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)
}

/// Reads everything that is there from a non-blocking descriptor.
pub fn drain(fd: BorrowedFd<'_>) {
    let mut buffer = [0_u8; 4096];
    // A counter gives one value and then would block; a full buffer may be followed by more.
    while matches!(rustix::io::read(fd, &mut buffer), Ok(read) if read > 0) {}
}
