//! From what a child must be to the list of its acts. Pure.
//!
//! Container paths are mounted with `nodev` everywhere but on the device nodes themselves, which
//! are read-only binds of the host's: `CAP_MKNOD`, which Docker grants by default, then gives
//! access to no device, without a device control group (v1) or BPF program (v2). Writing *to* a
//! device does not need its node to be writable. Privileged containers have no such limits.

use super::op::{Executable, FilesystemMount, Op, Place, Program};
use super::paths::{DEFAULT_PATH, DEVICES, LINKS, MASKED, READ_ONLY, SYSCTLS};
use super::{
    Birth, Confinement, Entry, GivenFile, Mount, MountSource, Namespaces, Netns, Process, Whose, seccomp,
};
use crate::error::{Error, Kind, Result};
use crate::sys::process::StringList;
use planner::desired::Memory;
use rustix::mount::MountAttrFlags;
use rustix::thread::Gid;
use std::collections::BTreeMap;
use std::ffi::{CStr, CString};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

const RO: MountAttrFlags = MountAttrFlags::MOUNT_ATTR_RDONLY;
const NOSUID: MountAttrFlags = MountAttrFlags::MOUNT_ATTR_NOSUID;
const NODEV: MountAttrFlags = MountAttrFlags::MOUNT_ATTR_NODEV;
const NOEXEC: MountAttrFlags = MountAttrFlags::MOUNT_ATTR_NOEXEC;

/// Where something is mounted for a moment only: nothing is done there meanwhile, and every container
/// has it.
const STAGE: &str = "/proc";

/// The acts that make a container's first process.
pub fn compile(birth: &Birth<'_>) -> Result<Program> {
    let nodev = !birth.confinement.privileged && !birth.guarded;
    let mut ops = Ops { privileged: birth.confinement.privileged, nodev, list: vec![Op::Hide] };
    ops.list.extend(birth.tied.then_some(Op::Tie));
    ops.list.push(Op::NewSession);
    for (_, folder) in &birth.cgroup.version1 {
        ops.list.push(Op::JoinGroup(host_path(&folder.join("tasks"))?));
    }
    ops.namespaces(birth)?;
    ops.list.extend(oom_score(&birth.confinement)?);
    ops.list.extend([Op::Stdio, Op::Umask(0), Op::PrivateMounts, Op::AttachRoot]);
    ops.root_file_system(birth)?;
    ops.list.extend([Op::Pivot, Op::AwaitLeave]);
    let mut process = birth.process.clone();
    process.env.entry("HOSTNAME".into()).or_insert_with(|| birth.hostname.clone());
    ops.program(&process, &birth.confinement, Manner::of(birth))?;
    Ok(Program { ops: ops.list })
}

/// The acts that make one more process in a container that lives.
pub fn compile_exec(entry: &Entry<'_>) -> Result<Program> {
    let mut ops =
        Ops { privileged: entry.confinement.privileged, nodev: true, list: vec![Op::Hide, Op::NewSession] };
    for (_, folder) in &entry.cgroup.version1 {
        ops.list.push(Op::JoinGroup(host_path(&folder.join("tasks"))?));
    }
    ops.list.extend(oom_score(&entry.confinement)?);
    ops.list.push(Op::Stdio);
    if entry.tty {
        ops.list.push(Op::TakeTerminal);
    }
    ops.list.push(Op::EnterContainer);
    ops.program(&entry.process, &entry.confinement, Manner::default())?;
    Ok(Program { ops: ops.list })
}

/// In which manner a program is run.
#[derive(Clone, Copy, Default)]
struct Manner {
    tied: bool,
    init: bool,
    tty: bool,
}

impl Manner {
    fn of(birth: &Birth<'_>) -> Self {
        Self { tied: birth.tied, init: birth.init, tty: birth.tty }
    }
}

/// Ops as they are added.
struct Ops {
    privileged: bool,
    /// Device nodes on file systems of the container are no devices.
    nodev: bool,
    list: Vec<Op>,
}

impl Ops {
    /// Leaves, enters and names the namespaces that it was not born into.
    fn namespaces(&mut self, birth: &Birth<'_>) -> Result<()> {
        let Namespaces { ipc, uts_of_host, cgroup_of_host, .. } = &birth.namespaces;
        self.list.extend(ipc.process().map(|_| Op::EnterMemory));
        self.list.extend((!cgroup_of_host).then_some(Op::NewCgroupNamespace));
        if !uts_of_host {
            self.list.push(Op::Hostname(string(&birth.hostname)?));
            let domainname = birth.domainname.as_deref().map(string).transpose()?;
            self.list.extend(domainname.map(Op::Domainname));
        }
        Ok(())
    }

    fn root_file_system(&mut self, birth: &Birth<'_>) -> Result<()> {
        if self.nodev {
            self.list.push(Op::Attributes { inside: c"/".into(), attributes: NODEV });
        }
        self.new_mount(c"proc", "/proc", vec![], NOSUID | NODEV | NOEXEC)?;
        self.devices(birth)?;
        if birth.tty {
            self.list.push(Op::MakeFile(place("/dev/console")?));
            self.list.push(Op::MakeTerminal { uid: birth.process.user.uid });
        }
        // As late as can be: what comes before needs no network, which may still be in the making.
        self.list.extend(matches!(birth.netns, Netns::Bound(_)).then_some(Op::EnterNetwork));
        self.sys(birth)?;
        for mount in &birth.mounts {
            self.mount(mount)?;
        }
        self.files(&birth.files)?;
        let sysctl = |(path, value): (&CStr, &CStr)| Op::Sysctl { inside: path.into(), value: value.into() };
        if birth.netns != Netns::Own {
            self.list.extend(SYSCTLS.map(sysctl));
        }
        for (path, value) in &birth.sysctls {
            let inside = string(&format!("/proc/sys/{path}"))?;
            self.list.push(Op::Sysctl { inside, value: string(value)? });
        }
        if !self.privileged && !birth.confinement.unmasked {
            self.list.extend(READ_ONLY.map(|path| Op::ReadOnly(path.into())));
            self.list.extend(MASKED.map(|path| Op::Mask(path.into())));
        }
        let cwd = place(cwd(&birth.process))?;
        if !cwd.steps.is_empty() {
            self.list.push(Op::MakeFolder(cwd));
        }
        if birth.read_only {
            self.list.push(Op::Attributes { inside: c"/".into(), attributes: RO });
        }
        Ok(())
    }

    /// It shows the network devices of the namespace in which it is mounted.
    fn sys(&mut self, birth: &Birth<'_>) -> Result<()> {
        let sys_access = if self.privileged { MountAttrFlags::empty() } else { RO };
        self.new_mount(c"sysfs", "/sys", vec![], NOSUID | NODEV | NOEXEC | sys_access)?;
        let groups = "/sys/fs/cgroup";
        let attributes = NOSUID | NODEV | NOEXEC | sys_access;
        if birth.namespaces.cgroup_of_host {
            return self.bind(Path::new(groups), groups, true, attributes);
        }
        match (&birth.cgroup.version1[..], &birth.cgroup.into) {
            ([], None) => {}
            ([], Some(_)) => self.filesystem(c"cgroup2", groups, vec![], attributes)?,
            (folders, _) => {
                self.filesystem(c"tmpfs", groups, vec![(c"mode", c"755".into())], NOSUID | NODEV | NOEXEC)?;
                for (controller, folder) in folders {
                    let inside = format!("{groups}/{controller}");
                    self.list.push(Op::MakeFolder(place(&inside)?));
                    self.bind(folder, &inside, false, attributes)?;
                }
                self.list.push(Op::Attributes { inside: string(groups)?, attributes: sys_access });
            }
        }
        Ok(())
    }

    fn devices(&mut self, birth: &Birth<'_>) -> Result<()> {
        let mode = |mode: &CStr| (c"mode", mode.to_owned());
        self.new_mount(
            c"tmpfs",
            "/dev",
            vec![mode(c"755"), (c"size", c"64k".into())],
            self.limits(NOSUID | NOEXEC),
        )?;
        let pts = vec![mode(c"620"), (c"ptmxmode", c"666".into()), (c"gid", c"5".into())];
        self.new_mount(c"devpts", "/dev/pts", pts, NOSUID | NOEXEC)?;
        self.memory(birth)?;
        self.new_mount(c"mqueue", "/dev/mqueue", vec![], NOSUID | NODEV | NOEXEC)?;
        let usual = DEVICES.iter().map(|path| (Path::new(path), *path));
        let further = birth.devices.iter().map(|device| (&*device.source, &*device.target));
        let further = further.filter(|(_, inside)| !DEVICES.contains(inside));
        for (device, inside) in usual.chain(further) {
            let place = place(inside)?;
            let folder = parent(&place)?.filter(|folder| folder.path.as_bytes() != b"/dev");
            self.list.extend(folder.map(Op::MakeFolder));
            self.list.push(Op::MakeFile(place));
            self.bind(device, inside, false, RO | NOSUID | NOEXEC)?;
        }
        for (at, to) in LINKS {
            self.list.push(Op::Link { at: place(at)?, to: to.into() });
        }
        Ok(())
    }

    fn memory(&mut self, birth: &Birth<'_>) -> Result<()> {
        let inside = "/dev/shm";
        let attributes = NOSUID | NODEV | NOEXEC;
        let size = string(&birth.shm_size.to_string())?;
        match birth.namespaces.ipc {
            Whose::Own if birth.namespaces.without_memory => {}
            Whose::Own => {
                let options = vec![(c"mode", c"1777".into()), (c"size", size)];
                return self.new_mount(c"tmpfs", inside, options, attributes);
            }
            Whose::Host => {
                self.list.push(Op::MakeFolder(place(inside)?));
                self.bind(Path::new(inside), inside, false, attributes)?;
            }
            Whose::Of(_) => {
                self.list.push(Op::MakeFolder(place(inside)?));
                self.list.push(Op::ShareMemory(string(inside)?));
            }
        }
        Ok(())
    }

    fn mount(&mut self, mount: &Mount) -> Result<()> {
        let access = if mount.read_only { RO } else { MountAttrFlags::empty() };
        match &mount.source {
            MountSource::Folder(source) => {
                self.list.push(Op::MakeFolder(place(&mount.target)?));
                self.bind(source, &mount.target, true, self.limits(access))
            }
            MountSource::File(source) => {
                self.place(&mount.target, false)?;
                self.bind(source, &mount.target, false, self.limits(access))
            }
            MountSource::Tmpfs(memory) => {
                let (options, attributes) = memory_options(memory)?;
                self.new_mount(c"tmpfs", &mount.target, options, attributes | access)
            }
            MountSource::Detached { mount: detached, is_folder } => {
                let inside = self.place(&mount.target, *is_folder)?;
                let attributes = self.limits(access);
                self.list.push(Op::Attach { mount: detached.clone(), inside, attributes });
                Ok(())
            }
            MountSource::Part { mount: detached, path, is_folder } => {
                let (at, stage) = (self.place(&mount.target, *is_folder)?, string(STAGE)?);
                let attributes = self.limits(access);
                self.list.push(Op::Attach { mount: detached.clone(), inside: stage.clone(), attributes });
                self.list.push(Op::Show { folder: stage.clone(), part: string(path)?, at });
                self.list.push(Op::Unmount(stage));
                Ok(())
            }
        }
    }

    /// Copied into memory that is mounted over a folder for a moment only, and shown from there.
    fn files(&mut self, files: &[GivenFile]) -> Result<()> {
        if files.is_empty() {
            return Ok(());
        }
        self.filesystem(c"tmpfs", STAGE, vec![(c"mode", c"700".into())], NOSUID | NODEV | NOEXEC)?;
        for (number, file) in files.iter().enumerate() {
            let inside = string(&format!("{STAGE}/{number}"))?;
            let at = self.place(&file.target, false)?;
            let source = host_path(&file.source)?;
            let (owner, mode) = (file.owner, file.mode);
            self.list.push(Op::CopyFile { source, inside, owner, mode });
            let part = string(&number.to_string())?;
            self.list.push(Op::Show { folder: string(STAGE)?, part, at });
        }
        self.list.push(Op::Unmount(string(STAGE)?));
        Ok(())
    }

    /// A folder or file to mount on, made when missing.
    fn place(&mut self, target: &str, is_folder: bool) -> Result<CString> {
        let place = place(target)?;
        let path = place.path.clone();
        if is_folder {
            self.list.push(Op::MakeFolder(place));
        } else {
            self.list.extend(parent(&place)?.map(Op::MakeFolder));
            self.list.push(Op::MakeFile(place));
        }
        Ok(path)
    }

    /// Attributes with what a container must not have unless something else guards it.
    fn limits(&self, attributes: MountAttrFlags) -> MountAttrFlags {
        if self.nodev { attributes | NODEV } else { attributes }
    }

    /// A new file system on a folder that is made when missing.
    fn new_mount(
        &mut self,
        kind: &'static CStr,
        inside: &str,
        options: Options,
        attributes: MountAttrFlags,
    ) -> Result<()> {
        self.list.push(Op::MakeFolder(place(inside)?));
        self.filesystem(kind, inside, options, attributes)
    }

    fn filesystem(
        &mut self,
        kind: &'static CStr,
        inside: &str,
        options: Options,
        attributes: MountAttrFlags,
    ) -> Result<()> {
        let options = options.into_iter().map(|(key, value)| (key, Some(value))).collect();
        self.list.push(Op::Mount(FilesystemMount { kind, options, attributes, inside: string(inside)? }));
        Ok(())
    }

    fn bind(
        &mut self,
        source: &Path,
        inside: &str,
        recursive: bool,
        attributes: MountAttrFlags,
    ) -> Result<()> {
        self.list.push(Op::Bind {
            source: host_path(source)?,
            inside: string(inside)?,
            recursive,
            attributes,
        });
        Ok(())
    }

    /// From the container's root to its program. What the filter may forbid comes before it; the
    /// filter needs `CAP_SYS_ADMIN` or no_new_privs, so where it stands depends on the latter.
    fn program(&mut self, process: &Process, confinement: &Confinement, manner: Manner) -> Result<()> {
        let filter = match &confinement.filter {
            _ if confinement.privileged || confinement.unfiltered => None,
            Some(own) => Some(Op::Filter(own.clone())),
            None => Some(Op::Filter(seccomp::filter(confinement.capabilities)?)),
        };
        self.list.push(Op::Umask(0o022));
        self.list.extend(confinement.rlimits.iter().map(|limit| Op::Limit(*limit)));
        self.list.push(Op::Chdir(string(cwd(process))?));
        self.list.extend([Op::CloseFiles, Op::Bound(confinement.capabilities)]);
        let (early, late) = if confinement.no_new_privileges { (None, filter) } else { (filter, None) };
        self.list.extend(early);
        let user = &process.user;
        // The main group among the further ones: setgroups(2) cannot then be used to lose it, and
        // with it what is forbidden to its members.
        let mut groups: Vec<u32> = user.groups.iter().copied().chain([user.gid]).collect();
        groups.sort_unstable();
        groups.dedup();
        let groups = groups.into_iter().map(Gid::from_raw).collect();
        self.list.push(Op::Become { uid: user.uid, gid: user.gid, groups });
        // Another user has none after its exec anyway; the supervisor's must not stay inheritable.
        let own = if user.uid == 0 { confinement.capabilities } else { super::CapSet::NONE };
        self.list.push(Op::Capabilities(own));
        // Becoming another user has undone it.
        self.list.extend(manner.tied.then_some(Op::Tie));
        if confinement.no_new_privileges {
            self.list.push(Op::NoNewPrivileges);
        }
        self.list.extend(late);
        // Init is confined as its program is: everything in the container can reach it.
        if manner.init {
            self.list.push(Op::Init);
            self.list.extend(manner.tty.then_some(Op::LeadTerminal));
        }
        self.list.push(Op::ResetSignals);
        let profile =
            confinement.apparmor.as_ref().map(|name| string(&format!("exec {name}"))).transpose()?;
        self.list.extend(profile.map(Op::AppArmor));
        self.list.push(Op::Execute(executable(process)?));
        Ok(())
    }
}

type Options = Vec<(&'static CStr, CString)>;

fn memory_options(memory: &Memory) -> Result<(Options, MountAttrFlags)> {
    let mut options = vec![(c"mode", string(&format!("{:o}", memory.mode.unwrap_or(0o1777)))?)];
    let numbers = [
        (c"size", memory.size),
        (c"nr_inodes", memory.inodes),
        (c"uid", memory.uid.map(u64::from)),
        (c"gid", memory.gid.map(u64::from)),
    ];
    for (name, value) in numbers {
        if let Some(value) = value {
            options.push((name, string(&value.to_string())?));
        }
    }
    let mut attributes = NODEV;
    attributes.set(NOEXEC, !memory.exec);
    attributes.set(NOSUID, !memory.suid);
    attributes.set(MountAttrFlags::MOUNT_ATTR_NOATIME, memory.noatime);
    Ok((options, attributes))
}

fn oom_score(confinement: &Confinement) -> Result<Option<Op>> {
    confinement.oom_score_adj.map(|score| Ok(Op::OomScore(string(&score.to_string())?))).transpose()
}

fn cwd(process: &Process) -> &str {
    if process.cwd.is_empty() { "/" } else { &process.cwd }
}

fn executable(process: &Process) -> Result<Executable> {
    let no_command = || {
        Error::new(Kind::Container, "there is nothing to run")
            .hint("neither the stack nor the image names a command")
    };
    let name = process.argv.first().filter(|name| !name.is_empty()).ok_or_else(no_command)?;
    let mut env: BTreeMap<&str, &str> = process.env.iter().map(|(key, value)| (&**key, &**value)).collect();
    let path = *env.entry("PATH").or_insert(DEFAULT_PATH);
    env.entry("HOME").or_insert(&process.user.home);
    let candidates = if name.contains('/') {
        vec![string(name)?]
    } else {
        let folders = path.split(':').map(|folder| if folder.is_empty() { "." } else { folder });
        folders.map(|folder| string(&format!("{folder}/{name}"))).collect::<Result<_>>()?
    };
    let environment =
        env.iter().map(|(key, value)| string(&format!("{key}={value}"))).collect::<Result<_>>()?;
    let arguments = process.argv.iter().map(|argument| string(argument)).collect::<Result<_>>()?;
    Ok(Executable {
        candidates,
        arguments: StringList::new(arguments),
        environment: StringList::new(environment),
    })
}

/// An absolute path inside, with each step to it. `.` and `..` in it are refused: they would mean
/// something else once a step is a link.
fn place(path: &str) -> Result<Place> {
    let steps = path.split('/').filter(|step| !step.is_empty());
    if !path.starts_with('/') || steps.clone().any(|step| step == ".." || step == ".") {
        return Err(unusable(path).hint("paths in a container must be absolute, without `.` and `..`"));
    }
    let mut parent = String::from("/");
    let mut list = Vec::new();
    for step in steps {
        list.push((string(&parent)?, string(step)?));
        if !parent.ends_with('/') {
            parent.push('/');
        }
        parent.push_str(step);
    }
    Ok(Place { path: string(&parent)?, steps: list })
}

/// The folder that a place is in, unless it is the root.
fn parent(of: &Place) -> Result<Option<Place>> {
    match of.steps.last() {
        Some((path, _)) if path.as_bytes() != b"/" => place(&path.to_string_lossy()).map(Some),
        _ => Ok(None),
    }
}

fn host_path(path: &Path) -> Result<CString> {
    CString::new(path.as_os_str().as_bytes()).map_err(|_| unusable(&path.display().to_string()))
}

fn string(text: &str) -> Result<CString> {
    CString::new(text).map_err(|_| unusable(&text.replace('\0', "\\0")))
}

fn unusable(text: &str) -> Error {
    Error::new(Kind::Unsupported, format!("`{text}` cannot be given to a container"))
}

#[cfg(test)]
mod tests;
