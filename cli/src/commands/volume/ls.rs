//! `sampan volume ls`

use crate::commands::consent;
use crate::context::Context;
use crate::error::{Exit, Failure};
use crate::output::table::{self, Cell};
use clap::Args;
use engine::system::Filter;
use engine::volume::{self, VolumeRecord};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::path::PathBuf;

/// List volumes
#[derive(Debug, Args)]
pub(super) struct LsArgs {
    /// Only the names
    #[arg(short, long)]
    quiet: bool,

    /// As JSON
    #[arg(long)]
    json: bool,

    /// Only what fits: `name=TEXT`, `dangling=true`, `label=KEY[=VALUE]`, `label!=…`, `until=24h`
    #[arg(short, long = "filter", value_name = "FILTER")]
    filters: Vec<String>,
}

/// What `--filter` says.
#[derive(Default)]
struct Choice {
    /// Parts of names, any of which will do.
    names: Vec<String>,
    /// Whether no container has it.
    dangling: Option<bool>,
    rest: Filter,
}

pub(super) fn run(args: &LsArgs, context: &Context) -> Result<Exit, Failure> {
    let choice = Choice::read(&args.filters)?;
    let engine = context.engine()?;
    let users = crate::commands::users_of_volumes(&engine)?;
    let mut volumes = volume::list(engine.store())?;
    volumes.retain(|volume| choice.fits(volume, users.contains_key(&volume.spec.name)));
    if args.json {
        let path = |volume: &VolumeRecord| engine.store().volume_data(&volume.spec.name);
        let values: Vec<_> = volumes.iter().map(|volume| value(volume, path(volume))).collect();
        context.screen.json(&values)?;
    } else if args.quiet {
        let names = volumes.iter().map(|volume| format!("{}\n", volume.spec.name));
        context.screen.print(&names.collect::<String>())?;
    } else {
        let rows: Vec<Vec<Cell>> = volumes.iter().map(|volume| row(volume, &users)).collect();
        context.screen.print(&table::render(context.screen.out, &["NAME", "STACK", "USED BY"], &rows))?;
    }
    Ok(Exit::Done)
}

fn value(volume: &VolumeRecord, path: PathBuf) -> Value {
    json!({
        "name": volume.spec.name,
        "stack": volume.spec.stack,
        "anonymous": volume.spec.anonymous,
        "labels": volume.spec.labels,
        "created_at": volume.created_at,
        "path": path,
    })
}

fn row(volume: &VolumeRecord, users: &BTreeMap<String, Vec<String>>) -> Vec<Cell> {
    let users = users.get(&volume.spec.name).map(|users| users.join(", "));
    let stack = volume.spec.stack.clone().unwrap_or_default();
    vec![volume.spec.name.clone().into(), stack.into(), users.unwrap_or_default().into()]
}

impl Choice {
    fn read(texts: &[String]) -> Result<Self, Failure> {
        let mut choice = Self::default();
        let mut rest = Vec::new();
        for text in texts {
            match text.split_once('=') {
                Some(("name", name)) => choice.names.push(name.to_owned()),
                Some(("dangling", "true" | "1")) => choice.dangling = Some(true),
                Some(("dangling", "false" | "0")) => choice.dangling = Some(false),
                Some(("driver", "local")) => {}
                _ => rest.push(text.clone()),
            }
        }
        choice.rest = consent::filter(&rest)?;
        Ok(choice)
    }

    fn fits(&self, volume: &VolumeRecord, is_used: bool) -> bool {
        let spec = &volume.spec;
        let named = self.names.is_empty() || self.names.iter().any(|part| spec.name.contains(part));
        let dangles = self.dangling.is_none_or(|dangling| dangling != is_used);
        named && dangles && self.rest.fits(Some(volume.created_at), &spec.labels)
    }
}
