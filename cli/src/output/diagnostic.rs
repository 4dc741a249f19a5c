//! What is wrong with a stack file: for people with the lines it is about, for editors as JSON.

use annotate_snippets::{AnnotationKind, Group, Level, Renderer, Snippet};
use planner::diagnostic::SourceFile;
use planner::{Diagnostic, Diagnostics, Severity};
use serde::Serialize;
use std::ops::Range;

/// Nobody reads further; JSON has them all.
const MOST_SHOWN: usize = 100;

/// All diagnostics as text, each with its excerpt and a blank line after it. Excerpts fit
/// into `width` columns.
pub(crate) fn render(diagnostics: &Diagnostics, colour: bool, width: usize) -> String {
    let renderer = if colour { Renderer::styled() } else { Renderer::plain() };
    let renderer = renderer.term_width(width);
    let mut text = String::new();
    for item in diagnostics.items.iter().take(MOST_SHOWN) {
        text.push_str(&renderer.render(&[report(diagnostics, item)]));
        text.push_str("\n\n");
    }
    match diagnostics.items.len().saturating_sub(MOST_SHOWN) {
        0 => text,
        more => text + &format!("… and {more} more\n"),
    }
}

/// One diagnostic: its message, the excerpt, the hint.
fn report<'a>(diagnostics: &'a Diagnostics, item: &'a Diagnostic) -> Group<'a> {
    let level = match item.severity {
        Severity::Error => Level::ERROR,
        Severity::Warning => Level::WARNING,
    };
    let place = Place::of(diagnostics, item);
    let message = match &place {
        None if !item.path.is_empty() => format!("{}: {}", item.path, item.message),
        _ => item.message.clone(),
    };
    let mut group = Group::with_title(level.primary_title(message));
    if let Some(place) = place {
        let lines = place.lines();
        let marked = place.range.start - lines.start..place.range.end - lines.start;
        let annotation = AnnotationKind::Primary.span(marked);
        let annotation = annotation.label((!item.path.is_empty()).then_some(item.path.as_str()));
        // Only these lines are looked at, however long the file is.
        let source = Snippet::source(&place.file.text[lines]).line_start(place.line).path(&place.file.name);
        group = group.element(source.annotation(annotation));
    }
    match &item.hint {
        Some(hint) => group.element(Level::HELP.with_name("hint").message(hint)),
        None => group,
    }
}

/// Where a diagnostic is.
struct Place<'a> {
    file: &'a SourceFile,
    /// Line of the first character, from 1.
    line: usize,
    /// Bytes: inside the text, on character boundaries, without white space at the end.
    range: Range<usize>,
}

impl<'a> Place<'a> {
    fn of(diagnostics: &'a Diagnostics, item: &Diagnostic) -> Option<Self> {
        let span = item.span.as_ref()?;
        let file = diagnostics.file(span)?;
        Some(Self { file, line: span.line as usize, range: within(&file.text, span.range()) })
    }

    /// The bytes of the lines that it touches, with their ends.
    fn lines(&self) -> Range<usize> {
        let text = &self.file.text;
        let start = text[..self.range.start].rfind('\n').map_or(0, |at| at + 1);
        let end = text[self.range.end..].find('\n').map_or(text.len(), |length| self.range.end + length + 1);
        start..end
    }

    /// Line and column, from 1, of a byte at or behind the first; columns count characters.
    fn position(&self, at: usize) -> (usize, usize) {
        let text = &self.file.text;
        let start = text[..at].rfind('\n').map_or(0, |at| at + 1);
        let lines = text[self.range.start..at].matches('\n').count();
        (self.line + lines, text[start..at].chars().count() + 1)
    }
}

fn within(text: &str, span: Range<usize>) -> Range<usize> {
    let floor = |at: usize| (0..=at.min(text.len())).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
    let start = floor(span.start);
    let end = floor(span.end.max(start));
    start..start + text[start..end].trim_end().len()
}

/// One diagnostic for editors. What is not known is null.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Item<'a> {
    /// `error` or `warning`.
    pub(crate) severity: Severity,
    /// As the user gave it, or relative to the current directory.
    pub(crate) file: Option<&'a str>,
    /// From 1.
    pub(crate) line: Option<usize>,
    /// In characters, from 1.
    pub(crate) column: Option<usize>,
    /// The line of the last character.
    pub(crate) end_line: Option<usize>,
    /// The column behind the last character.
    pub(crate) end_column: Option<usize>,
    /// The node, as `services.web.ports.0`.
    pub(crate) path: Option<&'a str>,
    /// What is wrong.
    pub(crate) message: &'a str,
    /// What to do about it.
    pub(crate) hint: Option<&'a str>,
}

impl<'a> Item<'a> {
    /// An error that is about no place in a file.
    pub(crate) fn anywhere(message: &'a str, hint: Option<&'a str>) -> Self {
        Self {
            severity: Severity::Error,
            file: None,
            line: None,
            column: None,
            end_line: None,
            end_column: None,
            path: None,
            message,
            hint,
        }
    }
}

/// All diagnostics for editors.
pub(crate) fn items(diagnostics: &Diagnostics) -> Vec<Item<'_>> {
    let item = |item| {
        let place = Place::of(diagnostics, item);
        let start = place.as_ref().map(|place| place.position(place.range.start));
        let end = place.as_ref().map(|place| place.position(place.range.end));
        Item {
            severity: item.severity,
            file: place.as_ref().map(|place| place.file.name.as_str()),
            line: start.map(|(line, _)| line),
            column: start.map(|(_, column)| column),
            end_line: end.map(|(line, _)| line),
            end_column: end.map(|(_, column)| column),
            path: Some(item.path.as_str()).filter(|path| !path.is_empty()),
            message: &item.message,
            hint: item.hint.as_deref(),
        }
    };
    diagnostics.items.iter().map(item).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use planner::diagnostic::Span;
    use serde_json::json;

    /// Diagnostics with one error at the first place of `marked`.
    fn sample(text: &str, marked: &str) -> Diagnostics {
        let start = text.find(marked).unwrap();
        let line = text[..start].matches('\n').count() + 1;
        let span = Span::new(0, start..start + marked.len(), line, 1);
        let mut diagnostics = Diagnostics::default();
        diagnostics.files.push(SourceFile { name: "compose.yaml".into(), text: text.into() });
        diagnostics.items.push(Diagnostic {
            severity: Severity::Error,
            span: Some(span),
            path: "services.web.imagee".into(),
            message: "unknown key `imagee`".into(),
            hint: Some("did you mean `image`?".into()),
        });
        diagnostics
    }

    #[test]
    fn a_diagnostic_shows_the_line_it_is_about() {
        assert_eq!(
            render(&sample("services:\n  web:\n    imagee: nginx\n", "imagee"), false, 80),
            "\
error: unknown key `imagee`
 --> compose.yaml:3:5
  |
3 |     imagee: nginx
  |     ^^^^^^ services.web.imagee
  |
  = hint: did you mean `image`?

"
        );
    }

    #[test]
    fn marks_stand_below_what_they_mark() {
        for (text, marked, expected) in [
            ("k:\tvalue", "value", "1 | k:    value\n  |       ^^^^^ services.web.imagee"),
            ("漢字: värde x", "värde", "1 | 漢字: värde x\n  |       ^^^^^ services.web.imagee"),
            ("a: 😀 b", "b", "1 | a: 😀 b\n  |       ^ services.web.imagee"),
            ("a: \x1b[31m b", "b", "1 | a: ␛[31m b\n  |          ^ services.web.imagee"),
            ("a\r\nb: c\r\n", "b", "2 | b: c\n  | ^ services.web.imagee"),
        ] {
            let shown = render(&sample(text, marked), false, 80);
            assert!(shown.contains(expected), "{shown}");
        }
    }

    #[test]
    fn a_section_is_marked_from_its_first_line_to_its_last() {
        let shown = render(&sample("a:\n  b: 1\n  c: 2\n\nd:\n", "b: 1\n  c: 2\n\n"), false, 80);
        assert!(shown.contains("2 | /   b: 1\n3 | |   c: 2\n  | |______^ services.web.imagee"), "{shown}");
    }

    #[test]
    fn a_span_outside_the_text_is_shown_as_well_as_possible() {
        assert_eq!(within("äb\nc", 1..99), 0..5);
        assert_eq!(within("ab", 7..9), 2..2);
        let mut outside = sample("a\n", "a");
        outside.items[0].span = Some(Span { file: 0, start: 7, end: 9, line: 2, column: 1 });
        assert!(render(&outside, false, 80).contains("compose.yaml:2"));
    }

    #[test]
    fn of_very_many_the_first_are_shown() {
        let mut many = sample("a: 1\n", "a");
        many.items = vec![many.items[0].clone(); MOST_SHOWN + 3];
        let text = render(&many, false, 80);
        assert_eq!(text.matches("error: ").count(), MOST_SHOWN);
        assert!(text.ends_with("… and 3 more\n"));
        assert_eq!(items(&many).len(), MOST_SHOWN + 3);
    }

    #[test]
    fn editors_get_every_place_from_beginning_to_end() {
        let found = sample("ä: 1\nü:\n  b: 漢\n  c: 2\n", "b: 漢\n  c: 2\n");
        let item = serde_json::to_value(&items(&found)[0]).unwrap();
        assert_eq!(
            item,
            json!({
                "severity": "error", "file": "compose.yaml", "line": 3, "column": 3, "endLine": 4, "endColumn": 7,
                "path": "services.web.imagee", "message": "unknown key `imagee`", "hint": "did you mean `image`?",
            })
        );
        let mut nowhere = found.clone();
        nowhere.items[0].span = None;
        assert!(serde_json::to_value(&items(&nowhere)[0]).unwrap()["line"].is_null());
    }
}
