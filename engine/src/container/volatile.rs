//! Taking down what is not durable: processes, cgroup, network.

use super::guard::Guard;
use super::handle::Handle;
use super::state::ProcessKey;
use crate::cgroup::{Group, Hierarchy, Supervisors};
use crate::error::{Context, Error, Kind, Result};
use crate::store::Store;
use crate::{net, volume};
use nix::libc;
use nix::sys::wait::{WaitPidFlag, waitpid};
use nix::unistd::Pid;
use planner::ContainerId;
use std::fs;
use std::io;
use std::time::Duration;

/// How long the kernel may take to end a killed process.
const DEATH: Duration = Duration::from_secs(10);

/// The container's cgroup, which may not exist.
pub fn group(store: &Store, id: &ContainerId) -> Result<Group> {
    let group = Group::new(&Hierarchy::detect()?, &store.tag(), id);
    // Nearly no container has one: its record need not be read for that.
    match fs::read_to_string(store.cgroup_parent(id)) {
        Ok(parent) => Ok(group.below_of(&parent)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(group),
        Err(error) => Err(error).doing(|| format!("look where the control group of {} is", id.name())),
    }
}

/// The cgroup of all supervisors, which may not exist.
pub fn supervisors(store: &Store) -> Result<Supervisors> {
    Ok(Supervisors::new(&Hierarchy::detect()?, &store.tag()))
}

/// Kills whatever is left of a container and takes back its cgroup and network. Called only
/// by who holds the [`Guard`]. Idempotent.
pub fn take_down(store: &Store, id: &ContainerId) -> Result<()> {
    let group = group(store, id)?;
    let pids = group.procs()?;
    if !pids.is_empty() {
        let processes: Vec<ProcessKey> = pids.into_iter().filter_map(ProcessKey::of).collect();
        group.kill()?;
        processes.iter().filter_map(Handle::open).try_for_each(|process| bury(&process, id))?;
    }
    group.remove()?;
    supervisors(store)?.remove();
    volume::release(store, &id.to_string())?;
    net::disconnect(store, id)
}

fn bury(process: &Handle, id: &ContainerId) -> Result<()> {
    if process.wait(DEATH).doing(|| format!("wait for the end of {}", id.name()))? {
        return Ok(());
    }
    Err(Error::new(Kind::Timeout, format!("a process of {} does not end although it was killed", id.name()))
        .hint("it probably waits for a disk or network file system; see `ps -o stat,wchan`"))
}

/// Removes the runtime folder.
pub fn clear(store: &Store, id: &ContainerId) -> Result<()> {
    remove_folder(&store.runtime_container(id))
}

/// Removes a folder that may not be there.
pub fn remove_folder(path: &std::path::Path) -> Result<()> {
    match fs::remove_dir_all(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(error).doing(|| format!("remove {}", path.display()))
        }
        _ => Ok(()),
    }
}

/// Makes sure that no supervisor lives: kills the one that there may be. Its container goes on.
pub fn dismiss(store: &Store, id: &ContainerId) -> Result<Guard> {
    for _ in 0..DISMISSALS {
        if let Some(guard) = Guard::try_take(store, id)? {
            return Ok(guard);
        }
        // Not signed yet: it is about to be.
        let key = Guard::holder(store, id);
        let Some((shim, key)) = key.and_then(|key| Some((Handle::open(&key)?, key))) else {
            std::thread::sleep(Duration::from_millis(1));
            continue;
        };
        shim.signal(libc::SIGKILL).doing(|| format!("kill the supervisor of {}", id.name()))?;
        bury(&shim, id)?;
        reap(&key);
    }
    Err(Error::new(Kind::Conflict, format!("the supervisor of {} cannot be ended", id.name())))
}

const DISMISSALS: u32 = 1000;

/// Waits for the end of the supervisor; `false` when it lives on.
pub fn wait_for_supervisor(store: &Store, id: &ContainerId, patience: Duration) -> Result<bool> {
    let Some(key) = Guard::holder(store, id) else { return Ok(true) };
    let Some(shim) = Handle::open(&key) else { return Ok(true) };
    let ended = shim.wait(patience).doing(|| format!("wait for the supervisor of {}", id.name()))?;
    if ended {
        reap(&key);
    }
    Ok(ended)
}

/// A supervisor that this very process started is its child and stays a zombie until it is
/// waited for. For any other one this fails and does nothing.
fn reap(shim: &ProcessKey) {
    let _ = waitpid(Pid::from_raw(shim.pid), Some(WaitPidFlag::WNOHANG));
}
