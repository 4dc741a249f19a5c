//! `sampan system df`

use crate::context::Context;
use crate::error::{Exit, Failure};
use crate::output::size::{short_id, size};
use crate::output::table::{self, Cell};
use clap::{Args, ValueEnum};
use engine::system::usage::{self, Item, Kind, Usage};
use serde_json::{Value, json};

/// Tell what images, containers, volumes and builds take on the disk
///
/// Sizes are those of blocks on the disk, each file counted once: their sum is what `du` says of
/// the folder. What is reclaimable is needed by no container and no name.
#[derive(Debug, Args)]
pub(super) struct DfArgs {
    /// Also tell each thing
    #[arg(short, long)]
    verbose: bool,

    /// Form of the output
    #[arg(long, value_enum, default_value_t = Format::Table)]
    format: Format,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    #[value(help = None)]
    Table,
    #[value(help = None)]
    Json,
}

pub(super) fn run(args: &DfArgs, context: &Context) -> Result<Exit, Failure> {
    let usages = usage::usage(context.engine()?.store())?;
    if args.format == Format::Json {
        let values: Vec<Value> = usages.iter().map(|usage| value(usage, args.verbose)).collect();
        context.screen.json(&values)?;
        return Ok(Exit::Done);
    }
    let mut rows: Vec<Vec<Cell>> = usages.iter().map(row).collect();
    let total = usages.iter().map(|usage| usage.bytes).sum();
    let reclaimable = usages.iter().map(|usage| usage.reclaimable).sum();
    rows.push(vec!["Total".into(), "".into(), "".into(), size(total).into(), size(reclaimable).into()]);
    let head = ["TYPE", "TOTAL", "ACTIVE", "SIZE", "RECLAIMABLE"];
    context.screen.print(&table::render(context.screen.out, &head, &rows))?;
    for usage in usages.iter().filter(|usage| args.verbose && !usage.items.is_empty()) {
        let head = ["NAME", "SIZE", "UNIQUE", "USERS"];
        let rows: Vec<Vec<Cell>> = usage.items.iter().map(item).collect();
        context.screen.print(&format!("\n{}\n", title(usage.kind)))?;
        context.screen.print(&table::render(context.screen.out, &head, &rows))?;
    }
    Ok(Exit::Done)
}

fn title(kind: Kind) -> &'static str {
    match kind {
        Kind::Images => "Images",
        Kind::Layers => "Layers",
        Kind::Containers => "Containers",
        Kind::Volumes => "Volumes",
        Kind::BuildCache => "Build cache",
        Kind::Other => "Other",
    }
}

fn row(usage: &Usage) -> Vec<Cell> {
    let number = |number: usize| if usage.kind == Kind::Other { String::new() } else { number.to_string() };
    vec![
        title(usage.kind).into(),
        number(usage.count).into(),
        number(usage.active).into(),
        size(usage.bytes).into(),
        size(usage.reclaimable).into(),
    ]
}

fn item(item: &Item) -> Vec<Cell> {
    let name = if item.name.starts_with("sha256:") { short_id(&item.name) } else { &item.name };
    let unique = item.unique.map_or_else(String::new, size);
    vec![name.into(), size(item.bytes).into(), unique.into(), item.users.to_string().into()]
}

fn value(usage: &Usage, verbose: bool) -> Value {
    let mut value = json!({
        "type": title(usage.kind),
        "total": usage.count,
        "active": usage.active,
        "size": usage.bytes,
        "reclaimable": usage.reclaimable,
    });
    if verbose {
        let item = |item: &Item| json!({ "name": item.name, "size": item.bytes, "unique": item.unique, "users": item.users });
        value["items"] = usage.items.iter().map(item).collect();
    }
    value
}
