//! New processes: clone3(2).

use std::os::fd::OwnedFd;

/// A process that this one must wait for.
#[derive(Debug)]
pub struct Child {
    /// Its number in this process's pid namespace.
    pub pid: i32,
    /// A handle that stays valid: readable when the process has ended.
    pub pidfd: OwnedFd,
}
