//! `sampan create`

use super::converge::converge_files;
use super::up::{ImageArgs, Shape};
use crate::context::Context;
use crate::error::{Exit, Failure};
use clap::Args;
use planner::Goal;
use planner::goal::{UpOptions, Verb};

/// Create what the stack says, and start nothing
#[derive(Debug, Args)]
pub(crate) struct CreateArgs {
    /// Only these services and what they depend on
    services: Vec<String>,

    #[command(flatten)]
    images: ImageArgs,

    #[command(flatten)]
    shape: Shape,

    /// Show the plan and do nothing
    #[arg(long)]
    dry_run: bool,

    /// Accepted for scripts: nothing is ever asked
    #[arg(short, long)]
    yes: bool,
}

pub(crate) fn run(args: &CreateArgs, context: &Context) -> Result<Exit, Failure> {
    let options = UpOptions { no_start: true, images: args.images.options(), ..args.shape.options() };
    let services = args.services.iter().cloned().collect();
    let goal = Goal { services, ..Goal::all(Verb::Up(options)) };
    converge_files(context, "create", &goal, (args.dry_run, args.images.quiet_pull))
}
