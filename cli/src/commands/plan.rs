//! `sampan plan`

use super::converge::{Ask, show, survey};
use super::wanted::Wanted;
use crate::context::Context;
use crate::error::{Exit, Failure, Message};
use crate::output::file;
use clap::Args;
use planner::Plan;
use planner::plan::{Saved, render};
use std::fs;
use std::path::{Path, PathBuf};

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

    /// Save it, too: `up --plan FILE` does exactly this, or nothing when something has moved
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
}

pub(crate) fn run(args: &PlanArgs, context: &Context) -> Result<Exit, Failure> {
    let target = context.stack_to_run(&args.wanted.services)?;
    let engine = context.engine()?;
    let goal = args.wanted.goal(args.wanted.options());
    let ask = Ask { target: &target, goal: &goal, dry_run: true, quiet: false, saved: None };
    let (plan, live) = survey(&engine, ask)?;
    match args.json {
        true => context.screen.json(&render::json(&plan))?,
        false => show(context, &plan)?,
    }
    if let Some(path) = &args.output {
        refuse_unfinished(&plan)?;
        save(&context.environment.directory.join(path), &Saved::of(&plan, &goal, &live))?;
    }
    Ok(if args.exit_code && !plan.nodes.is_empty() { Exit::Usage } else { Exit::Done })
}

/// What is made from an image is known only when it is here.
fn refuse_unfinished(plan: &Plan) -> Result<(), Failure> {
    let fetched = plan.nodes.iter().find_map(|node| node.step.image());
    let unfinished = |image| {
        let text = format!("the plan is not saved: what becomes of `{image}` is known only when it is here");
        let hint =
            "first `sampan pull` or `sampan build`, then `sampan plan --pull missing --no-build -o FILE`";
        Message::new(Exit::Refused, text).hint(hint).into()
    };
    fetched.map_or(Ok(()), |image| Err(unfinished(image)))
}

fn save(path: &Path, saved: &Saved) -> Result<(), Failure> {
    let failed = |error| Failure::io(format!("save the plan in {}", path.display()), &error);
    file::put(path, &saved.text(), Some(0o600)).map_err(failed)
}

/// Reads what `plan -o` saved.
pub(crate) fn saved(context: &Context, path: &Path) -> Result<Saved, Failure> {
    let path = context.environment.directory.join(path);
    let failed = |error| Failure::io(format!("read the plan {}", path.display()), &error);
    let text = fs::read_to_string(&path).map_err(failed)?;
    Saved::parse(&text).map_err(|why| {
        let mut message = Message::new(Exit::Usage, format!("{} is no saved plan", path.display()));
        message.causes.push(why);
        message.hint("`sampan plan -o FILE` saves one").into()
    })
}
