//! What is wrong with a stack file, with the lines it is about.

use annotate_snippets::{AnnotationKind, Group, Level, Renderer, Snippet};
use planner::{Diagnostic, Diagnostics, Severity};
use std::ops::Range;

/// All diagnostics as text, each with its excerpt and a blank line after it. Excerpts fit
/// into `width` columns.
pub(crate) fn render(diagnostics: &Diagnostics, colour: bool, width: usize) -> String {
    let renderer = if colour { Renderer::styled() } else { Renderer::plain() };
    let renderer = renderer.term_width(width);
    let mut text = String::new();
    for item in &diagnostics.items {
        text.push_str(&renderer.render(&[report(diagnostics, item)]));
        text.push_str("\n\n");
    }
    text
}

/// One diagnostic: its message, the excerpt, the hint.
fn report<'a>(diagnostics: &'a Diagnostics, item: &'a Diagnostic) -> Group<'a> {
    let level = match item.severity {
        Severity::Error => Level::ERROR,
        Severity::Warning => Level::WARNING,
    };
    let place = item.span.as_ref().and_then(|span| Some((span, diagnostics.files.get(span.file)?)));
    let message = match &place {
        None if !item.path.is_empty() => format!("{}: {}", item.path, item.message),
        _ => item.message.clone(),
    };
    let mut group = Group::with_title(level.primary_title(message));
    if let Some((span, file)) = place {
        let annotation = AnnotationKind::Primary.span(within(&file.text, span.start..span.end));
        let annotation = annotation.label((!item.path.is_empty()).then_some(item.path.as_str()));
        group = group.element(Snippet::source(&file.text).path(&file.name).annotation(annotation));
    }
    match &item.hint {
        Some(hint) => group.element(Level::HELP.with_name("hint").message(hint)),
        None => group,
    }
}

/// The part of a span that an excerpt shows: inside the text, on character boundaries, and
/// only its first line, so that a whole section does not fill the screen.
fn within(text: &str, span: Range<usize>) -> Range<usize> {
    let floor = |at: usize| (0..=at.min(text.len())).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
    let start = floor(span.start);
    let end = floor(span.end.max(start));
    let line = text[start..end].find('\n').map_or(end, |length| start + length);
    start..line.max(start)
}

#[cfg(test)]
mod tests {
    use super::*;
    use planner::diagnostic::{SourceFile, Span};

    fn sample() -> Diagnostics {
        let text = "services:\n  web:\n    imagee: nginx\n".to_owned();
        let start = text.find("imagee").unwrap();
        let span = Span { file: 0, start, end: start + 6, line: 3, column: 5 };
        Diagnostics {
            files: vec![SourceFile { name: "compose.yaml".into(), text }],
            items: vec![Diagnostic {
                severity: Severity::Error,
                span: Some(span),
                path: "services.web.imagee".into(),
                message: "unknown key `imagee`".into(),
                hint: Some("did you mean `image`?".into()),
            }],
            ..Default::default()
        }
    }

    #[test]
    fn a_diagnostic_shows_the_line_it_is_about() {
        assert_eq!(
            render(&sample(), false, 80),
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
    fn a_span_outside_the_text_is_shown_as_well_as_possible() {
        assert_eq!(within("äb\nc", 1..99), 0..3);
        assert_eq!(within("ab", 7..9), 2..2);
    }
}
