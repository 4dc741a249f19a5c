//! `sampan create`

use super::converge::converge_files;
use super::wanted::Wanted;
use crate::context::Context;
use crate::error::{Exit, Failure};
use clap::Args;
use planner::goal::UpOptions;

/// Create what the stack says, and start nothing
#[derive(Debug, Args)]
pub(crate) struct CreateArgs {
    #[command(flatten)]
    wanted: Wanted,

    /// Show the plan and do nothing
    #[arg(long)]
    dry_run: bool,

    /// Accepted for scripts: nothing is ever asked
    #[arg(short, long)]
    yes: bool,
}

pub(crate) fn run(args: &CreateArgs, context: &Context) -> Result<Exit, Failure> {
    let options = UpOptions { no_start: true, ..args.wanted.options() };
    let goal = args.wanted.goal(options);
    converge_files(context, "create", &goal, (args.dry_run, args.wanted.images.quiet_pull))
}
