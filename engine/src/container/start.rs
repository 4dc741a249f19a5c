//! Starting a container: everything volatile, then its supervisor.

use super::create::{fill_volumes, make_folder};
use super::devices;
use super::guard::Guard;
use super::handle::Handle;
use super::hooks;
use super::launch::launch;
use super::owner;
use super::record::{self, ContainerRecord};
use super::state::{StateRecord, Status};
use super::volatile::{self, clear, take_down};
use crate::error::{Context, Result};
use crate::net;
use crate::shim::ready::Made;
use crate::store::Store;
use planner::ContainerId;
use planner::live::State;
use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

/// How long a supervisor that another command started may take to start its container.
const PATIENCE: Duration = Duration::from_secs(30);

/// How long a supervisor may live without a state record before it is clear that its runtime
/// folder was wiped.
const NAMELESS: Duration = Duration::from_millis(500);

/// How long a process takes at most from its first instruction to the program.
const BIRTH: Duration = Duration::from_millis(200);

/// Starts a container, or adopts one that runs without a supervisor. What an interrupted start
/// left is taken down first. A container that runs is left alone. What is to run after its start
/// has run then; when that fails, the container goes on, and the next start runs it again.
/// One that starts `aside` gets no names and ports yet.
pub fn start(
    (store, program): (&Store, &Path),
    id: &ContainerId,
    aside: bool,
    tell: &mut dyn FnMut(String),
) -> Result<()> {
    let record = record::read(store, id)?;
    let Some(mut guard) = settle(store, id)? else { return hooks::prepare(store, id, &record) };
    if is_unsupervised(store, id)? && !is_stillborn(store, id)? {
        let adopted = launch((store, program, id), (guard, true), |_| Ok(()), tell);
        if adopted.is_ok() || is_unsupervised(store, id)? && !is_stillborn(store, id)? {
            return adopted.and_then(|()| hooks::prepare(store, id, &record));
        }
        // It ended in this very moment: then it is started.
        guard = volatile::dismiss(store, id)?;
    }
    // Fails when it is to be in a namespace of what does not run; then nothing has changed.
    net::is_of_host(store, id, &record.spec)?;
    owner::ensure_owners(store, id, &record.spec)?;
    clear(store, id)?;
    make_folder(&store.runtime_container(id), 0o700)?;
    if aside {
        net::set_aside(store, id)?;
    }
    hooks::expect(store, id, &record)?;
    let prepare = |made: &dyn Fn(Made)| prepare((store, id, &record), made);
    launch((store, program, id), (guard, false), prepare, tell).inspect_err(|_| undo(store, id))?;
    hooks::prepare(store, id, &record)
}

fn is_unsupervised(store: &Store, id: &ContainerId) -> Result<bool> {
    Ok(StateRecord::now(store, id)? == State::Unsupervised)
}

/// Whether the process had no leave to become the program yet when its supervisor was killed: then
/// it ends by itself.
fn is_stillborn(store: &Store, id: &ContainerId) -> Result<bool> {
    let state = StateRecord::read(store, id)?.filter(|state| state.status != Status::Running);
    let Some(process) = state.and_then(|state| state.process) else { return Ok(false) };
    let ended = |process: Handle| process.wait(BIRTH).doing(|| format!("look whether {} runs", id.name()));
    Handle::open(&process).map_or(Ok(true), ended)
}

/// Waits until it is clear who has the container: the guard when nobody has, `None` when a
/// supervisor runs it already. A supervisor that is just starting or ending, left by a command
/// that was killed, is given its time; asking again after a millisecond is good enough for that.
fn settle(store: &Store, id: &ContainerId) -> Result<Option<Guard>> {
    let began = Instant::now();
    loop {
        if let Some(guard) = Guard::try_take(store, id)? {
            return Ok(Some(guard));
        }
        let status = StateRecord::read(store, id)?.map(|state| state.status);
        match status {
            // However long its grace is: its supervisor sees to it that it ends.
            _ if StateRecord::now(store, id)? == State::Stopping => {
                std::thread::sleep(Duration::from_millis(1));
            }
            Some(Status::Running | Status::Restarting) => return Ok(None),
            None if began.elapsed() > NAMELESS => return volatile::dismiss(store, id).map(Some),
            _ if began.elapsed() > PATIENCE => return volatile::dismiss(store, id).map(Some),
            _ => std::thread::sleep(Duration::from_millis(1)),
        }
    }
}

/// Takes down what an interrupted start left, then makes cgroup, network, files. The supervisor is
/// told of what it waits for.
fn prepare(of: (&Store, &ContainerId, &ContainerRecord), made: &dyn Fn(Made)) -> Result<()> {
    let (store, id, record) = of;
    take_down(store, id)?;
    let group = volatile::group(store, id)?;
    group.create(&record.spec.limits)?;
    if let Some(rules) = devices::given(&record.spec)?.rules {
        group.guard_devices(&rules)?;
    }
    fill_volumes(store, id, record)?;
    made(Made::Groups);
    let connected = net::connect(store, id, &record.spec)?;
    let hostname = format!("{}\n", record.process.hostname);
    let files =
        [("hosts", &connected.hosts), ("resolv.conf", &connected.resolv_conf), ("hostname", &hostname)];
    make_folder(&store.runtime_container(id).join("files"), 0o755)?;
    for (name, text) in files {
        let path = store.file(id, name);
        fs::write(&path, text).doing(|| format!("write {}", path.display()))?;
    }
    made(Made::Network);
    Ok(())
}

/// Takes back a start that failed. The failure itself is what gets told; what cannot be taken
/// back now is taken down by the next start or removal.
fn undo(store: &Store, id: &ContainerId) {
    if let Ok(Some(_guard)) = Guard::try_take(store, id) {
        let _ = take_down(store, id);
        let _ = clear(store, id);
    }
}
