//! A whole file: line by line into stages, and every mistake with its place.

use super::super::ignore::Ignore;
use super::ast::{Check, Directives, Dockerfile, Instruction, Place, Stage, Statement};
use super::heredoc::{self, Body};
use super::instruction;
use super::lines::{Line, Lines};
use super::reading::{Reading, Remark, Wrong};
use super::text::Text;
use super::{Parsed, checks, directives, references, words};
use planner::Diagnostics;
use planner::diagnostic::Span;
use std::ops::Range;

/// Reads a Dockerfile. `name` is what diagnostics call the file.
#[must_use]
pub fn parse(text: &str, name: &str) -> Parsed {
    parse_in(text, name, &Ignore::default())
}

/// Reads a Dockerfile whose build does not see all files of its context.
#[must_use]
pub fn parse_in(text: &str, name: &str, ignored: &Ignore) -> Parsed {
    let mut diagnostics = Diagnostics::default();
    diagnostics.add_file(name, text);
    let lines = Text::new(text);
    let (directives, first) = directives::read(&lines, &mut diagnostics);
    let mut parser = Parser::new(&lines, directives, first, diagnostics);
    parser.all();
    let Parser { dockerfile, mut diagnostics, mut remarks, .. } = parser;
    if !diagnostics.has_errors() {
        references::check(&dockerfile, &mut diagnostics);
    }
    checks::find(&dockerfile, (text, ignored), &mut remarks);
    remarks.tell(&dockerfile.directives.check, &mut diagnostics);
    diagnostics.sort();
    Parsed { dockerfile, diagnostics }
}

/// Reads a trigger that an image keeps, see [`super::ast::OnBuild::text`].
///
/// # Errors
/// When it is not one instruction that may be a trigger.
pub fn parse_trigger(text: &str) -> Result<Statement, Diagnostics> {
    let mut diagnostics = Diagnostics::default();
    diagnostics.add_file("ONBUILD", text);
    let lines = Text::new(text);
    let mut parser = Parser::new(&lines, Directives::default(), 0, diagnostics);
    // As if it stood in a stage.
    let found = parser.lines.logical().and_then(|line| parser.statement(&line));
    let statement = found.filter(|statement| {
        !matches!(statement.instruction, Instruction::OnBuild(_) | Instruction::Maintainer(_))
    });
    let whole = lines.span(0..text.len());
    let rest = parser.lines.logical().is_some();
    match statement {
        Some(statement) if !rest => Ok(statement),
        _ => {
            parser.diagnostics.error(&whole, "", "a trigger is one instruction".to_owned());
            Err(parser.diagnostics)
        }
    }
}

/// Warnings of checks, before it is known which are wanted.
#[derive(Default)]
pub(super) struct Remarks {
    found: Vec<(&'static str, Span, Wrong)>,
    /// What comments right above instructions say, for these bytes.
    local: Vec<(Range<usize>, Check)>,
}

impl Remarks {
    /// Adds a warning at bytes of the file.
    pub(super) fn add(&mut self, check: &'static str, span: Span, wrong: Wrong) {
        self.found.push((check, span, wrong));
    }

    fn tell(self, wanted: &Check, diagnostics: &mut Diagnostics) {
        let skips = |check: &Check, name: &str| check.skip_all || check.skip.iter().any(|own| own == name);
        let asked = |name: &str| wanted.experimental_all || wanted.experimental.iter().any(|own| own == name);
        for (name, span, wrong) in self.found {
            let above = self.local.iter().find(|(bytes, _)| bytes.contains(&span.range().start));
            if checks::EXPERIMENTAL.contains(&name) && !asked(name) {
                continue;
            }
            if skips(wanted, name) || above.is_some_and(|(_, check)| skips(check, name)) {
                continue;
            }
            let diagnostic = match wanted.error {
                true => diagnostics.error(&span, name, wrong.message),
                false => diagnostics.warning(&span, name, wrong.message),
            };
            if let Some(hint) = wrong.hint {
                diagnostic.hint(hint);
            }
        }
    }
}

struct Parser<'a> {
    text: &'a Text<'a>,
    lines: Lines<'a>,
    escape: char,
    dockerfile: Dockerfile,
    diagnostics: Diagnostics,
    remarks: Remarks,
    /// A `FROM` that is wrong still begins a stage; what follows is not blamed for it.
    lost: bool,
}

impl<'a> Parser<'a> {
    fn new(text: &'a Text<'a>, directives: Directives, first: usize, diagnostics: Diagnostics) -> Self {
        let escape = directives.escape;
        Self {
            text,
            lines: Lines::new(text, escape, first),
            escape,
            dockerfile: Dockerfile { directives, ..Dockerfile::default() },
            diagnostics,
            remarks: Remarks::default(),
            lost: false,
        }
    }

    fn all(&mut self) {
        while let Some(line) = self.lines.logical() {
            if words::first(&line.text, 0..line.text.len()).0.text.eq_ignore_ascii_case("from") {
                self.from(&line);
            } else if let Some(statement) = self.statement(&line) {
                self.add(statement);
            }
        }
        if self.dockerfile.stages.is_empty() && !self.diagnostics.has_errors() {
            let end = self.text.bytes(self.text.len().max(1) - 1);
            let message = "the Dockerfile has no stage".to_owned();
            self.diagnostics.error(&self.text.span(end), "", message).hint("begin with `FROM image`");
        }
    }

    fn from(&mut self, line: &Line) {
        let mut reading = Reading::new(line, 0, self.escape, &[]);
        let from = instruction::from(&mut reading);
        let place = self.place(line);
        self.tell(line, reading.remarks, &place);
        match from {
            Ok(from) => self.dockerfile.stages.push(Stage {
                name: from.name,
                base: from.base,
                platform: from.platform,
                place,
                text: line.text.trim().to_owned(),
                statements: Vec::new(),
            }),
            Err(wrong) => {
                self.lost = true;
                self.wrong(line, wrong);
            }
        }
    }

    fn statement(&mut self, line: &Line) -> Option<Statement> {
        let heredocs = self.heredocs(line)?;
        let mut reading = Reading::new(line, 0, self.escape, &heredocs);
        let instruction = instruction::read(&mut reading);
        let place = self.place(line);
        self.tell(line, reading.remarks, &place);
        match instruction {
            Ok(instruction) => Some(Statement { instruction, place, text: line.text.trim().to_owned() }),
            Err(wrong) => {
                self.wrong(line, wrong);
                None
            }
        }
    }

    /// The here-documents behind a line.
    fn heredocs(&mut self, line: &Line) -> Option<Vec<Body>> {
        if !line.text.contains("<<") || !instruction::takes_heredocs(&Reading::new(line, 0, self.escape, &[]))
        {
            return Some(Vec::new());
        }
        let mut bodies = Vec::new();
        for (mark, range) in heredoc::marks(&line.text) {
            match heredoc::read(&mut self.lines, &mark) {
                Ok(raw) => bodies.push(Body { mark, raw }),
                Err(_) => {
                    let message = format!("the here-document `{}` has no end", mark.name);
                    let hint = format!("end it with a line that is `{}`", mark.name);
                    self.wrong(line, Wrong::new(&range, message).hint(hint));
                    return None;
                }
            }
        }
        Some(bodies)
    }

    fn add(&mut self, statement: Statement) {
        let stage = self.dockerfile.stages.last_mut();
        match (stage, &statement.instruction) {
            (Some(stage), _) => stage.statements.push(statement),
            (None, Instruction::Arg(_)) => self.dockerfile.args.push(statement),
            (None, _) if self.lost => {}
            (None, _) => {
                let message = "only ARG may stand before the first FROM".to_owned();
                self.diagnostics.error(&statement.place.span, "", message).hint("begin with `FROM image`");
                self.lost = true;
            }
        }
    }

    /// The place of the line that has just been read, here-documents and all.
    fn place(&self, line: &Line) -> Place {
        let bytes = line.bytes(0..line.text.trim_end().len());
        Place { span: self.text.span(bytes), last_line: self.lines.read().max(line.lines.end) }
    }

    fn wrong(&mut self, line: &Line, wrong: Wrong) {
        let span = self.text.span(line.bytes(wrong.range));
        let diagnostic = self.diagnostics.error(&span, "", wrong.message);
        if let Some(hint) = wrong.hint {
            diagnostic.hint(hint);
        }
    }

    /// Keeps what checks found, and what comments say of checks.
    fn tell(&mut self, line: &Line, remarks: Vec<Remark>, place: &Place) {
        for Remark { check, wrong } in remarks {
            self.remarks.add(check, self.text.span(line.bytes(wrong.range.clone())), wrong);
        }
        if let Some(empty) = line.empty {
            let wrong = Wrong::new(&(0..0), "an empty line inside an instruction");
            let wrong = wrong.hint("take it out, or put a `#` on it".to_owned());
            let bytes = self.text.bytes(empty);
            self.remarks.add("NoEmptyContinuation", self.text.span(bytes), wrong);
        }
        for comment in &line.comments {
            let Some((_, value)) = comment.split_once('=').filter(|(name, _)| name.trim() == "check") else {
                continue;
            };
            if let Ok(check) = directives::check(value.trim()) {
                self.remarks.local.push((place.span.start as usize..place.span.end as usize + 1, check));
            }
        }
    }
}
