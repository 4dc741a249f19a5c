//! Attached `up`: follow the logs until all containers ended or Ctrl-C.

use super::containers::{known, select};
use super::converge::{Ask, converge_within, plan_for};
use super::interrupt::Interrupts;
use crate::context::{Context, Target};
use crate::error::{Exit, Failure};
use crate::output::logs::{LogView, Look};
use engine::LinuxEngine;
use engine::apply::{Cancel, Options, apply};
use engine::container::{LogLine, LogOptions};
use jiff::Timestamp;
use planner::goal::Verb;
use planner::live::State;
use planner::{ContainerId, Goal};
use std::collections::BTreeSet;
use std::ops::ControlFlow;
use std::sync::Arc;
use tokio::sync::oneshot;

/// Follows the logs of what `ask` brought up, from the time on at which it began. The first
/// Ctrl-C stops the containers, the second kills them.
pub(crate) async fn attached(
    context: &Context,
    engine: &Arc<LinuxEngine>,
    ask: Ask<'_>,
    (look, since): (Look, Timestamp),
    interrupts: &mut Interrupts,
) -> Result<Exit, Failure> {
    let services: Vec<String> = ask.goal.services.iter().cloned().collect();
    let containers = select(known(engine, ask.target)?, ask.target, &services)?;
    let ids: Vec<ContainerId> = containers.into_iter().map(|one| one.id).collect();
    let view = Arc::new(LogView::new(context.screen.out, look, &ids));
    let mut ended = follow(context, engine, (ids.clone(), since), (view.clone(), silent(ask.target)));
    tokio::select! {
        result = &mut ended => {
            // The sender is dropped unused only by a panic, which has been told.
            result.unwrap_or(Err(Failure::Said(Exit::NotReached)))?;
            farewell(context, engine, ask, (&ids, &view))?;
            Ok(Exit::Done)
        }
        () = interrupts.next() => {
            stop(context, engine, ask, interrupts).await?;
            Ok(Exit::Interrupted)
        }
    }
}

/// The services whose output is not shown: `attach: false`.
fn silent(target: &Target) -> BTreeSet<String> {
    let services = target.stack.iter().flat_map(|stack| stack.services.iter().chain(&stack.disabled));
    let silent = services.filter(|(_, service)| service.attach == Some(false));
    silent.map(|(name, _)| name.clone()).collect()
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
        let options = LogOptions { follow: true, tail: None, since: Some(since) };
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
