//! `sampan rm`

use super::consent;
use super::converge::{Ask, converge, plan_for};
use crate::context::Context;
use crate::error::{Exit, Failure};
use clap::Args;
use planner::goal::{RemoveOptions, Verb};
use planner::{Goal, Step};
use std::sync::Arc;

/// Remove containers that do not run
#[derive(Debug, Args)]
pub(crate) struct RmArgs {
    /// Only these services
    services: Vec<String>,

    /// Do not ask
    #[arg(short, long)]
    force: bool,

    /// Stop first what runs
    #[arg(short, long)]
    stop: bool,

    /// Also remove their anonymous volumes with all their data
    #[arg(short, long)]
    volumes: bool,

    /// Show the plan and do nothing
    #[arg(long)]
    dry_run: bool,
}

pub(crate) fn run(args: &RmArgs, context: &Context) -> Result<Exit, Failure> {
    let target = context.target()?;
    let engine = Arc::new(context.engine_as_root("rm")?);
    let goal = Goal {
        verb: Verb::Remove(RemoveOptions { stop: args.stop, volumes: args.volumes }),
        services: args.services.iter().cloned().collect(),
        stop_timeout: None,
    };
    let ask = Ask { target: &target, goal: &goal, dry_run: args.dry_run, quiet: false, saved: None };
    // Who is not asked need not know what it is about.
    if !args.dry_run && !args.force {
        let plan = plan_for(&engine, ask)?;
        let removes = |step: &Step| match step {
            Step::RemoveContainer { id } => Some(plan.called(id)),
            Step::RemoveVolume { name } => Some(name.clone()),
            _ => None,
        };
        let gone: Vec<String> = plan.nodes.iter().filter_map(|node| removes(&node.step)).collect();
        if !gone.is_empty() {
            consent::ask(context, &format!("{} will be removed", gone.join(", ")), args.force)?;
        }
    }
    converge(context, &engine, ask)
}
