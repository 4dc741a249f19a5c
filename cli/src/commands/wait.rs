//! `sampan wait`

use super::containers::{known, select};
use super::converge::{Ask, block_on, converge_within};
use super::interrupt::Interrupts;
use crate::context::Context;
use crate::error::{Exit, Failure, Message};
use clap::Args;
use engine::LinuxEngine;
use planner::goal::Verb;
use planner::{ContainerId, Goal};
use std::collections::BTreeMap;
use std::sync::Arc;
use tokio::task::JoinSet;

/// Wait until services have ended; the exit code is theirs
#[derive(Debug, Args)]
#[command(after_help = "Of several exit codes the first that is not 0 counts.")]
pub(crate) struct WaitArgs {
    /// The services
    #[arg(required = true)]
    services: Vec<String>,

    /// Take the stack down as soon as one has ended
    #[arg(long)]
    down_project: bool,
}

pub(crate) fn run(args: &WaitArgs, context: &Context) -> Result<Exit, Failure> {
    let target = context.target()?;
    let engine = Arc::new(context.engine_as_root("wait")?);
    let containers = select(known(&engine, &target)?, &target, &args.services)?;
    if containers.is_empty() {
        let problem = format!("no container of {} is there", args.services.join(", "));
        return Err(Message::new(Exit::NotReached, problem).hint("`sampan up -d` starts them").into());
    }
    block_on(async {
        let mut interrupts = Interrupts::listen()?;
        let names = containers.iter().map(|one| (one.id.clone(), one.name())).collect();
        let mut waits = ends(&engine, containers.into_iter().map(|one| one.id));
        let ended = tokio::select! {
            ended = all((context, &names), &mut waits, args.down_project) => ended?,
            () = interrupts.next() => return Ok(Exit::Interrupted),
        };
        if args.down_project {
            let goal = Goal::all(Verb::Down { volumes: false });
            let ask = Ask { target: &target, goal: &goal, dry_run: false, quiet: false, saved: None };
            converge_within(context, &engine, ask, &mut interrupts).await?;
        }
        Ok(Exit::Program(u8::try_from(ended).unwrap_or(u8::MAX)))
    })
}

/// The exit code of a container that has ended for good.
type Ended = (engine::error::Result<i32>, ContainerId);

/// Waits for the end of each of them.
pub(super) fn ends(
    engine: &Arc<LinuxEngine>,
    containers: impl IntoIterator<Item = ContainerId>,
) -> JoinSet<Ended> {
    let end = |id: ContainerId| {
        let engine = engine.clone();
        async move { (engine.ended(&id).await, id) }
    };
    containers.into_iter().map(end).collect()
}

/// Tells each end as it comes; gives the first exit code that is not 0.
async fn all(
    (context, names): (&Context, &BTreeMap<ContainerId, String>),
    waits: &mut JoinSet<Ended>,
    only_first: bool,
) -> Result<i32, Failure> {
    let mut first = 0;
    while let Some(ended) = waits.join_next().await {
        let (code, id) = ended.map_err(|error| Failure::io("wait", &std::io::Error::other(error)))?;
        let code = code?;
        context.screen.print(&format!("{} exited with code {code}\n", names[&id]))?;
        if first == 0 {
            first = code;
        }
        if only_first {
            break;
        }
    }
    Ok(first)
}
