//! `sampan start`

use super::converge::{Ask, converge};
use crate::context::Context;
use crate::error::{Exit, Failure};
use clap::Args;
use planner::Goal;
use planner::goal::Verb;
use std::sync::Arc;

/// Start containers that exist
#[derive(Debug, Args)]
pub(crate) struct StartArgs {
    /// Only these services
    services: Vec<String>,

    /// Show the plan and do nothing
    #[arg(long)]
    dry_run: bool,
}

pub(crate) fn run(args: &StartArgs, context: &Context) -> Result<Exit, Failure> {
    let target = context.target()?;
    let engine = Arc::new(context.engine_as_root("start")?);
    let goal =
        Goal { verb: Verb::Start, services: args.services.iter().cloned().collect(), stop_timeout: None };
    converge(context, &engine, Ask { target: &target, goal: &goal, dry_run: args.dry_run, quiet: false })
}
