//! `sampan stop`

use super::converge::converge_known;
use crate::context::Context;
use crate::error::{Exit, Failure};
use clap::Args;
use planner::Goal;
use planner::goal::Verb;

/// Stop containers without removing them
#[derive(Debug, Args)]
pub(crate) struct StopArgs {
    /// Only these services
    services: Vec<String>,

    /// Seconds between stop signal and kill, instead of each service's own
    #[arg(short, long, value_name = "SECONDS")]
    timeout: Option<u64>,

    /// Show the plan and do nothing
    #[arg(long)]
    dry_run: bool,
}

pub(crate) fn run(args: &StopArgs, context: &Context) -> Result<Exit, Failure> {
    let goal = Goal {
        verb: Verb::Stop,
        services: args.services.iter().cloned().collect(),
        stop_timeout: super::seconds(args.timeout),
    };
    converge_known(context, "stop", &goal, args.dry_run)
}
