//! `sampan push`

use super::converge::converge_files;
use crate::context::Context;
use crate::error::{Exit, Failure};
use clap::Args;
use planner::Goal;
use planner::goal::{PushOptions, Verb};

/// Push the images that services build to their registries
#[derive(Debug, Args)]
pub(crate) struct PushArgs {
    /// Only the images of these services
    services: Vec<String>,

    /// Push what can be pushed; failures do not matter
    #[arg(long)]
    ignore_push_failures: bool,

    /// Also the images of services that the named ones depend on
    #[arg(long)]
    include_deps: bool,

    /// Say nothing but what goes wrong
    #[arg(short, long)]
    quiet: bool,

    /// Show the plan and do nothing
    #[arg(long)]
    dry_run: bool,
}

pub(crate) fn run(args: &PushArgs, context: &Context) -> Result<Exit, Failure> {
    let verb = Verb::Push(PushOptions {
        include_deps: args.include_deps,
        ignore_failures: args.ignore_push_failures,
    });
    let services = args.services.iter().cloned().collect();
    let goal = Goal { services, ..Goal::all(verb) };
    converge_files(context, "push", &goal, (args.dry_run, args.quiet))
}
