//! A plan as text for people and as JSON for programs.

use super::Plan;
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

/// The plan for people: one entry for each resource, a summary line at the end.
pub fn text(_plan: &Plan) -> Text {
    Text::default()
}

/// The plan for programs.
pub fn json(_plan: &Plan) -> serde_json::Value {
    serde_json::Value::Null
}
