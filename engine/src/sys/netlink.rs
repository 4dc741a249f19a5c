//! Netlink sockets: open, with errors told in words (netlink(7)).

use nix::sys::socket::{AddressFamily, SockFlag, SockProtocol, SockType, socket};
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};

/// Errors carry a text of the kernel (`NETLINK_EXT_ACK`).
const EXTENDED_ERRORS: libc::c_int = 11;
/// Errors do not carry the request back (`NETLINK_CAP_ACK`).
const SHORT_ERRORS: libc::c_int = 10;
/// Dumps honour the filters of the request (`NETLINK_GET_STRICT_CHK`).
const STRICT_DUMPS: libc::c_int = 12;

/// Opens a netlink socket in the network namespace of the calling thread.
pub fn open(protocol: SockProtocol) -> io::Result<OwnedFd> {
    let fd = socket(AddressFamily::Netlink, SockType::Raw, SockFlag::SOCK_CLOEXEC, protocol)?;
    for option in [EXTENDED_ERRORS, SHORT_ERRORS, STRICT_DUMPS] {
        match enable(fd.as_fd(), option) {
            // Kernels before 4.20 lack the last one: dumps are then longer, nothing else.
            Err(error) if error.raw_os_error() != Some(libc::ENOPROTOOPT) => return Err(error),
            _ => {}
        }
    }
    Ok(fd)
}

fn enable(fd: BorrowedFd<'_>, option: libc::c_int) -> io::Result<()> {
    let on: libc::c_int = 1;
    // SAFETY: the descriptor is borrowed, hence open during the call; the value points to a live
    // c_int and the length passed is its size, so the kernel reads nothing else.
    let result = unsafe {
        libc::setsockopt(
            fd.as_raw_fd(),
            libc::SOL_NETLINK,
            option,
            (&raw const on).cast(),
            size_of::<libc::c_int>() as libc::socklen_t,
        )
    };
    if result == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}
