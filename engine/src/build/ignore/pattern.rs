//! One pattern: `*` and `?` within a name, `**` across folders, `[a-z]` and `[^a-z]`, and a
//! backslash for what they are themselves.

use std::ops::RangeInclusive;

#[derive(Clone, Debug, PartialEq, Eq)]
enum Token {
    Only(char),
    /// `?`: one character of a name.
    One,
    /// `*`: any of a name.
    Many,
    /// `**/`: nothing, or anything up to a `/`.
    Folders,
    /// `**` at the end: anything.
    All,
    /// `[…]`.
    Class {
        negated: bool,
        ranges: Vec<RangeInclusive<char>>,
    },
}

/// What paths are compared with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Pattern {
    tokens: Vec<Token>,
}

impl Pattern {
    /// Reads a pattern that has been cleaned.
    pub(super) fn new(text: &str) -> Result<Self, String> {
        // `**x` is the end of any path, where no other wildcard follows.
        let plain = |end: &&str| !end.starts_with('/') && !end.contains(['*', '?', '[', '\\']);
        if let Some(end) = text.strip_prefix("**").filter(plain) {
            let end = end.chars().map(Token::Only);
            return Ok(Self { tokens: [Token::All].into_iter().chain(end).collect() });
        }
        let mut tokens = Vec::new();
        let mut chars = text.chars().peekable();
        while let Some(c) = chars.next() {
            tokens.push(match c {
                '*' if chars.next_if_eq(&'*').is_some() => {
                    chars.next_if_eq(&'/');
                    if chars.peek().is_some() { Token::Folders } else { Token::All }
                }
                '*' => Token::Many,
                '?' => Token::One,
                '[' => class(&mut chars)
                    .ok_or_else(|| format!("`{text}` has a `[` that begins no set of characters"))?,
                '\\' => {
                    let next = chars.next();
                    Token::Only(next.ok_or_else(|| format!("`{text}` has nothing behind its `\\`"))?)
                }
                _ => Token::Only(c),
            });
        }
        Ok(Self { tokens })
    }

    /// Whether it is this path.
    pub(super) fn matches(&self, path: &str) -> bool {
        self.run(path).is_some_and(|at| at[self.tokens.len()])
    }

    /// Whether it could be a path in this folder.
    pub(super) fn reaches_into(&self, folder: &str) -> bool {
        // After the folder and a slash there must be something of the pattern left.
        self.run(&format!("{folder}/")).is_some() || self.matches(folder)
    }

    /// Where in the pattern one can be after the whole text; `None`: nowhere.
    fn run(&self, text: &str) -> Option<Vec<bool>> {
        let count = self.tokens.len();
        // In front of each token, and inside of each `**/` that has begun.
        let (mut at, mut inside) = (vec![false; count + 1], vec![false; count]);
        at[0] = true;
        self.skip(&mut at);
        for c in text.chars() {
            let (mut next, mut within) = (vec![false; count + 1], vec![false; count]);
            for (index, token) in self.tokens.iter().enumerate() {
                match token {
                    Token::Folders if at[index] || inside[index] => {
                        within[index] = true;
                        next[index + 1] |= c == '/';
                    }
                    Token::All | Token::Many if at[index] => next[index] |= token.takes(c),
                    _ if at[index] => next[index + 1] |= token.takes(c),
                    _ => {}
                }
            }
            self.skip(&mut next);
            (at, inside) = (next, within);
        }
        (at.contains(&true) || inside.contains(&true)).then_some(at)
    }

    /// Tokens that can be nothing.
    fn skip(&self, at: &mut [bool]) {
        for (index, token) in self.tokens.iter().enumerate() {
            at[index + 1] |= at[index] && matches!(token, Token::Many | Token::All | Token::Folders);
        }
    }
}

impl Token {
    fn takes(&self, c: char) -> bool {
        match self {
            Token::Only(own) => *own == c,
            Token::One | Token::Many => c != '/',
            Token::All | Token::Folders => true,
            Token::Class { negated, ranges } => ranges.iter().any(|range| range.contains(&c)) != *negated,
        }
    }
}

/// Behind a `[`.
fn class(chars: &mut std::iter::Peekable<std::str::Chars>) -> Option<Token> {
    let negated = chars.next_if_eq(&'^').is_some();
    let mut ranges = Vec::new();
    loop {
        let first = match chars.next()? {
            ']' if ranges.is_empty() => return None,
            ']' => return Some(Token::Class { negated, ranges }),
            '\\' => chars.next()?,
            c => c,
        };
        let mut last = first;
        if chars.next_if_eq(&'-').is_some() {
            last = match chars.next()? {
                ']' | '-' => return None,
                '\\' => chars.next()?,
                c => c,
            };
        }
        if first > last {
            return None;
        }
        ranges.push(first..=last);
    }
}
