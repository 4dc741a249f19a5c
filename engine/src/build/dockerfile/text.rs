//! The text of a Dockerfile by lines, and places in it.

use planner::diagnostic::Span;
use std::ops::Range;

/// A text and where its lines begin.
pub(super) struct Text<'a> {
    text: &'a str,
    starts: Vec<usize>,
}

impl<'a> Text<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        let behind = text.match_indices('\n').map(|(at, _)| at + 1).filter(|at| *at < text.len());
        let starts = (!text.is_empty()).then_some(0).into_iter().chain(behind).collect();
        Self { text, starts }
    }

    /// How many lines there are. An end of line ends one and begins none.
    pub(super) fn len(&self) -> usize {
        self.starts.len()
    }

    /// The bytes of a line, counted from 0, with its end.
    pub(super) fn bytes(&self, line: usize) -> Range<usize> {
        let end = |line: usize| self.starts.get(line).copied().unwrap_or(self.text.len());
        end(line)..end(line + 1)
    }

    /// A line, counted from 0, with its end; without the mark of byte order on the first one.
    pub(super) fn line(&self, line: usize) -> &'a str {
        let text = &self.text[self.bytes(line)];
        if line == 0 { text.strip_prefix('\u{feff}').unwrap_or(text) } else { text }
    }

    /// The place of bytes.
    pub(super) fn span(&self, bytes: Range<usize>) -> Span {
        let line = self.starts.partition_point(|start| *start <= bytes.start).max(1);
        let begin = self.bytes(line - 1).start;
        let column = self.text.get(begin..bytes.start).map_or(1, |before| before.chars().count() + 1);
        Span::new(0, bytes, line, column)
    }
}

/// A line without its end.
pub(super) fn without_end(line: &str) -> &str {
    line.trim_end_matches(['\r', '\n'])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_keep_their_ends() {
        for (text, expected) in [
            ("", vec![]),
            ("a", vec!["a"]),
            ("a\n", vec!["a\n"]),
            ("a\r\n\nb", vec!["a\r\n", "\n", "b"]),
            ("\u{feff}a\n\u{feff}b", vec!["a\n", "\u{feff}b"]),
        ] {
            let lines = Text::new(text);
            let found: Vec<&str> = (0..lines.len()).map(|line| lines.line(line)).collect();
            assert_eq!(found, expected, "{text:?}");
        }
    }

    #[test]
    fn places_count_lines_and_characters_from_one() {
        let span = Text::new("a\nüb c\n").span(6..7);
        assert_eq!((span.start, span.end, span.line, span.column), (6, 7, 2, 4));
        assert_eq!(Text::new("").span(0..0).line, 1);
    }
}
