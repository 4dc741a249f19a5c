//! The child's side: one match for each op. Nothing here allocates, locks or formats.

use super::gate::Gate;
use super::op::{Executable, FilesystemMount, Op, Place, Program};
use crate::sys::reaper::{self, Arguments};
use crate::sys::{fd, mountfd, process, pty, seccomp};
use rustix::fs::{CWD, FileType, Mode, OFlags, ResolveFlags};
use rustix::io::Errno;
use rustix::mount::{MountAttrFlags, UnmountFlags};
use rustix::process::{DumpableBehavior, Signal};
use rustix::thread::{CapabilitySet, CapabilitySets, Gid, LinkNameSpaceType, ThreadNameSpaceType, Uid};
use std::cell::OnceCell;
use std::ffi::CStr;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

/// What the child has from its parent besides the program.
pub(super) struct Inherited<'a> {
    /// Becomes `/` at birth; the container's process when entering.
    pub(super) target: BorrowedFd<'a>,
    /// Becomes standard input, output and error.
    pub(super) stdio: [BorrowedFd<'a>; 3],
    /// A process whose shared memory it has at birth.
    pub(super) memory: Option<BorrowedFd<'a>>,
    /// What an init blanks.
    pub(super) arguments: Option<Arguments>,
    /// Where it waits for its parent at birth.
    pub(super) gate: Option<&'a Gate>,
}

/// The one thing that ops share.
#[derive(Default)]
struct Shared {
    /// An empty folder that is mounted already: copies of it mask others.
    empty: OnceCell<OwnedFd>,
    /// The `/dev/shm` of another container.
    memory: OnceCell<OwnedFd>,
}

/// Why an act failed. In a report the number of the op comes first, then these two.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Failure {
    pub(super) errno: Errno,
    /// The program is there, but what interprets or loads it is not.
    pub(super) interpreter: bool,
}

impl From<Errno> for Failure {
    fn from(errno: Errno) -> Self {
        Self { errno, interpreter: false }
    }
}

/// Length of a report: three numbers in the machine's order.
pub(super) const REPORT_BYTES: usize = 12;

/// Runs the ops. On success it does not return; a failure is written to `report`.
pub(super) fn run(program: &Program, inherited: &Inherited<'_>, report_to: BorrowedFd<'_>) {
    let shared = Shared::default();
    for (index, op) in (0_u32..).zip(&program.ops) {
        if let Err(failure) = act(op, inherited, &shared) {
            let mut report = [0; REPORT_BYTES];
            report[..4].copy_from_slice(&index.to_ne_bytes());
            report[4..8].copy_from_slice(&failure.errno.raw_os_error().to_ne_bytes());
            report[8..].copy_from_slice(&u32::from(failure.interpreter).to_ne_bytes());
            // When even this fails, the parent sees the process end.
            let _ = rustix::io::write(report_to, &report);
            return;
        }
    }
}

fn act(op: &Op, inherited: &Inherited<'_>, shared: &Shared) -> Result<(), Failure> {
    let root = inherited.target;
    match op {
        Op::Hide => rustix::process::set_dumpable_behavior(DumpableBehavior::NotDumpable)?,
        Op::Tie => tie(inherited.gate)?,
        Op::NewSession => rustix::process::setsid().map(drop)?,
        Op::Stdio => fd::make_standard(inherited.stdio)?,
        Op::TakeTerminal => process::take_terminal()?,
        Op::MakeTerminal { uid } => make_terminal(root, *uid, inherited.gate.ok_or(Errno::PIPE)?)?,
        Op::LeadTerminal => process::lead_terminal()?,
        Op::JoinGroup(tasks) => write_file(CWD, tasks, c"0", ResolveFlags::empty())?,
        Op::EnterNetwork => enter_network(inherited.gate)?,
        Op::AwaitLeave => inherited.gate.ok_or(Errno::BADF)?.pass()?,
        Op::EnterContainer => enter_container(inherited.target)?,
        Op::EnterMemory => enter_memory(inherited.memory, shared)?,
        Op::ShareMemory(inside) => {
            let memory = shared.memory.get().ok_or(Errno::BADF)?;
            mountfd::attach(memory.as_fd(), find(root, inside)?.as_fd())?;
        }
        Op::NewCgroupNamespace => process::new_cgroup_namespace()?,
        Op::Hostname(name) => process::set_hostname(name.to_bytes())?,
        Op::Domainname(name) => process::set_domainname(name.to_bytes())?,
        Op::OomScore(score) => set_oom_score(score)?,
        Op::PrivateMounts => mountfd::make_private(open_path(CWD, c"/", ResolveFlags::empty())?.as_fd())?,
        Op::AttachRoot => mountfd::attach(root, open_path(CWD, c"/", ResolveFlags::empty())?.as_fd())?,
        Op::MakeFolder(place) => make_folder(root, place)?,
        Op::MakeFile(place) => make_file(root, place)?,
        Op::Link { at, to } => make_link(root, at, to)?,
        Op::Mount(mount) => mount_filesystem(root, mount)?,
        Op::Bind { source, inside, recursive, attributes } => {
            let copy = mountfd::copy(source, *recursive)?;
            mountfd::set_attributes(copy.as_fd(), *attributes, *recursive)?;
            mountfd::attach(copy.as_fd(), find(root, inside)?.as_fd())?;
        }
        Op::CopyFile { source, inside, owner, mode } => copy_file(source, root, inside, (*owner, *mode))?,
        Op::Attach { mount, inside, attributes } => {
            mountfd::set_attributes(mount.as_fd(), *attributes, true)?;
            mountfd::attach(mount.as_fd(), find(root, inside)?.as_fd())?;
        }
        Op::Show { folder, part, at } => show(root, (folder, part), at)?,
        Op::Unmount(path) => unmount(root, path)?,
        Op::Sysctl { inside, value } => write_file(root, inside, value, ResolveFlags::IN_ROOT)?,
        Op::Mask(path) => mask(root, path, shared)?,
        Op::ReadOnly(path) => make_read_only(root, path)?,
        Op::Attributes { inside, attributes } => {
            mountfd::set_attributes(find(root, inside)?.as_fd(), *attributes, false)?;
        }
        Op::Pivot => pivot(root)?,
        Op::Init => reaper::split(inherited.arguments)?,
        Op::Execute(executable) => return Err(execute(executable)),
        _ => change_self(op)?,
    }
    Ok(())
}

/// The acts that need nothing but themselves.
fn change_self(op: &Op) -> Result<(), Errno> {
    match op {
        Op::Umask(mask) => drop(rustix::process::umask(Mode::from_raw_mode(*mask))),
        Op::Limit(limit) => process::set_limit(limit.resource, limit.soft, limit.hard)?,
        Op::Chdir(path) => rustix::process::chdir(path.as_c_str())?,
        Op::ResetSignals => process::reset_signals()?,
        Op::CloseFiles => fd::close_at_exec_from(3)?,
        Op::Bound(caps) => bound(caps.bits())?,
        Op::Become { uid, gid, groups } => become_user(*uid, *gid, groups)?,
        Op::Capabilities(caps) => set_capabilities(caps.bits())?,
        Op::NoNewPrivileges => rustix::thread::set_no_new_privs(true)?,
        Op::Filter(filter) => seccomp::load(filter)?,
        Op::AppArmor(order) => {
            write_file(CWD, c"/proc/self/attr/apparmor/exec", order, ResolveFlags::empty())?;
        }
        _ => {}
    }
    Ok(())
}

fn open_path(at: BorrowedFd<'_>, path: &CStr, resolve: ResolveFlags) -> Result<OwnedFd, Errno> {
    rustix::fs::openat2(at, path, OFlags::PATH | OFlags::CLOEXEC, Mode::empty(), resolve)
}

/// Finds a path below the new root.
fn find(root: BorrowedFd<'_>, path: &CStr) -> Result<OwnedFd, Errno> {
    open_path(root, path, ResolveFlags::IN_ROOT)
}

/// Like [`find`], for what the image or kernel need not have.
fn find_optional(root: BorrowedFd<'_>, path: &CStr) -> Result<Option<OwnedFd>, Errno> {
    match find(root, path) {
        Ok(place) => Ok(Some(place)),
        Err(Errno::NOENT | Errno::NOTDIR) => Ok(None),
        Err(error) => Err(error),
    }
}

fn write_file(at: BorrowedFd<'_>, path: &CStr, value: &CStr, resolve: ResolveFlags) -> Result<(), Errno> {
    let file = rustix::fs::openat2(at, path, OFlags::WRONLY | OFlags::CLOEXEC, Mode::empty(), resolve)?;
    rustix::io::write(file, value.to_bytes()).map(drop)
}

/// Without `CAP_SYS_RESOURCE` the score cannot go below what it is: that must not stop a start.
fn set_oom_score(score: &CStr) -> Result<(), Errno> {
    match write_file(CWD, c"/proc/self/oom_score_adj", score, ResolveFlags::empty()) {
        Err(Errno::ACCESS | Errno::PERM) => Ok(()),
        result => result,
    }
}

/// The kernel tells of a parent's end only after it was asked to.
fn tie(gate: Option<&Gate>) -> Result<(), Errno> {
    rustix::process::set_parent_process_death_signal(Some(Signal::KILL))?;
    if gate.is_some_and(Gate::is_deserted) { Err(Errno::CANCELED) } else { Ok(()) }
}

/// The terminal is one of the container's own devpts, so that ttyname(3) finds it.
fn make_terminal(root: BorrowedFd<'_>, uid: u32, gate: &Gate) -> Result<(), Errno> {
    let pty = pty::open_below(root)?;
    rustix::fs::fchown(&pty.slave, Some(Uid::from_raw(uid)), None)?;
    let console = mountfd::copy_of(pty.slave.as_fd(), false)?;
    mountfd::attach(console.as_fd(), find(root, c"/dev/console")?.as_fd())?;
    gate.give(pty.master.as_fd())?;
    fd::make_standard([pty.slave.as_fd(); 3])?;
    process::take_terminal()
}

fn enter_network(gate: Option<&Gate>) -> Result<(), Errno> {
    let namespace = gate.ok_or(Errno::PIPE)?.receive()?;
    rustix::thread::move_into_link_name_space(namespace.as_fd(), Some(LinkNameSpaceType::Network))
}

/// A mount can be copied only in its own namespace: the child goes there and comes back.
fn enter_memory(of: Option<BorrowedFd<'_>>, shared: &Shared) -> Result<(), Errno> {
    let of = of.ok_or(Errno::BADF)?;
    let flags = OFlags::RDONLY | OFlags::CLOEXEC;
    let home = rustix::fs::openat(CWD, c"/proc/self/ns/mnt", flags, Mode::empty())?;
    let there = ThreadNameSpaceType::INTER_PROCESS_COMMUNICATION | ThreadNameSpaceType::MOUNT;
    rustix::thread::move_into_thread_name_spaces(of, there)?;
    let memory = mountfd::copy(c"/dev/shm", false);
    rustix::thread::move_into_link_name_space(home.as_fd(), Some(LinkNameSpaceType::Mount))?;
    let _ = shared.memory.set(memory?);
    Ok(())
}

fn enter_container(pidfd: BorrowedFd<'_>) -> Result<(), Errno> {
    let all = ThreadNameSpaceType::MOUNT
        | ThreadNameSpaceType::CONTROL_GROUP
        | ThreadNameSpaceType::HOST_NAME_AND_NIS_DOMAIN_NAME
        | ThreadNameSpaceType::INTER_PROCESS_COMMUNICATION
        | ThreadNameSpaceType::NETWORK;
    rustix::thread::move_into_thread_name_spaces(pidfd, all)
}

/// Makes what is missing on the way; links that lead nowhere are not made good.
fn make_folder(root: BorrowedFd<'_>, place: &Place) -> Result<(), Errno> {
    if find(root, &place.path).is_ok() {
        return Ok(());
    }
    place.steps.iter().try_for_each(|(parent, name)| {
        let parent = find(root, parent)?;
        match rustix::fs::mkdirat(&parent, name.as_c_str(), Mode::from_raw_mode(0o755)) {
            Err(Errno::EXIST) => Ok(()),
            result => result,
        }
    })
}

fn make_file(root: BorrowedFd<'_>, place: &Place) -> Result<(), Errno> {
    if find(root, &place.path).is_ok() {
        return Ok(());
    }
    let Some((parent, name)) = place.steps.last() else { return Err(Errno::ISDIR) };
    let flags = OFlags::CREATE | OFlags::EXCL | OFlags::WRONLY | OFlags::CLOEXEC;
    match rustix::fs::openat(find(root, parent)?, name.as_c_str(), flags, Mode::from_raw_mode(0o644)) {
        // Another container that is born now made it: the folder is in a volume of both.
        Err(Errno::EXIST) => find(root, &place.path).map(drop).map_err(|_| Errno::EXIST),
        result => result.map(drop),
    }
}

fn make_link(root: BorrowedFd<'_>, at: &Place, to: &CStr) -> Result<(), Errno> {
    let Some((parent, name)) = at.steps.last() else { return Err(Errno::EXIST) };
    match rustix::fs::symlinkat(to, find(root, parent)?, name.as_c_str()) {
        Err(Errno::EXIST) => Ok(()),
        result => result,
    }
}

fn mount_filesystem(root: BorrowedFd<'_>, mount: &FilesystemMount) -> Result<(), Errno> {
    /// No file system here is given more options.
    const OPTIONS_MAX: usize = 5;
    let mut options = [(c"", None); OPTIONS_MAX];
    let used = options.get_mut(..mount.options.len()).ok_or(Errno::TOOBIG)?;
    for (option, (key, value)) in used.iter_mut().zip(&mount.options) {
        *option = (*key, value.as_deref());
    }
    let made = mountfd::filesystem(mount.kind, used, mount.attributes)?;
    mountfd::attach(made.as_fd(), find(root, &mount.inside)?.as_fd())
}

fn copy_file(
    source: &CStr,
    root: BorrowedFd<'_>,
    inside: &CStr,
    ((uid, gid), mode): ((u32, u32), u32),
) -> Result<(), Errno> {
    const CHUNK: usize = 1 << 20;
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let from = rustix::fs::openat(CWD, source, flags, Mode::empty())?;
    let flags = OFlags::CREATE | OFlags::EXCL | OFlags::WRONLY | OFlags::CLOEXEC;
    let to = rustix::fs::openat2(root, inside, flags, Mode::from_raw_mode(0o600), ResolveFlags::IN_ROOT)?;
    while rustix::fs::sendfile(&to, &from, None, CHUNK)? > 0 {}
    rustix::fs::fchown(&to, Some(Uid::from_raw(uid)), Some(Gid::from_raw(gid)))?;
    // Last: a change of owner takes some bits away.
    rustix::fs::fchmod(&to, Mode::from_raw_mode(mode))
}

fn show(root: BorrowedFd<'_>, (folder, part): (&CStr, &CStr), at: &CStr) -> Result<(), Errno> {
    let copy = mountfd::copy_of(find(find(root, folder)?.as_fd(), part)?.as_fd(), false)?;
    mountfd::set_attributes(copy.as_fd(), MountAttrFlags::MOUNT_ATTR_RDONLY, false)?;
    mountfd::attach(copy.as_fd(), find(root, at)?.as_fd())
}

/// Unmounting takes a path of this process, whose `/` is still the host's: the working folder is one.
fn unmount(root: BorrowedFd<'_>, path: &CStr) -> Result<(), Errno> {
    rustix::process::fchdir(find(root, path)?)?;
    rustix::mount::unmount(c".", UnmountFlags::DETACH)?;
    rustix::process::chdir(c"/")
}

fn mask(root: BorrowedFd<'_>, path: &CStr, shared: &Shared) -> Result<(), Errno> {
    let Some(place) = find_optional(root, path)? else { return Ok(()) };
    let is_folder = FileType::from_raw_mode(rustix::fs::fstat(&place)?.st_mode).is_dir();
    let cover = match (is_folder, shared.empty.get()) {
        (false, _) => mountfd::copy(c"/dev/null", false)?,
        (true, Some(empty)) => mountfd::copy_of(empty.as_fd(), false)?,
        (true, None) => mountfd::filesystem(
            c"tmpfs",
            &[(c"size", Some(c"4k")), (c"mode", Some(c"755"))],
            MountAttrFlags::MOUNT_ATTR_RDONLY
                | MountAttrFlags::MOUNT_ATTR_NOSUID
                | MountAttrFlags::MOUNT_ATTR_NODEV,
        )?,
    };
    mountfd::attach(cover.as_fd(), place.as_fd())?;
    if is_folder {
        let _ = shared.empty.set(cover);
    }
    Ok(())
}

fn make_read_only(root: BorrowedFd<'_>, path: &CStr) -> Result<(), Errno> {
    let Some(place) = find_optional(root, path)? else { return Ok(()) };
    let copy = mountfd::copy_of(place.as_fd(), true)?;
    mountfd::set_attributes(copy.as_fd(), MountAttrFlags::MOUNT_ATTR_RDONLY, true)?;
    mountfd::attach(copy.as_fd(), place.as_fd())
}

/// pivot_root(2) with both paths the same puts the old root over the new one; unmounting takes it
/// away again, and no folder is needed for it.
fn pivot(root: BorrowedFd<'_>) -> Result<(), Errno> {
    rustix::process::fchdir(root)?;
    rustix::process::pivot_root(c".", c".")?;
    rustix::mount::unmount(c".", UnmountFlags::DETACH)?;
    rustix::process::chdir(c"/")
}

/// Drops from the bounding set all that the kernel knows and `keep` lacks.
fn bound(keep: u64) -> Result<(), Errno> {
    for number in 0..u64::BITS {
        if keep & (1 << number) != 0 {
            continue;
        }
        match rustix::thread::remove_capability_from_bounding_set(CapabilitySet::from_bits_retain(
            1 << number,
        )) {
            // The first that the kernel does not know.
            Err(Errno::INVAL) => break,
            result => result?,
        }
    }
    Ok(())
}

/// The raw calls change this thread only, and this thread is all there is: the C library's would
/// look for other threads of the parent.
fn become_user(uid: u32, gid: u32, groups: &[Gid]) -> Result<(), Errno> {
    rustix::thread::set_thread_groups(groups)?;
    let gid = Gid::from_raw(gid);
    rustix::thread::set_thread_res_gid(gid, gid, gid)?;
    let uid = Uid::from_raw(uid);
    rustix::thread::set_thread_res_uid(uid, uid, uid)
}

/// What we do not have ourselves (a container in a container) cannot be given on.
fn set_capabilities(wanted: u64) -> Result<(), Errno> {
    match rustix::thread::clear_ambient_capability_set() {
        Ok(()) | Err(Errno::INVAL) => {}
        Err(error) => return Err(error),
    }
    let ours = rustix::thread::capabilities(None)?.permitted;
    let set = CapabilitySet::from_bits_retain(wanted) & ours;
    let sets = CapabilitySets { effective: set, permitted: set, inheritable: CapabilitySet::empty() };
    rustix::thread::set_capabilities(None, sets)
}

/// Tries the candidates as execvp(3) does: the first that is there counts, one that is forbidden
/// only when no other is found.
fn execute(executable: &Executable) -> Failure {
    let mut failure = Failure::from(Errno::NOENT);
    for path in &executable.candidates {
        match process::execute(path, &executable.arguments, &executable.environment) {
            Errno::NOENT if exists(path) => return Failure { errno: Errno::NOENT, interpreter: true },
            Errno::NOENT | Errno::NOTDIR => {}
            Errno::ACCESS => failure = Errno::ACCESS.into(),
            other => return other.into(),
        }
    }
    failure
}

fn exists(path: &CStr) -> bool {
    rustix::fs::openat(CWD, path, OFlags::PATH | OFlags::CLOEXEC, Mode::empty()).is_ok()
}
