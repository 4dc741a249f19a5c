//! Everything that a child needs to know before it is born.

use super::caps::CapSet;
use super::seccomp;
use super::user::User;
use crate::cgroup::Join;
use crate::error::{Error, Kind, Result};
use crate::sys::seccomp::Instruction;
use planner::ContainerSpec;
use planner::desired::Memory;
use planner::desired::Seccomp;
use std::collections::BTreeMap;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::PathBuf;
use std::sync::Arc;

/// The first process of a container. File descriptors are borrowed: the child gets copies.
#[derive(Debug)]
pub struct Birth<'a> {
    /// A detached mount (fsmount(2), open_tree(2)) that becomes `/`. It is used up: a second
    /// birth needs a clone of it.
    pub rootfs: BorrowedFd<'a>,
    /// Standard input, output and error.
    pub stdio: [BorrowedFd<'a>; 3],
    /// What runs.
    pub process: Process,
    /// What it may do.
    pub confinement: Confinement,
    /// Host name inside.
    pub hostname: String,
    /// NIS domain name inside; `None` is the host's.
    pub domainname: Option<String>,
    /// Kernel settings of its namespaces: the path below `/proc/sys`, and the value.
    pub sysctls: Vec<(String, String)>,
    /// Its network.
    pub netns: Netns,
    /// Whose other namespaces it is in.
    pub namespaces: Namespaces,
    /// The control groups to join.
    pub cgroup: Join,
    /// Volumes, binds, tmpfs, in the order in which they are mounted. Files such as
    /// `/etc/hosts` are binds too.
    pub mounts: Vec<Mount>,
    /// Files that it can read and never change, over what is mounted.
    pub files: Vec<GivenFile>,
    /// Size of `/dev/shm` in bytes.
    pub shm_size: u64,
    /// Device nodes of the host, besides the usual six.
    pub devices: Vec<Device>,
    /// Devices may be opened wherever their nodes are: a device group says which.
    pub guarded: bool,
    /// Nothing of the root file system can be written.
    pub read_only: bool,
    /// A small init is PID 1 and reaps; the program is its child.
    pub init: bool,
    /// It makes a terminal, which is its standard input, output and error in place of `stdio`, and
    /// hands the other end to its parent.
    pub tty: bool,
    /// It is killed when the thread that bore it ends, however that comes.
    pub tied: bool,
}

/// A device node of the host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Device {
    /// Path on the host.
    pub source: PathBuf,
    /// Absolute path inside.
    pub target: String,
}

/// Which network namespace a process is in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Netns {
    /// A new, empty one.
    New,
    /// The one that is bound to this path, which need not be there yet.
    Bound(PathBuf),
    /// That of the thread that bears it.
    Own,
}

/// Whose namespaces a container's first process is in, the network's apart.
#[derive(Debug, Default)]
pub struct Namespaces {
    /// Processes.
    pub pid: Whose,
    /// System V objects, message queues and `/dev/shm`.
    pub ipc: Whose,
    /// There is no `/dev/shm`.
    pub without_memory: bool,
    /// Host and domain name are those of the host.
    pub uts_of_host: bool,
    /// It sees all control groups of the host.
    pub cgroup_of_host: bool,
}

/// Whose one namespace is.
#[derive(Debug, Default)]
pub enum Whose {
    /// A new one.
    #[default]
    Own,
    /// That of the host.
    Host,
    /// That of this process: a descriptor of it.
    Of(OwnedFd),
}

impl Whose {
    /// The process whose namespace it is.
    pub(super) fn process(&self) -> Option<BorrowedFd<'_>> {
        match self {
            Self::Of(process) => Some(process.as_fd()),
            Self::Own | Self::Host => None,
        }
    }
}

/// One more process inside a container that lives.
#[derive(Debug)]
pub struct Entry<'a> {
    /// A process of the container, whose namespaces are joined: its PID 1.
    pub pidfd: BorrowedFd<'a>,
    /// Standard input, output and error. With `tty` all three are the terminal's slave end.
    pub stdio: [BorrowedFd<'a>; 3],
    /// What runs.
    pub process: Process,
    /// What it may do: the same as the container's first process.
    pub confinement: Confinement,
    /// The control groups to join: those of the container.
    pub cgroup: Join,
    /// Standard input is a terminal: make it the controlling one of a new session.
    pub tty: bool,
}

/// A program with its surroundings.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Process {
    /// Program and arguments; never empty.
    pub argv: Vec<String>,
    /// The environment. `PATH`, `HOME` and (at birth) `HOSTNAME` are added when absent.
    pub env: BTreeMap<String, String>,
    /// Working directory, absolute; made when missing (at birth). Empty is `/`.
    pub cwd: String,
    /// Who runs it.
    pub user: User,
}

/// What a process may do.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Confinement {
    /// Everything: all devices, no filter, nothing masked.
    pub privileged: bool,
    /// Capabilities that it can ever have.
    pub capabilities: CapSet,
    /// It never gains privileges by execve(2).
    pub no_new_privileges: bool,
    /// No system call filter (privileged processes have none anyway).
    pub unfiltered: bool,
    /// A system call filter in place of the default one.
    pub filter: Option<Vec<Instruction>>,
    /// Nothing of /proc and /sys is hidden or read-only.
    pub unmasked: bool,
    /// The AppArmor profile of the program.
    pub apparmor: Option<String>,
    /// Limits of setrlimit(2).
    pub rlimits: Vec<Rlimit>,
    /// How early the kernel kills it when memory is short, -1000 to 1000.
    pub oom_score_adj: Option<i32>,
}

/// One limit of setrlimit(2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rlimit {
    /// `RLIMIT_…`.
    pub resource: u32,
    /// The value that applies; `u64::MAX` is unlimited.
    pub soft: u64,
    /// The value up to which it may be raised; `u64::MAX` is unlimited.
    pub hard: u64,
}

/// Something mounted into the container.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mount {
    /// Absolute path inside. Links in it are followed inside the container's root only. A missing
    /// folder (or, for a source that is a file, a missing file) is made.
    pub target: String,
    /// No writing through this mount.
    pub read_only: bool,
    /// What is mounted.
    pub source: MountSource,
}

/// A file that is copied into memory of the container's own, where no layer and nobody on the host
/// sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GivenFile {
    /// Where the content is on the host.
    pub source: PathBuf,
    /// Absolute path inside, as of a [`Mount`].
    pub target: String,
    /// Owner and group.
    pub owner: (u32, u32),
    /// Permission bits.
    pub mode: u32,
}

/// What is mounted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MountSource {
    /// A folder of the host, with what is mounted below it.
    Folder(PathBuf),
    /// A file, socket or device of the host.
    File(PathBuf),
    /// Memory.
    Tmpfs(Memory),
    /// What is mounted nowhere yet, with all below it. It is used up.
    Detached {
        /// The mount.
        mount: DetachedMount,
        /// Whether it is mounted on a folder.
        is_folder: bool,
    },
    /// A part of what is mounted nowhere, which links do not leave. It is used up.
    Part {
        /// The mount.
        mount: DetachedMount,
        /// Path of the part in it.
        path: String,
        /// Whether that is a folder.
        is_folder: bool,
    },
}

/// A mount that is nowhere yet.
#[derive(Clone, Debug)]
pub struct DetachedMount(Arc<OwnedFd>);

impl DetachedMount {
    /// This one.
    pub fn new(mount: OwnedFd) -> Self {
        Self(Arc::new(mount))
    }
}

impl AsFd for DetachedMount {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

impl PartialEq for DetachedMount {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl Eq for DetachedMount {}

impl Confinement {
    /// What the spec allows.
    pub fn of(spec: &ContainerSpec) -> Result<Self> {
        let capabilities = CapSet::of(spec)?;
        let filter = match &spec.security.seccomp {
            Seccomp::Profile(text) if !spec.privileged => Some(seccomp::own_filter(text, capabilities)?),
            _ => None,
        };
        Ok(Self {
            privileged: spec.privileged,
            capabilities,
            no_new_privileges: spec.no_new_privileges,
            unfiltered: spec.privileged || spec.security.seccomp == Seccomp::Unconfined,
            filter,
            unmasked: spec.security.unmasked,
            apparmor: spec.security.apparmor.clone(),
            rlimits: spec
                .ulimits
                .iter()
                .map(|(name, limit)| Rlimit::named(name, limit.soft, limit.hard))
                .collect::<Result<_>>()?,
            oom_score_adj: None,
        })
    }
}

/// Names of the limits, as in ulimit(1) and Compose files.
const RLIMITS: [(&str, u32); 16] = [
    ("as", libc::RLIMIT_AS),
    ("core", libc::RLIMIT_CORE),
    ("cpu", libc::RLIMIT_CPU),
    ("data", libc::RLIMIT_DATA),
    ("fsize", libc::RLIMIT_FSIZE),
    ("locks", libc::RLIMIT_LOCKS),
    ("memlock", libc::RLIMIT_MEMLOCK),
    ("msgqueue", libc::RLIMIT_MSGQUEUE),
    ("nice", libc::RLIMIT_NICE),
    ("nofile", libc::RLIMIT_NOFILE),
    ("nproc", libc::RLIMIT_NPROC),
    ("rss", libc::RLIMIT_RSS),
    ("rtprio", libc::RLIMIT_RTPRIO),
    ("rttime", libc::RLIMIT_RTTIME),
    ("sigpending", libc::RLIMIT_SIGPENDING),
    ("stack", libc::RLIMIT_STACK),
];

impl Rlimit {
    /// A limit by its name (`nofile`); -1 is unlimited.
    pub fn named(name: &str, soft: i64, hard: i64) -> Result<Self> {
        let known = RLIMITS.iter().find(|(known, _)| *known == name);
        let (_, resource) = known.ok_or_else(|| {
            Error::new(Kind::Unsupported, format!("`{name}` is not a resource limit"))
                .hint(format!("known are {}", RLIMITS.map(|(name, _)| name).join(", ")))
        })?;
        let value = |limit: i64| u64::try_from(limit).unwrap_or(u64::MAX);
        Ok(Self { resource: *resource, soft: value(soft), hard: value(hard) })
    }

    /// The limit's name.
    pub fn name(&self) -> &'static str {
        RLIMITS.iter().find(|(_, resource)| *resource == self.resource).map_or("?", |(name, _)| name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_is_found_by_name_and_minus_one_is_unlimited() {
        let limit = Rlimit::named("nofile", 1024, -1).unwrap();
        assert_eq!(limit, Rlimit { resource: libc::RLIMIT_NOFILE, soft: 1024, hard: u64::MAX });
        assert_eq!(limit.name(), "nofile");
        assert_eq!(Rlimit::named("files", 1, 1).unwrap_err().kind, Kind::Unsupported);
    }
}
