//! Patterns of variables, as in `${x%.tar*}`: `*` and `?` and nothing else.

use super::expand::ExpandError;

#[derive(Clone, Copy, Debug, PartialEq)]
enum Token {
    /// Any number of characters, but not across a line.
    Many,
    /// One character, but not the end of a line.
    One,
    Only(char),
}

impl Token {
    fn takes(self, c: char) -> bool {
        match self {
            Token::Many | Token::One => c != '\n',
            Token::Only(own) => own == c,
        }
    }
}

/// What is looked for in a value.
#[derive(Debug)]
pub(super) struct Pattern(Vec<Token>);

impl Pattern {
    /// A backslash takes the meaning of `*`, `?`, `\`, and of `/` and `}`, which would end it.
    pub(super) fn new(text: &str) -> Result<Self, ExpandError> {
        let mut tokens = Vec::new();
        let mut chars = text.chars();
        while let Some(c) = chars.next() {
            tokens.push(match c {
                '*' => Token::Many,
                '?' => Token::One,
                '\\' => match chars.next() {
                    Some(c @ ('*' | '?' | '\\' | '/' | '}')) => Token::Only(c),
                    other => {
                        let escaped: String = ['\\'].into_iter().chain(other).collect();
                        return Err(ExpandError(format!("`{escaped}` means nothing in a pattern")));
                    }
                },
                _ => Token::Only(c),
            });
        }
        Ok(Self(tokens))
    }

    pub(super) fn without_prefix(&self, value: &str, longest: bool) -> String {
        let value: Vec<char> = value.chars().collect();
        let end = self.ends(&value, longest).unwrap_or(0);
        value[end..].iter().collect()
    }

    pub(super) fn without_suffix(&self, value: &str, longest: bool) -> String {
        let value: Vec<char> = value.chars().rev().collect();
        let backwards = Self(self.0.iter().rev().copied().collect());
        let end = backwards.ends(&value, longest).unwrap_or(0);
        value[end..].iter().rev().collect()
    }

    /// The first match, or all of them, each as long as can be, become `text`.
    pub(super) fn replace(&self, value: &str, text: &str, all: bool) -> String {
        let value: Vec<char> = value.chars().collect();
        let (mut result, mut at, mut last, mut done) = (String::new(), 0, None, false);
        while at <= value.len() {
            let found = self.ends(&value[at..], true).filter(|_| all || !done);
            match found {
                // Nothing matches right behind a match.
                Some(length) if length > 0 || last != Some(at) => {
                    result.push_str(text);
                    done = true;
                    last = Some(at + length);
                    result.extend(value.get(at).filter(|_| length == 0));
                    at += length.max(1);
                }
                _ => {
                    result.extend(value.get(at));
                    at += 1;
                }
            }
        }
        result
    }

    /// Where the longest or shortest match at the beginning ends.
    fn ends(&self, value: &[char], longest: bool) -> Option<usize> {
        // What can be reached in the pattern after so many characters of the value.
        let mut reached = vec![false; self.0.len() + 1];
        reached[0] = true;
        self.skip_many(&mut reached);
        let mut end = None;
        for at in 0..=value.len() {
            if reached[self.0.len()] {
                end = Some(at);
                if !longest {
                    break;
                }
            }
            let Some(&c) = value.get(at).filter(|_| reached.contains(&true)) else { break };
            let mut next = vec![false; reached.len()];
            for (index, token) in self.0.iter().enumerate() {
                if reached[index] && token.takes(c) {
                    next[if *token == Token::Many { index } else { index + 1 }] = true;
                }
            }
            self.skip_many(&mut next);
            reached = next;
        }
        end
    }

    /// A `*` also matches nothing.
    fn skip_many(&self, reached: &mut [bool]) {
        for (index, token) in self.0.iter().enumerate() {
            reached[index + 1] |= reached[index] && *token == Token::Many;
        }
    }
}
