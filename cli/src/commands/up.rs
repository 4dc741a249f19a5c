//! `sampan up`

use super::converge::{Ask, block_on, converge, converge_within};
use super::follow::{FollowArgs, attached};
use super::interrupt::Interrupts;
use super::wanted::Wanted;
use crate::context::Context;
use crate::error::{Exit, Failure};
use clap::Args;
use jiff::Timestamp;
use planner::Goal;
use planner::goal::UpOptions;
use std::sync::Arc;
use std::time::Duration;

/// Create and start what the stack says, and follow its logs
#[derive(Debug, Args)]
pub(crate) struct UpArgs {
    #[command(flatten)]
    wanted: Wanted,

    /// Do not follow the logs; containers go on in the background
    #[arg(short, long)]
    detach: bool,

    /// Wait until every service runs, is healthy or has completed; implies -d
    #[arg(long)]
    wait: bool,

    /// Seconds that all waiting may take
    #[arg(long, value_name = "SECONDS")]
    wait_timeout: Option<u64>,

    /// Create containers, start none
    #[arg(long, conflicts_with_all = ["wait", "wait_timeout"])]
    no_start: bool,

    /// Seconds between stop signal and kill, instead of each service's own
    #[arg(short, long, value_name = "SECONDS")]
    timeout: Option<u64>,

    /// Show the plan and do nothing
    #[arg(long)]
    dry_run: bool,

    #[command(flatten)]
    follow: FollowArgs,

    /// Accepted for scripts: nothing is ever asked, and data is never lost without `down -v`
    #[arg(short, long)]
    yes: bool,
}

pub(crate) fn run(args: &UpArgs, context: &Context) -> Result<Exit, Failure> {
    let target = context.stack_to_run(&args.wanted.services)?;
    args.follow.check(&target)?;
    let engine = Arc::new(context.engine_as_root("up")?);
    let options = UpOptions {
        wait: args.wait,
        wait_timeout: args.wait_timeout.map(Duration::from_secs),
        no_start: args.no_start,
        ..args.wanted.options()
    };
    let goal = Goal { stop_timeout: super::seconds(args.timeout), ..args.wanted.goal(options) };
    let quiet = args.wanted.images.quiet_pull;
    let ask = Ask { target: &target, goal: &goal, dry_run: args.dry_run, quiet };
    if args.detach || args.wait || args.dry_run || args.no_start {
        return converge(context, &engine, ask);
    }
    block_on(async {
        let mut interrupts = Interrupts::listen()?;
        let began = Timestamp::now();
        match converge_within(context, &engine, ask, &mut interrupts).await? {
            Exit::Done => attached(context, &engine, ask, (&args.follow, began), &mut interrupts).await,
            exit => Ok(exit),
        }
    })
}
