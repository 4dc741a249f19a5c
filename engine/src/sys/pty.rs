//! Pseudo terminals: pty(7), ioctl_tty(2).

use super::check;
use rustix::fs::{CWD, Mode, OFlags, ResolveFlags};
use rustix::io::Errno;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd};

/// Both ends of a terminal.
#[derive(Debug)]
pub struct Pty {
    /// The end that we read and write.
    pub master: OwnedFd,
    /// The end that is the program's standard input, output and error.
    pub slave: OwnedFd,
}

/// Rows and columns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Size {
    /// Lines.
    pub rows: u16,
    /// Characters in a line.
    pub columns: u16,
}

/// Makes a terminal in the host's devpts.
pub fn open() -> Result<Pty, Errno> {
    let master = rustix::fs::openat(CWD, c"/dev/ptmx", flags(), Mode::empty())?;
    pair(master)
}

/// Makes a terminal in the devpts of the container that this process belongs to, so that
/// programs inside find it under the name that ttyname(3) gives them. Allocates.
pub fn open_in(pid: i32) -> Result<Pty, Errno> {
    let ptmx = format!("/proc/{pid}/root/dev/pts/ptmx");
    pair(rustix::fs::openat(CWD, ptmx, flags() | OFlags::NOFOLLOW, Mode::empty())?)
}

/// Makes a terminal in the devpts that is mounted below this root.
pub fn open_below(root: BorrowedFd<'_>) -> Result<Pty, Errno> {
    let path = c"/dev/pts/ptmx";
    pair(rustix::fs::openat2(root, path, flags(), Mode::empty(), ResolveFlags::IN_ROOT)?)
}

/// One more descriptor of the other end of a terminal. As long as somebody holds one, the terminal
/// is not hung up.
pub fn peer(master: BorrowedFd<'_>) -> Result<OwnedFd, Errno> {
    // SAFETY: the request takes open(2) flags as a number and returns a new descriptor.
    unsafe {
        let slave = check(libc::ioctl(master.as_raw_fd(), libc::TIOCGPTPEER, flags().bits()).into())?;
        Ok(OwnedFd::from_raw_fd(slave as i32))
    }
}

fn flags() -> OFlags {
    OFlags::RDWR | OFlags::NOCTTY | OFlags::CLOEXEC
}

fn pair(master: OwnedFd) -> Result<Pty, Errno> {
    let locked: libc::c_int = 0;
    // SAFETY: the request reads one int.
    check(unsafe { libc::ioctl(master.as_raw_fd(), libc::TIOCSPTLCK, &raw const locked) }.into())?;
    let slave = peer(master.as_fd())?;
    Ok(Pty { master, slave })
}

/// The terminal's size.
pub fn size(terminal: BorrowedFd<'_>) -> Result<Size, Errno> {
    let mut size = libc::winsize { ws_row: 0, ws_col: 0, ws_xpixel: 0, ws_ypixel: 0 };
    // SAFETY: the request fills one `winsize`.
    check(unsafe { libc::ioctl(terminal.as_raw_fd(), libc::TIOCGWINSZ, &raw mut size) }.into())?;
    Ok(Size { rows: size.ws_row, columns: size.ws_col })
}

/// Sets the terminal's size; its foreground processes get `SIGWINCH`.
pub fn set_size(terminal: BorrowedFd<'_>, size: Size) -> Result<(), Errno> {
    let size = libc::winsize { ws_row: size.rows, ws_col: size.columns, ws_xpixel: 0, ws_ypixel: 0 };
    // SAFETY: the request reads one `winsize`.
    check(unsafe { libc::ioctl(terminal.as_raw_fd(), libc::TIOCSWINSZ, &raw const size) }.into()).map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_to_the_slave_is_read_from_the_master_and_the_size_is_shared() {
        let pty = open().unwrap();
        set_size(pty.master.as_fd(), Size { rows: 40, columns: 132 }).unwrap();
        assert_eq!(size(pty.slave.as_fd()).unwrap(), Size { rows: 40, columns: 132 });
        rustix::io::write(&pty.slave, b"hi\n").unwrap();
        let mut buffer = [0; 16];
        let read = rustix::io::read(&pty.master, &mut buffer).unwrap();
        assert_eq!(&buffer[..read], b"hi\r\n");
    }
}
