//! Variables, quotes and escapes of a [`Word`]: what it means where an instruction stands.
//!
//! `$x ${x} ${x:-word} ${x-word} ${x:+word} ${x+word} ${x:?word} ${x?word} ${x#pattern}
//! ${x##pattern} ${x%pattern} ${x%%pattern} ${x/pattern/text} ${x//pattern/text}`. Where `word`
//! stands there may be variables again.

use super::ast::Word;
use super::pattern::Pattern;
use std::iter::Peekable;
use std::str::Chars;

/// Variables inside of variables deeper than this are refused.
const DEEPEST: usize = 50;

/// Why a word has no value.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct ExpandError(pub(super) String);

fn wrong<T>(message: impl Into<String>) -> Result<T, ExpandError> {
    Err(ExpandError(message.into()))
}

/// Gives words their value.
#[derive(Clone, Copy)]
pub struct Expander<'a> {
    escape: char,
    lookup: &'a dyn Fn(&str) -> Option<String>,
}

impl<'a> Expander<'a> {
    /// `escape` is the file's, see [`super::ast::Directives::escape`]; `lookup` knows the
    /// variables.
    #[must_use]
    pub fn new(escape: char, lookup: &'a dyn Fn(&str) -> Option<String>) -> Self {
        Self { escape, lookup }
    }

    /// The value of a word: one, whatever spaces come out of it.
    ///
    /// # Errors
    /// When its syntax is wrong, or a variable that must be set is not.
    pub fn word(&self, word: &Word) -> Result<String, ExpandError> {
        Ok(self.scan(word, true)?.text)
    }

    /// The values of a word: spaces that come out of variables divide it, quoted ones do not.
    ///
    /// # Errors
    /// As for [`Self::word`].
    pub fn words(&self, word: &Word) -> Result<Vec<String>, ExpandError> {
        let mut found = self.scan(word, true)?;
        found.end_word();
        Ok(found.words)
    }

    /// The body of a here-document: quotes are text, and the escape is a backslash in any file.
    ///
    /// # Errors
    /// As for [`Self::word`].
    pub fn text(&self, body: &str) -> Result<String, ExpandError> {
        let expander = Self { escape: '\\', lookup: self.lookup };
        Ok(expander.scan(&Word::from(body), false)?.text)
    }

    fn scan(&self, word: &Word, quotes: bool) -> Result<Found, ExpandError> {
        let chars = word.as_str().chars().peekable();
        let mut scan = Scan { chars, expander: *self, quotes, raw: false, depth: 0 };
        scan.until(None)
    }
}

/// What a scan has come to.
#[derive(Default)]
struct Found {
    text: String,
    words: Vec<String>,
    word: String,
}

impl Found {
    /// A character that belongs to its word, be it a space.
    fn push(&mut self, c: char) {
        self.text.push(c);
        self.word.push(c);
    }

    fn push_str(&mut self, text: &str) {
        self.text.push_str(text);
        self.word.push_str(text);
    }

    /// Text whose spaces end words.
    fn push_split(&mut self, text: &str) {
        self.text.push_str(text);
        for c in text.chars() {
            if c.is_whitespace() {
                self.end_word();
            } else {
                self.word.push(c);
            }
        }
    }

    fn end_word(&mut self) {
        if !self.word.is_empty() {
            self.words.push(std::mem::take(&mut self.word));
        }
    }
}

struct Scan<'a> {
    chars: Peekable<Chars<'a>>,
    expander: Expander<'a>,
    /// Whether quotes quote.
    quotes: bool,
    /// Escapes stay: what comes out is a pattern.
    raw: bool,
    depth: usize,
}

impl Scan<'_> {
    /// Reads to the end, or behind the first `stop` that belongs to nothing inside.
    fn until(&mut self, stop: Option<char>) -> Result<Found, ExpandError> {
        let mut found = Found::default();
        while let Some(c) = self.chars.next() {
            match c {
                _ if Some(c) == stop => return Ok(found),
                '\'' if self.quotes => found.push_str(&self.single()?),
                '"' if self.quotes => found.push_str(&self.double()?),
                '$' => found.push_split(&self.dollar()?),
                _ if c == self.expander.escape => {
                    let Some(next) = self.chars.next() else { break };
                    if self.raw {
                        found.push(c);
                    }
                    found.push(next);
                }
                _ => found.push_split(c.encode_utf8(&mut [0; 4])),
            }
        }
        match stop {
            Some(stop) => wrong(format!("`{stop}` is missing at the end")),
            None => Ok(found),
        }
    }

    /// Behind a `'`: everything up to the next one, as it is.
    fn single(&mut self) -> Result<String, ExpandError> {
        let mut text = String::new();
        for c in self.chars.by_ref() {
            if c == '\'' {
                return Ok(text);
            }
            text.push(c);
        }
        wrong("the closing `'` is missing")
    }

    /// Behind a `"`: variables are expanded, and `"`, `$` and the escape itself can be escaped.
    fn double(&mut self) -> Result<String, ExpandError> {
        let mut text = String::new();
        while let Some(c) = self.chars.next() {
            match c {
                '"' => return Ok(text),
                '$' => text.push_str(&self.dollar()?),
                _ if c == self.expander.escape => self.escaped(&mut text),
                _ => text.push(c),
            }
        }
        wrong("the closing `\"` is missing")
    }

    /// Behind an escape in double quotes, where it stays unless it means something.
    fn escaped(&mut self, text: &mut String) {
        let escape = self.expander.escape;
        let next = self.chars.next_if(|next| matches!(next, '"' | '$') || *next == escape);
        if self.raw || next.is_none() {
            text.push(escape);
        }
        text.extend(next);
    }

    /// Behind a `$`.
    fn dollar(&mut self) -> Result<String, ExpandError> {
        if self.chars.next_if_eq(&'{').is_none() {
            let name = self.name();
            return Ok(if name.is_empty() { "$".into() } else { self.value(&name).unwrap_or_default() });
        }
        if self.depth >= DEEPEST {
            return wrong("variables are nested too deeply");
        }
        self.depth += 1;
        let value = self.braces();
        self.depth -= 1;
        value
    }

    /// Behind a `${`.
    fn braces(&mut self) -> Result<String, ExpandError> {
        match self.chars.peek() {
            None => return wrong("the closing `}` is missing"),
            Some('{' | '}' | ':') => return wrong("the name of a variable is missing behind `${`"),
            Some(_) => {}
        }
        let name = self.name();
        match self.chars.next() {
            Some('}') => Ok(self.value(&name).unwrap_or_default()),
            Some(':') => match self.chars.next() {
                Some(modifier @ ('-' | '+' | '?')) => self.choose(&name, modifier, true),
                other => wrong(unsupported(':', other)),
            },
            Some(modifier @ ('-' | '+' | '?')) => self.choose(&name, modifier, false),
            Some(side @ ('#' | '%')) => self.trim(&name, side),
            Some('/') => self.replace(&name),
            None => wrong("the closing `}` is missing"),
            Some(other) => wrong(unsupported(other, None)),
        }
    }

    /// `-` if there is none, `+` if there is one, `?` there must be one; with `:` an empty value
    /// is none.
    fn choose(&mut self, name: &str, modifier: char, no_empty: bool) -> Result<String, ExpandError> {
        let word = self.part('}', self.raw)?;
        let value = self.value(name);
        let empty = value.as_ref().is_some_and(String::is_empty);
        let good = value.filter(|value| !(no_empty && value.is_empty()));
        match (modifier, good) {
            ('+', good) => Ok(good.map(|_| word).unwrap_or_default()),
            ('-', good) => Ok(good.unwrap_or(word)),
            (_, Some(good)) => Ok(good),
            (_, None) if !word.is_empty() => wrong(format!("`{name}`: {word}")),
            (_, None) if empty => wrong(format!("`{name}` must not be empty")),
            (_, None) => wrong(format!("`{name}` must be set")),
        }
    }

    /// `#` and `%` take away what matches at the beginning or the end: the shortest, or doubled
    /// the longest.
    fn trim(&mut self, name: &str, side: char) -> Result<String, ExpandError> {
        let word = self.part('}', true)?;
        let (longest, pattern) = match word.strip_prefix(side) {
            Some(rest) => (true, rest),
            None => (false, word.as_str()),
        };
        let pattern = Pattern::new(pattern)?;
        let value = self.value(name).unwrap_or_default();
        Ok(if side == '#' {
            pattern.without_prefix(&value, longest)
        } else {
            pattern.without_suffix(&value, longest)
        })
    }

    /// `/` replaces the first match, `//` each one.
    fn replace(&mut self, name: &str) -> Result<String, ExpandError> {
        let all = self.chars.next_if_eq(&'/').is_some();
        let pattern = self.part('/', true)?;
        let text = self.part('}', true)?;
        let value = self.value(name).unwrap_or_default();
        Ok(Pattern::new(&pattern)?.replace(&value, &text, all))
    }

    fn part(&mut self, stop: char, raw: bool) -> Result<String, ExpandError> {
        let before = std::mem::replace(&mut self.raw, raw);
        let found = self.until(Some(stop));
        self.raw = before;
        Ok(found?.text)
    }

    /// Letters, digits and `_`; or only digits; or one of the shell's special characters.
    fn name(&mut self) -> String {
        let mut name = String::new();
        let special = |c: &char| matches!(c, '@' | '*' | '#' | '?' | '-' | '$' | '!');
        if let Some(c) = self.chars.next_if(special) {
            return c.into();
        }
        let number = self.chars.peek().is_some_and(|c| c.is_numeric());
        let belongs = |c: &char| c.is_numeric() || !number && (c.is_alphabetic() || *c == '_');
        while let Some(c) = self.chars.next_if(belongs) {
            name.push(c);
        }
        name
    }

    fn value(&self, name: &str) -> Option<String> {
        (self.expander.lookup)(name)
    }
}

fn unsupported(first: char, second: Option<char>) -> String {
    let modifier: String = [Some(first), second].into_iter().flatten().collect();
    format!("`{modifier}` is not known behind the name of a variable")
}

#[cfg(test)]
mod tests;
