//! What becomes of each key that the files spell out.

use super::Format;
use crate::context::Context;
use crate::output::Ink;
use crate::output::table::{Cell, render};
use crate::output::{json, yaml};
use planner::load::Loaded;
use planner::model::Plain;
use planner::source::{Fate, Use};

/// The keys by place, as a table or a list.
pub(super) fn show(loaded: &Loaded, format: Option<Format>, context: &Context) -> String {
    let place = |one: &Use| {
        let file = loaded.refusals.file(&one.span).map_or("", |file| file.name.as_str());
        format!("{file}:{}", one.span.line)
    };
    let uses: Vec<(&Use, String)> = loaded.uses.iter().map(|one| (one, place(one))).collect();
    match format {
        None => {
            let rows: Vec<Vec<Cell>> = uses.iter().map(|(one, place)| row(one, place)).collect();
            render(context.screen.out, &["KEY", "PLACE", "SUPPORT", "WHY"], &rows)
        }
        Some(Format::Yaml) => yaml::render(&document(&uses), 2),
        Some(Format::Json) => json::render(&document(&uses), 2) + "\n",
    }
}

/// What is done with a key in a word, and why.
fn said(fate: &Fate) -> (&'static str, Ink, &str) {
    match fate {
        Fate::Enforced => ("enforced", Ink::Plain, ""),
        Fate::PassedOn(why) => ("passed on", Ink::Dim, why),
        Fate::Refused(why) => ("refused", Ink::Red, why),
    }
}

fn row(one: &Use, place: &str) -> Vec<Cell> {
    let (word, ink, why) = said(&one.fate);
    vec![one.path.as_str().into(), place.into(), Cell::new(ink, word), why.into()]
}

fn document(uses: &[(&Use, String)]) -> Plain {
    let entry = |(one, place): &(&Use, String)| {
        let (word, _, why) = said(&one.fate);
        let texts = [("key", one.path.as_str()), ("place", place), ("support", word), ("why", why)];
        let text = |(key, text): (&str, &str)| (key.to_owned().into(), Plain::Text(text.to_owned()));
        Plain::Map(texts.into_iter().map(text).collect())
    };
    Plain::List(uses.iter().map(entry).collect())
}
