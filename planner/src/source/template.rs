//! Variables in text: `$V`, `${V}`, `${V:-d}`, `${V-d}`, `${V:?m}`, `${V?m}`, `${V:+r}`, `${V+r}`, `$$`.

use std::fmt;

/// Alternatives may hold variables in turn, this deep.
const DEEPEST: usize = 20;
/// One expanded text may be this long; longer ones come from variables that multiply.
const LONGEST: usize = 1 << 20;

/// What expansion asks and tells.
pub(crate) trait Variables {
    /// The value of a variable.
    fn get(&mut self, name: &str) -> Option<String>;
    /// A variable without value and without default became empty.
    fn unset(&mut self, name: &str, offset: usize);
}

/// Why a text could not be expanded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Fault {
    /// Byte offset in the text.
    pub(crate) offset: usize,
    /// What is wrong.
    pub(crate) kind: FaultKind,
}

/// The ways in which expansion fails.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum FaultKind {
    /// What follows the `$` is no variable.
    Format,
    /// `${` without the `}` that belongs to it.
    Unclosed,
    /// `${V:?m}` and the variable is not there.
    Required {
        /// The variable.
        name: String,
        /// The author's message; may be empty.
        message: String,
    },
    /// Variables in variables, without end.
    TooMuch,
}

impl FaultKind {
    /// What to do about it.
    pub(crate) fn hint(&self) -> String {
        match self {
            Self::Format | Self::Unclosed => "for a dollar sign write $$, for a variable ${NAME}".to_owned(),
            Self::Required { name, .. } => format!("set {name} in the environment or in .env"),
            Self::TooMuch => "let variables hold less, or use fewer of them in one text".to_owned(),
        }
    }
}

impl fmt::Display for FaultKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Format => f.write_str("this `$` starts no variable"),
            Self::Unclosed => f.write_str("this `${` is not closed on its line"),
            Self::Required { name, message } => {
                write!(f, "required variable `{name}` is missing a value")?;
                if message.is_empty() { Ok(()) } else { write!(f, ": {message}") }
            }
            Self::TooMuch => f.write_str("the variables in this text expand to too much"),
        }
    }
}

/// The text with its variables replaced.
pub(crate) fn expand(text: &str, variables: &mut dyn Variables) -> Result<String, Fault> {
    if text.contains('$') { level(text, 0, 0, variables) } else { Ok(text.to_owned()) }
}

fn level(text: &str, base: usize, depth: usize, variables: &mut dyn Variables) -> Result<String, Fault> {
    let fault = |at: usize, kind| Fault { offset: base + at, kind };
    if depth > DEEPEST {
        return Err(fault(0, FaultKind::TooMuch));
    }
    let mut out = String::with_capacity(text.len());
    let mut at = 0;
    while let Some(found) = text[at..].find('$') {
        let dollar = at + found;
        out.push_str(&text[at..dollar]);
        let rest = &text[dollar + 1..];
        if rest.starts_with('$') {
            out.push('$');
            at = dollar + 2;
        } else if let Some(inner) = rest.strip_prefix('{') {
            let length = closing_brace(inner).ok_or_else(|| fault(dollar, FaultKind::Unclosed))?;
            let start = dollar + 2;
            let braced = Braced::parse(&inner[..length]).ok_or_else(|| fault(dollar, FaultKind::Format))?;
            out.push_str(&braced.value(base + start, depth, variables)?);
            at = start + length + 1;
        } else {
            let name = &rest[..name_length(rest)];
            if name.is_empty() {
                out.push('$');
            } else {
                out.push_str(&plain(name, base + dollar, variables));
            }
            at = dollar + 1 + name.len();
        }
        if out.len() > LONGEST {
            return Err(fault(dollar, FaultKind::TooMuch));
        }
    }
    out.push_str(&text[at..]);
    Ok(out)
}

/// One place that uses a variable.
#[derive(Debug)]
pub(crate) struct Mention<'a> {
    /// The variable.
    pub(crate) name: &'a str,
    /// `-`, `?`, `+`, or none.
    pub(crate) operator: Option<char>,
    /// What stands behind the operator.
    pub(crate) argument: &'a str,
}

/// Tells every variable that the text uses, in it and in its alternatives. What is no variable is
/// passed over, and nothing behind a brace that does not close is one.
pub(crate) fn mentions<'a>(text: &'a str, tell: &mut dyn FnMut(Mention<'a>)) {
    nested(text, 0, tell);
}

fn nested<'a>(text: &'a str, depth: usize, tell: &mut dyn FnMut(Mention<'a>)) {
    let mut rest = text;
    while let Some((_, after)) = rest.split_once('$').filter(|_| depth <= DEEPEST) {
        rest = after.strip_prefix('$').unwrap_or(after);
        if rest.len() < after.len() {
            continue;
        }
        let Some(inner) = after.strip_prefix('{') else {
            let (name, behind) = after.split_at(name_length(after));
            rest = behind;
            if !name.is_empty() {
                tell(Mention { name, operator: None, argument: "" });
            }
            continue;
        };
        let Some(length) = closing_brace(inner) else { return };
        rest = &inner[length + 1..];
        let Some(Braced { name, operator, argument, .. }) = Braced::parse(&inner[..length]) else { continue };
        if operator != Some('?') {
            nested(argument, depth + 1, tell);
        }
        tell(Mention { name, operator, argument });
    }
}

fn plain(name: &str, offset: usize, variables: &mut dyn Variables) -> String {
    variables.get(name).unwrap_or_else(|| {
        variables.unset(name, offset);
        String::new()
    })
}

fn name_length(text: &str) -> usize {
    let first = text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
    let end = text.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(text.len());
    if first { end } else { 0 }
}

/// Where the brace ends that was opened just before `text`: at its counterpart on the same line,
/// or where braces are not balanced, at the last one of the line. What directly follows an opening
/// brace never closes one.
fn closing_brace(text: &str) -> Option<usize> {
    let mut open = 1_usize;
    let mut last = None;
    let mut follows_opening = true;
    for (at, byte) in text.bytes().enumerate().take_while(|(_, byte)| *byte != b'\n') {
        if byte == b'}' {
            last = Some(at);
        }
        match byte {
            _ if follows_opening => follows_opening = false,
            b'{' => {
                open += 1;
                follows_opening = true;
            }
            b'}' => open -= 1,
            _ => {}
        }
        if open == 0 {
            return Some(at);
        }
    }
    last
}

/// What stands between the braces.
struct Braced<'a> {
    name: &'a str,
    /// `-`, `?` or `+`.
    operator: Option<char>,
    /// With a colon an empty variable counts as not set.
    colon: bool,
    argument: &'a str,
}

impl<'a> Braced<'a> {
    fn parse(text: &'a str) -> Option<Self> {
        let (name, rest) = text.split_at(name_length(text));
        let (colon, rest) = match rest.strip_prefix(':') {
            Some(rest) => (true, rest),
            None => (false, rest),
        };
        let operator = rest.chars().next();
        let known = match operator {
            None => !colon,
            Some(operator) => matches!(operator, '-' | '?' | '+'),
        };
        let argument = rest.get(1..).unwrap_or("");
        (known && !name.is_empty()).then_some(Self { name, operator, colon, argument })
    }

    /// The alternative is expanded in any case: what is wrong in it is wrong even if it is not
    /// needed. Unset variables in it only matter if it is.
    fn value(&self, offset: usize, depth: usize, variables: &mut dyn Variables) -> Result<String, Fault> {
        let Some(operator) = self.operator else { return Ok(plain(self.name, offset - 2, variables)) };
        let value = variables.get(self.name);
        let there = value.as_ref().is_some_and(|value| !self.colon || !value.is_empty());
        let after = offset + self.name.len() + usize::from(self.colon) + 1;
        let needed = there == (operator == '+');
        let argument = match needed {
            true => level(self.argument, after, depth + 1, variables)?,
            false => level(self.argument, after, depth + 1, &mut Unneeded(variables))?,
        };
        match (operator, needed) {
            ('?', true) => {
                let kind = FaultKind::Required { name: self.name.to_owned(), message: argument };
                Err(Fault { offset: offset - 2, kind })
            }
            ('+', false) => Ok(String::new()),
            (_, true) => Ok(argument),
            (_, false) => Ok(value.unwrap_or_default()),
        }
    }
}

/// Variables of a text that is thrown away.
struct Unneeded<'a>(&'a mut dyn Variables);

impl Variables for Unneeded<'_> {
    fn get(&mut self, name: &str) -> Option<String> {
        self.0.get(name)
    }
    fn unset(&mut self, _name: &str, _offset: usize) {}
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Default)]
    struct Fixed(Vec<(String, usize)>);

    impl Variables for Fixed {
        fn get(&mut self, name: &str) -> Option<String> {
            match name {
                "A" => Some("a".into()),
                "EMPTY" => Some(String::new()),
                _ => None,
            }
        }
        fn unset(&mut self, name: &str, offset: usize) {
            self.0.push((name.to_owned(), offset));
        }
    }

    #[test]
    fn every_form_expands_as_compose_expands_it() {
        for (text, expected) in [
            ("plain", "plain"),
            ("$A-${A}", "a-a"),
            ("$$A $ 5$", "$A $ 5$"),
            ("$1", "$1"),
            ("${EMPTY:-d}|${EMPTY-d}", "d|"),
            ("${NO:-d}|${NO-d}", "d|d"),
            ("${A:+r}|${EMPTY:+r}|${EMPTY+r}|${NO+r}", "r||r|"),
            ("${NO:-${A}x${NO2:-y}}", "axy"),
            ("${NO-b:-c}", "b:-c"),
            ("${NO:-{\"k\": 1}}", "{\"k\": 1}"),
            ("${A?m}${A:?m}", "aa"),
            ("${NO:-$$x}", "$x"),
            ("${NO:-}", ""),
            ("${NO:-{}", "{"),
            ("${NO:-{}}", "{}"),
            ("${NO:-a}b}", "ab}"),
        ] {
            assert_eq!(expand(text, &mut Fixed::default()).as_deref(), Ok(expected), "{text}");
        }
    }

    #[test]
    fn what_does_not_expand_says_where() {
        let required = |message: &str| FaultKind::Required { name: "NO".into(), message: message.into() };
        for (text, offset, kind) in [
            ("x${", 1, FaultKind::Unclosed),
            ("${NO:-a\nb}", 0, FaultKind::Unclosed),
            ("${A:-${NO:?m}}", 5, required("m")),
            ("${}", 0, FaultKind::Format),
            ("${A", 0, FaultKind::Unclosed),
            ("${A/b}", 0, FaultKind::Format),
            ("${A:b}", 0, FaultKind::Format),
            ("${1}", 0, FaultKind::Format),
            ("${NO:-x${-}}", 7, FaultKind::Format),
            ("xx${NO:?say $A}", 2, required("say a")),
            ("${NO?}", 0, required("")),
        ] {
            assert_eq!(expand(text, &mut Fixed::default()), Err(Fault { offset, kind }), "{text}");
        }
        let deep = format!("{}{}", "${NO:-".repeat(5000), "}".repeat(5000));
        assert_eq!(expand(&deep, &mut Fixed::default()).unwrap_err().kind, FaultKind::TooMuch);
    }

    #[test]
    fn unset_variables_become_empty_and_are_told() {
        let mut variables = Fixed::default();
        assert_eq!(expand("a$NO ${NO}${A:-$NO2}${NO3:+$NO4}", &mut variables).as_deref(), Ok("a a"));
        assert_eq!(variables.0, [("NO".to_owned(), 1), ("NO".to_owned(), 5)]);
    }
}
