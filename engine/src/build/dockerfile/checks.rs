//! What is accepted but hardly meant, by the names that Docker gives these checks, which
//! `# check=skip=NAME` takes. Those that need only the words of one instruction are found where
//! it is read.

mod ignored;
mod instructions;
mod stages;
mod variables;

use super::super::ignore::Ignore;
use super::ast::{Dockerfile, Place, Word};
use super::expand::Expander;
use super::parser::Remarks;
use super::reading::Wrong;
use planner::diagnostic::Span;
use std::cell::RefCell;
use std::ops::Range;

/// Checks that are only told of when they are asked for.
pub(super) const EXPERIMENTAL: &[&str] = &["InvalidDefinitionDescription"];

/// Finds what needs more than one instruction to be seen.
pub(super) fn find(dockerfile: &Dockerfile, (text, ignored): (&str, &Ignore), remarks: &mut Remarks) {
    let mut found = Found { text, remarks };
    stages::find(dockerfile, &mut found);
    instructions::find(dockerfile, &mut found);
    variables::find(dockerfile, &mut found);
    ignored::find(dockerfile, ignored, &mut found);
}

/// Where findings go.
struct Found<'a> {
    text: &'a str,
    remarks: &'a mut Remarks,
}

impl Found<'_> {
    /// Adds a finding at the whole of an instruction.
    fn add(&mut self, check: &'static str, place: &Place, message: String, hint: Option<String>) {
        let wrong = Wrong { range: 0..0, message, hint };
        self.remarks.add(check, place.span.clone(), wrong);
    }

    /// Adds a finding at the first of the texts that is in an instruction.
    fn at(&mut self, check: &'static str, place: (&Place, &[String]), message: String, hint: Option<String>) {
        let (place, marked) = place;
        let wrong = Wrong { range: 0..0, message, hint };
        self.remarks.add(check, part(self.text, &place.span, marked), wrong);
    }
}

/// The place of the first text that is there; otherwise the whole.
fn part(text: &str, span: &Span, marked: &[String]) -> Span {
    let Some(own) = text.get(span.range()) else { return span.clone() };
    let found = marked.iter().find_map(|marked| own.find(marked.as_str()).map(|at| at..at + marked.len()));
    let Some(Range { start, end }) = found else { return span.clone() };
    let before = &own[..start];
    let column = match before.rfind('\n') {
        Some(line) => before[line + 1..].chars().count() + 1,
        None => span.column as usize + before.chars().count(),
    };
    let line = span.line as usize + before.matches('\n').count();
    let from = span.range().start;
    Span::new(span.file, from + start..from + end, line, column)
}

/// The variables that a word asks for, in order.
fn variables_of(word: &Word, escape: char, quotes: bool) -> Vec<String> {
    let names = RefCell::new(Vec::new());
    let lookup = |name: &str| {
        let mut names = names.borrow_mut();
        if !names.iter().any(|own| own == name) {
            names.push(name.to_owned());
        }
        // With a value, no text of `${x:?text}` gets in the way.
        Some("x".to_owned())
    };
    let expander = Expander::new(escape, &lookup);
    // What cannot be expanded is told when it is.
    let _ = if quotes { expander.word(word) } else { expander.text(word.as_str()) };
    names.into_inner()
}

/// `$name` and `${name`, as it can be written.
fn written(name: &str) -> [String; 2] {
    [format!("${{{name}"), format!("${name}")]
}

#[cfg(test)]
mod tests;
