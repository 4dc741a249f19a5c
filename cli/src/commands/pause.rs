//! `sampan pause` and `unpause`

use super::converge::converge_known;
use crate::context::Context;
use crate::error::{Exit, Failure};
use clap::Args;
use planner::Goal;
use planner::goal::Verb;

/// Let containers stand still where they are
#[derive(Debug, Args)]
pub(crate) struct PauseArgs {
    #[command(flatten)]
    of: Of,
}

/// Let paused containers go on
#[derive(Debug, Args)]
pub(crate) struct UnpauseArgs {
    #[command(flatten)]
    of: Of,
}

#[derive(Debug, Args)]
struct Of {
    /// Only these services
    services: Vec<String>,

    /// Show the plan and do nothing
    #[arg(long)]
    dry_run: bool,
}

pub(crate) fn pause(args: &PauseArgs, context: &Context) -> Result<Exit, Failure> {
    run(&args.of, context, true)
}

pub(crate) fn unpause(args: &UnpauseArgs, context: &Context) -> Result<Exit, Failure> {
    run(&args.of, context, false)
}

fn run(args: &Of, context: &Context, paused: bool) -> Result<Exit, Failure> {
    let goal = Goal {
        verb: Verb::Pause { paused },
        services: args.services.iter().cloned().collect(),
        stop_timeout: None,
    };
    converge_known(context, if paused { "pause" } else { "unpause" }, &goal, args.dry_run)
}
