//! `sampan container diff`

use super::named;
use crate::context::Context;
use crate::error::{Exit, Failure};
use clap::Args;
use serde_json::{Value, json};

/// List what a container changed in the files of its image: A added, C changed, D deleted
#[derive(Debug, Args)]
pub(super) struct DiffArgs {
    /// As JSON
    #[arg(long)]
    json: bool,

    /// Name, such as shop-web-1
    container: String,
}

pub(super) fn run(args: &DiffArgs, context: &Context) -> Result<Exit, Failure> {
    let engine = context.engine_as_root("container diff")?;
    let changes = engine.changes(&named(&engine, &args.container)?)?;
    if args.json {
        let values: Vec<Value> = changes
            .iter()
            .map(|change| json!({ "kind": change.kind.to_string(), "path": change.path }))
            .collect();
        context.screen.json(&values)?;
    } else {
        let lines = changes.iter().map(|change| format!("{} {}\n", change.kind, change.path.display()));
        context.screen.print(&lines.collect::<String>())?;
    }
    Ok(Exit::Done)
}
