//! Dotenv files: `KEY=value` lines, in the grammar that Docker Compose accepts.
//!
//! A key ends at `=`, `:` or the line. A value in single quotes is literal; in double quotes
//! escapes and variables are replaced; without quotes it ends at ` #` or the line, and variables
//! are replaced. What follows a closing quote is read like a line of its own.

use super::template::{self, Variables};
use crate::diagnostic::Span;
use std::collections::HashMap;

/// One variable of a dotenv file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Pair {
    /// The name.
    pub(crate) name: String,
    /// The value; a bare `KEY` has none and asks for that of the environment.
    pub(crate) value: Option<String>,
    /// Where the name stands.
    pub(crate) place: Place,
}

/// A stretch of the text.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Place {
    /// Byte offset of the first character.
    pub(crate) start: usize,
    /// Byte offset behind the last character.
    pub(crate) end: usize,
    /// Line, from 1.
    pub(crate) line: usize,
    /// Column in characters, from 1.
    pub(crate) column: usize,
}

impl Place {
    /// The same in a file of [`Diagnostics`](crate::Diagnostics).
    pub(crate) fn span(&self, file: u32) -> Span {
        Span::new(file, self.start..self.end, self.line, self.column)
    }
}

/// What the author of a dotenv file should know about a place in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Note {
    /// Where.
    pub(crate) place: Place,
    /// What is odd.
    pub(crate) message: String,
    /// What to do about it.
    pub(crate) hint: String,
}

/// A dotenv file that could be read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Dotenv {
    /// Its variables in order.
    pub(crate) pairs: Vec<Pair>,
    /// Warnings.
    pub(crate) notes: Vec<Note>,
}

/// Every value together may be this long; more comes from variables that multiply.
const LONGEST: usize = 8 << 20;

/// Asks for the value of a variable.
pub(crate) type Lookup<'a> = &'a dyn Fn(&str) -> Option<String>;

/// The variables of a dotenv file in order. `outer` is asked before earlier lines of the file,
/// `before` after them: it knows the files that were read before.
pub(crate) fn parse(text: &str, outer: Lookup<'_>, before: Lookup<'_>) -> Result<Dotenv, Note> {
    let mut reader = Reader::new(text);
    let mut scope = Scope { outer, before, earlier: HashMap::new(), unset: Vec::new() };
    let mut dotenv = Dotenv::default();
    let mut length = 0;
    while let Some(key) = reader.key()? {
        let start = reader.at;
        let value = match reader.value(key.separated)? {
            None => None,
            Some(raw) if raw.literal => Some(raw.text),
            Some(raw) => {
                let expanded = template::expand(&raw.text, &mut scope);
                let place = |reader: &mut Reader<'_>| reader.place(start, reader.at);
                dotenv.notes.extend(scope.notes(&key.name, &raw.text, &mut reader, start));
                Some(expanded.map_err(|fault| Note {
                    place: place(&mut reader),
                    message: fault.kind.to_string(),
                    hint: fault.kind.hint(),
                })?)
            }
        };
        length += value.as_ref().map_or(0, String::len);
        if length > LONGEST {
            let message = "the values expand to too much".to_owned();
            return Err(Note { place: key.place, message, hint: "let fewer values hold others".to_owned() });
        }
        if key.name.is_empty() {
            let message = "this line has no name before its `=` and means nothing".to_owned();
            dotenv.notes.push(Note { place: key.place, message, hint: "write KEY=value".to_owned() });
            continue;
        }
        if let Some(value) = &value {
            scope.earlier.insert(key.name.clone(), value.clone());
        }
        dotenv.pairs.push(Pair { name: key.name, value, place: key.place });
    }
    Ok(dotenv)
}

/// The variables of a file in the format `raw`, as `docker run --env-file` reads it: no quotes,
/// no `$`, no comments behind values.
pub(crate) fn parse_raw(text: &str) -> Result<Dotenv, Note> {
    let mut dotenv = Dotenv::default();
    let mut reader = Reader::new(text);
    while !reader.rest().is_empty() {
        let line = reader.line();
        let content = line.trim_start();
        let start = reader.at + line.len() - content.len();
        if !content.is_empty() && !content.starts_with('#') {
            let (name, value) = match content.split_once('=') {
                Some((name, value)) => (name, Some(value.to_owned())),
                None => (content, None),
            };
            let place = reader.place(start, start + name.len());
            if name.is_empty() || name.contains(char::is_whitespace) {
                let what = if name.is_empty() { "misses its name" } else { "has a blank in its name" };
                let message = format!("this variable {what}");
                return Err(Note { place, message, hint: "write KEY=value".to_owned() });
            }
            dotenv.pairs.push(Pair { name: name.to_owned(), value, place });
        }
        reader.at += line.len();
        reader.skip(|c| c == '\r');
        reader.at += usize::from(!reader.rest().is_empty());
    }
    Ok(dotenv)
}

struct Scope<'a> {
    outer: Lookup<'a>,
    before: Lookup<'a>,
    earlier: HashMap<String, String>,
    /// Variables of the value that is read now and that nobody knows.
    unset: Vec<String>,
}

impl Scope<'_> {
    /// What is odd about a value whose text is behind `start`.
    fn notes(&mut self, key: &str, raw: &str, reader: &mut Reader<'_>, start: usize) -> Vec<Note> {
        let literal = "put the value in single quotes if its `$` is meant as it is";
        let mut notes = Vec::new();
        for name in self.unset.drain(..) {
            let source = &reader.text[start..reader.at];
            let found = [format!("${{{name}"), format!("${name}")]
                .iter()
                .find_map(|form| source.find(form.as_str()).map(|at| (start + at, start + at + form.len())));
            let (from, to) = found.unwrap_or((start, reader.at));
            let message = format!("variable `{name}` is not set and becomes empty");
            notes.push(Note { place: reader.place(from, to), message, hint: literal.to_owned() });
        }
        if raw.contains("$$") && is_secret(key) {
            let message = format!("`$$` in the value of {key} becomes a single `$`");
            notes.push(Note { place: reader.place(start, reader.at), message, hint: literal.to_owned() });
        }
        notes
    }
}

/// Whether a variable of this name probably holds something random.
fn is_secret(name: &str) -> bool {
    let name = name.to_ascii_uppercase();
    ["PASS", "PWD", "SECRET", "TOKEN", "KEY", "HASH"].iter().any(|word| name.contains(word))
}

impl Variables for Scope<'_> {
    fn get(&mut self, name: &str) -> Option<String> {
        (self.outer)(name).or_else(|| self.earlier.get(name).cloned()).or_else(|| (self.before)(name))
    }
    fn unset(&mut self, name: &str, _offset: usize) {
        self.unset.push(name.to_owned());
    }
}

struct Reader<'a> {
    text: &'a str,
    at: usize,
    /// The start of a line and its number, not behind what is read.
    line_start: (usize, usize),
}

struct Key {
    name: String,
    place: Place,
    /// A `=` or `:` follows.
    separated: bool,
}

struct Raw {
    text: String,
    /// Variables are not replaced.
    literal: bool,
}

/// Blanks within a line, as the grammar has them.
fn is_blank(c: char) -> bool {
    matches!(c, '\t' | '\u{b}' | '\u{c}' | '\r' | ' ' | '\u{85}' | '\u{a0}')
}

impl<'a> Reader<'a> {
    fn new(text: &'a str) -> Self {
        let start = text.len() - text.trim_start_matches('\u{feff}').len();
        Self { text, at: start, line_start: (start, 1) }
    }

    fn rest(&self) -> &'a str {
        &self.text[self.at..]
    }

    /// The place between two offsets, of which the first is not before that of earlier places.
    fn place(&mut self, start: usize, end: usize) -> Place {
        let (line_start, line) = self.line_start;
        let passed = self.text.get(line_start..start).unwrap_or("");
        if let Some(newline) = passed.rfind('\n') {
            self.line_start = (line_start + newline + 1, line + passed.matches('\n').count());
        }
        let (line_start, line) = self.line_start;
        let column = self.text.get(line_start..start).unwrap_or("").chars().count() + 1;
        Place { start, end, line, column }
    }

    fn fault<T>(&mut self, message: &str, hint: &str) -> Result<T, Note> {
        let length = self.rest().chars().next().map_or(0, char::len_utf8);
        let place = self.place(self.at, self.at + length);
        Err(Note { place, message: message.to_owned(), hint: hint.to_owned() })
    }

    fn skip(&mut self, skipped: impl Fn(char) -> bool) {
        self.at += self.rest().len() - self.rest().trim_start_matches(skipped).len();
    }

    /// The text up to the end of the line.
    fn line(&self) -> &'a str {
        self.rest().split('\n').next().unwrap_or("").trim_end_matches('\r')
    }

    /// The next key; `None` at the end of the file.
    fn key(&mut self) -> Result<Option<Key>, Note> {
        self.skip(char::is_whitespace);
        while self.rest().starts_with('#') {
            self.at += self.line().len();
            self.skip(char::is_whitespace);
        }
        if self.rest().is_empty() {
            return Ok(None);
        }
        if let Some(rest) = self.rest().strip_prefix("export")
            && rest.starts_with(is_blank)
        {
            self.at += "export".len();
            self.skip(is_blank);
        }
        let start = self.at;
        let known = |c: char| c.is_alphanumeric() || matches!(c, '_' | '.' | '-' | '[' | ']') || is_blank(c);
        let length = self.rest().find(|c| !known(c)).unwrap_or(self.rest().len());
        let name = self.rest()[..length].trim_end();
        let place = self.place(start, start + name.len());
        if let Some(blank) = name.find(' ') {
            self.at += blank;
            self.skip(is_blank);
            return self.fault(
                "expected `=` after the name of the variable",
                "write KEY=value, a comment begins with `#`",
            );
        }
        self.at += length;
        let separated = self.rest().starts_with(['=', ':']);
        if !separated && !self.rest().is_empty() && !self.rest().starts_with('\n') {
            return self.fault(
                "this character cannot be in the name of a variable",
                "a name has letters, digits, `_`, `.` and `-`, then comes `=`",
            );
        }
        self.at += usize::from(separated);
        Ok(Some(Key { name: name.to_owned(), place, separated }))
    }

    fn value(&mut self, separated: bool) -> Result<Option<Raw>, Note> {
        if !separated {
            return Ok(None);
        }
        self.skip(is_blank);
        Ok(Some(match self.rest().chars().next() {
            Some('\'') => Raw { text: self.quoted('\'')?, literal: true },
            Some('"') => Raw { text: replace_escapes(&self.quoted('"')?), literal: false },
            _ => Raw { text: self.unquoted(), literal: false },
        }))
    }

    fn unquoted(&mut self) -> String {
        let line = self.line();
        self.at += line.len();
        line.split(" #").next().unwrap_or("").trim_end().to_owned()
    }

    /// The text between quotes; a `\` takes the meaning from a quote and goes.
    fn quoted(&mut self, quote: char) -> Result<String, Note> {
        let mut chars = self.rest().char_indices().skip(1);
        let mut out = String::new();
        while let Some((at, c)) = chars.next() {
            if c == quote {
                self.at += at + 1;
                return Ok(out);
            }
            match c {
                '\\' => match chars.next() {
                    Some((_, c)) if c == quote => out.push(c),
                    Some((_, c)) => out.extend(['\\', c]),
                    None => break,
                },
                _ => out.push(c),
            }
        }
        self.fault("this quote is not closed", "put the same one at the end of the value, or leave it out")
    }
}

/// Text with its escapes replaced, but for `\$`, which becomes the `$$` of a literal dollar.
fn replace_escapes(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('\\') {
        out.push_str(&rest[..at]);
        let behind = &rest[at + 1..];
        let Some(c) = behind.chars().next() else {
            rest = &rest[at..];
            break;
        };
        let known = ESCAPES.iter().find(|(letter, _)| *letter == c);
        rest = &behind[c.len_utf8()..];
        match known {
            Some((_, meaning)) => out.push_str(meaning),
            None if c == '0' => {
                let length = rest.bytes().take(3).take_while(u8::is_ascii_digit).count();
                let (digits, behind) = rest.split_at(length);
                rest = behind;
                match u8::from_str_radix(digits, 8) {
                    Ok(code) if length == 3 => out.push(char::from(code)),
                    _ => {
                        out.push('\\');
                        out.push_str(digits);
                    }
                }
            }
            None => out.extend(['\\', c]),
        }
    }
    out + rest
}

/// What follows a backslash, and what both mean.
const ESCAPES: [(char, &str); 10] = [
    ('a', "\u{7}"),
    ('b', "\u{8}"),
    ('f', "\u{c}"),
    ('n', "\n"),
    ('r', "\r"),
    ('t', "\t"),
    ('v', "\u{b}"),
    ('$', "$$"),
    ('"', "\""),
    ('\\', "\\"),
];

#[cfg(test)]
mod tests {
    use super::*;

    fn dotenv(text: &str) -> Result<Dotenv, Note> {
        parse(text, &|name| (name == "OS").then(|| "os".to_owned()), &|_| None)
    }

    fn read(text: &str) -> Vec<(String, Option<String>)> {
        dotenv(text).unwrap().pairs.into_iter().map(|pair| (pair.name, pair.value)).collect()
    }

    #[test]
    fn every_form_of_a_line_is_read() {
        for (text, key, value) in [
            ("A=1", "A", Some("1")),
            ("\u{feff}A=1", "A", Some("1")),
            ("export A=v", "A", Some("v")),
            ("A: v", "A", Some("v")),
            ("A = v", "A", Some("v")),
            ("A", "A", None),
            ("A=", "A", Some("")),
            ("A=a#b", "A", Some("a#b")),
            ("A=1 # c", "A", Some("1")),
            ("A=# c", "A", Some("# c")),
            ("A=1\t# c", "A", Some("1\t# c")),
            ("A=  x y  \r\n", "A", Some("x y")),
            ("A='$OS \\'q' # c", "A", Some("$OS 'q")),
            ("A='a\\nb'", "A", Some("a\\nb")),
            ("A=\"l1\\nl2 $OS \\$x\" # c", "A", Some("l1\nl2 os $x")),
            ("A=\"\\\\n \\q \\0101 \\01\"", "A", Some("\\n \\q A \\1")),
            ("A=\"one\ntwo\"", "A", Some("one\ntwo")),
            ("A=$OS-${NO:-d}", "A", Some("os-d")),
            ("A=$$x", "A", Some("$x")),
            ("a.b-c[0]=x", "a.b-c[0]", Some("x")),
            ("é=x", "é", Some("x")),
            ("# c\n\n  A=1", "A", Some("1")),
        ] {
            assert_eq!(read(text), [(key.to_owned(), value.map(str::to_owned))], "{text}");
        }
    }

    #[test]
    fn what_follows_a_closing_quote_is_a_line_of_its_own() {
        let value = |text: &str| Some(text.to_owned());
        assert_eq!(read("A=\"a\"B=1"), [("A".into(), value("a")), ("B".into(), value("1"))]);
    }

    #[test]
    fn earlier_lines_serve_later_ones_and_the_outside_wins() {
        let pairs = read("A=1\nOS=file\nB=$A-$OS\n");
        assert_eq!(pairs[2], ("B".to_owned(), Some("1-os".to_owned())));
    }

    #[test]
    fn every_variable_knows_its_place() {
        let pairs = dotenv("# c\nA='x\ny'\n  export B=2\nC=\"é\"D\n").unwrap().pairs;
        let places: Vec<_> = pairs.iter().map(|pair| (pair.place.line, pair.place.column)).collect();
        assert_eq!(places, [(2, 1), (4, 10), (5, 1), (5, 6)]);
    }

    #[test]
    fn what_is_wrong_says_where() {
        for (text, (line, column), message) in [
            ("A=1\nB C=2", (2, 3), "expected `=` after the name of the variable"),
            ("A/B=1", (1, 2), "this character cannot be in the name of a variable"),
            ("A='x' ,", (1, 7), "this character cannot be in the name of a variable"),
            ("\nA='x", (2, 3), "this quote is not closed"),
            ("A=\"x", (1, 3), "this quote is not closed"),
            ("A=${", (1, 3), "this `${` is not closed on its line"),
            ("A=${B:?set me}", (1, 3), "required variable `B` is missing a value: set me"),
        ] {
            let fault = dotenv(text).unwrap_err();
            let place = (fault.place.line, fault.place.column);
            assert_eq!((place, fault.message.as_str()), ((line, column), message), "{text}");
        }
    }

    #[test]
    fn what_is_odd_is_noted() {
        for (text, (line, column), message) in [
            ("A=1\nPW=\"a\\n${x9}\"", (2, 8), "variable `x9` is not set and becomes empty"),
            ("A=pa$w0rd", (1, 5), "variable `w0rd` is not set and becomes empty"),
            ("DB_PASSWORD=a$$b", (1, 13), "`$$` in the value of DB_PASSWORD becomes a single `$`"),
            ("=1", (1, 1), "this line has no name before its `=` and means nothing"),
        ] {
            let notes = dotenv(text).unwrap().notes;
            assert_eq!(notes.len(), 1, "{text}");
            let place = (notes[0].place.line, notes[0].place.column);
            assert_eq!((place, notes[0].message.as_str()), ((line, column), message), "{text}");
        }
        assert!(dotenv("A=${NO:-x}$OS\nPASSWORD='a$$b'").unwrap().notes.is_empty());
    }

    #[test]
    fn values_that_multiply_are_refused() {
        let mut bomb = "A0=xxxxxxxxxx\n".to_owned();
        for level in 1..100 {
            let below = format!("$A{}", level - 1).repeat(10);
            bomb += &format!("A{level}={below}\n");
        }
        assert!(dotenv(&bomb).unwrap_err().message.contains("too much"));
    }

    #[test]
    fn the_raw_format_takes_lines_as_they_are() {
        let pairs = parse_raw("# c\r\nA='x' # y\r\n\n  B=$A\nC").unwrap().pairs;
        let pairs: Vec<_> = pairs.iter().map(|pair| (pair.name.as_str(), pair.value.as_deref())).collect();
        assert_eq!(pairs, [("A", Some("'x' # y")), ("B", Some("$A")), ("C", None)]);
        for (text, message) in [
            ("A B=1", "this variable has a blank in its name"),
            ("export A=1", "this variable has a blank in its name"),
            ("=1", "this variable misses its name"),
        ] {
            assert_eq!(parse_raw(text).unwrap_err().message, message);
        }
    }
}
