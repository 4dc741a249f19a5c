//! The variables that the files use.

use super::Format;
use crate::output::{json, yaml};
use planner::model::Plain;
use planner::source::{Variable, variables};
use std::collections::BTreeMap;

const HEADER: [&str; 4] = ["NAME", "REQUIRED", "DEFAULT VALUE", "ALTERNATE VALUE"];
/// A column is at least this wide, and this much wider than what it holds.
const COLUMN: usize = 20;
const GAP: usize = 3;

/// The variables of files that are left as they are written.
pub(super) fn show(written: Option<&Plain>, format: Option<Format>) -> String {
    let found = written.map(variables).unwrap_or_default();
    match format {
        None => table(&found),
        Some(Format::Yaml) => {
            let keys = ["name", "defaultvalue", "presencevalue", "required"];
            yaml::render(&document(&found, keys), 4)
        }
        Some(Format::Json) => {
            let keys = ["Name", "DefaultValue", "PresenceValue", "Required"];
            json::render(&document(&found, keys), 4) + "\n"
        }
    }
}

fn document(found: &BTreeMap<String, Variable>, keys: [&str; 4]) -> Plain {
    let text = |text: &String| Plain::Text(text.clone());
    let entry = |(name, variable): (&String, &Variable)| {
        let values =
            [text(name), text(&variable.default), text(&variable.alternate), Plain::Bool(variable.required)];
        let keys = keys.iter().map(|key| (*key).to_owned().into());
        (name.clone().into(), Plain::Map(keys.zip(values).collect()))
    };
    Plain::Map(found.iter().map(entry).collect())
}

fn table(found: &BTreeMap<String, Variable>) -> String {
    let row = |(name, variable): (&String, &Variable)| {
        [name.clone(), variable.required.to_string(), variable.default.clone(), variable.alternate.clone()]
    };
    let rows: Vec<[String; 4]> =
        std::iter::once(HEADER.map(str::to_owned)).chain(found.iter().map(row)).collect();
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count() + GAP).max().unwrap_or(0);
    let widths = [0, 1, 2].map(|column| width(column).max(COLUMN));
    let line = |[name, required, default, alternate]: &[String; 4]| {
        let [first, second, third] = widths;
        format!("{name:first$}{required:second$}{default:third$}{alternate}\n")
    };
    rows.iter().map(line).collect()
}
