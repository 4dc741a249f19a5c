//! Attached `up`: follow the logs until all containers ended, one of them ended that all depend on,
//! or Ctrl-C.

use super::containers::{known, select};
use super::converge::{Ask, converge_within, plan_for};
use super::interrupt::Interrupts;
use super::wait::ends;
use crate::context::{Context, Target};
use crate::error::{Exit, Failure};
use crate::output::logs::{LogView, Look};
use clap::Args;
use engine::LinuxEngine;
use engine::apply::{Cancel, Options, apply};
use engine::container::{ContainerStatus, LogLine, LogOptions};
use jiff::Timestamp;
use planner::goal::Verb;
use planner::live::State;
use planner::{ContainerId, Goal};
use std::collections::BTreeSet;
use std::ops::ControlFlow;
use std::sync::Arc;
use tokio::sync::oneshot;

/// How logs are followed, and what ends that.
#[derive(Debug, Args)]
pub(crate) struct FollowArgs {
    /// Stop everything as soon as one container has ended, and end with its exit code
    #[arg(long, conflicts_with = "detach")]
    abort_on_container_exit: bool,

    /// Stop everything as soon as one container has failed, and end with its exit code
    #[arg(long, conflicts_with_all = ["detach", "abort_on_container_exit"])]
    abort_on_container_failure: bool,

    /// End with the exit code of this service; implies --abort-on-container-exit
    #[arg(long, value_name = "SERVICE", conflicts_with_all = ["detach", "abort_on_container_failure"])]
    exit_code_from: Option<String>,

    /// Show only the output of these services
    #[arg(long, value_name = "SERVICE")]
    attach: Vec<String>,

    /// Do not show the output of these services
    #[arg(long, value_name = "SERVICE")]
    no_attach: Vec<String>,

    /// Log lines without colour
    #[arg(long)]
    no_color: bool,

    /// Log lines without the container's name
    #[arg(long)]
    no_log_prefix: bool,

    /// Log lines with their time
    #[arg(long)]
    timestamps: bool,
}

impl FollowArgs {
    /// Only the output of one service, whose end is the end of all and whose exit code is ours.
    pub(crate) fn of_one(service: &str) -> Self {
        Self {
            abort_on_container_exit: false,
            abort_on_container_failure: false,
            exit_code_from: Some(service.to_owned()),
            attach: vec![service.to_owned()],
            no_attach: Vec::new(),
            no_color: false,
            no_log_prefix: false,
            timestamps: false,
        }
    }

    /// The services that are named must be there.
    pub(crate) fn check(&self, target: &Target) -> Result<(), Failure> {
        let named = self.exit_code_from.iter().chain(&self.attach).chain(&self.no_attach);
        select(Vec::new(), target, &named.cloned().collect::<Vec<_>>()).map(drop)
    }

    fn look(&self) -> Look {
        Look { colour: !self.no_color, prefix: !self.no_log_prefix, timestamps: self.timestamps }
    }

    /// Whether the end of one container is the end of all.
    fn aborts(&self, code: i32) -> bool {
        let on_exit = self.abort_on_container_exit || self.exit_code_from.is_some();
        on_exit || self.abort_on_container_failure && code != 0
    }

    /// The exit code of those that ended, in the order of their ends.
    fn verdict(&self, ended: &[(&str, i32)]) -> Exit {
        let counts = |(service, code): &&(&str, i32)| match &self.exit_code_from {
            Some(from) => from == service,
            None => self.aborts(*code),
        };
        match ended.iter().find(counts) {
            Some((_, code)) => Exit::Program(u8::try_from(*code).unwrap_or(u8::MAX)),
            None => Exit::Done,
        }
    }

    /// The services whose output is not shown: those that say `attach: false` unless they are named.
    fn silent(&self, target: &Target) -> BTreeSet<String> {
        let services = target.stack.iter().flat_map(|stack| stack.services.iter().chain(&stack.disabled));
        let is_silent = |name: &String, attach: Option<bool>| match self.attach.is_empty() {
            true => attach == Some(false) || self.no_attach.contains(name),
            false => !self.attach.contains(name),
        };
        let silent = services.filter(|(name, service)| is_silent(name, service.attach));
        silent.map(|(name, _)| name.clone()).collect()
    }
}

/// Follows the logs of what `ask` brought up, from the time on at which it began. The first
/// Ctrl-C stops the containers, the second kills them.
pub(crate) async fn attached(
    context: &Context,
    engine: &Arc<LinuxEngine>,
    ask: Ask<'_>,
    (args, since): (&FollowArgs, Timestamp),
    interrupts: &mut Interrupts,
) -> Result<Exit, Failure> {
    let services: Vec<String> = ask.goal.services.iter().cloned().collect();
    let containers = select(known(engine, ask.target)?, ask.target, &services)?;
    let view = Arc::new(LogView::new(context.screen.out, args.look(), &containers));
    let ids: Vec<ContainerId> = containers.into_iter().map(|one| one.id).collect();
    let shown = (view.clone(), args.silent(ask.target));
    let mut followed = follow(context, engine, (ids.clone(), since), shown);
    tokio::select! {
        result = &mut followed => {
            // The sender is dropped unused only by a panic, which has been told.
            result.unwrap_or(Err(Failure::Said(Exit::NotReached)))?;
            farewell(context, engine, ask, (&ids, &view))?;
        }
        (id, code) = first_that_aborts(engine, &ids, args) => {
            context.screen.tell(view.remark(&id, &format!("exited with code {code}")).trim_end());
            stop(context, engine, ask, interrupts).await?;
        }
        () = interrupts.next() => {
            stop(context, engine, ask, interrupts).await?;
            return Ok(Exit::Interrupted);
        }
    }
    let ended = ended(engine, ask.target, &ids)?;
    Ok(args.verdict(&ended.iter().map(|(service, code)| (service.as_str(), *code)).collect::<Vec<_>>()))
}

/// Waits for the first end that is the end of all; for ever when there is none such.
async fn first_that_aborts(
    engine: &Arc<LinuxEngine>,
    ids: &[ContainerId],
    args: &FollowArgs,
) -> (ContainerId, i32) {
    let mut ends = ends(engine, ids.iter().cloned());
    while let Some(end) = ends.join_next().await {
        // One that cannot be waited for has no exit code.
        if let Ok((Ok(code), id)) = end
            && args.aborts(code)
        {
            return (id, code);
        }
    }
    std::future::pending().await
}

/// Services and exit codes of the containers that have ended, in the order of their ends.
fn ended(engine: &LinuxEngine, target: &Target, ids: &[ContainerId]) -> Result<Vec<(String, i32)>, Failure> {
    let mut ended = engine.list(Some(&target.name))?;
    ended.retain(|one| ids.contains(&one.id));
    ended.sort_by_key(|one| one.finished_at);
    let code = |one: ContainerStatus| match one.state {
        State::Exited { code, .. } => Some((one.id.slot.service, code)),
        _ => None,
    };
    Ok(ended.into_iter().filter_map(code).collect())
}

/// Prints logs from a thread of its own, because reading them blocks.
fn follow(
    context: &Context,
    engine: &Arc<LinuxEngine>,
    (ids, since): (Vec<ContainerId>, Timestamp),
    (view, silent): (Arc<LogView>, BTreeSet<String>),
) -> oneshot::Receiver<Result<(), Failure>> {
    let (done, ended) = oneshot::channel();
    let (screen, engine) = (context.screen, engine.clone());
    std::thread::spawn(move || {
        let options = LogOptions { follow: true, since: Some(since), ..LogOptions::default() };
        let mut failure = None;
        let shown = |id: &ContainerId, line: &LogLine| match silent.contains(&id.slot.service) {
            true => Ok(()),
            false => screen.print(&view.line(id, line)),
        };
        let read = engine.logs(&ids, &options, &mut |id, line| match shown(id, line) {
            Ok(()) => ControlFlow::Continue(()),
            Err(error) => {
                failure = Some(error);
                ControlFlow::Break(())
            }
        });
        let result = read.map_err(Failure::from).and(failure.map_or(Ok(()), Err));
        // Nobody waits for it any more after Ctrl-C.
        drop(done.send(result));
    });
    ended
}

/// Tells how each container ended.
fn farewell(
    context: &Context,
    engine: &LinuxEngine,
    ask: Ask,
    (ids, view): (&[ContainerId], &LogView),
) -> Result<(), Failure> {
    for container in engine.list(Some(&ask.target.name))?.iter().filter(|one| ids.contains(&one.id)) {
        if let State::Exited { code, .. } = container.state {
            context.screen.tell(view.remark(&container.id, &format!("exited with code {code}")).trim_end());
        }
    }
    Ok(())
}

/// Stops what was brought up; one more Ctrl-C kills it.
async fn stop(
    context: &Context,
    engine: &Arc<LinuxEngine>,
    ask: Ask<'_>,
    interrupts: &mut Interrupts,
) -> Result<(), Failure> {
    context.screen.tell("\nstopping; Ctrl-C again kills");
    let stop = Goal { verb: Verb::Stop, ..ask.goal.clone() };
    let kill = Goal { verb: Verb::Kill { signal: "KILL".to_owned() }, ..ask.goal.clone() };
    // Log lines still arrive: a moving picture would be torn apart.
    let quiet = context.without_live_progress();
    let mut deaf = Interrupts::never();
    let stopping = converge_within(&quiet, engine, Ask { goal: &stop, dry_run: false, ..ask }, &mut deaf);
    let mut stopping = std::pin::pin!(stopping);
    tokio::select! {
        stopped = &mut stopping => return stopped.map(drop),
        () = interrupts.next() => {}
    }
    context.screen.tell("\nkilling");
    // A signal needs no lock; the stop that waits for the processes holds it.
    let plan = plan_for(engine, Ask { goal: &kill, dry_run: false, ..ask })?;
    apply(engine.clone(), &plan, &Options::default(), drop, Cancel::new()).await;
    stopping.await.map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    #[derive(Parser)]
    struct Typed {
        #[command(flatten)]
        follow: FollowArgs,
        #[arg(long)]
        detach: bool,
    }

    fn typed(args: &[&str]) -> FollowArgs {
        Typed::try_parse_from([&["up"], args].concat()).unwrap().follow
    }

    #[test]
    fn the_exit_code_is_that_of_the_end_that_counts() {
        let ended = [("ok", 0), ("web", 3), ("tests", 7)];
        let table: [(&[&str], Exit); 5] = [
            (&[], Exit::Done),
            (&["--abort-on-container-exit"], Exit::Program(0)),
            (&["--abort-on-container-failure"], Exit::Program(3)),
            (&["--exit-code-from", "tests"], Exit::Program(7)),
            (&["--exit-code-from", "other"], Exit::Done),
        ];
        for (args, exit) in table {
            assert_eq!(typed(args).verdict(&ended), exit, "{args:?}");
        }
    }

    #[test]
    fn what_follows_nothing_cannot_wait_for_an_end() {
        let refused = |args: &[&str]| Typed::try_parse_from([&["up"], args].concat()).is_err();
        assert!(refused(&["--detach", "--exit-code-from", "a"]));
        assert!(refused(&["--abort-on-container-failure", "--abort-on-container-exit"]));
        assert!(!refused(&["--exit-code-from", "a", "--abort-on-container-exit"]));
    }
}
