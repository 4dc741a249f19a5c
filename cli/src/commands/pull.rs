//! `sampan pull`

use super::converge::converge_files;
use super::wanted::policy;
use crate::context::Context;
use crate::error::{Exit, Failure};
use clap::Args;
use planner::Goal;
use planner::desired::PullPolicy;
use planner::goal::{PullOptions, Verb};

/// Pull the images of services
#[derive(Debug, Args)]
pub(crate) struct PullArgs {
    /// Only the images of these services
    services: Vec<String>,

    /// Leave images alone that can be built
    #[arg(long)]
    ignore_buildable: bool,

    /// Pull what can be pulled; failures do not matter
    #[arg(long)]
    ignore_pull_failures: bool,

    /// Also the images of services that the named ones depend on
    #[arg(long)]
    include_deps: bool,

    /// When to pull, instead of what the services say: missing, always
    #[arg(long, value_name = "POLICY", value_parser = policy)]
    policy: Option<PullPolicy>,

    /// Say nothing but what goes wrong
    #[arg(short, long)]
    quiet: bool,

    /// Show the plan and do nothing
    #[arg(long)]
    dry_run: bool,
}

pub(crate) fn run(args: &PullArgs, context: &Context) -> Result<Exit, Failure> {
    let verb = Verb::Pull(PullOptions {
        policy: args.policy,
        ignore_buildable: args.ignore_buildable,
        include_deps: args.include_deps,
        ignore_failures: args.ignore_pull_failures,
    });
    let services = args.services.iter().cloned().collect();
    let goal = Goal { services, ..Goal::all(verb) };
    converge_files(context, "pull", &goal, (args.dry_run, args.quiet))
}
