//! Starting a container: everything volatile, then its supervisor.

use super::create::make_folder;
use super::guard::Guard;
use super::record::{self, ContainerRecord};
use super::state::{StateRecord, Status};
use super::volatile::{self, clear, take_down};
use crate::error::{Context, Error, Kind, Result};
use crate::net;
use crate::shim::ready::Ready;
use crate::store::Store;
use crate::sys::exe;
use planner::ContainerId;
use planner::live::State;
use std::fs::{self, File};
use std::io::{BufRead, BufReader};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// How long a supervisor that another command started may take to start its container.
const PATIENCE: Duration = Duration::from_secs(30);

/// How long a supervisor may live without a state record before it is clear that its runtime
/// folder was wiped.
const NAMELESS: Duration = Duration::from_millis(500);

/// Starts a container, or adopts one that runs without a supervisor. What an interrupted start
/// left is taken down first. A container that runs is left alone.
pub fn start(store: &Store, program: &Path, id: &ContainerId) -> Result<()> {
    let record = record::read(store, id)?;
    let Some(mut guard) = settle(store, id)? else { return Ok(()) };
    if is_unsupervised(store, id)? {
        let adopted = supervise((store, program, id), guard, true);
        if adopted.is_ok() || is_unsupervised(store, id)? {
            return adopted;
        }
        // It ended in this very moment: then it is started.
        guard = volatile::dismiss(store, id)?;
    }
    take_down(store, id)?;
    clear(store, id)?;
    let started = prepare(store, id, &record).and_then(|()| supervise((store, program, id), guard, false));
    started.inspect_err(|_| undo(store, id))
}

fn is_unsupervised(store: &Store, id: &ContainerId) -> Result<bool> {
    Ok(StateRecord::read(store, id)?.is_some_and(|state| state.live() == State::Unsupervised))
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
        let state = StateRecord::read(store, id)?;
        match state.as_ref().map(|state| state.status) {
            // However long its grace is: its supervisor sees to it that it ends.
            _ if state.is_some_and(|state| state.live() == State::Stopping) => {
                std::thread::sleep(Duration::from_millis(1));
            }
            Some(Status::Running | Status::Restarting) => return Ok(None),
            None if began.elapsed() > NAMELESS => return volatile::dismiss(store, id).map(Some),
            _ if began.elapsed() > PATIENCE => return volatile::dismiss(store, id).map(Some),
            _ => std::thread::sleep(Duration::from_millis(1)),
        }
    }
}

/// Network, files, cgroup.
fn prepare(store: &Store, id: &ContainerId, record: &ContainerRecord) -> Result<()> {
    let connected = net::connect(store, id, &record.spec)?;
    make_folder(&store.runtime_container(id), 0o700)?;
    let hostname = format!("{}\n", record.process.hostname);
    let files =
        [("hosts", &connected.hosts), ("resolv.conf", &connected.resolv_conf), ("hostname", &hostname)];
    make_folder(&store.runtime_container(id).join("files"), 0o755)?;
    for (name, text) in files {
        let path = store.file(id, name);
        fs::write(&path, text).doing(|| format!("write {}", path.display()))?;
    }
    volatile::group(store, id)?.create(&record.spec.limits)
}

/// Starts the supervisor and waits until it says that the container runs, or why not. From here
/// on it goes on without us, should we be killed.
fn supervise(of: (&Store, &Path, &ContainerId), guard: Guard, adopt: bool) -> Result<()> {
    let (store, program, id) = of;
    let doing = || format!("start the supervisor of {}", id.name());
    let complaints = File::create(store.complaints(id)).doing(doing)?;
    // It is what enters the container: its own file must be out of the container's reach.
    let sealed = exe::seal(program).doing(doing)?;
    let mut command = Command::new(sealed.path());
    command.arg0(program).arg("shim").arg("--root").arg(store.root()).arg("--runtime").arg(store.runtime());
    command.arg(id.to_string()).args(adopt.then_some("--adopt"));
    // It outlives us: nothing of ours may stay open in it or influence it.
    command.env_clear().stdin(guard.hand_over()).stdout(Stdio::piped()).stderr(complaints);
    // Freed memory that glibc keeps at hand for its one thread would stay for the container's
    // life: 60 KB.
    command.env("GLIBC_TUNABLES", "glibc.malloc.tcache_count=0");
    let mut shim = command.spawn().doing(doing)?;
    // With it goes our copy of the guard: only the supervisor holds it now.
    drop(command);
    let mut line = String::new();
    if let Some(stdout) = shim.stdout.take() {
        BufReader::new(stdout).read_line(&mut line).doing(doing)?;
    }
    match serde_json::from_str::<Ready>(&line) {
        Ok(Ready::Started) => Ok(()),
        Ok(Ready::Failed(failure)) => {
            // It is about to end; a failure to wait for it would hide the one that matters.
            let _ = shim.wait();
            Err(failure.into())
        }
        Err(_) => {
            let status = shim.wait().doing(doing)?;
            let complaints = fs::read_to_string(store.complaints(id)).unwrap_or_default();
            Err(Error::new(Kind::System, format!("the supervisor of {} died ({status})", id.name()))
                .evidence(complaints.lines().map(str::to_owned).collect()))
        }
    }
}

/// Takes back a start that failed. The failure itself is what gets told; what cannot be taken
/// back now is taken down by the next start or removal.
fn undo(store: &Store, id: &ContainerId) {
    if let Ok(Some(_guard)) = Guard::try_take(store, id) {
        let _ = take_down(store, id);
        let _ = clear(store, id);
    }
}
