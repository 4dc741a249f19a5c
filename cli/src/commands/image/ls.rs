//! `sampan image ls`

use crate::context::Context;
use crate::error::{Exit, Failure};
use crate::output::Ink;
use crate::output::size::{short_id, size};
use crate::output::table::{self, Cell};
use crate::output::time::ago;
use clap::Args;
use engine::image::{Images, Listed, Reference};
use jiff::Timestamp;
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// List images
#[derive(Debug, Args)]
pub(super) struct LsArgs {
    /// Only the ids
    #[arg(short, long)]
    quiet: bool,

    /// As JSON
    #[arg(long)]
    json: bool,
}

pub(super) fn run(args: &LsArgs, context: &Context, images: &Images) -> Result<Exit, Failure> {
    let images = images.list()?;
    if args.json {
        let values: Vec<Value> = images.iter().map(value).collect();
        context.screen.json(&values)?;
    } else if args.quiet {
        let ids: BTreeSet<&str> = images.iter().map(|image| short_id(&image.id)).collect();
        context.screen.print(&ids.into_iter().map(|id| format!("{id}\n")).collect::<String>())?;
    } else {
        let rows: Vec<Vec<Cell>> = images.iter().map(|image| row(image, Timestamp::now())).collect();
        context.screen.print(&table::render(
            context.screen.out,
            &["IMAGE", "ID", "CREATED", "SIZE"],
            &rows,
        ))?;
    }
    Ok(Exit::Done)
}

fn value(image: &Listed) -> Value {
    json!({
        "reference": image.reference.as_ref().map(Reference::familiar),
        "id": image.id,
        "created": image.created,
        "size": image.size,
    })
}

fn row(image: &Listed, now: Timestamp) -> Vec<Cell> {
    let name = match &image.reference {
        Some(reference) => Cell::from(reference.familiar()),
        None => Cell::new(Ink::Dim, "<none>"),
    };
    let created = image.created.map_or_else(String::new, |at| ago(at, now));
    vec![name, short_id(&image.id).into(), created.into(), size(image.size).into()]
}
