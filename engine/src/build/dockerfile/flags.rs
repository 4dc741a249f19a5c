//! The flags of an instruction: which there are, and what they say.

use super::fields;
use super::reading::{Reading, Wrong};
use super::words::Part;
use std::ops::Range;

/// What a flag takes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Takes {
    /// Nothing, or a truth value.
    Truth,
    /// A text.
    Text,
    /// A text each time; it can be there several times.
    Texts,
}

/// The flags of one instruction as written.
pub(super) struct Flags(Vec<(&'static str, Part)>);

impl Flags {
    /// Checks them against those that the instruction has.
    pub(super) fn of(reading: &Reading, known: &[(&'static str, Takes)]) -> Result<Self, Wrong> {
        let mut found = Self(Vec::new());
        for flag in &reading.flags {
            let written = flag.text.trim_start_matches('-');
            let (name, value) = match written.split_once('=') {
                Some((name, value)) => (name, Some(value)),
                None => (written, None),
            };
            let Some((name, takes)) = known.iter().find(|(own, _)| *own == name) else {
                return Err(unknown(reading, flag, name, known));
            };
            if *takes != Takes::Texts && found.place(name).is_some() {
                return Err(Wrong::new(&flag.range, format!("`--{name}` is there twice")));
            }
            let wrong = match (takes, value) {
                (Takes::Truth, Some(text)) if truth(text).is_none() => {
                    Some(format!("`--{name}` is true or false, not `{text}`"))
                }
                (Takes::Text | Takes::Texts, None) => Some(format!("`--{name}` has no value")),
                _ => None,
            };
            if let Some(message) = wrong {
                return Err(Wrong::new(&flag.range, message));
            }
            let text = value.unwrap_or("true").to_owned();
            found.0.push((name, Part { text, range: flag.range.clone() }));
        }
        Ok(found)
    }

    /// The value of a flag.
    pub(super) fn text(&self, name: &str) -> Option<&str> {
        self.part(name).map(|part| part.text.as_str())
    }

    /// Where a flag is.
    pub(super) fn place(&self, name: &str) -> Option<&Range<usize>> {
        self.part(name).map(|part| &part.range)
    }

    /// What a truth value says, if it is there.
    pub(super) fn truth(&self, name: &str) -> Option<bool> {
        truth(self.text(name)?)
    }

    /// Each time that a flag is there.
    pub(super) fn all(&self, name: &str) -> impl Iterator<Item = &Part> {
        self.0.iter().filter(move |(own, _)| *own == name).map(|(_, part)| part)
    }

    fn part(&self, name: &str) -> Option<&Part> {
        self.0.iter().find(|(own, _)| *own == name).map(|(_, part)| part)
    }
}

fn truth(text: &str) -> Option<bool> {
    match text.to_ascii_lowercase().as_str() {
        "true" => Some(true),
        "false" => Some(false),
        _ => None,
    }
}

fn unknown(reading: &Reading, flag: &Part, name: &str, known: &[(&'static str, Takes)]) -> Wrong {
    let names: Vec<String> = known.iter().map(|(name, _)| format!("--{name}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let hint = fields::hint(&format!("--{name}"), &names).unwrap_or_else(|| match names.as_slice() {
        [] => "it has no flags".to_owned(),
        _ => format!("there are {}", fields::all_of(&names)),
    });
    let end = flag.range.start + name.len() + 2;
    let range = flag.range.start..end.min(flag.range.end);
    Wrong::new(&range, format!("{} has no flag `--{name}`", reading.verb())).hint(hint)
}
