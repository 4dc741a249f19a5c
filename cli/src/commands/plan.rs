//! `sampan plan`

use super::converge::{Ask, plan_for, show};
use super::wanted::Wanted;
use crate::context::Context;
use crate::error::{Exit, Failure};
use clap::Args;

/// Show what `up` would do, and why
#[derive(Debug, Args)]
pub(crate) struct PlanArgs {
    #[command(flatten)]
    wanted: Wanted,

    /// As JSON
    #[arg(long)]
    json: bool,

    /// End with 2 when there is something to do, 0 when not
    #[arg(long)]
    exit_code: bool,
}

pub(crate) fn run(args: &PlanArgs, context: &Context) -> Result<Exit, Failure> {
    let target = context.stack_to_run(&args.wanted.services)?;
    let engine = context.engine()?;
    let goal = args.wanted.goal(args.wanted.options());
    let plan = plan_for(&engine, Ask { target: &target, goal: &goal, dry_run: true, quiet: false })?;
    match args.json {
        true => context.screen.json(&planner::plan::render::json(&plan))?,
        false => show(context, &plan)?,
    }
    Ok(if args.exit_code && !plan.nodes.is_empty() { Exit::Usage } else { Exit::Done })
}
