//! `sampan container ls | exec | logs | attach | wait | inspect`: like the verbs of stacks, by the name
//! of the container.

use super::named;
use crate::commands::converge::block_on;
use crate::commands::exec::become_sealed;
use crate::commands::{attach, exec, inspect, logs};
use crate::context::Context;
use crate::error::{Exit, Failure};
use crate::output::status::{ports, status};
use crate::output::table::{self, Cell};
use clap::Args;
use engine::container::ContainerStatus;
use jiff::Timestamp;
use planner::ContainerId;
use serde_json::json;

/// List the containers of this machine that run
#[derive(Debug, Args)]
pub(super) struct LsArgs {
    /// Also those that do not run
    #[arg(short, long)]
    all: bool,

    /// Only the names
    #[arg(short, long)]
    quiet: bool,

    /// As JSON
    #[arg(long)]
    json: bool,
}

pub(super) fn ls(args: &LsArgs, context: &Context) -> Result<Exit, Failure> {
    let mut containers = context.engine()?.list(None)?;
    containers.retain(|one| args.all || one.state.is_running());
    let now = Timestamp::now();
    if args.json {
        let values: Vec<_> = containers.iter().map(|one| value(one, now)).collect();
        context.screen.json(&values)?;
    } else if args.quiet {
        context.screen.print(&containers.iter().map(|one| one.name() + "\n").collect::<String>())?;
    } else {
        let rows: Vec<Vec<Cell>> = containers.iter().map(|one| row(one, now)).collect();
        let head = ["NAME", "STACK", "STATUS", "PORTS", "IMAGE"];
        context.screen.print(&table::render(context.screen.out, &head, &rows))?;
    }
    Ok(Exit::Done)
}

/// Those of no stack file have no stack that anybody knows.
fn stack(one: &ContainerStatus) -> Option<&str> {
    (!ContainerId::is_alone(&one.id.stack)).then_some(one.id.stack.as_str())
}

fn row(one: &ContainerStatus, now: Timestamp) -> Vec<Cell> {
    let (ink, status) = status(one, now);
    vec![
        one.name().into(),
        stack(one).unwrap_or_default().to_owned().into(),
        Cell::new(ink, status),
        ports(&one.ports).into(),
        one.spec.image.clone().into(),
    ]
}

fn value(one: &ContainerStatus, now: Timestamp) -> serde_json::Value {
    json!({
        "id": one.id,
        "name": one.name(),
        "stack": stack(one),
        "status": status(one, now).1,
        "running": one.state.is_running(),
        "exit_code": one.exit_code,
        "pid": one.pid,
        "image": one.spec.image,
        "image_id": one.image_id,
    })
}

/// Run another program in a running container
#[derive(Debug, Args)]
pub(super) struct ExecArgs {
    #[command(flatten)]
    how: exec::How,

    /// Name
    container: String,

    /// The program and its arguments
    #[arg(required = true, trailing_var_arg = true, allow_hyphen_values = true, value_name = "COMMAND")]
    argv: Vec<String>,
}

pub(super) fn exec(args: ExecArgs, context: &Context) -> Result<Exit, Failure> {
    let engine = context.engine_as_root("container exec")?;
    become_sealed()?;
    args.how.exec(&engine, &named(&engine, &args.container)?, args.argv, context)
}

/// Print what a container wrote
#[derive(Debug, Args)]
pub(super) struct LogsArgs {
    #[command(flatten)]
    how: logs::How,

    /// Name
    container: String,
}

pub(super) fn logs(args: &LogsArgs, context: &Context) -> Result<Exit, Failure> {
    let engine = context.engine()?;
    let id = named(&engine, &args.container)?;
    args.how.print(context, &engine, false, &|| {
        let mut all = engine.list(Some(&id.stack))?;
        all.retain(|one| one.id == id);
        Ok(all)
    })
}

/// Be the input and output of a running container's program
#[derive(Debug, Args)]
pub(super) struct AttachArgs {
    #[command(flatten)]
    how: attach::HowArgs,

    /// Name
    container: String,
}

pub(super) fn attach(args: &AttachArgs, context: &Context) -> Result<Exit, Failure> {
    let engine = context.engine_as_root("container attach")?;
    attach::attach(&engine, &named(&engine, &args.container)?, &args.how, context)
}

/// Wait until containers have ended, and print their exit codes
#[derive(Debug, Args)]
pub(super) struct WaitArgs {
    /// Names
    #[arg(required = true)]
    containers: Vec<String>,
}

pub(super) fn wait(args: &WaitArgs, context: &Context) -> Result<Exit, Failure> {
    let engine = context.engine_as_root("container wait")?;
    let ids = args.containers.iter().map(|name| named(&engine, name)).collect::<Result<Vec<_>, _>>()?;
    block_on(async {
        for id in &ids {
            let code = engine.ended(id).await?;
            context.screen.print(&format!("{code}\n"))?;
        }
        Ok(Exit::Done)
    })
}

/// Print all there is to say about containers, as JSON
#[derive(Debug, Args)]
pub(super) struct InspectArgs {
    #[command(flatten)]
    form: inspect::Form,

    /// Names
    #[arg(required = true)]
    containers: Vec<String>,
}

pub(super) fn inspect(args: &InspectArgs, context: &Context) -> Result<Exit, Failure> {
    inspect::containers(&args.containers, &args.form, context)
}
