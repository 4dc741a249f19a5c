//! `sampan container start | stop | restart | kill | pause | unpause | rm`: each is a plan of a few
//! steps about exactly the named containers, whatever stack they are of.

use super::named;
use crate::commands::converge::do_steps;
use crate::context::Context;
use crate::error::{Exit, Failure};
use clap::Args;
use engine::LinuxEngine;
use planner::{ContainerId, Step};
use std::time::Duration;

/// Start containers
#[derive(Debug, Args)]
pub(super) struct StartArgs {
    /// Names
    #[arg(required = true)]
    containers: Vec<String>,
}

/// Stop containers
#[derive(Debug, Args)]
pub(super) struct StopArgs {
    /// Seconds until they are killed, instead of their own
    #[arg(short, long = "time", alias = "timeout", value_name = "SECONDS")]
    time: Option<u64>,

    /// Names
    #[arg(required = true)]
    containers: Vec<String>,
}

/// Send containers a signal
#[derive(Debug, Args)]
pub(super) struct KillArgs {
    /// The signal
    #[arg(short, long, default_value = "KILL", value_parser = crate::commands::kill::signal)]
    signal: String,

    /// Names
    #[arg(required = true)]
    containers: Vec<String>,
}

/// Remove containers that do not run
#[derive(Debug, Args)]
pub(super) struct RmArgs {
    /// Also those that run: they are killed
    #[arg(short, long)]
    force: bool,

    /// With their anonymous volumes
    #[arg(short, long)]
    volumes: bool,

    /// Names
    #[arg(required = true)]
    containers: Vec<String>,
}

pub(super) fn start(args: &StartArgs, context: &Context) -> Result<Exit, Failure> {
    change("container start", &args.containers, context, |id, _| Ok(vec![Step::StartContainer { id }]))
}

pub(super) fn pause(args: &StartArgs, context: &Context) -> Result<Exit, Failure> {
    change("container pause", &args.containers, context, |id, _| Ok(vec![Step::PauseContainer { id }]))
}

pub(super) fn unpause(args: &StartArgs, context: &Context) -> Result<Exit, Failure> {
    change("container unpause", &args.containers, context, |id, _| Ok(vec![Step::UnpauseContainer { id }]))
}

pub(super) fn kill(args: &KillArgs, context: &Context) -> Result<Exit, Failure> {
    let signal = || args.signal.clone();
    change("container kill", &args.containers, context, |id, _| {
        Ok(vec![Step::KillContainer { id, signal: signal() }])
    })
}

pub(super) fn stop(args: &StopArgs, context: &Context) -> Result<Exit, Failure> {
    change("container stop", &args.containers, context, |id, engine| {
        Ok(vec![stopped(id, args.time, engine)?])
    })
}

pub(super) fn restart(args: &StopArgs, context: &Context) -> Result<Exit, Failure> {
    change("container restart", &args.containers, context, |id, engine| {
        Ok(vec![stopped(id.clone(), args.time, engine)?, Step::StartContainer { id }])
    })
}

pub(super) fn rm(args: &RmArgs, context: &Context) -> Result<Exit, Failure> {
    change("container rm", &args.containers, context, |id, engine| {
        let kill = args.force.then(|| Step::StopContainer { id: id.clone(), grace: Duration::ZERO });
        let anonymous = if args.volumes { anonymous(&id, engine)? } else { Vec::new() };
        let removal = std::iter::once(Step::RemoveContainer { id });
        Ok(kill.into_iter().chain(removal).chain(anonymous).collect())
    })
}

fn stopped(id: ContainerId, time: Option<u64>, engine: &LinuxEngine) -> Result<Step, Failure> {
    let own = engine.inspect(&id)?.record.spec.stop_grace_period;
    Ok(Step::StopContainer { id, grace: time.map_or(own, Duration::from_secs) })
}

/// The anonymous volumes that only this container has.
fn anonymous(id: &ContainerId, engine: &LinuxEngine) -> Result<Vec<Step>, Failure> {
    let others = engine.list(None)?;
    let others: Vec<_> = others.iter().filter(|other| other.id != *id).collect();
    let mut steps = Vec::new();
    for name in engine.inspect(id)?.record.spec.volumes() {
        let is_anonymous = engine::volume::get(engine.store(), name)?.is_some_and(|one| one.spec.anonymous);
        if is_anonymous && others.iter().all(|other| !other.spec.mounts_volume(name)) {
            steps.push(Step::RemoveVolume { name: name.to_owned() });
        }
    }
    Ok(steps)
}

/// All are named rightly, or nothing is done.
fn change(
    verb: &str,
    names: &[String],
    context: &Context,
    steps: impl Fn(ContainerId, &LinuxEngine) -> Result<Vec<Step>, Failure>,
) -> Result<Exit, Failure> {
    let engine = context.engine_as_root(verb)?;
    let mut all = Vec::new();
    for name in names {
        let id = named(&engine, name)?;
        all.push((id.clone(), steps(id, &engine)?));
    }
    do_steps(context, engine, all)
}
