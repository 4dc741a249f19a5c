//! `RUN`: from what is written to what is asked of [`super::run`].

use super::cache::Inputs;
use super::dockerfile::Expander;
use super::dockerfile::ast::{self, Network, Security};
use super::event::BuildEvent;
use super::metadata::shell_of;
use super::mounts;
use super::run::{self, RunCommand, RunNetwork, RunRequest, Stream};
use super::snapshot::Snapshot;
use super::state::State;
use super::step::{Job, Task};
use crate::error::{Error, Kind, Result};
use crate::sandbox::Rlimit;
use planner::desired::{BuildNetwork, Limits};
use std::collections::VecDeque;

/// Last lines of output that an error shows.
const LAST_LINES: usize = 20;

/// Runs a program in a stage.
pub(super) fn run(task: &Task<'_>, state: &mut State, run: &ast::Run, expander: &Expander<'_>) -> Result<()> {
    let spec = task.builder.spec;
    if let Some(device) = run.devices.iter().find(|device| device.required) {
        return Err(Error::new(Kind::Unsupported, format!("there is no device `{}` for RUN", device.name)));
    }
    let shell = shell_of(&state.config.shell);
    let command = command(&run.command, &shell);
    let network = network(task, run.network)?;
    let privileged = privileged(task, run.security)?;
    let environment = state.variables.environment();
    let (user, cwd) =
        (state.config.user.clone().unwrap_or_default(), state.config.working_dir.clone().unwrap_or_default());

    let mut inputs = task.inputs(state, normal(&command));
    inputs.variables.extend(environment.clone());
    let settings = [
        ("the user", user.clone()),
        ("the working directory", cwd.clone()),
        ("the network", format!("{network:?}")),
        ("the security", format!("{privileged}")),
        ("the extra hosts", format!("{:?}", spec.extra_hosts)),
        ("the size of /dev/shm", format!("{:?}", spec.shm_size)),
        ("the limits", format!("{:?}", spec.ulimits)),
    ];
    inputs.variables.extend(settings.map(|(name, value)| (name.to_owned(), value)));
    let resolved = mounts::resolve(&run.mounts, expander)?;
    add_mounts(&mut inputs, task, state, &resolved)?;

    let created_by = format!("RUN {}", told(state, &command));
    let snapshot = task.snapshot(state);
    task.take(state, Job { inputs, created_by, snapshot: &snapshot }, || {
        let mut env = environment.clone();
        for (name, value) in task.builder.globals.proxies() {
            env.entry(name.clone()).or_insert_with(|| value.clone());
        }
        let mut agents = Vec::new();
        execute(
            task,
            &RunRequest {
                store: task.builder.store,
                snapshot: &snapshot,
                command: command.clone(),
                env,
                user: user.clone(),
                cwd: cwd.clone(),
                network: network.clone(),
                mounts: mounts::requests(&resolved, task, &mut agents)?,
                extra_hosts: spec.extra_hosts.clone(),
                privileged,
                shm_size: spec.shm_size,
                rlimits: rlimits(task)?,
                limits: Limits { memory: spec.memory, ..Limits::default() },
                cancel: &task.builder.cancel,
            },
        )
    })
}

fn add_mounts(
    inputs: &mut Inputs,
    task: &Task<'_>,
    state: &State,
    mounts: &[mounts::Resolved],
) -> Result<()> {
    for (number, mount) in mounts.iter().enumerate() {
        inputs.variables.insert(format!("the mount {}", number + 1), mount.normal());
        if let Some((name, path)) = mount.taken() {
            let source = task.sources.get(name)?;
            let snapshot: Snapshot = task.snapshot(state);
            let digest = source.digest_at(path, &snapshot, &task.builder.images, &task.builder.cache)?;
            inputs.files.insert(format!("{} {path}", name.unwrap_or(super::sources::CONTEXT)), digest);
        }
    }
    Ok(())
}

fn command(written: &ast::RunCommand, shell: &[String]) -> RunCommand {
    let shell = shell.to_vec();
    match written.clone() {
        ast::RunCommand::Exec(argv) => RunCommand::Exec(argv),
        ast::RunCommand::Shell(text) => RunCommand::Shell { shell, text },
        ast::RunCommand::Script { name, body } => RunCommand::Script { shell, name, body },
    }
}

/// The same program is always the same text.
fn normal(command: &RunCommand) -> String {
    match command {
        RunCommand::Exec(argv) => format!("RUN {argv:?}"),
        RunCommand::Shell { shell, text } => format!("RUN {} {text}", shell.join(" ")),
        RunCommand::Script { shell, name, body } => format!("RUN {} <<{name}\n{body}", shell.join(" ")),
    }
}

/// As the history tells it, with the arguments that are in its environment.
fn told(state: &State, command: &RunCommand) -> String {
    let arguments = state.variables.declared();
    let mut words = Vec::new();
    if !arguments.is_empty() {
        words.push(format!("|{}", arguments.len()));
        words.extend(arguments.iter().map(|(name, value)| format!("{name}={value}")));
    }
    match command {
        RunCommand::Exec(argv) => words.extend(argv.iter().cloned()),
        RunCommand::Shell { shell, text } => words.extend(shell.iter().chain([text]).cloned()),
        RunCommand::Script { shell, name, body } => {
            words.extend(shell.iter().cloned());
            words.push(format!("<<{name} ({})", body.lines().next().unwrap_or_default()));
        }
    }
    words.join(" ")
}

fn network(task: &Task<'_>, wanted: Network) -> Result<RunNetwork> {
    let spec = task.builder.spec;
    match (wanted, &spec.network) {
        (Network::None, _) | (Network::Default, BuildNetwork::None) => Ok(RunNetwork::None),
        (Network::Default, BuildNetwork::Default) => Ok(RunNetwork::Default),
        (Network::Default | Network::Host, BuildNetwork::Host) => Ok(RunNetwork::Host),
        (Network::Host, _) if is_allowed(task, "network.host") => Ok(RunNetwork::Host),
        (Network::Host, _) => Err(not_allowed("--network=host", "network.host")),
        (Network::Default, BuildNetwork::Named(name)) => named(task, name),
    }
}

/// A network that is there already: a build makes none.
fn named(task: &Task<'_>, name: &str) -> Result<RunNetwork> {
    if task.builder.store.network(name).exists() {
        return Ok(RunNetwork::Named(name.to_owned()));
    }
    let error =
        Error::new(Kind::NotFound, format!("RUN is to be on the network `{name}`, which does not exist"));
    Err(error.hint("`sampan network ls` lists those that do; builds also know default, none and host"))
}

fn privileged(task: &Task<'_>, wanted: Security) -> Result<bool> {
    let allowed = task.builder.spec.privileged || is_allowed(task, "security.insecure");
    match wanted {
        Security::Insecure if !allowed => Err(not_allowed("--security=insecure", "security.insecure")),
        Security::Insecure => Ok(true),
        Security::Sandbox => Ok(task.builder.spec.privileged),
    }
}

fn is_allowed(task: &Task<'_>, entitlement: &str) -> bool {
    task.builder.spec.entitlements.iter().any(|allowed| allowed == entitlement)
}

fn not_allowed(flag: &str, entitlement: &str) -> Error {
    Error::new(Kind::Denied, format!("RUN {flag} is not allowed in this build"))
        .hint(format!("allow it by `entitlements: [{entitlement}]`, or `--allow {entitlement}`"))
}

fn rlimits(task: &Task<'_>) -> Result<Vec<Rlimit>> {
    let limits = task.builder.spec.ulimits.iter();
    limits.map(|(name, limit)| Rlimit::named(name, limit.soft, limit.hard)).collect()
}

/// Runs the program; its output is told line by line.
fn execute(task: &Task<'_>, request: &RunRequest<'_>) -> Result<()> {
    let mut last: VecDeque<String> = VecDeque::new();
    let outcome = run::run(request, &mut |_: Stream, line: &[u8]| {
        let line = String::from_utf8_lossy(line).into_owned();
        if last.len() == LAST_LINES {
            last.pop_front();
        }
        last.push_back(line.clone());
        task.builder.tell(BuildEvent::Output(task.id, line));
    })?;
    request.cancel.check()?;
    if outcome.is_success() {
        if outcome.out_of_memory {
            let note = "the kernel killed one of its programs for want of memory".to_owned();
            task.builder.tell(BuildEvent::Output(task.id, note));
        }
        return Ok(());
    }
    let error = Error::new(Kind::Container, format!("RUN ended with exit code {}", outcome.code));
    let error = match outcome.code {
        _ if outcome.out_of_memory => error.hint("the kernel killed it for want of memory"),
        126 => error
            .hint("the program could not be executed: it may lack permission, or be for another processor"),
        127 => error.hint("the program, or one that the line names, is not in the image"),
        _ => error,
    };
    Err(error.evidence(last.into()))
}
