//! Physical lines become logical ones: comments go, and what an escape at the end of a line
//! continues comes together.

use super::text::{Text, without_end};
use std::ops::Range;

/// One instruction on one line, and where its parts come from.
#[derive(Debug, Default)]
pub(super) struct Line {
    /// Without the escapes at the ends and without comments in between.
    pub(super) text: String,
    /// Where stretches of the text begin, in it and in the file.
    pieces: Vec<(usize, usize)>,
    /// The physical line, from 0, where it begins, and the one behind it.
    pub(super) lines: Range<usize>,
    /// The comments right above it.
    pub(super) comments: Vec<String>,
    /// There is an empty line between them and it.
    pub(super) apart: bool,
    /// The first empty line inside it.
    pub(super) empty: Option<usize>,
}

impl Line {
    /// The bytes of the file that a stretch of the text covers.
    pub(super) fn bytes(&self, range: Range<usize>) -> Range<usize> {
        let start = self.byte(range.start);
        if range.is_empty() {
            return start..start;
        }
        // The end is behind the last byte, which can be in another line than what follows.
        start..self.byte(range.end - 1) + 1
    }

    fn byte(&self, at: usize) -> usize {
        let piece = self.pieces.iter().rev().find(|(own, _)| *own <= at);
        piece.map_or(0, |(own, file)| file + at - own)
    }

    fn push(&mut self, text: &str, at: usize) {
        if !text.is_empty() {
            self.pieces.push((self.text.len(), at));
            self.text.push_str(text);
        }
    }
}

/// Reads logical lines, from the first that is no directive.
pub(super) struct Lines<'a> {
    text: &'a Text<'a>,
    escape: char,
    next: usize,
}

impl<'a> Lines<'a> {
    pub(super) fn new(text: &'a Text<'a>, escape: char, first: usize) -> Self {
        Self { text, escape, next: first }
    }

    /// The next physical line as it is, for here-documents.
    pub(super) fn raw(&mut self) -> Option<&'a str> {
        (self.next < self.text.len()).then(|| {
            self.next += 1;
            self.text.line(self.next - 1)
        })
    }

    /// How many physical lines have been read.
    pub(super) fn read(&self) -> usize {
        self.next
    }

    /// The next line that is neither empty nor a comment.
    pub(super) fn logical(&mut self) -> Option<Line> {
        let mut line = Line::default();
        while self.next < self.text.len() {
            let first = self.next;
            let (written, at) = self.physical();
            let trimmed = written.trim_start();
            match trimmed.strip_prefix('#').map(str::trim) {
                Some("") => line.comments.clear(),
                Some(comment) => {
                    line.comments.push(comment.to_owned());
                    line.apart = false;
                }
                None if trimmed.is_empty() => line.apart = true,
                None => {
                    let at = at + written.len() - trimmed.len();
                    line.lines = first..self.next;
                    self.join(&mut line, trimmed, at);
                    if !line.text.trim().is_empty() {
                        return Some(line);
                    }
                }
            }
        }
        None
    }

    /// Adds a line, and those that it continues in.
    fn join(&mut self, line: &mut Line, first: &str, at: usize) {
        let (mut text, mut at) = (first, at);
        loop {
            let continued = continued(text, self.escape);
            line.push(continued.unwrap_or(text), at);
            line.lines.end = self.next;
            if continued.is_none() {
                return;
            }
            loop {
                if self.next >= self.text.len() {
                    line.lines.end = self.next;
                    return;
                }
                (text, at) = self.physical();
                let trimmed = text.trim_start();
                if trimmed.is_empty() {
                    line.empty.get_or_insert(self.next - 1);
                } else if !trimmed.starts_with('#') {
                    break;
                }
            }
        }
    }

    /// The next physical line without its end, and where it begins.
    fn physical(&mut self) -> (&'a str, usize) {
        let whole = self.text.line(self.next);
        let at = self.text.bytes(self.next).end - whole.len();
        self.next += 1;
        (without_end(whole), at)
    }
}

/// What stands before the escape at the end of a line, if there is one that is not escaped.
fn continued(line: &str, escape: char) -> Option<&str> {
    let before = line.trim_end_matches([' ', '\t']).strip_suffix(escape)?;
    (!before.ends_with(escape)).then_some(before)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(text: &str, escape: char) -> Vec<String> {
        let text = Text::new(text);
        let mut lines = Lines::new(&text, escape, 0);
        std::iter::from_fn(|| lines.logical()).map(|line| line.text).collect()
    }

    #[test]
    fn lines_come_together_and_comments_go() {
        for (text, expected) in [
            ("RUN a", vec!["RUN a"]),
            ("  RUN a\n\n# c\nRUN b\n", vec!["RUN a", "RUN b"]),
            ("RUN a \\\n  b", vec!["RUN a   b"]),
            ("RUN a\\\nb", vec!["RUN ab"]),
            ("RUN a\\  \t\nb", vec!["RUN ab"]),
            ("RUN a\\\r\n b\r\n", vec!["RUN a b"]),
            ("RUN a \\\n# c\n  # d\n b", vec!["RUN a  b"]),
            ("RUN a \\\n\n\n b\nRUN c", vec!["RUN a  b", "RUN c"]),
            ("RUN a \\", vec!["RUN a "]),
            ("RUN a \\\n", vec!["RUN a "]),
            ("RUN a \\\n# c", vec!["RUN a "]),
            ("RUN a \\\\\nRUN b", vec!["RUN a \\\\", "RUN b"]),
            ("RUN a # no comment\n", vec!["RUN a # no comment"]),
            ("\\\nRUN a", vec!["RUN a"]),
            ("\\\n", vec![]),
            ("\u{feff}FROM a\n", vec!["FROM a"]),
        ] {
            assert_eq!(all(text, '\\'), expected, "{text:?}");
        }
    }

    #[test]
    fn the_escape_of_the_file_continues_lines() {
        assert_eq!(all("RUN a `\n b\nCOPY a C:\\\nRUN b", '`'), ["RUN a  b", "COPY a C:\\", "RUN b"]);
    }

    #[test]
    fn parts_know_where_they_come_from() {
        let file = "\u{feff}# c\n  RUN a \\\n  # d\n  b c\n";
        let text = Text::new(file);
        let line = Lines::new(&text, '\\', 0).logical().unwrap();
        assert_eq!(line.text, "RUN a   b c");
        for word in ["RUN", "a", "b", "b c"] {
            let at = line.text.find(word).unwrap();
            assert_eq!(&file[line.bytes(at..at + word.len())], word);
        }
        assert_eq!(line.lines, 1..4);
        assert_eq!(line.comments, ["c"]);
    }
}
