//! `sampan down`

use super::converge::{Ask, converge};
use crate::context::Context;
use crate::error::{Exit, Failure};
use clap::Args;
use planner::Goal;
use planner::goal::Verb;
use std::sync::Arc;

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
    let target = context.target()?;
    let engine = Arc::new(context.engine_as_root("down")?);
    let goal = Goal {
        verb: Verb::Down { volumes: args.volumes },
        services: args.services.iter().cloned().collect(),
        stop_timeout: super::seconds(args.timeout),
    };
    converge(context, &engine, Ask { target: &target, goal: &goal, dry_run: args.dry_run, quiet: false })
}
