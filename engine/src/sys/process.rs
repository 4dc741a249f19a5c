//! What a process changes about itself before it becomes a program.

use super::check;
use rustix::io::Errno;
use rustix::thread::UnshareFlags;
use std::ffi::{CStr, CString, c_char};
use std::mem::MaybeUninit;
use std::ptr;

/// How many signals there are.
const SIGNALS: i64 = 64;

/// Ends this process at once, without running anything.
pub fn exit(code: i32) -> ! {
    // SAFETY: exit_group never returns and touches no memory.
    unsafe { libc::_exit(code) }
}

/// Takes every signal's handler and the mask back to what a fresh process has. The Rust runtime
/// ignores `SIGPIPE`, and ignoring survives exec.
pub fn reset_signals() -> Result<(), Errno> {
    /// The kernel's `sigaction`, all zero: default action, no flags, empty mask.
    const DEFAULT: [u64; 4] = [0; 4];
    for signal in 1..=SIGNALS {
        // SAFETY: the structure is complete. The raw call, because the C library hides two signals
        // that a parent may have ignored all the same. SIGKILL and SIGSTOP answer with an error.
        unsafe {
            let nothing = ptr::null::<u8>();
            libc::syscall(libc::SYS_rt_sigaction, signal, DEFAULT.as_ptr(), nothing, SIGNALS / 8);
        }
    }
    set_mask(libc::SIG_SETMASK, |_| {})
}

/// Holds back every signal that can be.
pub(super) fn block_signals() -> Result<(), Errno> {
    // SAFETY: the set is a valid one.
    set_mask(libc::SIG_SETMASK, |set| unsafe {
        libc::sigfillset(set);
    })
}

fn set_mask(how: i32, fill: impl FnOnce(&mut libc::sigset_t)) -> Result<(), Errno> {
    let mut set = MaybeUninit::uninit();
    // SAFETY: sigemptyset initialises the set.
    let mut set = unsafe {
        libc::sigemptyset(set.as_mut_ptr());
        set.assume_init()
    };
    fill(&mut set);
    // SAFETY: the set is initialised; the old one is not asked for.
    check(unsafe { libc::sigprocmask(how, &raw const set, ptr::null_mut()) }.into()).map(drop)
}

/// Strings as execve(2) wants them: an array of pointers that ends with null.
#[derive(Debug)]
pub struct StringList {
    /// Owns what the pointers lead to.
    strings: Vec<CString>,
    pointers: Vec<*const c_char>,
}

impl StringList {
    /// Takes the strings.
    pub fn new(strings: Vec<CString>) -> Self {
        let pointers = strings.iter().map(|string| string.as_ptr()).chain([ptr::null()]).collect();
        Self { strings, pointers }
    }

    /// The strings.
    pub fn strings(&self) -> &[CString] {
        &self.strings
    }
}

/// Becomes a program. Returns only when that fails.
pub fn execute(path: &CStr, arguments: &StringList, environment: &StringList) -> Errno {
    // SAFETY: both lists end with null and their strings live as long as they do.
    unsafe { libc::execve(path.as_ptr(), arguments.pointers.as_ptr(), environment.pointers.as_ptr()) };
    super::last_errno()
}

/// Sets the host name of this process's UTS namespace.
pub fn set_hostname(name: &[u8]) -> Result<(), Errno> {
    // SAFETY: pointer and length are those of the slice.
    check(unsafe { libc::sethostname(name.as_ptr().cast(), name.len()) }.into()).map(drop)
}

/// Sets the NIS domain name of this process's UTS namespace.
pub fn set_domainname(name: &[u8]) -> Result<(), Errno> {
    // SAFETY: pointer and length are those of the slice.
    check(unsafe { libc::setdomainname(name.as_ptr().cast(), name.len()) }.into()).map(drop)
}

/// Enters a new control group namespace, whose roots are the groups that this process is in.
pub fn new_cgroup_namespace() -> Result<(), Errno> {
    // SAFETY: only unsharing the descriptor table would be unsafe.
    unsafe { rustix::thread::unshare_unsafe(UnshareFlags::NEWCGROUP) }
}

/// Sets one limit of setrlimit(2). What lies above our own hard limit is cut down to it when we
/// may not raise it (no `CAP_SYS_RESOURCE`).
pub fn set_limit(resource: u32, soft: u64, hard: u64) -> Result<(), Errno> {
    let wanted = libc::rlimit64 { rlim_cur: soft, rlim_max: hard };
    match limit(resource, Some(&wanted)) {
        Err(Errno::PERM) => {
            let max = limit(resource, None)?.rlim_max.min(hard);
            limit(resource, Some(&libc::rlimit64 { rlim_cur: soft.min(max), rlim_max: max })).map(drop)
        }
        result => result.map(drop),
    }
}

fn limit(resource: u32, new: Option<&libc::rlimit64>) -> Result<libc::rlimit64, Errno> {
    let mut old = libc::rlimit64 { rlim_cur: 0, rlim_max: 0 };
    let new = new.map_or(ptr::null(), ptr::from_ref);
    // SAFETY: `new` is null or a valid structure, `old` is one.
    check(unsafe { libc::syscall(libc::SYS_prlimit64, 0, resource, new, &raw mut old) })?;
    Ok(old)
}

/// Makes the terminal at standard input the controlling one; this process must lead a session.
pub fn take_terminal() -> Result<(), Errno> {
    // SAFETY: the request takes a number, not a pointer.
    check(unsafe { libc::ioctl(0, libc::TIOCSCTTY, 0) }.into()).map(drop)
}

/// Makes a process group of this process alone the one that reads from the terminal that is our
/// standard input. `SIGTTOU` must be blocked: it would stop us.
pub fn lead_terminal() -> Result<(), Errno> {
    rustix::process::setpgid(None, None)?;
    // SAFETY: both calls take and give numbers only.
    check(unsafe { libc::tcsetpgrp(0, libc::getpid()) }.into()).map(drop)
}
