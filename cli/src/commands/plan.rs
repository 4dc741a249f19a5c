//! `sampan plan`

use super::converge::{Ask, plan_for, show};
use super::up::{ImageArgs, Shape};
use crate::context::Context;
use crate::error::{Exit, Failure};
use clap::Args;
use planner::Goal;
use planner::goal::{UpOptions, Verb};

/// Show what `up` would do, and why
#[derive(Debug, Args)]
pub(crate) struct PlanArgs {
    /// Only these services and what they depend on
    services: Vec<String>,

    #[command(flatten)]
    images: ImageArgs,

    #[command(flatten)]
    shape: Shape,

    /// As JSON
    #[arg(long)]
    json: bool,

    /// End with 2 when there is something to do, 0 when not
    #[arg(long)]
    exit_code: bool,
}

pub(crate) fn run(args: &PlanArgs, context: &Context) -> Result<Exit, Failure> {
    let target = context.stack_to_run(&args.services)?;
    let engine = context.engine()?;
    let options = UpOptions { images: args.images.options(), ..args.shape.options() };
    let goal = Goal {
        verb: Verb::Up(options),
        services: args.services.iter().cloned().collect(),
        stop_timeout: None,
    };
    let plan = plan_for(&engine, Ask { target: &target, goal: &goal, dry_run: true, quiet: false })?;
    match args.json {
        true => context.screen.json(&planner::plan::render::json(&plan))?,
        false => show(context, &plan)?,
    }
    Ok(if args.exit_code && !plan.nodes.is_empty() { Exit::Usage } else { Exit::Done })
}
