//! The words of a line, each with its place: flags, words between spaces, and words with quotes.

use std::ops::Range;

/// A word and where it is in its line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Part {
    /// The word; of flags without quotes and escapes, otherwise as written.
    pub(super) text: String,
    /// Its bytes in the line.
    pub(super) range: Range<usize>,
}

/// What the language takes as space between an instruction and its arguments.
pub(super) fn is_space(c: char) -> bool {
    matches!(c, '\t' | '\u{b}' | '\u{c}' | '\r' | ' ')
}

/// The range without the white space around it.
pub(super) fn trim(line: &str, range: Range<usize>) -> Range<usize> {
    let text = &line[range.clone()];
    let start = range.start + text.len() - text.trim_start().len();
    start..start + text.trim().len()
}

/// The first word and what follows it.
pub(super) fn first(line: &str, range: Range<usize>) -> (Part, Range<usize>) {
    let range = trim(line, range);
    let length = line[range.clone()].find(is_space).unwrap_or(range.len());
    let word = range.start..range.start + length;
    (Part { text: line[word.clone()].to_owned(), range: word.clone() }, trim(line, word.end..range.end))
}

/// Words between spaces; quotes mean nothing.
pub(super) fn spaced(line: &str, range: Range<usize>) -> Vec<Part> {
    let mut words = Vec::new();
    let mut rest = range;
    while !trim(line, rest.clone()).is_empty() {
        let (word, after) = first(line, rest);
        words.push(word);
        rest = after;
    }
    words
}

/// Words with quotes and escapes, which stay in them. An escape at the very end goes.
pub(super) fn quoted(line: &str, range: Range<usize>, escape: char) -> Vec<Part> {
    let mut words = Vec::new();
    let mut cursor = Cursor { line, at: range.start, end: range.end };
    while cursor.skip_spaces() {
        let (start, mut text, mut quote) = (cursor.at, String::new(), None);
        while let Some(c) = cursor.next() {
            match quote {
                None if c.is_whitespace() => break,
                _ if c == escape && quote != Some('\'') => {
                    let Some(next) = cursor.next() else { break };
                    text.extend([c, next]);
                    continue;
                }
                None if matches!(c, '\'' | '"') => quote = Some(c),
                _ if quote == Some(c) => quote = None,
                _ => {}
            }
            text.push(c);
        }
        if !text.is_empty() {
            let range = trim(line, start..cursor.at);
            words.push(Part { text, range });
        }
    }
    words
}

/// The flags at the beginning, without their quotes and escapes, and what follows them. `--`
/// ends them.
pub(super) fn flags(line: &str, range: Range<usize>, escape: char) -> (Vec<Part>, Range<usize>) {
    let mut found = Vec::new();
    let mut cursor = Cursor { line, at: range.start, end: range.end };
    while cursor.skip_spaces() && line[cursor.at..range.end].starts_with("--") {
        let (start, mut text, mut quote) = (cursor.at, String::new(), None);
        let mut end = start;
        while let Some(c) = cursor.next() {
            match quote {
                None if c.is_whitespace() => break,
                None if matches!(c, '\'' | '"') => quote = Some(c),
                _ if quote == Some(c) => quote = None,
                _ if c == escape => text.extend(cursor.next()),
                _ => text.push(c),
            }
            end = cursor.at;
        }
        if text == "--" {
            break;
        }
        found.push(Part { text, range: start..end });
    }
    (found, trim(line, cursor.at..range.end))
}

struct Cursor<'a> {
    line: &'a str,
    at: usize,
    end: usize,
}

impl Cursor<'_> {
    fn next(&mut self) -> Option<char> {
        let c = self.line[self.at..self.end].chars().next()?;
        self.at += c.len_utf8();
        Some(c)
    }

    /// Whether something follows.
    fn skip_spaces(&mut self) -> bool {
        let rest = &self.line[self.at..self.end];
        self.at = self.end - rest.trim_start().len();
        self.at < self.end
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(parts: &[Part]) -> Vec<&str> {
        parts.iter().map(|part| part.text.as_str()).collect()
    }

    #[test]
    fn words_with_quotes_are_divided_as_a_shell_does() {
        for (line, expected) in [
            ("a=1 b=2", vec!["a=1", "b=2"]),
            ("a=\"x y\" b='z w'", vec!["a=\"x y\"", "b='z w'"]),
            ("a=x\\ y", vec!["a=x\\ y"]),
            ("a=\"x\\\" y\"", vec!["a=\"x\\\" y\""]),
            ("a='x\\' b", vec!["a='x\\'", "b"]),
            ("a=\"x y", vec!["a=\"x y"]),
            ("a=x\\", vec!["a=x"]),
            ("  ", vec![]),
        ] {
            assert_eq!(texts(&quoted(line, 0..line.len(), '\\')), expected, "{line}");
        }
    }

    #[test]
    fn flags_stand_before_everything_else() {
        for (line, expected, rest) in [
            ("a b", vec![], "a b"),
            ("--x=1 --y a --z", vec!["--x=1", "--y"], "a --z"),
            ("--x=\"a b\" c", vec!["--x=a b"], "c"),
            ("--x=a\\ b c", vec!["--x=a b"], "c"),
            ("--x -- --y", vec!["--x"], "--y"),
            ("--x", vec!["--x"], ""),
            ("-x", vec![], "-x"),
        ] {
            let (found, after) = flags(line, 0..line.len(), '\\');
            assert_eq!((texts(&found), &line[after]), (expected, rest), "{line}");
        }
    }

    #[test]
    fn words_know_their_place() {
        let line = "  ü  bc  ";
        for part in spaced(line, 0..line.len()).iter().chain(&quoted(line, 0..line.len(), '\\')) {
            assert_eq!(line[part.range.clone()], part.text);
        }
        assert_eq!(texts(&spaced(line, 0..line.len())), ["ü", "bc"]);
    }
}
