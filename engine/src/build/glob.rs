//! Patterns of paths: `*`, `?` and `[…]` within a name, `**` for any number of folders. Pure.

use std::path::Path;

/// A pattern, one part for each step of a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Glob(Vec<Part>);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Part {
    /// `**`: any number of steps, also none.
    Steps,
    Name(Vec<Token>),
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Token {
    /// Any number of characters.
    Many,
    /// Any character.
    One,
    /// One of these, or none of them.
    Class {
        negated: bool,
        ranges: Vec<(char, char)>,
    },
    Only(char),
}

/// A pattern that means nothing: a class without an end, or a backslash at the end.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a pattern: a `[` without its `]`, or a backslash at the end")]
pub(crate) struct Malformed(String);

/// Whether a text has any of the signs of a pattern.
pub(crate) fn is_pattern(text: &str) -> bool {
    let mut chars = text.chars();
    while let Some(sign) = chars.next() {
        match sign {
            '\\' => drop(chars.next()),
            '*' | '?' | '[' => return true,
            _ => {}
        }
    }
    false
}

impl Glob {
    /// Reads a pattern; empty steps and `.` are left out. Unless it is `deep`, `**` is just `*`.
    pub(crate) fn parse(text: &str, deep: bool) -> Result<Self, Malformed> {
        let steps = text.split('/').filter(|step| !matches!(*step, "" | "."));
        let part = |step: &str| match step {
            "**" if deep => Ok(Part::Steps),
            step => tokens(step).map(Part::Name).ok_or_else(|| Malformed(text.to_owned())),
        };
        steps.map(part).collect::<Result<_, _>>().map(Self)
    }

    /// Whether the whole path is as the pattern says.
    pub(crate) fn matches(&self, path: &Path) -> bool {
        let steps: Vec<String> =
            path.iter().map(|step| step.to_string_lossy().into_owned()).filter(|step| step != "/").collect();
        parts_match(&self.0, &steps)
    }

    /// Whether something below a folder at this path could be as the pattern says.
    pub(crate) fn leads_below(&self, folder: &Path) -> bool {
        let depth = folder.iter().count();
        let any_depth = self.0.iter().position(|part| *part == Part::Steps);
        match any_depth {
            Some(at) if at <= depth => {
                let first: std::path::PathBuf = folder.iter().take(at).collect();
                Self(self.0[..at].to_vec()).matches(&first)
            }
            _ => depth < self.0.len() && Self(self.0[..depth].to_vec()).matches(folder),
        }
    }
}

fn tokens(step: &str) -> Option<Vec<Token>> {
    let mut tokens = Vec::new();
    let mut chars = step.chars().peekable();
    while let Some(sign) = chars.next() {
        tokens.push(match sign {
            '*' => Token::Many,
            '?' => Token::One,
            '\\' => Token::Only(chars.next()?),
            '[' => {
                let negated = chars.next_if(|sign| matches!(sign, '^' | '!')).is_some();
                let mut ranges = Vec::new();
                loop {
                    let from = match chars.next()? {
                        ']' if !ranges.is_empty() => break,
                        '\\' => chars.next()?,
                        sign => sign,
                    };
                    let to = match chars.next_if_eq(&'-') {
                        None => from,
                        Some(_) => match chars.next()? {
                            '\\' => chars.next()?,
                            sign => sign,
                        },
                    };
                    ranges.push((from, to));
                }
                Token::Class { negated, ranges }
            }
            sign => Token::Only(sign),
        });
    }
    Some(tokens)
}

fn parts_match(parts: &[Part], steps: &[String]) -> bool {
    match (parts, steps) {
        ([], []) => true,
        ([Part::Steps, rest @ ..], _) => (0..=steps.len()).any(|taken| parts_match(rest, &steps[taken..])),
        ([Part::Name(tokens), parts @ ..], [step, steps @ ..]) => {
            name_matches(tokens, &step.chars().collect::<Vec<_>>()) && parts_match(parts, steps)
        }
        _ => false,
    }
}

/// One pass with a step back to the last `*`: a name cannot make it take long.
fn name_matches(tokens: &[Token], name: &[char]) -> bool {
    let (mut at, mut seen) = (0, 0);
    let mut last_many: Option<(usize, usize)> = None;
    while seen < name.len() {
        match tokens.get(at) {
            Some(Token::Many) => {
                last_many = Some((at, seen));
                at += 1;
            }
            Some(token) if token.takes(name[seen]) => {
                at += 1;
                seen += 1;
            }
            _ => match last_many {
                Some((many, taken)) => {
                    last_many = Some((many, taken + 1));
                    (at, seen) = (many + 1, taken + 1);
                }
                None => return false,
            },
        }
    }
    tokens[at..].iter().all(|token| *token == Token::Many)
}

impl Token {
    fn takes(&self, sign: char) -> bool {
        match self {
            Self::Many | Self::One => true,
            Self::Class { negated, ranges } => {
                ranges.iter().any(|(from, to)| (*from..=*to).contains(&sign)) != *negated
            }
            Self::Only(own) => *own == sign,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matches(pattern: &str, path: &str) -> bool {
        Glob::parse(pattern, true).unwrap().matches(Path::new(path))
    }

    #[test]
    fn signs_stand_for_what_they_do_in_a_dockerfile() {
        let table = [
            ("hom*", "home.txt", true),
            ("hom?.txt", "home.txt", true),
            ("hom?.txt", "hom.txt", false),
            ("*", "a/b", false),
            ("*/b", "a/b", true),
            ("a*b*c", "axxbyybzc", true),
            ("a*b*c", "axxbyybz", false),
            ("[a-c]x", "bx", true),
            ("[^a-c]x", "bx", false),
            ("arr[[]0].txt", "arr[0].txt", true),
            ("a\\*b", "a*b", true),
            ("a\\*b", "axb", false),
            ("*.txt", ".txt", true),
            ("?", "ü", true),
            ("./a/./b", "a/b", true),
            ("**/*.go", "x.go", true),
            ("**/*.go", "a/b/x.go", true),
            ("a/**/z", "a/z", true),
            ("a/**", "b/z", false),
            ("**", "a/b/c", true),
        ];
        for (pattern, path, expected) in table {
            assert_eq!(matches(pattern, path), expected, "{pattern} {path}");
        }
        for pattern in ["[", "[a", "[]", "a\\", "[a-"] {
            assert!(Glob::parse(pattern, true).is_err(), "{pattern}");
        }
    }

    #[test]
    fn a_pattern_says_where_to_look() {
        let glob = |pattern: &str| Glob::parse(pattern, true).unwrap();
        for (pattern, folder, expected) in [
            ("a/*/c", "a", true),
            ("a/*/c", "a/x", true),
            ("a/*/c", "a/x/c", false),
            ("a/*/c", "b", false),
            ("a/**/c", "a/x/y/z", true),
            ("a/**/c", "b", false),
            ("*", "", true),
        ] {
            assert_eq!(glob(pattern).leads_below(Path::new(folder)), expected, "{pattern} {folder}");
        }
    }

    #[test]
    fn a_hostile_name_does_not_take_long() {
        assert!(!matches(&format!("{}c", "a*".repeat(30)), &"a".repeat(250)));
    }

    #[test]
    fn only_unescaped_signs_make_a_pattern() {
        assert!(is_pattern("a*") && is_pattern("[a]") && is_pattern("\\\\?"));
        assert!(!is_pattern("a.b") && !is_pattern("a\\*b\\?"));
    }
}
