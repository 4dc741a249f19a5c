//! System calls: the only unsafe code, one family a file, safe interfaces.
//!
//! What `rustix` and `nix` offer safely is called from where it is needed; here is what they lack.
//! All of it may be called between clone and exec: nothing allocates or takes a lock, unless a
//! function says so.

pub mod bpf;
pub mod clone;
pub mod event;
pub mod exe;
pub mod fd;
pub mod heap;
pub mod keeper;
pub mod mountfd;
pub mod netlink;
pub mod pidfd;
pub mod process;
pub mod pty;
pub mod reaper;
pub mod seccomp;
pub mod userns;
pub mod xtables;

use rustix::io::Errno;

/// The result of a raw system call.
fn check(returned: libc::c_long) -> Result<libc::c_long, Errno> {
    if returned < 0 { Err(last_errno()) } else { Ok(returned) }
}

fn last_errno() -> Errno {
    // SAFETY: the C library gives each thread its own valid `errno`.
    Errno::from_raw_os_error(unsafe { *libc::__errno_location() })
}

/// Whether the kernel is this version or a later one; for tests of what older ones lack.
#[cfg(test)]
pub(crate) fn kernel_since(version: (u32, u32)) -> bool {
    let release = std::fs::read_to_string("/proc/sys/kernel/osrelease").unwrap();
    let mut numbers = release.split('.').map(|number| number.parse().unwrap_or(0));
    (numbers.next().unwrap(), numbers.next().unwrap()) >= version
}
