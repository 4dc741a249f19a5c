//! A plan as text for people and as JSON for programs.
//!
//! People think in resources, so [`text`] and the `changes` of [`json`] tell one
//! [`ResourceChange`] for each resource; [`steps`] and the `steps` of [`json`] tell what the
//! engine is handed. Nothing here writes escape codes: colours are for whoever prints.

mod changes;
mod json;
mod rollout;
mod words;

pub use changes::{Action, Interruption, Kind, ResourceChange, changes};
pub use json::json;

use super::{Kept, Plan};
use crate::diff::FieldChange;
use std::fmt;

/// What a stretch of text is, for whoever wants to colour it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Style {
    /// Nothing special.
    Plain,
    /// Something comes into being.
    Create,
    /// Something goes.
    Remove,
    /// Something changes in place, starts or stops.
    Update,
    /// Something is made anew.
    Replace,
    /// Data is lost.
    Danger,
    /// Of lesser interest.
    Muted,
}

/// A stretch of text in one style; holds no line feed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Span {
    /// What it is.
    pub style: Style,
    /// The text.
    pub text: String,
}

/// Lines of styled text; `Display` writes them without style.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Text {
    /// The lines, without line feeds.
    pub lines: Vec<Vec<Span>>,
}

impl fmt::Display for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for line in &self.lines {
            line.iter().try_for_each(|span| f.write_str(&span.text))?;
            f.write_str("\n")?;
        }
        Ok(())
    }
}

impl Text {
    fn line(&mut self, spans: impl IntoIterator<Item = Span>) {
        self.lines.push(spans.into_iter().filter(|span| !span.text.is_empty()).collect());
    }
}

fn span(style: Style, text: impl Into<String>) -> Span {
    Span { style, text: text.into() }
}

/// The plan for people: one entry for each resource, then what is kept and why, notes, and a
/// summary line.
pub fn text(plan: &Plan) -> Text {
    let changes = changes(plan);
    let mut text = Text::default();
    for change in &changes {
        entry(change, &mut text);
    }
    for rollout in &plan.rollouts {
        text.line([span(Style::Muted, format!("  {rollout}"))]);
    }
    for kept in plan.kept.iter().filter(|kept| kept.reason != "unchanged") {
        text.line([span(Style::Muted, format!("  keep {} ({})", kept.resource, kept.reason))]);
    }
    for note in &plan.notes {
        text.line([span(Style::Muted, format!("  note: {note}"))]);
    }
    if !text.lines.is_empty() {
        text.line([]);
    }
    text.line([span(Style::Plain, summary(&changes, &plan.kept)), span(Style::Muted, away(&changes))]);
    text
}

/// How many containers stop for a while.
fn away(changes: &[ResourceChange]) -> String {
    match changes.iter().filter(|change| change.interruption == Interruption::Restart).count() {
        0 => String::new(),
        1 => "; 1 container stops meanwhile".to_owned(),
        many => format!("; {many} containers stop meanwhile"),
    }
}

fn entry(change: &ResourceChange, text: &mut Text) {
    let style = change.action.style();
    let why = change.reason().map(|reason| span(Style::Muted, format!(" ({reason})")));
    let lost = change.loses_data.then(|| span(Style::Danger, ": its data will be lost"));
    let title = span(style, format!("{} {} {}", change.action.sign(), change.action.verb(), change.name()));
    text.line([Some(title), why, lost].into_iter().flatten());
    for field in &change.fields {
        text.line([span(Style::Plain, format!("    {field}"))]);
    }
    for socket in &change.opens {
        text.line([span(Style::Plain, format!("    opens {socket}"))]);
    }
}

/// `2 to create, 1 to replace, 3 unchanged`.
pub fn summary(changes: &[ResourceChange], kept: &[Kept]) -> String {
    let count = |action: &Action| changes.iter().filter(|change| change.action == *action).count();
    let counted = Action::ALL.iter().map(|action| (count(action), format!("to {}", action.verb())));
    let unchanged =
        kept.iter().filter(|kept| ["unchanged", "completed"].contains(&kept.reason.as_str())).count();
    let rest = [(unchanged, "unchanged".to_owned()), (kept.len() - unchanged, "kept".to_owned())];
    let all = counted.chain(rest).filter(|(number, _)| *number > 0);
    let parts: Vec<String> = all.map(|(number, what)| format!("{number} {what}")).collect();
    match (changes.is_empty(), parts.is_empty()) {
        (true, true) => "nothing to do".to_owned(),
        (true, false) => format!("nothing to do: {}", parts.join(", ")),
        (false, _) => parts.join(", "),
    }
}

/// One line for each step, with what it needs: for those who want to see the order.
pub fn steps(plan: &Plan) -> Text {
    let mut text = Text::default();
    for (id, node) in plan.nodes.iter().enumerate() {
        let list = |word: &str, steps: &[usize]| {
            let numbers: Vec<_> = steps.iter().map(|step| format!("#{step}")).collect();
            if steps.is_empty() { String::new() } else { format!(" {word} {}", numbers.join(" ")) }
        };
        let order = list("needs", &node.needs) + &list("after", &node.after);
        let step = span(Style::Plain, format!("#{id} {}", node.step));
        text.line([step, span(Style::Muted, order), span(Style::Muted, format!(": {}", node.cause))]);
    }
    text
}

impl fmt::Display for FieldChange {
    /// `environment.MODE: dev → prod`; values that must not be shown are not.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (from, to) = self.shown();
        let or_none = |value: Option<String>| value.unwrap_or_else(|| "(none)".to_owned());
        write!(f, "{}: {} → {}", self.field, or_none(from), or_none(to))
    }
}

impl FieldChange {
    /// Both values as they may be shown: secrets hidden, long ones cut, control characters escaped.
    pub fn shown(&self) -> (Option<String>, Option<String>) {
        let secret = self.is_secret();
        let show = |value: &Option<String>| value.as_deref().map(|value| shown(value, secret));
        (show(&self.from), show(&self.to))
    }
}

fn shown(value: &str, secret: bool) -> String {
    const LONGEST: usize = 80;
    if secret {
        return "(hidden)".to_owned();
    }
    let visible = |c: char| if c.is_control() { c.escape_default().to_string() } else { c.to_string() };
    match value.char_indices().nth(LONGEST) {
        Some((end, _)) => value[..end].chars().map(visible).chain(["…".to_owned()]).collect(),
        None if value.is_empty() => "\"\"".to_owned(),
        None => value.chars().map(visible).collect(),
    }
}

#[cfg(test)]
mod tests;
