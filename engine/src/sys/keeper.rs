//! A process that only holds a file open.
//!
//! A terminal hangs up, and a pipe ends, when nobody holds the other end. A supervisor that is
//! killed must not do that to its container: this copy of it outlives it.

use super::reaper::{self, Arguments};
use super::{check, clone, fd};
use rustix::io::Errno;
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd};

/// The number that the file has in the process that holds it.
const HELD: i32 = 0;

/// What others see as its arguments.
const NAME: &[u8] = b"sampan keeper";

/// Holds `file` in a process of its own until the process of this descriptor has ended.
pub fn hold(file: BorrowedFd<'_>, until: BorrowedFd<'_>) -> Result<clone::Child, Errno> {
    // Without them it is only named like its parent.
    let arguments = Arguments::find().ok();
    clone::clone(0, None, || {
        if fd::make_standard([file, until, until]).and_then(|()| fd::close_from(3)).is_err() {
            return;
        }
        let _ = rustix::thread::set_name(c"keeper");
        if let Some(arguments) = arguments {
            reaper::rename(arguments, NAME);
        }
        wait_for_end(1);
    })
}

/// Waits until a process has ended: its descriptor is readable then (pidfd_open(2)).
fn wait_for_end(pidfd: i32) {
    let mut look = libc::pollfd { fd: pidfd, events: libc::POLLIN, revents: 0 };
    loop {
        // SAFETY: one valid structure is given.
        let ready = unsafe { libc::poll(&raw mut look, 1, -1) };
        if ready > 0 || super::last_errno() != Errno::INTR {
            return;
        }
    }
}

/// A copy of the file that such a process holds: pidfd_getfd(2).
pub fn held_by(keeper: BorrowedFd<'_>) -> Result<OwnedFd, Errno> {
    // SAFETY: the call takes numbers and returns a new descriptor that nobody else owns.
    unsafe {
        let file = check(libc::syscall(libc::SYS_pidfd_getfd, keeper.as_raw_fd(), HELD, 0))?;
        Ok(OwnedFd::from_raw_fd(file as i32))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs::File;
    use std::io::{Read, Write};
    use std::os::fd::AsFd;
    use std::process::{Command, Stdio};

    #[test]
    fn a_pipe_stays_open_while_it_is_held_and_ends_with_the_process_that_is_waited_for() {
        let mut waited_for = Command::new("cat").stdin(Stdio::piped()).spawn().unwrap();
        let until = super::super::pidfd::open(waited_for.id().cast_signed()).unwrap();
        let (mut reader, writer) = std::io::pipe().unwrap();
        let keeper = hold(writer.as_fd(), until.as_fd()).unwrap();
        drop(writer);
        // Only who may trace it gets the file back.
        if rustix::process::geteuid().is_root() {
            let inode = |fd: BorrowedFd<'_>| rustix::fs::fstat(fd).map(|stat| stat.st_ino).ok();
            let pipe = inode(reader.as_fd());
            // It needs a moment until it holds nothing else.
            let copy = || held_by(keeper.pidfd.as_fd()).ok().filter(|file| inode(file.as_fd()) == pipe);
            let mut again = File::from(std::iter::repeat_with(copy).flatten().next().unwrap());
            again.write_all(b"a").unwrap();
            let mut byte = [0];
            reader.read_exact(&mut byte).unwrap();
            assert_eq!(&byte, b"a");
        }
        drop(waited_for.stdin.take());
        waited_for.wait().unwrap();
        keeper.reap();
        assert_eq!(reader.read(&mut [0]).unwrap(), 0, "nobody holds it any more");
    }
}
