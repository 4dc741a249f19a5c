//! Stopping a container for good: the stop signal, a grace, `KILL`.

use super::client::Client;
use super::handle::Handle;
use super::hooks;
use super::record;
use super::signal;
use super::state::{ProcessKey, StateRecord, Status};
use super::volatile::{self, take_down};
use crate::Progress;
use crate::error::{Context, Error, Kind, Result};
use crate::shim::wire::Request;
use crate::store::Store;
use jiff::Timestamp;
use nix::libc;
use planner::ContainerId;
use planner::live::State;
use std::fs;
use std::time::{Duration, Instant};

/// How long a supervisor may take beyond the grace before it is taken for stuck.
const PATIENCE: Duration = Duration::from_secs(15);

/// Stops it: afterwards no process of it runs and nothing volatile but its state is left. The
/// supervisor does it; without one we do. Idempotent.
pub fn stop(store: &Store, id: &ContainerId, grace: Duration, tell: &mut dyn FnMut(Progress)) -> Result<()> {
    if !store.container(id).exists() {
        return Err(Error::new(Kind::NotFound, format!("no container {}", id.name())));
    }
    let grace = prepare(store, id, grace, tell)?;
    let tell = &mut |note| tell(Progress::Note(note));
    if let Some(mut supervisor) = Client::connect(store, id)? {
        match supervisor.call(&Request::Stop { grace }, grace.saturating_add(PATIENCE), tell) {
            Err(error) if error.kind == Kind::Container => return Err(error),
            // It ended, or it is stuck or speaks nonsense: then it is dismissed below.
            _ => volatile::wait_for_supervisor(store, id, PATIENCE)?,
        };
    }
    let _guard = volatile::dismiss(store, id)?;
    stop_alone(store, id, grace, tell)?;
    take_down(store, id)
}

/// Runs what is to run before the stop; gives the grace that is left. It takes its time from the grace,
/// and whatever becomes of it, the container is stopped.
fn prepare(
    store: &Store,
    id: &ContainerId,
    grace: Duration,
    tell: &mut dyn FnMut(Progress),
) -> Result<Duration> {
    let Some(record) = record::read_or_guess(store, id)? else { return Ok(grace) };
    let runs = matches!(StateRecord::now(store, id)?, State::Running { .. } | State::Unsupervised);
    if record.spec.pre_stop.is_empty() || grace.is_zero() || !runs {
        return Ok(grace);
    }
    let began = Instant::now();
    if let Err(error) = hooks::before_stop(store, id, &record, grace) {
        let said = error.evidence.last().map(|line| format!(": {line}")).unwrap_or_default();
        tell(Progress::Trouble(error.chain() + &said));
    }
    Ok(grace.saturating_sub(began.elapsed()).max(LAST_GRACE))
}

/// The grace of what took all its time before the stop signal.
const LAST_GRACE: Duration = Duration::from_secs(1);

/// Ends what still runs, as the supervisor would have done it.
fn stop_alone(store: &Store, id: &ContainerId, grace: Duration, tell: &mut dyn FnMut(String)) -> Result<()> {
    let (state, live) = StateRecord::look(store, id)?;
    let group = volatile::group(store, id)?;
    if group.is_frozen() {
        group.thaw()?;
    }
    let Some(first) = first_process(store, id, &state)? else {
        return if live.is_running() { write_stopped(store, id, state, None) } else { Ok(()) };
    };
    let number = record::read_or_guess(store, id)?.map_or(libc::SIGTERM, |record| record.process.stop_signal);
    let killed = end(id, &first, number, grace, tell)?;
    write_stopped(store, id, state, killed)
}

/// Signals, waits, kills. Gives what there is to say about it.
fn end(
    id: &ContainerId,
    first: &ProcessKey,
    number: i32,
    grace: Duration,
    tell: &mut dyn FnMut(String),
) -> Result<Option<String>> {
    let doing = || format!("stop {}", id.name());
    let Some(handle) = Handle::open(first) else { return Ok(None) };
    let advice = Advice::of(first.pid, number);
    if !grace.is_zero() {
        tell(advice.waiting(grace));
        handle.signal(number).doing(doing)?;
        if handle.wait(grace).doing(doing)? {
            return Ok(None);
        }
    }
    handle.signal(libc::SIGKILL).doing(doing)?;
    handle.wait(PATIENCE).doing(doing)?;
    let text = advice.killed(grace);
    tell(text.clone());
    Ok(Some(text))
}

fn write_stopped(store: &Store, id: &ContainerId, state: StateRecord, reason: Option<String>) -> Result<()> {
    if !store.runtime_container(id).exists() {
        return Ok(());
    }
    let state = StateRecord {
        status: Status::Exited,
        process: None,
        shim: None,
        finished_at: Some(Timestamp::now()),
        exit_code: Some(if reason.is_some() { 137 } else { 143 }),
        requested: true,
        ports: Vec::new(),
        reason,
        ..state
    };
    state.write(store, id)
}

/// The container's first process: the one in the record, else, when the record was lost, the
/// one in the cgroup that is number 1 in its own pid namespace.
fn first_process(store: &Store, id: &ContainerId, state: &StateRecord) -> Result<Option<ProcessKey>> {
    if let Some(key) = state.process.clone().filter(ProcessKey::is_alive) {
        return Ok(Some(key));
    }
    let pids = volatile::group(store, id)?.procs()?;
    Ok(pids.into_iter().find(|pid| is_first(&status(*pid))).and_then(ProcessKey::of))
}

fn is_first(status: &str) -> bool {
    let line = status.lines().find_map(|line| line.strip_prefix("NSpid:"));
    line.is_some_and(|pids| pids.split_ascii_whitespace().last() == Some("1"))
}

fn status(pid: i32) -> String {
    // The name in it may be no text: programs choose it.
    String::from_utf8_lossy(&fs::read(format!("/proc/{pid}/status")).unwrap_or_default()).into_owned()
}

/// What to say about stopping a process.
#[derive(Debug, PartialEq, Eq)]
pub struct Advice {
    name: String,
    signal: String,
    ignored: bool,
}

impl Advice {
    /// Looks at how the first process of a container would take a signal.
    pub fn of(pid: i32, number: i32) -> Self {
        let status = status(pid);
        let advice = Self::judge(&status, number);
        // The kernel protects only the first process of a namespace from signals that it does not handle.
        Self { ignored: advice.ignored && is_first(&status) && !waits_for_signals(pid), ..advice }
    }

    fn judge(status: &str, number: i32) -> Self {
        Self {
            name: signal::process_name(status).to_owned(),
            signal: signal::name(number),
            ignored: signal::is_ignored(status, number),
        }
    }

    /// What is waited for.
    pub fn waiting(&self, grace: Duration) -> String {
        let Self { name, signal, .. } = self;
        let grace = seconds(grace);
        if self.ignored {
            format!("PID 1 ({name}) ignores {signal}; it is killed after {grace} (`init: true` would help)")
        } else {
            format!("waiting up to {grace} for PID 1 ({name}) to end after {signal}")
        }
    }

    /// What happened in the end.
    pub fn killed(&self, grace: Duration) -> String {
        let Self { name, signal, .. } = self;
        let grace = seconds(grace);
        if self.ignored {
            format!("PID 1 ({name}) ignores {signal}; killed after {grace} (`init: true` would help)")
        } else {
            format!("PID 1 ({name}) did not end within {grace} after {signal}; killed")
        }
    }
}

/// Whether a process sits in rt_sigtimedwait(2), as an init does. The kernel shows the signals
/// that it waits for as not blocked for that time.
fn waits_for_signals(pid: i32) -> bool {
    let call = fs::read_to_string(format!("/proc/{pid}/syscall")).unwrap_or_default();
    call.split(' ').next() == Some(libc::SYS_rt_sigtimedwait.to_string().as_str())
}

fn seconds(time: Duration) -> String {
    format!("{} s", time.as_millis() as f64 / 1000.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_that_ignores_the_signal_is_named_with_the_remedy() {
        let deaf = "Name:\tsh\nSigBlk:\t0000000000000000\nSigCgt:\t0000000000000000\n";
        let advice = Advice::judge(deaf, 15);
        assert_eq!(
            advice.killed(Duration::from_secs(10)),
            "PID 1 (sh) ignores SIGTERM; killed after 10 s (`init: true` would help)"
        );
        let slow = deaf.replace("SigCgt:\t0000000000000000", "SigCgt:\t0000000000004000");
        let advice = Advice::judge(&slow, 15);
        assert_eq!(
            advice.waiting(Duration::from_millis(1500)),
            "waiting up to 1.5 s for PID 1 (sh) to end after SIGTERM"
        );
    }

    #[test]
    fn the_first_process_is_the_one_that_is_1_in_its_own_namespace() {
        assert!(is_first("Name:\tsh\nNSpid:\t812\t1\n"));
        assert!(!is_first("Name:\tsh\nNSpid:\t812\t11\n"));
        assert!(!is_first(""));
    }
}
