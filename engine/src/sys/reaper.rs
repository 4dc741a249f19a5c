//! The smallest init: PID 1 of a container that asked for one.
//!
//! It is a copy of the supervisor that never becomes another program. It passes signals on to the
//! container's program, reaps whatever is left to it, and ends as the program ends.

use super::process::{block_signals, exit};
use super::{clone, fd};
use rustix::io::Errno;
use std::ffi::c_void;
use std::{fs, io, ptr};

/// Where this process's arguments lie in memory, for others to see in /proc.
#[derive(Clone, Copy, Debug)]
pub struct Arguments {
    start: usize,
    length: usize,
}

impl Arguments {
    /// Finds them (proc_pid_stat(5), fields 48 and 49). Allocates.
    pub fn find() -> io::Result<Self> {
        let stat = fs::read_to_string("/proc/self/stat")?;
        let after_name = stat.rsplit_once(") ").map_or("", |(_, rest)| rest);
        let field = |number: usize| after_name.split(' ').nth(number - 3).and_then(|text| text.parse().ok());
        let (start, end): (Option<usize>, Option<usize>) = (field(48), field(49));
        match (start, end) {
            (Some(start), Some(end)) if start != 0 && end > start => Ok(Self { start, length: end - start }),
            _ => Err(io::ErrorKind::InvalidData.into()),
        }
    }
}

/// Splits this process in two: it returns in the child, which becomes the program. The parent
/// stays as init and never returns.
pub fn split(arguments: Option<Arguments>) -> Result<(), Errno> {
    block_signals()?;
    match clone::fork()? {
        0 => Ok(()),
        program => become_init(program, arguments),
    }
}

fn become_init(program: i32, arguments: Option<Arguments>) -> ! {
    // With the report pipe closed here, the program's exec is what closes it for good.
    let _ = fd::close_all();
    let _ = rustix::thread::set_name(c"init");
    if let Some(arguments) = arguments {
        rename(arguments, b"/sbin/init");
    }
    loop {
        match wait_for_signal() {
            libc::SIGCHLD => {
                if let Some(code) = reap(program) {
                    exit(code);
                }
            }
            signal if signal > 0 => {
                // SAFETY: kill takes numbers only.
                unsafe { libc::kill(program, signal) };
            }
            _ => {}
        }
    }
}

/// The supervisor's arguments hold paths of the host and say who it is: a copy of it that is something
/// else shows this instead.
pub(super) fn rename(arguments: Arguments, name: &[u8]) {
    if arguments.length <= name.len() {
        return;
    }
    let start = arguments.start as *mut u8;
    // SAFETY: the kernel laid the arguments out there when the program was executed; they stay
    // mapped and writable, this copy of the memory is ours alone, and nothing reads them again.
    unsafe {
        ptr::write_bytes(start, 0, arguments.length);
        ptr::copy_nonoverlapping(name.as_ptr(), start, name.len());
    }
}

fn wait_for_signal() -> i32 {
    // SAFETY: the set is initialised by sigfillset; details are not asked for. The raw call takes
    // the kernel's set of 64 signals, which is how the C library's set begins.
    unsafe {
        let mut all: libc::sigset_t = std::mem::zeroed();
        libc::sigfillset(&raw mut all);
        let nothing = ptr::null::<c_void>();
        libc::syscall(libc::SYS_rt_sigtimedwait, &raw const all, nothing, nothing, 8) as i32
    }
}

/// Reaps all that ended; the exit code if the program was among them.
fn reap(program: i32) -> Option<i32> {
    loop {
        let mut status = 0;
        // SAFETY: the status is a valid place.
        let pid = unsafe { libc::waitpid(-1, &raw mut status, libc::WNOHANG) };
        if pid <= 0 {
            return None;
        }
        if pid == program {
            return Some(exit_code(status));
        }
    }
}

/// Exit code of a wait status: 128 plus the signal's number when one killed it.
pub fn exit_code(status: i32) -> i32 {
    if libc::WIFSIGNALED(status) { 128 + libc::WTERMSIG(status) } else { libc::WEXITSTATUS(status) }
}
