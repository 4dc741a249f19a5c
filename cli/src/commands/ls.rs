//! `sampan ls`

use crate::context::Context;
use crate::error::{Exit, Failure};
use crate::output::Ink;
use crate::output::table::{self, Cell, Format};
use clap::Args;
use engine::stacks::StackStatus;
use planner::ContainerId;
use serde_json::{Value, json};

/// List the stacks of this machine
#[derive(Debug, Args)]
pub(crate) struct LsArgs {
    /// Also those of which nothing runs
    #[arg(short, long)]
    all: bool,

    /// Only the names
    #[arg(short, long)]
    quiet: bool,

    /// As JSON
    #[arg(long)]
    json: bool,

    /// Form of the output; `json` is what Docker Compose prints
    #[arg(long, value_enum, default_value_t = Format::Table)]
    format: Format,
}

pub(crate) fn run(args: &LsArgs, context: &Context) -> Result<Exit, Failure> {
    let mut stacks = context.engine()?.stacks()?;
    // What is in no stack file is listed by `container ls`.
    stacks.retain(|stack| (args.all || stack.running > 0) && !ContainerId::is_alone(&stack.name));
    if args.json {
        let values: Vec<Value> = stacks.iter().map(value).collect();
        context.screen.json(&values)?;
    } else if args.quiet {
        let names = stacks.iter().map(|stack| format!("{}\n", stack.name));
        context.screen.print(&names.collect::<String>())?;
    } else if args.format == Format::Json {
        let values: Vec<Value> = stacks.iter().map(compose_value).collect();
        context.screen.print(&format!("{}\n", Value::from(values)))?;
    } else {
        let rows: Vec<Vec<Cell>> = stacks.iter().map(row).collect();
        context.screen.print(&table::render(context.screen.out, &["NAME", "STATUS", "FILES"], &rows))?;
    }
    Ok(Exit::Done)
}

fn status(stack: &StackStatus) -> (Ink, String) {
    match (stack.running, stack.total) {
        (0, total) => (Ink::Dim, format!("stopped({total})")),
        (running, total) if running == total => (Ink::Green, format!("running({running})")),
        (running, total) => (Ink::Yellow, format!("running({running}), stopped({})", total - running)),
    }
}

fn row(stack: &StackStatus) -> Vec<Cell> {
    let (ink, status) = status(stack);
    vec![stack.name.clone().into(), Cell::new(ink, status), files(stack).join(", ").into()]
}

fn files(stack: &StackStatus) -> Vec<String> {
    let owner = stack.owner.as_ref();
    owner.map(|owner| owner.files.iter().map(|file| file.display().to_string()).collect()).unwrap_or_default()
}

fn value(stack: &StackStatus) -> Value {
    json!({
        "name": stack.name,
        "running": stack.running,
        "total": stack.total,
        "directory": stack.owner.as_ref().map(|owner| owner.directory.clone()),
        "files": files(stack),
    })
}

/// One stack as Docker Compose tells it.
fn compose_value(stack: &StackStatus) -> Value {
    json!({"Name": stack.name, "Status": status(stack).1, "ConfigFiles": files(stack).join(",")})
}
