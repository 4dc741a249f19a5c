//! System calls: the only unsafe code, one family a file, safe interfaces.

pub mod clone;
pub mod netlink;
pub mod pidfd;
pub mod pty;
