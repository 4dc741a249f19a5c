//! What iptables in its old form keeps in the kernel: tables that nf_tables does not show.

use nix::sys::socket::{AddressFamily, SockFlag, SockProtocol, SockType, socket};
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd};

/// `IPT_SO_GET_INFO` and `IPT_SO_GET_ENTRIES` of linux/netfilter_ipv4/ip_tables.h; those of IPv6 are
/// the same.
const GET_INFO: libc::c_int = 64;
const GET_ENTRIES: libc::c_int = 65;
/// Size of `struct ipt_getinfo`, and where it holds the number of bytes of all entries.
const INFO: usize = 84;
const SIZE: usize = 80;
/// Size of `struct ipt_get_entries` without the entries.
const HEADER: usize = 40;
/// Where the latter holds that number.
const WANTED: usize = 32;

/// A table: `struct ipt_getinfo`, and the entries.
pub fn table(six: bool, name: &str) -> io::Result<(Vec<u8>, Vec<u8>)> {
    let family = if six { AddressFamily::Inet6 } else { AddressFamily::Inet };
    let socket = socket(family, SockType::Raw, SockFlag::SOCK_CLOEXEC, SockProtocol::Raw)?;
    let level = if six { libc::IPPROTO_IPV6 } else { libc::IPPROTO_IP };
    let mut info = vec![0; INFO];
    info[..name.len()].copy_from_slice(name.as_bytes());
    get(socket.as_fd(), (level, GET_INFO), &mut info)?;
    let size: [u8; 4] = info[SIZE..].try_into().unwrap_or_default();
    let mut entries = vec![0; HEADER + u32::from_ne_bytes(size) as usize];
    entries[..name.len()].copy_from_slice(name.as_bytes());
    entries[WANTED..WANTED + 4].copy_from_slice(&size);
    get(socket.as_fd(), (level, GET_ENTRIES), &mut entries)?;
    entries.drain(..HEADER);
    Ok((info, entries))
}

fn get(socket: BorrowedFd<'_>, (level, option): (i32, i32), into: &mut [u8]) -> io::Result<()> {
    let mut length = into.len() as libc::socklen_t;
    // SAFETY: the descriptor is borrowed, hence open during the call; the kernel reads and writes at
    // most `length` bytes of the buffer, which is its size.
    let result = unsafe {
        libc::getsockopt(socket.as_raw_fd(), level, option, into.as_mut_ptr().cast(), &raw mut length)
    };
    if result == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}
