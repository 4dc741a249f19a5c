//! `sampan volume ls | rm`

use crate::context::Context;
use crate::error::{Exit, Failure, Message};
use crate::output::table::{self, Cell};
use clap::{Args, Subcommand};
use engine::observe::ensure_volume_unused;
use engine::volume::{self, VolumeRecord};
use serde_json::json;
use std::collections::BTreeMap;

/// List and remove volumes
#[derive(Debug, Args)]
#[command(subcommand_required = true, arg_required_else_help = true)]
pub(crate) struct VolumeArgs {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    #[command(alias = "list")]
    Ls(LsArgs),
    #[command(alias = "remove")]
    Rm(RmArgs),
}

/// List volumes
#[derive(Debug, Args)]
struct LsArgs {
    /// Only the names
    #[arg(short, long)]
    quiet: bool,

    /// As JSON
    #[arg(long)]
    json: bool,
}

/// Remove volumes with all their data
#[derive(Debug, Args)]
struct RmArgs {
    /// Names
    #[arg(required = true)]
    volumes: Vec<String>,
}

pub(crate) fn run(args: &VolumeArgs, context: &Context) -> Result<Exit, Failure> {
    match &args.verb {
        Verb::Ls(args) => list(args, context),
        Verb::Rm(args) => remove(args, context),
    }
}

fn list(args: &LsArgs, context: &Context) -> Result<Exit, Failure> {
    let engine = context.engine()?;
    let volumes = volume::list(engine.store())?;
    if args.json {
        let value = |volume: &VolumeRecord| {
            json!({
                "name": volume.spec.name,
                "stack": volume.spec.stack,
                "anonymous": volume.spec.anonymous,
                "labels": volume.spec.labels,
                "created_at": volume.created_at,
                "path": engine.store().volume_data(&volume.spec.name),
            })
        };
        let values: Vec<_> = volumes.iter().map(value).collect();
        context.screen.json(&values)?;
    } else if args.quiet {
        let names = volumes.iter().map(|volume| format!("{}\n", volume.spec.name));
        context.screen.print(&names.collect::<String>())?;
    } else {
        let users = super::users_of_volumes(&engine)?;
        let rows: Vec<Vec<Cell>> = volumes.iter().map(|volume| row(volume, &users)).collect();
        context.screen.print(&table::render(context.screen.out, &["NAME", "STACK", "USED BY"], &rows))?;
    }
    Ok(Exit::Done)
}

fn row(volume: &VolumeRecord, users: &BTreeMap<String, Vec<String>>) -> Vec<Cell> {
    let users = users.get(&volume.spec.name).map(|users| users.join(", "));
    let stack = volume.spec.stack.clone().unwrap_or_default();
    vec![volume.spec.name.clone().into(), stack.into(), users.unwrap_or_default().into()]
}

/// Removes volumes that no container has. Each is removed under the lock of its stack, so
/// that no command is about to give it to one.
fn remove(args: &RmArgs, context: &Context) -> Result<Exit, Failure> {
    let engine = context.engine_as_root("volume rm")?;
    let mut exit = Exit::Done;
    for name in &args.volumes {
        let removed = (|| {
            let missing = || Message::new(Exit::NotReached, format!("no volume `{name}`"));
            let volume = volume::get(engine.store(), name)?.ok_or_else(missing)?;
            let _lock = volume.spec.stack.as_ref().map(|stack| engine.lock_stack(stack)).transpose()?;
            ensure_volume_unused(engine.store(), name)?;
            Ok(volume::remove(engine.store(), name)?)
        })();
        match removed {
            Ok(()) => context.screen.print(&format!("{name}\n"))?,
            Err(failure) => {
                context.screen.failure(&failure);
                exit = Exit::NotReached;
            }
        }
    }
    Ok(exit)
}
