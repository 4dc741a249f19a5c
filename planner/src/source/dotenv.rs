//! Dotenv files: `KEY=value` lines, in the grammar that Compose accepts.

use super::template::{self, Variables};
use std::collections::HashMap;

/// One variable of a dotenv file; a bare `KEY` has no value and asks for that of the environment.
pub(crate) type Pair = (String, Option<String>);

/// Why a dotenv file cannot be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Fault {
    /// Byte offset in the text.
    pub(crate) offset: usize,
    /// What is wrong.
    pub(crate) message: String,
}

/// Every value together may be this long; more comes from variables that multiply.
const LONGEST: usize = 8 << 20;

/// Asks for the value of a variable.
type Lookup<'a> = &'a dyn Fn(&str) -> Option<String>;

/// The variables of a dotenv file in order. `outer` is asked before earlier lines of the file,
/// `before` after them: it knows the files that were read before.
pub(crate) fn parse(text: &str, outer: Lookup<'_>, before: Lookup<'_>) -> Result<Vec<Pair>, Fault> {
    let mut reader = Reader { text, at: text.len() - text.trim_start_matches('\u{feff}').len() };
    let mut scope = Scope { outer, before, earlier: HashMap::new() };
    let mut pairs = Vec::new();
    let mut length = 0;
    while let Some(key) = reader.key()? {
        let value = match reader.value(key.separated)? {
            None => None,
            Some(raw) if raw.literal => Some(raw.text),
            Some(raw) => Some(scope.expand(&raw.text, raw.offset)?),
        };
        length += value.as_ref().map_or(0, String::len);
        if length > LONGEST {
            return Err(Fault { offset: key.offset, message: "the values expand to too much".into() });
        }
        if let Some(value) = &value {
            scope.earlier.insert(key.name.clone(), value.clone());
        }
        pairs.push((key.name, value));
    }
    Ok(pairs)
}

/// The variables of a file in the format `raw`: no quotes, no `$`, no comments behind values.
pub(crate) fn parse_raw(text: &str) -> Vec<Pair> {
    let lines = text.trim_start_matches('\u{feff}').lines().map(str::trim_start);
    let lines = lines.filter(|line| !line.is_empty() && !line.starts_with('#'));
    lines
        .map(|line| match line.split_once('=') {
            Some((key, value)) => (key.trim().to_owned(), Some(value.to_owned())),
            None => (line.trim().to_owned(), None),
        })
        .collect()
}

struct Scope<'a> {
    outer: Lookup<'a>,
    before: Lookup<'a>,
    earlier: HashMap<String, String>,
}

impl Scope<'_> {
    fn expand(&mut self, text: &str, offset: usize) -> Result<String, Fault> {
        template::expand(text, self).map_err(|fault| Fault { offset, message: fault.kind.to_string() })
    }
}

impl Variables for Scope<'_> {
    fn get(&self, name: &str) -> Option<String> {
        (self.outer)(name).or_else(|| self.earlier.get(name).cloned()).or_else(|| (self.before)(name))
    }
    fn unset(&mut self, _name: &str, _offset: usize) {}
}

struct Reader<'a> {
    text: &'a str,
    at: usize,
}

struct Key {
    name: String,
    offset: usize,
    /// A `=` or `:` follows.
    separated: bool,
}

struct Raw {
    text: String,
    offset: usize,
    /// Variables are not replaced.
    literal: bool,
}

impl<'a> Reader<'a> {
    fn rest(&self) -> &'a str {
        &self.text[self.at..]
    }

    fn fault(&self, message: &str) -> Fault {
        Fault { offset: self.at, message: message.to_owned() }
    }

    fn skip(&mut self, skipped: impl Fn(char) -> bool) {
        self.at += self.rest().len() - self.rest().trim_start_matches(skipped).len();
    }

    /// The text up to the end of the line.
    fn line(&self) -> &'a str {
        self.rest().lines().next().unwrap_or("")
    }

    /// The next key; `None` at the end of the file.
    fn key(&mut self) -> Result<Option<Key>, Fault> {
        self.skip(char::is_whitespace);
        while self.rest().starts_with('#') {
            self.at += self.line().len();
            self.skip(char::is_whitespace);
        }
        if self.rest().is_empty() {
            return Ok(None);
        }
        if let Some(rest) = self.rest().strip_prefix("export")
            && rest.starts_with([' ', '\t'])
        {
            self.at += "export".len();
            self.skip(|c| c == ' ' || c == '\t');
        }
        let offset = self.at;
        let known = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '-' | '[' | ']');
        let length = self.rest().find(|c| !known(c)).unwrap_or(self.rest().len());
        let name = self.rest()[..length].to_owned();
        self.at += length;
        self.skip(|c| c == ' ' || c == '\t');
        let separated = self.rest().starts_with(['=', ':']);
        self.at += usize::from(separated);
        if name.is_empty() {
            return Err(Fault { offset, message: "expected `KEY=value`".into() });
        }
        if !separated && !self.line().is_empty() && !self.line().starts_with('#') {
            return Err(self.fault("expected `=` after the name of the variable"));
        }
        Ok(Some(Key { name, offset, separated }))
    }

    fn value(&mut self, separated: bool) -> Result<Option<Raw>, Fault> {
        if !separated {
            return Ok(None);
        }
        self.skip(|c| c == ' ' || c == '\t');
        let offset = self.at;
        let (text, literal) = match self.rest().chars().next() {
            Some('\'') => (self.single_quoted()?, true),
            Some('"') => (self.double_quoted()?, false),
            _ => (self.unquoted(), false),
        };
        Ok(Some(Raw { text, offset, literal }))
    }

    fn unquoted(&mut self) -> String {
        let line = self.line();
        self.at += line.len();
        let comment =
            if line.starts_with('#') { Some(0) } else { line.find(" #").or_else(|| line.find("\t#")) };
        line[..comment.unwrap_or(line.len())].trim_end().to_owned()
    }

    fn single_quoted(&mut self) -> Result<String, Fault> {
        let inner = &self.rest()[1..];
        let mut escaped = false;
        for (at, c) in inner.char_indices() {
            if c == '\'' && !escaped {
                self.at += at + 2;
                self.end_of_quoted()?;
                return Ok(inner[..at].replace("\\'", "'"));
            }
            escaped = c == '\\' && !escaped;
        }
        Err(self.fault("this quote is not closed"))
    }

    /// The text between double quotes with its escapes replaced, but `\$` kept from being a variable.
    fn double_quoted(&mut self) -> Result<String, Fault> {
        let inner = &self.rest()[1..];
        let mut chars = inner.char_indices();
        let mut out = String::new();
        while let Some((at, c)) = chars.next() {
            match c {
                '"' => {
                    self.at += at + 2;
                    self.end_of_quoted()?;
                    return Ok(out);
                }
                '\\' => match chars.next().map(|(_, c)| c) {
                    Some('n') => out.push('\n'),
                    Some('r') => out.push('\r'),
                    Some('t') => out.push('\t'),
                    Some('$') => out.push_str("$$"),
                    Some(c @ ('"' | '\\')) => out.push(c),
                    Some(c) => out.extend(['\\', c]),
                    None => break,
                },
                _ => out.push(c),
            }
        }
        Err(self.fault("this quote is not closed"))
    }

    fn end_of_quoted(&mut self) -> Result<(), Fault> {
        self.skip(|c| c == ' ' || c == '\t');
        if self.line().is_empty() || self.line().starts_with('#') {
            return Ok(());
        }
        Err(self.fault("nothing may follow the closing quote"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Vec<(String, Option<String>)> {
        parse(text, &|name| (name == "OS").then(|| "os".to_owned()), &|_| None).unwrap()
    }

    #[test]
    fn every_form_of_a_line_is_read() {
        for (text, key, value) in [
            ("A=1", "A", Some("1")),
            ("\u{feff}A=1", "A", Some("1")),
            ("export A=v", "A", Some("v")),
            ("A: v", "A", Some("v")),
            ("A", "A", None),
            ("A=", "A", Some("")),
            ("A=a#b", "A", Some("a#b")),
            ("A=1 # c", "A", Some("1")),
            ("A=# c", "A", Some("")),
            ("A=  x y  \r\n", "A", Some("x y")),
            ("A='$OS \\'q'", "A", Some("$OS 'q")),
            ("A=\"l1\\nl2 $OS \\$x\" # c", "A", Some("l1\nl2 os $x")),
            ("A=\"one\ntwo\"", "A", Some("one\ntwo")),
            ("A=$OS-${NO:-d}", "A", Some("os-d")),
            ("a.b-c[0]=x", "a.b-c[0]", Some("x")),
            ("# c\n\n  A=1", "A", Some("1")),
        ] {
            assert_eq!(read(text), [(key.to_owned(), value.map(str::to_owned))], "{text}");
        }
    }

    #[test]
    fn earlier_lines_serve_later_ones_and_the_outside_wins() {
        let pairs = read("A=1\nOS=file\nB=$A-$OS\n");
        assert_eq!(pairs[2], ("B".to_owned(), Some("1-os".to_owned())));
    }

    #[test]
    fn what_is_wrong_says_where() {
        for (text, offset, message) in [
            ("A=1\n=2", 4, "expected `KEY=value`"),
            ("A B", 2, "expected `=` after the name of the variable"),
            ("A='x", 2, "this quote is not closed"),
            ("A=\"x", 2, "this quote is not closed"),
            ("A='x' y", 6, "nothing may follow the closing quote"),
            ("A=${", 2, "this `$` starts no variable"),
            ("A=${B:?set me}", 2, "required variable `B` is missing a value: set me"),
        ] {
            let fault = parse(text, &|_| None, &|_| None).unwrap_err();
            assert_eq!((fault.offset, fault.message.as_str()), (offset, message), "{text}");
        }
    }

    #[test]
    fn values_that_multiply_are_refused() {
        let mut bomb = "A0=xxxxxxxxxx\n".to_owned();
        for level in 1..100 {
            let below = format!("$A{}", level - 1).repeat(10);
            bomb += &format!("A{level}={below}\n");
        }
        assert!(parse(&bomb, &|_| None, &|_| None).unwrap_err().message.contains("too much"));
    }

    #[test]
    fn the_raw_format_takes_lines_as_they_are() {
        let pairs = parse_raw("# c\nA='x' # y\nB=$A\nC\n");
        let value = |text: &str| Some(text.to_owned());
        assert_eq!(pairs, [("A".into(), value("'x' # y")), ("B".into(), value("$A")), ("C".into(), None)]);
    }
}
