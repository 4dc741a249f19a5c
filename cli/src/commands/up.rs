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
use std::path::PathBuf;
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

    /// Do exactly what `plan -o FILE` saved, or nothing when something has moved since
    #[arg(
        long,
        value_name = "FILE",
        conflicts_with_all = [
            "wait", "wait_timeout", "no_start", "timeout", "services", "build", "no_build", "pull",
            "force_recreate", "no_deps", "scale"
        ]
    )]
    plan: Option<PathBuf>,

    #[command(flatten)]
    follow: FollowArgs,

    /// Accepted for scripts: nothing is ever asked, and data is never lost without `down -v`
    #[arg(short, long)]
    yes: bool,
}

pub(crate) fn run(args: &UpArgs, context: &Context) -> Result<Exit, Failure> {
    let saved = args.plan.as_deref().map(|path| super::plan::saved(context, path)).transpose()?;
    let goal = saved.as_ref().map_or_else(|| goal(args), |saved| saved.goal.clone());
    let services: Vec<String> = goal.services.iter().cloned().collect();
    let target = context.stack_to_run(&services)?;
    if let Some(saved) = saved.as_ref().filter(|saved| saved.stack() != target.name) {
        let text = format!("the plan is for stack `{}`, not for `{}`", saved.stack(), target.name);
        return Err(Failure::usage(text, "go to the folder of that stack, or name its file with --file"));
    }
    args.follow.check(&target)?;
    let engine = Arc::new(context.engine_as_root("up")?);
    let quiet = args.wanted.images.quiet_pull;
    let ask = Ask { target: &target, goal: &goal, dry_run: args.dry_run, quiet, saved: saved.as_ref() };
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

fn goal(args: &UpArgs) -> Goal {
    let options = UpOptions {
        wait: args.wait,
        wait_timeout: args.wait_timeout.map(Duration::from_secs),
        no_start: args.no_start,
        ..args.wanted.options()
    };
    Goal { stop_timeout: super::seconds(args.timeout), ..args.wanted.goal(options) }
}
