//! `sampan down`

use super::converge::converge_known;
use crate::context::Context;
use crate::error::{Exit, Failure};
use clap::Args;
use planner::Goal;
use planner::goal::Verb;

/// Stop and remove containers and networks; volumes stay unless asked for
#[derive(Debug, Args)]
pub(crate) struct DownArgs {
    /// Only these services
    services: Vec<String>,

    /// Also remove the stack's volumes with all their data
    #[arg(short, long)]
    volumes: bool,

    /// Seconds between stop signal and kill, instead of each service's own
    #[arg(short, long, value_name = "SECONDS")]
    timeout: Option<u64>,

    /// Accepted for scripts: containers of services that left the file always go
    #[arg(long)]
    remove_orphans: bool,

    /// Show the plan and do nothing
    #[arg(long)]
    dry_run: bool,
}

pub(crate) fn run(args: &DownArgs, context: &Context) -> Result<Exit, Failure> {
    let goal = Goal {
        verb: Verb::Down { volumes: args.volumes },
        services: args.services.iter().cloned().collect(),
        stop_timeout: super::seconds(args.timeout),
    };
    converge_known(context, "down", &goal, args.dry_run)
}
