//! `sampan scale`

use super::converge::converge_files;
use super::wanted::scale;
use crate::context::Context;
use crate::error::{Exit, Failure};
use clap::Args;
use planner::Goal;
use planner::goal::{UpOptions, Verb};

/// Change how many containers services have
#[derive(Debug, Args)]
pub(crate) struct ScaleArgs {
    /// How many of which; 0 is none
    #[arg(required = true, value_name = "SERVICE=N", value_parser = scale)]
    scale: Vec<(String, u32)>,

    /// Leave services alone that the named ones depend on
    #[arg(long)]
    no_deps: bool,

    /// Show the plan and do nothing
    #[arg(long)]
    dry_run: bool,
}

pub(crate) fn run(args: &ScaleArgs, context: &Context) -> Result<Exit, Failure> {
    let options = UpOptions {
        scale: args.scale.iter().cloned().collect(),
        no_deps: args.no_deps,
        ..UpOptions::default()
    };
    let services = args.scale.iter().map(|(service, _)| service.clone()).collect();
    let goal = Goal { services, ..Goal::all(Verb::Up(options)) };
    converge_files(context, "scale", &goal, (args.dry_run, false))
}
