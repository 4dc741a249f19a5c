//! One instruction while it is read: its words with their places, and what is wrong with them.

use super::heredoc::Body;
use super::lines::Line;
use super::words::{self, Part};
use std::ops::Range;

/// What is wrong with an instruction.
#[derive(Debug)]
pub(super) struct Wrong {
    /// Bytes of the line.
    pub(super) range: Range<usize>,
    pub(super) message: String,
    pub(super) hint: Option<String>,
}

impl Wrong {
    pub(super) fn new(range: &Range<usize>, message: impl Into<String>) -> Self {
        Self { range: range.clone(), message: message.into(), hint: None }
    }

    pub(super) fn hint(mut self, hint: impl Into<Option<String>>) -> Self {
        self.hint = hint.into();
        self
    }
}

/// What is accepted, but a check warns of.
#[derive(Debug)]
pub(super) struct Remark {
    /// The check.
    pub(super) check: &'static str,
    pub(super) wrong: Wrong,
}

/// An instruction with its name and flags taken off.
pub(super) struct Reading<'a> {
    /// The whole line.
    pub(super) line: &'a Line,
    pub(super) escape: char,
    /// As written.
    pub(super) name: Part,
    pub(super) flags: Vec<Part>,
    /// What follows name and flags.
    pub(super) rest: Range<usize>,
    pub(super) heredocs: &'a [Body],
    pub(super) remarks: Vec<Remark>,
}

impl<'a> Reading<'a> {
    /// Reads the instruction that begins at `from`: of `ONBUILD` that is not the whole line.
    pub(super) fn new(line: &'a Line, from: usize, escape: char, heredocs: &'a [Body]) -> Self {
        let (name, rest) = words::first(&line.text, from..line.text.len());
        let (flags, rest) = words::flags(&line.text, rest, escape);
        Self { line, escape, name, flags, rest, heredocs, remarks: Vec::new() }
    }

    /// The name in capitals.
    pub(super) fn verb(&self) -> String {
        self.name.text.to_uppercase()
    }

    /// What follows name and flags.
    pub(super) fn text(&self) -> &'a str {
        &self.line.text[self.rest.clone()]
    }

    /// What follows, as words between spaces.
    pub(super) fn spaced(&self) -> Vec<Part> {
        words::spaced(&self.line.text, self.rest.clone())
    }

    /// What follows, as words with quotes.
    pub(super) fn quoted(&self) -> Vec<Part> {
        words::quoted(&self.line.text, self.rest.clone(), self.escape)
    }

    /// What follows, which there must be.
    pub(super) fn required(&self, example: &str) -> Result<&'a str, Wrong> {
        match self.text() {
            "" => Err(self.missing(example)),
            text => Ok(text),
        }
    }

    /// There is nothing behind the name.
    pub(super) fn missing(&self, example: &str) -> Wrong {
        let verb = self.verb();
        Wrong::new(&self.name.range, format!("{verb} has no argument"))
            .hint(format!("write `{verb} {example}`"))
    }

    /// Warns of a comment right above that describes something else than what is named here.
    pub(super) fn described(&mut self, names: &[&str]) {
        let (Some(comment), false) = (self.line.comments.last(), self.line.apart) else { return };
        let (Some(name), first) = (names.first(), comment.split(' ').next().unwrap_or_default()) else {
            return;
        };
        let is_directive = comment.split_once('=').is_some_and(|(key, _)| key.trim() == "check");
        if names.contains(&first) || is_directive {
            return;
        }
        let message = format!("the comment above does not describe `{name}`");
        let hint = format!("begin it with `# {name} `, or put an empty line between them");
        self.remark("InvalidDefinitionDescription", Wrong::new(&self.rest.clone(), message).hint(hint));
    }

    /// Remembers what a check warns of.
    pub(super) fn remark(&mut self, check: &'static str, wrong: Wrong) {
        self.remarks.push(Remark { check, wrong });
    }
}
