//! `sampan image history`

use crate::context::Context;
use crate::error::{Exit, Failure};
use crate::output::Ink;
use crate::output::size::{short_id, size};
use crate::output::table::{self, Cell};
use crate::output::time::ago;
use clap::Args;
use engine::image::{HistoryStep, Images};
use jiff::Timestamp;
use serde_json::{Value, json};

/// Columns of what a step did, unless all of it is asked for.
const WIDTH: usize = 60;

/// Tell how an image came about, last step first
#[derive(Debug, Args)]
pub(super) struct HistoryArgs {
    /// Name or id
    image: String,

    /// Do not cut what a step did
    #[arg(long)]
    no_trunc: bool,

    /// As JSON
    #[arg(long)]
    json: bool,
}

pub(super) fn run(args: &HistoryArgs, context: &Context, images: &Images) -> Result<Exit, Failure> {
    let steps = images.history(&args.image)?;
    if args.json {
        context.screen.json(&steps.iter().map(value).collect::<Vec<_>>())?;
    } else {
        let now = Timestamp::now();
        let rows: Vec<Vec<Cell>> = steps.iter().map(|step| row(step, now, args.no_trunc)).collect();
        let head = ["IMAGE", "CREATED", "CREATED BY", "SIZE", "COMMENT"];
        context.screen.print(&table::render(context.screen.out, &head, &rows))?;
    }
    Ok(Exit::Done)
}

fn value(step: &HistoryStep) -> Value {
    json!({
        "id": step.id,
        "created": step.created,
        "created_by": step.created_by,
        "size": step.size,
        "comment": step.comment,
    })
}

fn row(step: &HistoryStep, now: Timestamp, whole: bool) -> Vec<Cell> {
    let id = match &step.id {
        Some(id) => Cell::from(short_id(id)),
        None => Cell::new(Ink::Dim, "<missing>"),
    };
    let created = step.created.map_or_else(String::new, |at| ago(at, now));
    let created_by = if whole { step.created_by.clone() } else { table::cut(&step.created_by, WIDTH) };
    vec![id, created.into(), created_by.into(), size(step.size).into(), step.comment.clone().into()]
}
