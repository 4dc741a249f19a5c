//! Pseudo terminals: pty(7).

use std::io;
use std::os::fd::{BorrowedFd, OwnedFd};

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
pub fn open() -> io::Result<Pty> {
    Err(io::ErrorKind::Unsupported.into())
}

/// The terminal's size.
pub fn size(_terminal: BorrowedFd<'_>) -> io::Result<Size> {
    Err(io::ErrorKind::Unsupported.into())
}

/// Sets the terminal's size; its foreground processes get `SIGWINCH`.
pub fn set_size(_terminal: BorrowedFd<'_>, _size: Size) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}
