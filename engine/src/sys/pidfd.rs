//! Processes held by a descriptor: pidfd_open(2), pidfd_send_signal(2), and the exit status of
//! processes that are not our children (`PIDFD_GET_INFO`, linux/pidfd.h).

use rustix::process::{Pid, PidfdFlags};
use std::io;
use std::os::fd::{AsRawFd, BorrowedFd, OwnedFd};

/// Takes hold of a process.
pub fn open(pid: i32) -> io::Result<OwnedFd> {
    let pid = Pid::from_raw(pid).ok_or(io::ErrorKind::InvalidInput)?;
    Ok(rustix::process::pidfd_open(pid, PidfdFlags::empty())?)
}

/// Sends a signal by number, real-time signals too.
pub fn send_signal(process: BorrowedFd<'_>, signal: i32) -> io::Result<()> {
    // SAFETY: the descriptor is open as long as it is borrowed; a null siginfo makes the kernel
    // fill it in as for kill(2); no memory of ours is touched.
    let result = unsafe {
        libc::syscall(
            libc::SYS_pidfd_send_signal,
            process.as_raw_fd(),
            signal,
            std::ptr::null::<libc::siginfo_t>(),
            0,
        )
    };
    if result == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

/// `struct pidfd_info` in its first version, 64 bytes.
#[repr(C)]
#[derive(Default)]
struct PidfdInfo {
    mask: u64,
    cgroup: u64,
    /// pid, tgid, ppid and eight user and group numbers.
    ids: [u32; 11],
    exit_code: i32,
}

const PIDFD_INFO_EXIT: u64 = 1 << 3;

/// `_IOWR(0xFF, 11, struct pidfd_info)`.
const PIDFD_GET_INFO: libc::c_ulong =
    (3 << 30) | ((size_of::<PidfdInfo>() as libc::c_ulong) << 16) | (0xFF << 8) | 11;

/// How a process ended, also one that is not our child: a wait status as of wait(2). `None` as
/// long as its parent has not waited for it. Fails before Linux 6.15.
pub fn exit_status(process: BorrowedFd<'_>) -> io::Result<Option<i32>> {
    let mut info = PidfdInfo { mask: PIDFD_INFO_EXIT, ..PidfdInfo::default() };
    // SAFETY: the request names the size of the structure, which is all that the kernel writes,
    // and it lives until the call returns.
    let result = unsafe { libc::ioctl(process.as_raw_fd(), PIDFD_GET_INFO as _, &raw mut info) };
    if result != 0 {
        return Err(io::Error::last_os_error());
    }
    Ok((info.mask & PIDFD_INFO_EXIT != 0).then_some(info.exit_code))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::fd::AsFd;
    use std::process::Command;

    #[test]
    fn a_process_is_signalled_and_its_end_seen_through_its_descriptor() {
        let mut child = Command::new("sleep").arg("60").spawn().unwrap();
        let pidfd = open(child.id() as i32).unwrap();
        send_signal(pidfd.as_fd(), 0).unwrap();
        send_signal(pidfd.as_fd(), libc::SIGTERM).unwrap();
        child.wait().unwrap();
        match exit_status(pidfd.as_fd()) {
            Ok(status) => assert_eq!(status, Some(libc::SIGTERM)),
            // Kernels before 6.15 do not know the request.
            Err(error) => assert!(matches!(error.raw_os_error(), Some(libc::EINVAL | libc::ENOTTY))),
        }
        assert_eq!(send_signal(pidfd.as_fd(), 0).unwrap_err().raw_os_error(), Some(libc::ESRCH));
    }
}
