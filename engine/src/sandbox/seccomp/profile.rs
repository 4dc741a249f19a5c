//! What happens to each system call.

use super::CapSet;

/// What happens to a system call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// The kernel does it.
    Allow,
    /// It fails with this error number.
    Refuse(i32),
    /// Allowed unless it makes namespaces.
    CloneWithoutNamespaces,
    /// Allowed for harmless personalities: personality(2).
    HarmlessPersonality,
    /// Allowed unless the address family is one of those that are not for containers.
    CommonSocket,
}

/// Calls that need a capability; without it they fail although the kernel might allow some uses.
const WITH_CAPABILITY: [(&str, &str); 14] = [
    ("BPF", "bpf"),
    ("DAC_READ_SEARCH", "open_by_handle_at"),
    ("PERFMON", "perf_event_open"),
    (
        "SYS_ADMIN",
        "bpf clone clone3 fanotify_init fsconfig fsmount fsopen fspick listmount lookup_dcookie mount \
         mount_setattr move_mount open_tree open_tree_attr perf_event_open pivot_root quotactl \
         quotactl_fd setdomainname sethostname setns statmount syslog umount umount2 unshare",
    ),
    ("SYS_BOOT", "reboot"),
    ("SYS_CHROOT", "chroot"),
    ("SYS_MODULE", "delete_module finit_module init_module"),
    ("SYS_NICE", "get_mempolicy mbind set_mempolicy set_mempolicy_home_node"),
    ("SYS_PACCT", "acct"),
    ("SYS_PTRACE", "kcmp pidfd_getfd process_madvise"),
    ("SYS_RAWIO", "ioperm iopl"),
    ("SYS_TIME", "clock_settime clock_settime64 settimeofday stime"),
    ("SYS_TTY_CONFIG", "vhangup"),
    ("SYSLOG", "syslog"),
];

/// Calls that every container may make.
const ALWAYS: [&str; 8] =
    [FILES, ATTRIBUTES, MEMORY, PROCESSES, IDENTITY, SIGNALS_AND_TIME, WAITING, NETWORK];

const FILES: &str = "\
    _llseek access chdir close close_range copy_file_range creat dup dup2 dup3 faccessat faccessat2 \
    fadvise64 fadvise64_64 fallocate fchdir fcntl fcntl64 fdatasync flock fstat fstat64 fstatat64 \
    fstatfs fstatfs64 fsync ftruncate ftruncate64 getcwd getdents getdents64 inotify_add_watch \
    inotify_init inotify_init1 inotify_rm_watch io_cancel io_destroy io_getevents io_pgetevents \
    io_pgetevents_time64 io_setup io_submit ioctl ioprio_get ioprio_set link linkat lseek lstat \
    lstat64 mkdir mkdirat mknod mknodat name_to_handle_at newfstatat open openat openat2 pipe pipe2 \
    pread64 preadv preadv2 pwrite64 pwritev pwritev2 read readahead readdir readlink readlinkat readv \
    rename renameat renameat2 rmdir sendfile sendfile64 splice stat stat64 statfs statfs64 statx \
    symlink symlinkat sync sync_file_range syncfs tee truncate truncate64 umask unlink unlinkat \
    vmsplice write writev";

const ATTRIBUTES: &str = "\
    chmod chown chown32 fchmod fchmodat fchmodat2 fchown fchown32 fchownat fgetxattr file_getattr \
    file_setattr flistxattr fremovexattr fsetxattr futimesat getxattr getxattrat lchown lchown32 \
    lgetxattr listxattr listxattrat llistxattr lremovexattr lsetxattr removexattr removexattrat \
    setxattr setxattrat utime utimensat utimensat_time64 utimes";

const MEMORY: &str = "\
    brk cachestat madvise map_shadow_stack membarrier memfd_create memfd_secret mincore \
    mlock mlock2 mlockall mmap mmap2 mprotect mremap mseal msync munlock munlockall munmap pkey_alloc \
    pkey_free pkey_mprotect process_mrelease remap_file_pages";

const PROCESSES: &str = "\
    arch_prctl execve execveat exit exit_group fork get_robust_list get_thread_area getcpu \
    getpgid getpgrp getpid getpriority getrandom getrlimit getrusage getsid gettid \
    landlock_add_rule landlock_create_ruleset landlock_restrict_self modify_ldt nice pidfd_open \
    pidfd_send_signal prctl prlimit64 process_vm_readv process_vm_writev ptrace restart_syscall \
    rseq sched_get_priority_max sched_get_priority_min sched_getaffinity sched_getattr sched_getparam \
    sched_getscheduler sched_rr_get_interval sched_rr_get_interval_time64 sched_setaffinity \
    sched_setattr sched_setparam sched_setscheduler sched_yield seccomp set_robust_list \
    set_thread_area set_tid_address setpgid setpriority setrlimit setsid sysinfo times ugetrlimit \
    uname uretprobe vfork wait4 waitid waitpid";

const IDENTITY: &str = "\
    capget capset getegid getegid32 geteuid geteuid32 getgid getgid32 getgroups getgroups32 getppid \
    getresgid getresgid32 getresuid getresuid32 getuid getuid32 lsm_get_self_attr lsm_list_modules \
    setfsgid setfsgid32 setfsuid setfsuid32 setgid setgid32 setgroups setgroups32 setregid setregid32 \
    setresgid setresgid32 setresuid setresuid32 setreuid setreuid32 setuid setuid32";

const SIGNALS_AND_TIME: &str = "\
    adjtimex alarm clock_adjtime clock_adjtime64 clock_getres clock_getres_time64 clock_gettime \
    clock_gettime64 clock_nanosleep clock_nanosleep_time64 getitimer gettimeofday kill nanosleep \
    pause rt_sigaction rt_sigpending rt_sigprocmask rt_sigqueueinfo rt_sigreturn rt_sigsuspend \
    rt_sigtimedwait rt_sigtimedwait_time64 rt_tgsigqueueinfo setitimer sigaction sigaltstack signal \
    signalfd signalfd4 sigpending sigprocmask sigreturn sigsuspend tgkill time timer_create \
    timer_delete timer_getoverrun timer_gettime timer_gettime64 timer_settime timer_settime64 \
    timerfd_create timerfd_gettime timerfd_gettime64 timerfd_settime timerfd_settime64 tkill";

const WAITING: &str = "\
    _newselect epoll_create epoll_create1 epoll_ctl epoll_ctl_old epoll_pwait epoll_pwait2 epoll_wait \
    epoll_wait_old eventfd eventfd2 futex futex_requeue futex_time64 futex_wait futex_waitv futex_wake \
    ipc mq_getsetattr mq_notify mq_open mq_timedreceive mq_timedreceive_time64 mq_timedsend \
    mq_timedsend_time64 mq_unlink msgctl msgget msgrcv msgsnd poll ppoll ppoll_time64 pselect6 \
    pselect6_time64 select semctl semget semop semtimedop semtimedop_time64 shmat shmctl shmdt shmget";

const NETWORK: &str = "\
    accept accept4 bind connect getpeername getsockname getsockopt listen recvfrom recvmmsg \
    recvmmsg_time64 recvmsg sendmmsg sendmsg sendto setsockopt shutdown socketcall socketpair";

/// Personalities that change nothing of importance: Linux, Linux on 32 bits, both with
/// `UNAME26`, and the question which one it is.
pub(super) const PERSONALITIES: [u32; 5] = [0, 0x8, 0x2_0000, 0x2_0008, 0xffff_ffff];

/// Address families that reach past the container: the hypervisor's sockets, the kernel's crypto.
pub(super) const FAMILIES_REFUSED: [u32; 2] = [libc::AF_ALG as u32, libc::AF_VSOCK as u32];

/// The flags of clone(2) that make namespaces.
pub(super) const NAMESPACE_FLAGS: u32 = (libc::CLONE_NEWNS
    | libc::CLONE_NEWCGROUP
    | libc::CLONE_NEWUTS
    | libc::CLONE_NEWIPC
    | libc::CLONE_NEWUSER
    | libc::CLONE_NEWPID
    | libc::CLONE_NEWNET) as u32;

/// The rules for one set of capabilities.
pub(super) struct Profile {
    allowed: Vec<&'static str>,
    may_make_namespaces: bool,
}

impl Profile {
    /// The rules for a container with these capabilities.
    pub(super) fn new(capabilities: CapSet) -> Self {
        let has = |name: &str| CapSet::named(name).is_some_and(|capability| capabilities.has(capability));
        let granted = WITH_CAPABILITY.iter().filter(|(name, _)| has(name)).map(|(_, calls)| *calls);
        let mut allowed: Vec<_> = ALWAYS.into_iter().chain(granted).flat_map(str::split_whitespace).collect();
        allowed.sort_unstable();
        Self { allowed, may_make_namespaces: has("SYS_ADMIN") }
    }

    /// What happens to a call that is known by name.
    pub(super) fn verdict(&self, name: &str) -> Verdict {
        if self.allowed.binary_search(&name).is_ok() {
            return Verdict::Allow;
        }
        match name {
            "clone" if !self.may_make_namespaces => Verdict::CloneWithoutNamespaces,
            // Its flags lie in memory, where a filter cannot look: the C library falls back to clone.
            "clone3" => UNKNOWN,
            "personality" => Verdict::HarmlessPersonality,
            "socket" => Verdict::CommonSocket,
            _ => FORBIDDEN,
        }
    }
}

/// For calls that are known and not allowed.
pub(super) const FORBIDDEN: Verdict = Verdict::Refuse(libc::EPERM);

/// For calls that are newer than the table: programs then take another way.
pub(super) const UNKNOWN: Verdict = Verdict::Refuse(libc::ENOSYS);

#[cfg(test)]
mod tests {
    use super::super::table::{self, Architecture};
    use super::*;

    #[test]
    fn every_name_in_the_profile_is_a_system_call_somewhere() {
        let known: Vec<&str> = [Architecture::X86_64, Architecture::I386, Architecture::Aarch64]
            .into_iter()
            .flat_map(|architecture| table::calls(architecture).map(|(name, _)| name))
            .collect();
        let gated = WITH_CAPABILITY.iter().map(|(_, calls)| *calls);
        for name in ALWAYS.into_iter().chain(gated).flat_map(str::split_whitespace) {
            assert!(known.contains(&name), "{name}");
        }
    }

    #[test]
    fn capabilities_open_their_calls_and_only_those() {
        let none = Profile::new(CapSet::NONE);
        let admin = Profile::new(CapSet::named("SYS_ADMIN").unwrap());
        for (name, without, with) in [
            ("read", Verdict::Allow, Verdict::Allow),
            ("mount", FORBIDDEN, Verdict::Allow),
            ("clone", Verdict::CloneWithoutNamespaces, Verdict::Allow),
            ("clone3", UNKNOWN, Verdict::Allow),
            ("init_module", FORBIDDEN, FORBIDDEN),
            ("kexec_load", FORBIDDEN, FORBIDDEN),
            ("keyctl", FORBIDDEN, FORBIDDEN),
        ] {
            assert_eq!((none.verdict(name), admin.verdict(name)), (without, with), "{name}");
        }
    }
}
