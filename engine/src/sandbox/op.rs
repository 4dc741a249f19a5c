//! One act of the child each, with all that it needs already made.
//!
//! Paths of the host and paths of the container never mix: what is `inside` is resolved below the
//! new root only (openat2(2) with `RESOLVE_IN_ROOT`), whatever links the image holds.

use crate::sys::process::StringList;
use crate::sys::seccomp::Instruction;
use rustix::mount::MountAttrFlags;
use std::ffi::{CStr, CString};
use std::fmt;

/// What a child does from its first instruction to the program's.
#[derive(Debug)]
pub struct Program {
    /// In this order.
    pub ops: Vec<Op>,
}

/// One act. Its text is what an error says and what tests compare.
#[derive(Debug)]
pub enum Op {
    /// Lets no process of the container look into this one, which still holds host files.
    Hide,
    /// Asks to be killed when the thread that bore it ends; fails when that has come already.
    Tie,
    /// Starts a session of its own.
    NewSession,
    /// Makes standard input, output and error what the birth says.
    Stdio,
    /// Makes standard input the session's terminal.
    TakeTerminal,
    /// Makes a terminal of the container for this user and hands its other end over at the gate. Its
    /// own end becomes standard input, output and error, the session's terminal, and `/dev/console`.
    MakeTerminal {
        /// Who owns it.
        uid: u32,
    },
    /// Gets a process group of its own, to which the terminal belongs from now on: what is typed
    /// there to end it must not reach an init, too, which would pass it on.
    LeadTerminal,
    /// Writes `0` to a `tasks` file of the host: the single thread here joins that group.
    JoinGroup(CString),
    /// Waits at the gate for the network namespace and enters it.
    EnterNetwork,
    /// Enters all namespaces of the container, the pid namespace excepted: a process is born into it.
    EnterContainer,
    /// Enters the namespace of another container's shared memory, and takes hold of that.
    EnterMemory,
    /// Makes the groups joined the roots of what it sees of control groups.
    NewCgroupNamespace,
    /// Sets the host name.
    Hostname(CString),
    /// Sets the NIS domain name.
    Domainname(CString),
    /// Writes our own `oom_score_adj`; a score below what we may have is left as it is.
    OomScore(CString),
    /// Cuts the mount namespace off from the host's.
    PrivateMounts,
    /// Puts the root file system where ops find it: over the host's `/`, which stays usable.
    AttachRoot,
    /// Makes a folder and its parents.
    MakeFolder(Place),
    /// Makes an empty file to mount on.
    MakeFile(Place),
    /// Makes a symbolic link.
    Link {
        /// Where.
        at: Place,
        /// What it says.
        to: CString,
    },
    /// Mounts a new file system.
    Mount(FilesystemMount),
    /// Mounts something of the host.
    Bind {
        /// Path on the host.
        source: CString,
        /// Path inside.
        inside: CString,
        /// With all that is mounted below.
        recursive: bool,
        /// Attributes added.
        attributes: MountAttrFlags,
    },
    /// Copies a file of the host into a new file.
    CopyFile {
        /// Path on the host.
        source: CString,
        /// Path inside.
        inside: CString,
        /// Owner and group.
        owner: (u32, u32),
        /// Permission bits.
        mode: u32,
    },
    /// Puts a mount that is nowhere yet at a path.
    Attach {
        /// The mount.
        mount: super::DetachedMount,
        /// Path inside.
        inside: CString,
        /// Attributes added, also to all below it.
        attributes: MountAttrFlags,
    },
    /// Mounts a part of what is mounted at one path read-only at another.
    Show {
        /// Path inside.
        folder: CString,
        /// Path of the part below that, which links do not leave.
        part: CString,
        /// Path inside.
        at: CString,
    },
    /// Takes away what is mounted at a path inside; what shows parts of it elsewhere stays.
    Unmount(CString),
    /// Mounts the shared memory that was taken hold of.
    ShareMemory(CString),
    /// Writes a kernel setting.
    Sysctl {
        /// Path inside.
        inside: CString,
        /// What is written.
        value: CString,
    },
    /// Hides a file or folder, if there is one, behind an empty one.
    Mask(CString),
    /// Makes a file or folder, if there is one, read-only.
    ReadOnly(CString),
    /// Adds attributes to the mount at a path inside.
    Attributes {
        /// Path inside.
        inside: CString,
        /// Attributes added.
        attributes: MountAttrFlags,
    },
    /// Makes the root file system `/` and lets go of the host's.
    Pivot,
    /// Waits at the gate until the parent has written down that this process exists.
    AwaitLeave,
    /// Sets the umask.
    Umask(u32),
    /// Sets a limit of setrlimit(2), cut down to what we may.
    Limit(super::Rlimit),
    /// Changes the working directory.
    Chdir(CString),
    /// Splits off an init, which stays PID 1.
    Init,
    /// Takes signals back to their defaults.
    ResetSignals,
    /// Lets no other file descriptor survive.
    CloseFiles,
    /// Gives up all other capabilities for good.
    Bound(super::CapSet),
    /// Sets supplementary groups, group and user.
    Become {
        /// User.
        uid: u32,
        /// Group.
        gid: u32,
        /// Further groups.
        groups: Vec<rustix::thread::Gid>,
    },
    /// Sets permitted and effective capabilities; none are inheritable or ambient.
    Capabilities(super::CapSet),
    /// Gains no privileges by exec any more.
    NoNewPrivileges,
    /// Applies the system call filter.
    Filter(Vec<Instruction>),
    /// Says which AppArmor profile the program gets.
    AppArmor(CString),
    /// Becomes the program.
    Execute(Executable),
}

/// A path inside, with each step on the way to it, so that none needs making in the child.
#[derive(Debug)]
pub struct Place {
    /// The whole path.
    pub path: CString,
    /// From the top: a folder, and the name of the next step in it.
    pub steps: Vec<(CString, CString)>,
}

/// A new file system.
#[derive(Debug)]
pub struct FilesystemMount {
    /// Its type.
    pub kind: &'static CStr,
    /// Its options; without a value they are flags.
    pub options: Vec<(&'static CStr, Option<CString>)>,
    /// Attributes of the mount.
    pub attributes: MountAttrFlags,
    /// Path inside.
    pub inside: CString,
}

/// A program to become.
#[derive(Debug)]
pub struct Executable {
    /// Where it may be, first match wins.
    pub candidates: Vec<CString>,
    /// Its arguments.
    pub arguments: StringList,
    /// Its environment.
    pub environment: StringList,
}

impl fmt::Display for Program {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.ops.iter().try_for_each(|op| writeln!(f, "{op}"))
    }
}

impl fmt::Display for Op {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Hide => f.write_str("hide this process"),
            Self::Tie => f.write_str("be killed with the parent"),
            Self::NewSession => f.write_str("start a session"),
            Self::Stdio => f.write_str("set standard input and output"),
            Self::TakeTerminal => f.write_str("take the terminal"),
            Self::MakeTerminal { uid } => write!(f, "make a terminal for user {uid}"),
            Self::JoinGroup(tasks) => write!(f, "join {}", text(tasks)),
            Self::EnterNetwork => f.write_str("enter the network namespace"),
            Self::EnterContainer => f.write_str("enter the container's namespaces"),
            Self::EnterMemory => f.write_str("enter the other container's shared memory"),
            Self::NewCgroupNamespace => f.write_str("make a cgroup namespace"),
            Self::Hostname(name) => write!(f, "set host name {}", text(name)),
            Self::Domainname(name) => write!(f, "set domain name {}", text(name)),
            Self::OomScore(score) => write!(f, "set OOM score {}", text(score)),
            Self::PrivateMounts => f.write_str("make mounts private"),
            Self::AttachRoot => f.write_str("attach the root file system"),
            Self::MakeFolder(place) => write!(f, "make folder {}", text(&place.path)),
            Self::MakeFile(place) => write!(f, "make file {}", text(&place.path)),
            Self::Link { at, to } => write!(f, "link {} to {}", text(&at.path), text(to)),
            Self::Mount(mount) => mount.fmt(f),
            Self::Bind { source, inside, recursive, attributes } => {
                let all = if *recursive { " with all below" } else { "" };
                write!(f, "bind {} on {}{all}{}", text(source), text(inside), shown(*attributes))
            }
            Self::CopyFile { source, inside, owner: (uid, gid), mode } => {
                write!(f, "copy {} to {} for {uid}:{gid} {mode:04o}", text(source), text(inside))
            }
            Self::Attach { inside, attributes, .. } => {
                write!(f, "attach {}{}", text(inside), shown(*attributes))
            }
            Self::Show { folder, part, at } => {
                write!(f, "show {} of {} at {}", text(part), text(folder), text(at))
            }
            Self::Unmount(path) => write!(f, "unmount {}", text(path)),
            Self::ShareMemory(inside) => write!(f, "mount the other container's memory on {}", text(inside)),
            Self::Sysctl { inside, value } => write!(f, "write {} to {}", text(value), text(inside)),
            Self::Mask(path) => write!(f, "mask {}", text(path)),
            Self::ReadOnly(path) => write!(f, "make {} read-only", text(path)),
            Self::Attributes { inside, attributes } => {
                write!(f, "set on {}{}", text(inside), shown(*attributes))
            }
            Self::Pivot => f.write_str("change to the root file system"),
            _ => self.fmt_identity(f),
        }
    }
}

impl Op {
    /// The text of the acts that change the process itself.
    fn fmt_identity(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AwaitLeave => f.write_str("wait until it is known"),
            Self::Umask(mask) => write!(f, "set umask {mask:03o}"),
            Self::Limit(limit) => {
                let value =
                    |value| if value == u64::MAX { "unlimited".to_owned() } else { format!("{value}") };
                write!(f, "limit {} to {} of {}", limit.name(), value(limit.soft), value(limit.hard))
            }
            Self::Chdir(path) => write!(f, "change to folder {}", text(path)),
            Self::Init => f.write_str("split off init"),
            Self::LeadTerminal => f.write_str("lead the terminal"),
            Self::ResetSignals => f.write_str("reset signals"),
            Self::CloseFiles => f.write_str("close other files"),
            Self::Bound(caps) => write!(f, "bound capabilities to {caps}"),
            Self::Become { uid, gid, groups } => {
                write!(f, "become user {uid} group {gid}")?;
                groups.iter().try_for_each(|group| write!(f, " +{}", group.as_raw()))
            }
            Self::Capabilities(caps) => write!(f, "set capabilities {caps}"),
            Self::NoNewPrivileges => f.write_str("forbid new privileges"),
            Self::AppArmor(order) => write!(f, "ask AppArmor to {}", text(order)),
            Self::Filter(_) => f.write_str("apply the system call filter"),
            Self::Execute(executable) => {
                let arguments = executable.arguments.strings().iter().map(|argument| text(argument));
                write!(f, "execute {}", arguments.collect::<Vec<_>>().join(" "))
            }
            _ => Ok(()),
        }
    }
}

impl fmt::Display for FilesystemMount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Where several types are mounted on paths that do not tell, the path tells enough.
        write!(f, "mount {}", text(&self.inside))?;
        write!(f, " ({}", text(self.kind))?;
        for (key, value) in &self.options {
            match value {
                Some(value) => write!(f, " {}={}", text(key), text(value))?,
                None => write!(f, " {}", text(key))?,
            }
        }
        write!(f, "){}", shown(self.attributes))
    }
}

fn text(string: &CStr) -> std::borrow::Cow<'_, str> {
    string.to_string_lossy()
}

/// Mount attributes as mount(8) calls them, each with a blank before it.
fn shown(attributes: MountAttrFlags) -> String {
    let names = [
        (MountAttrFlags::MOUNT_ATTR_RDONLY, " ro"),
        (MountAttrFlags::MOUNT_ATTR_NOSUID, " nosuid"),
        (MountAttrFlags::MOUNT_ATTR_NODEV, " nodev"),
        (MountAttrFlags::MOUNT_ATTR_NOEXEC, " noexec"),
    ];
    names.iter().filter(|(flag, _)| attributes.contains(*flag)).map(|(_, name)| *name).collect()
}
