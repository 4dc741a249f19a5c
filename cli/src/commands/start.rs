//! `sampan start`

use super::converge::converge_known;
use crate::context::Context;
use crate::error::{Exit, Failure};
use clap::Args;
use planner::Goal;
use planner::goal::Verb;

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
    let goal =
        Goal { verb: Verb::Start, services: args.services.iter().cloned().collect(), stop_timeout: None };
    converge_known(context, "start", &goal, args.dry_run)
}
