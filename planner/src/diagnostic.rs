//! What is wrong with a stack file, and where: collected, sorted by place.

use serde::{Deserialize, Serialize};
use std::fmt;
use std::ops::Range;
use std::sync::Arc;

/// A stretch of one source file. Offsets are bytes, lines and columns count from 1,
/// columns in characters. Numbers are small because every node of a file has a span.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Span {
    /// Index into [`Diagnostics::files`].
    pub file: u32,
    /// Byte offset of the first character.
    pub start: u32,
    /// Byte offset behind the last character.
    pub end: u32,
    /// Line of the first character, from 1.
    pub line: u32,
    /// Column of the first character, from 1.
    pub column: u32,
}

impl Span {
    /// These bytes of a file; where they begin as line and column.
    pub fn new(file: u32, bytes: Range<usize>, line: usize, column: usize) -> Self {
        let [start, end, line, column] = [bytes.start, bytes.end, line, column].map(small);
        Self { file, start, end, line, column }
    }

    /// The bytes of its file.
    pub fn range(&self) -> Range<usize> {
        self.start as usize..self.end as usize
    }
}

/// A number of a [`Span`]. No file comes near the largest one.
pub(crate) fn small(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

/// How bad it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// The stack cannot be used.
    #[default]
    Error,
    /// Accepted, but probably not what the user wants.
    Warning,
}

/// One thing to tell the author of a stack file.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Diagnostic {
    /// How bad it is.
    pub severity: Severity,
    /// Where it is, when it has a place in a file.
    pub span: Option<Span>,
    /// Which node, as `services.web.ports.0`; empty for the whole file.
    pub path: String,
    /// What is wrong, in the user's words: lower case, no full stop.
    pub message: String,
    /// What to do about it.
    pub hint: Option<String>,
}

/// The text of a file that diagnostics point into.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SourceFile {
    /// The name as the user gave or would give it.
    pub name: String,
    /// The whole text, which copies share.
    #[serde(skip)]
    pub text: Arc<str>,
}

/// All diagnostics of one load, with the files they point into.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Diagnostics {
    /// The files read, in reading order; [`Span::file`] indexes them.
    pub files: Vec<SourceFile>,
    /// What was found, sorted by place once loading has ended.
    pub items: Vec<Diagnostic>,
    /// A file that was asked for does not exist, which commands report with an exit code of its own.
    pub missing_file: bool,
    /// Files below this folder are shown relative to it.
    #[serde(skip)]
    base: String,
    /// The latest of those that are not kept.
    #[serde(skip)]
    untold: Option<Box<Diagnostic>>,
}

/// More diagnostics than this are not kept.
const MOST_ITEMS: usize = 1000;

impl Diagnostic {
    /// Says what to do about it.
    pub fn hint(&mut self, hint: impl Into<String>) {
        self.hint = Some(cut(hint.into()));
    }
}

/// Texts that quote a file are cut here, for files can hold words of any length.
const LONGEST: usize = 1000;

fn cut(mut text: String) -> String {
    if text.len() > LONGEST {
        text.truncate(text.floor_char_boundary(LONGEST));
        text.push('…');
    }
    text
}

impl Diagnostics {
    /// Whether anything prevents the stack from being used.
    pub fn has_errors(&self) -> bool {
        self.items.iter().any(|item| item.severity == Severity::Error)
    }

    /// Adds an error. The result takes a hint.
    pub fn error(&mut self, span: &Span, path: impl fmt::Display, message: String) -> &mut Diagnostic {
        self.add(Severity::Error, Some(span), path, message)
    }

    /// Adds a warning. The result takes a hint.
    pub fn warning(&mut self, span: &Span, path: impl fmt::Display, message: String) -> &mut Diagnostic {
        self.add(Severity::Warning, Some(span), path, message)
    }

    /// Adds an error that has no place in a file.
    pub(crate) fn error_anywhere(&mut self, message: String) -> &mut Diagnostic {
        self.add(Severity::Error, None, "", message)
    }

    fn add(
        &mut self,
        severity: Severity,
        span: Option<&Span>,
        path: impl fmt::Display,
        message: String,
    ) -> &mut Diagnostic {
        // A file of garbage can be wrong a million times; nobody reads that far. But an error is
        // kept, whatever warnings there are.
        if self.items.len() >= MOST_ITEMS {
            if severity == Severity::Warning || self.is_full() {
                return self.untold.get_or_insert_default();
            }
            self.items.truncate(MOST_ITEMS - 1);
        }
        let (path, message) = (cut(path.to_string()), cut(message));
        let diagnostic = Diagnostic { severity, span: span.cloned(), path, message, hint: None };
        let index = self.items.len();
        self.items.push(diagnostic);
        &mut self.items[index]
    }

    /// Whether something is told about just this place.
    pub(crate) fn is_told(&self, span: &Span) -> bool {
        self.items.iter().any(|item| item.span.as_ref() == Some(span))
    }

    /// Whether nothing more is kept, not even an error.
    pub(crate) fn is_full(&self) -> bool {
        self.items.get(MOST_ITEMS - 1).is_some_and(|last| last.severity == Severity::Error)
    }

    /// Shows files below this folder relative to it.
    pub(crate) fn relative_to(&mut self, base: &str) {
        base.clone_into(&mut self.base);
    }

    /// The name of a file as the user would give it.
    pub(crate) fn shown<'a>(&self, name: &'a str) -> &'a str {
        let below = name.strip_prefix(&self.base).filter(|_| !self.base.is_empty());
        below.and_then(|rest| rest.strip_prefix('/')).unwrap_or(name)
    }

    /// Remembers a file that diagnostics will point into; the result goes into [`Span::file`].
    pub fn add_file(&mut self, name: &str, text: &str) -> u32 {
        self.files.push(SourceFile { name: self.shown(name).to_owned(), text: text.into() });
        small(self.files.len() - 1)
    }

    /// The file that a span lies in, when it is known.
    pub fn file(&self, span: &Span) -> Option<&SourceFile> {
        self.files.get(span.file as usize)
    }

    /// The text that a span covers; empty when the file is not known.
    pub(crate) fn text(&self, span: &Span) -> &str {
        self.file(span).and_then(|file| file.text.get(span.range())).unwrap_or("")
    }

    /// The place of a part of a scalar: `part` are bytes of its value `text`. The whole scalar
    /// where the value is not what is written (variables, escapes, several lines).
    pub(crate) fn part(&self, span: &Span, text: &str, part: Range<usize>) -> Span {
        let written = self.text(span);
        let Some(offset) = written.find(text).filter(|_| !part.is_empty()) else { return span.clone() };
        let Some(before) = written.get(..offset + part.start) else { return span.clone() };
        let start = span.start + small(before.len());
        let end = start + small(part.len());
        if before.contains('\n') || end > span.end {
            return span.clone();
        }
        Span { start, end, column: span.column + small(before.chars().count()), ..span.clone() }
    }

    /// Sorts by file, place and message, so that output is stable, and says nothing twice.
    pub fn sort(&mut self) {
        self.items.sort_by(|a, b| (&a.span, &a.path, &a.message).cmp(&(&b.span, &b.path, &b.message)));
        self.items.dedup();
    }
}

impl fmt::Display for Diagnostics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for item in &self.items {
            if let Some(span) = &item.span {
                let name = self.file(span).map_or("", |file| &file.name);
                write!(f, "{name}:{}:{}: ", span.line, span.column)?;
            }
            writeln!(f, "{}", item.message)?;
        }
        Ok(())
    }
}

impl std::error::Error for Diagnostics {}
