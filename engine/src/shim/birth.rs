//! From the record to a running process: the first one, and health probes beside it.

use super::input::Input;
use super::mounts::mounts;
use super::pump::Pump;
use crate::cgroup::Group;
use crate::container::ContainerRecord;
use crate::container::given::given;
use crate::container::{devices, owner};
use crate::error::{Context, Error, Kind, Result};
use crate::net;
use crate::overlay::{self, Layers};
use crate::sandbox::{self, Birth, Child, Confinement, Netns, Process, Unborn, User};
use crate::skeleton;
use crate::store::Store;
use planner::desired::setting_path;
use planner::{ContainerId, ContainerSpec};
use rustix::mount::{OpenTreeFlags, open_tree};
use std::fs::File;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

/// Docker's size of `/dev/shm`.
const SHM_SIZE: u64 = 64 << 20;

/// The container's root file system. It is mounted nowhere; each start gets a clone of it.
#[derive(Debug)]
pub struct Rootfs {
    layers: Layers,
    mount: Option<OwnedFd>,
}

impl Rootfs {
    /// Of this container; not mounted yet.
    pub fn of(store: &Store, id: &ContainerId, record: &ContainerRecord) -> Result<Self> {
        // Lowest, so that it shows only where the image has nothing.
        let lower = std::iter::once(skeleton::ensure(store)?).chain(record.layers.iter().cloned());
        let layers =
            Layers { lower: lower.collect(), upper: store.upper(id), work: store.work(id), volatile: false };
        Ok(Self { layers, mount: None })
    }

    /// Mounts it ahead of the start.
    pub fn mount(&mut self) -> Result<()> {
        self.mount = Some(overlay::mount(&self.layers)?);
        Ok(())
    }

    /// A mount for one start. Before Linux 6.15 a detached mount cannot be cloned: then the only
    /// one is given away, and the next start, after its container is gone, mounts again.
    pub fn take(&mut self) -> Result<OwnedFd> {
        let mount = match self.mount.take() {
            Some(mount) => mount,
            None => overlay::mount(&self.layers)?,
        };
        let flags =
            OpenTreeFlags::OPEN_TREE_CLONE | OpenTreeFlags::OPEN_TREE_CLOEXEC | OpenTreeFlags::AT_EMPTY_PATH;
        match open_tree(&mount, "", flags) {
            Ok(clone) => {
                self.mount = Some(mount);
                Ok(clone)
            }
            Err(_) => Ok(mount),
        }
    }
}

/// Clones what becomes the container's first process, and says who runs it. The network need not
/// be there yet.
pub fn conceive(
    store: &Store,
    id: &ContainerId,
    record: &ContainerRecord,
    place: Place<'_>,
) -> Result<(User, Unborn)> {
    let rootfs = place.rootfs.take()?;
    let spec = &record.spec;
    let devices = devices::given(spec)?;
    let mut user = User::lookup(rootfs.as_fd(), &record.process.user, &spec.group_add)?;
    user.groups.extend(devices.groups);
    let null = null()?;
    let ends = place.pump.ends(user.uid, user.gid)?;
    let pipe = match spec.stdin_open && !spec.tty {
        true => Some(place.input.pipe(store, id, (user.uid, user.gid))?),
        false => None,
    };
    let input = pipe.as_ref().map_or(null.as_fd(), AsFd::as_fd);
    let output = |stream: usize| ends.get(stream).map_or(null.as_fd(), AsFd::as_fd);
    let mut process = process(record, record.process.argv.clone(), &user);
    process.env.extend(devices.env);
    let mut mounts = mounts(store, id, record)?;
    mounts.extend(devices.mounts);
    let unborn = sandbox::conceive(&Birth {
        rootfs: rootfs.as_fd(),
        stdio: [input, output(0), output(1)],
        process,
        confinement: confinement(record)?,
        hostname: record.process.hostname.clone(),
        domainname: spec.domainname.clone(),
        sysctls: sysctls(spec)?,
        netns: netns(store, id, spec)?,
        namespaces: owner::namespaces(store, id, spec)?,
        cgroup: place.group.join(),
        mounts,
        files: given(store, id, spec),
        shm_size: spec.shm_size.unwrap_or(SHM_SIZE),
        devices: devices.nodes,
        guarded: devices::are_everywhere(spec),
        read_only: spec.read_only,
        init: spec.init,
        tty: spec.tty,
        tied: false,
    })?;
    Ok((user, unborn))
}

/// Nothing of the host's network is set up: its settings are not the container's to change.
fn netns(store: &Store, id: &ContainerId, spec: &ContainerSpec) -> Result<Netns> {
    let is_of_host = net::is_of_host(store, id, spec)?;
    Ok(if is_of_host { Netns::Own } else { Netns::Bound(store.netns(id)) })
}

/// What the first process is put into.
pub struct Place<'a> {
    /// What it sees as `/`.
    pub rootfs: &'a mut Rootfs,
    /// Takes its output.
    pub pump: &'a Pump,
    /// The way to what it reads.
    pub input: &'a mut Input,
    /// Its cgroup, which exists.
    pub group: &'a Group,
}

/// Starts one more process beside the first one, as the same user, its output going to one file.
pub fn beside(
    record: &ContainerRecord,
    argv: &[String],
    first: BorrowedFd<'_>,
    place: (&User, &Group, BorrowedFd<'_>),
) -> Result<Child> {
    let (user, group, output) = place;
    let null = null()?;
    sandbox::spawn_exec(&sandbox::Entry {
        pidfd: first,
        stdio: [null.as_fd(), output, output],
        process: process(record, argv.to_vec(), user),
        confinement: confinement(record)?,
        cgroup: group.join(),
        tty: false,
    })
}

fn process(record: &ContainerRecord, argv: Vec<String>, user: &User) -> Process {
    Process { argv, env: record.process.env.clone(), cwd: record.process.cwd.clone(), user: user.clone() }
}

/// What a process of the container may do. The kernel kills it as readily as the spec says,
/// whatever protects the supervisor.
pub fn confinement(record: &ContainerRecord) -> Result<Confinement> {
    Ok(Confinement { oom_score_adj: Some(record.spec.oom_score_adj), ..Confinement::of(&record.spec)? })
}

/// Kernel settings by their paths.
fn sysctls(spec: &ContainerSpec) -> Result<Vec<(String, String)>> {
    let path = |name: &str| {
        let unknown = || Error::new(Kind::Unsupported, format!("`{name}` is not a kernel setting"));
        setting_path(name).ok_or_else(unknown)
    };
    spec.sysctls.iter().map(|(name, value)| Ok((path(name)?, value.clone()))).collect()
}

fn null() -> Result<File> {
    File::options().read(true).write(true).open("/dev/null").doing(|| "open /dev/null".to_owned())
}
