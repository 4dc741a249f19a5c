//! Commands that run in a container after its start and before its stop.

use super::record::ContainerRecord;
use super::state::{ProcessKey, StateRecord};
use super::volatile;
use crate::cgroup::Group;
use crate::error::{Context, Error, Kind, Result};
use crate::sandbox::{self, Child, Confinement, Entry, Process, User};
use crate::shim::beside::exit_code;
use crate::shim::birth::confinement;
use crate::store::{self, Store};
use crate::sys::pidfd;
use nix::libc;
use planner::desired::HookSpec;
use planner::{ContainerId, ContainerSpec};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::OFlags;
use std::fs::File;
use std::io::Read;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::time::{Duration, Instant};

/// How much of what a command says is kept: its end.
const OUTPUT: usize = 4 << 10;

/// How many of its lines explain a failure.
const EVIDENCE: usize = 10;

/// Notes that a container about to start has commands to run then.
pub(super) fn expect(store: &Store, id: &ContainerId, record: &ContainerRecord) -> Result<()> {
    if record.spec.post_start.is_empty() {
        return Ok(());
    }
    File::create(store.unprepared(id)).map(drop).doing(|| format!("note the start of {}", id.name()))
}

/// Whether the commands after the start of a container have not run to their end: one failed, or the
/// command that ran them was killed.
pub(crate) fn are_pending(store: &Store, id: &ContainerId) -> bool {
    store.unprepared(id).exists()
}

/// Runs the commands after the start of a container, all of them, unless they have run.
pub(super) fn prepare(store: &Store, id: &ContainerId, record: &ContainerRecord) -> Result<()> {
    if !are_pending(store, id) {
        return Ok(());
    }
    run((store, id, record), ("post_start", &record.spec.post_start), None)?;
    store::remove_optional(&store.unprepared(id))
}

/// Runs the commands before the stop of a container, which may take so long.
///
/// What becomes of them is for the caller to tell.
pub(super) fn before_stop(
    store: &Store,
    id: &ContainerId,
    record: &ContainerRecord,
    limit: Duration,
) -> Result<()> {
    run((store, id, record), ("pre_stop", &record.spec.pre_stop), Some(limit))
}

/// Runs the commands one after the other; the first that fails ends it. Together they may take so
/// long.
fn run(
    (store, id, record): (&Store, &ContainerId, &ContainerRecord),
    (moment, hooks): (&str, &[HookSpec]),
    limit: Option<Duration>,
) -> Result<()> {
    let deadline = limit.and_then(|limit| Instant::now().checked_add(limit));
    for hook in hooks {
        let what = || format!("{moment} command `{}` of {}", hook.command.join(" "), id.name());
        let running = Running::start((store, id, record), hook)
            .map_err(|error| Error::new(error.kind, format!("{} did not start", what())).because(error))?;
        let ended = running.finish(deadline).doing(|| format!("wait for the {}", what()))?;
        let why = match ended.code {
            Some(0) => continue,
            Some(code) => format!("{} ended with exit code {code}", what()),
            None => format!("{} took too long and was killed", what()),
        };
        return Err(Error::new(Kind::Container, why).evidence(last_lines(&ended.output)));
    }
    Ok(())
}

struct Running {
    child: Child,
    /// `None` when nobody writes to it any more.
    output: Option<File>,
}

struct Ended {
    /// `None` when it was killed because its time was over.
    code: Option<i32>,
    output: Vec<u8>,
}

impl Running {
    fn start((store, id, record): (&Store, &ContainerId, &ContainerRecord), hook: &HookSpec) -> Result<Self> {
        let first = first_process(store, id)?;
        let gone = || Error::new(Kind::Container, format!("container {} has ended", id.name()));
        let inside = pidfd::open(first.pid).ok().filter(|_| first.is_alive()).ok_or_else(gone)?;
        let (read, write) = pipe().doing(|| "open a pipe".to_owned())?;
        let place = (first.pid, inside.as_fd(), &volatile::group(store, id)?);
        let child = spawn(record, hook, place, write.as_fd())?;
        Ok(Self { child, output: Some(File::from(read)) })
    }

    /// Waits for its end, not for that of what it left in the background.
    fn finish(mut self, deadline: Option<Instant>) -> std::io::Result<Ended> {
        let mut output = Vec::new();
        let mut late = false;
        loop {
            let left = deadline.filter(|_| !late).map(|at| at.saturating_duration_since(Instant::now()));
            if left.is_some_and(|left| left.is_zero()) {
                late = true;
                pidfd::send_signal(self.child.pidfd.as_fd(), libc::SIGKILL)?;
                continue;
            }
            let timeout = left.map(|left| Timespec {
                tv_sec: left.as_secs().try_into().unwrap_or(i64::MAX),
                tv_nsec: left.subsec_nanos().into(),
            });
            let mut wait = vec![PollFd::new(&self.child.pidfd, PollFlags::IN)];
            wait.extend(self.output.as_ref().map(|output| PollFd::new(output, PollFlags::IN)));
            match poll(&mut wait, timeout.as_ref()) {
                Err(rustix::io::Errno::INTR) => continue,
                done => drop(done?),
            }
            let ended = exit_code(&self.child);
            if self.output.as_mut().is_some_and(|from| read_all(from, &mut output)) {
                self.output = None;
            }
            if let Some(code) = ended {
                return Ok(Ended { code: (!late).then_some(code), output });
            }
        }
    }
}

/// Starts a command in a container: its first process, by number and descriptor, and its group.
pub(crate) fn spawn(
    record: &ContainerRecord,
    hook: &HookSpec,
    (pid, inside, group): (i32, BorrowedFd<'_>, &Group),
    output: BorrowedFd<'_>,
) -> Result<Child> {
    let null = File::options().read(true).open("/dev/null").doing(|| "open /dev/null".to_owned())?;
    let of_container = &record.process;
    let user = hook.user.as_deref().unwrap_or(&of_container.user);
    let mut env = of_container.env.clone();
    env.extend(hook.environment.clone());
    sandbox::spawn_exec(&Entry {
        pidfd: inside,
        stdio: [null.as_fd(), output, output],
        process: Process {
            argv: hook.command.clone(),
            env,
            cwd: hook.working_dir.clone().unwrap_or_else(|| of_container.cwd.clone()),
            user: User::lookup_in(pid, user, &record.spec.group_add)?,
        },
        confinement: allowed(record, hook)?,
        cgroup: group.join(),
        tty: false,
    })
}

fn first_process(store: &Store, id: &ContainerId) -> Result<ProcessKey> {
    let state = StateRecord::read(store, id)?.filter(StateRecord::process_alive);
    let ended = || Error::new(Kind::Container, format!("container {} is not running", id.name()));
    state.and_then(|state| state.process).ok_or_else(ended)
}

fn allowed(record: &ContainerRecord, hook: &HookSpec) -> Result<Confinement> {
    if !hook.privileged {
        return confinement(record);
    }
    let spec = ContainerSpec { privileged: true, ..record.spec.clone() };
    Ok(Confinement { oom_score_adj: Some(0), ..Confinement::of(&spec)? })
}

fn pipe() -> std::io::Result<(OwnedFd, OwnedFd)> {
    let (read, write) = rustix::pipe::pipe_with(rustix::pipe::PipeFlags::CLOEXEC)?;
    rustix::fs::fcntl_setfl(&read, OFlags::NONBLOCK)?;
    Ok((read, write))
}

/// Reads what is there and keeps its end; says whether nothing can come any more.
fn read_all(from: &mut File, into: &mut Vec<u8>) -> bool {
    let mut chunk = [0; 4096];
    loop {
        match from.read(&mut chunk) {
            Ok(0) => return true,
            Ok(length) => {
                into.extend_from_slice(&chunk[..length]);
                into.drain(..into.len().saturating_sub(OUTPUT));
            }
            Err(error) => return error.kind() != std::io::ErrorKind::WouldBlock,
        }
    }
}

fn last_lines(output: &[u8]) -> Vec<String> {
    let text = String::from_utf8_lossy(output);
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(EVIDENCE)..].iter().map(|line| (*line).to_owned()).collect()
}
