//! A command line split into words as Docker Compose splits it, without running a shell.

/// What a command line says.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Line {
    /// The program and its arguments.
    pub(crate) words: Vec<String>,
    /// Where an operator of a shell stands that nobody will obey, as byte offset: it and all
    /// that follows is no part of the command.
    pub(crate) ignored_from: Option<usize>,
}

/// The words of a line. Blanks separate; quotes, backslashes, backticks and `$(…)` keep together,
/// and only quotes and backslashes go. A `\` means the next character, in double quotes too. The
/// line ends at an unquoted `;`, `&`, `|`, `<` or `>`. `Err` names what is open.
pub(crate) fn split(line: &str) -> Result<Line, &'static str> {
    let mut state = State::default();
    for (offset, c) in line.char_indices() {
        if state.step(c)? == Step::End {
            state.line.ignored_from = Some(offset);
            break;
        }
    }
    state.finish()
}

/// What a character did.
#[derive(PartialEq, Eq)]
enum Step {
    /// It was taken.
    Taken,
    /// It ends the command.
    End,
}

#[derive(Default)]
struct State {
    line: Line,
    word: String,
    /// Whether there is a word, be it an empty one in quotes.
    begun: bool,
    escaped: bool,
    single: bool,
    double: bool,
    backtick: bool,
    dollar: bool,
}

impl State {
    fn quoted(&self) -> bool {
        self.single || self.double || self.backtick || self.dollar
    }

    fn take(&mut self, c: char) -> Result<Step, &'static str> {
        self.begun = true;
        self.word.push(c);
        Ok(Step::Taken)
    }

    fn step(&mut self, c: char) -> Result<Step, &'static str> {
        if std::mem::take(&mut self.escaped) {
            return self.take(c);
        }
        match c {
            '\\' if !self.single => self.escaped = true,
            ' ' | '\t' | '\r' | '\n' if self.quoted() => self.word.push(c),
            ' ' | '\t' | '\r' | '\n' => self.end_word(),
            '"' if !self.single && !self.dollar => {
                self.begun |= self.double;
                self.double = !self.double;
            }
            '\'' if !self.double && !self.dollar => {
                self.begun |= self.single;
                self.single = !self.single;
            }
            '`' if !self.single && !self.double && !self.dollar => {
                self.backtick = !self.backtick;
                return self.take(c);
            }
            '(' | ')' if !self.single && !self.double && !self.backtick => return self.parenthesis(c),
            ';' | '&' | '|' | '<' | '>' if !self.quoted() => {
                // `2>` redirects: the digit is no argument.
                self.begun &= !(c == '>' && self.word.starts_with(|c: char| c.is_ascii_digit()));
                return Ok(Step::End);
            }
            _ => return self.take(c),
        }
        Ok(Step::Taken)
    }

    /// Only `$(…)` may have parentheses.
    fn parenthesis(&mut self, c: char) -> Result<Step, &'static str> {
        match c {
            ')' => self.dollar = !self.dollar,
            _ if !self.dollar && self.word.ends_with('$') => self.dollar = true,
            _ => return Err("a parenthesis stands alone"),
        }
        self.take(c)
    }

    fn end_word(&mut self) {
        if std::mem::take(&mut self.begun) {
            self.line.words.push(std::mem::take(&mut self.word));
        }
    }

    fn finish(mut self) -> Result<Line, &'static str> {
        let open = [
            (self.escaped, "a backslash at the end escapes nothing"),
            (self.single, "a single quote is not closed"),
            (self.double, "a double quote is not closed"),
            (self.backtick, "a backtick is not closed"),
            (self.dollar, "a parenthesis is not closed"),
        ];
        if let Some((_, what)) = open.iter().find(|(open, _)| *open) {
            return Err(what);
        }
        self.end_word();
        Ok(self.line)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_split_into_words_and_quotes_keep_them_together() {
        for (line, expected) in [
            ("", vec![]),
            ("  a  b ", vec!["a", "b"]),
            ("sh -c 'echo $A; sleep 1'", vec!["sh", "-c", "echo $A; sleep 1"]),
            (r#"a"b c"'d'"#, vec!["ab cd"]),
            (r#""a\"b\n""#, vec![r#"a"bn"#]),
            (r"'a\b'", vec![r"a\b"]),
            (r"a\ b", vec!["a b"]),
            ("''", vec![""]),
            (r#"a "" b"#, vec!["a", "", "b"]),
            ("echo $(a b) c", vec!["echo", "$(a b)", "c"]),
            ("a `b c` d", vec!["a", "`b c`", "d"]),
        ] {
            assert_eq!(split(line).unwrap().words, expected, "{line}");
            assert_eq!(split(line).unwrap().ignored_from, None, "{line}");
        }
    }

    #[test]
    fn a_line_ends_at_an_operator_of_the_shell() {
        for (line, expected, from) in [
            ("a && b | c", vec!["a"], 2),
            ("a;b", vec!["a"], 1),
            ("run >log", vec!["run"], 4),
            ("run 2>log", vec!["run"], 5),
            ("run a2>log", vec!["run", "a2"], 6),
            ("&", vec![], 0),
        ] {
            let line = split(line).unwrap();
            assert_eq!(
                (line.words, line.ignored_from),
                (expected.iter().map(|&w| w.to_owned()).collect(), Some(from))
            );
        }
        assert_eq!(split("a '&' \\; b").unwrap().words, ["a", "&", ";", "b"]);
    }

    #[test]
    fn what_is_open_is_named() {
        for (line, expected) in [
            ("'a", "a single quote is not closed"),
            ("\"a", "a double quote is not closed"),
            ("a\\", "a backslash at the end escapes nothing"),
            ("a `b", "a backtick is not closed"),
            ("$(a", "a parenthesis is not closed"),
            ("a)", "a parenthesis is not closed"),
            ("(a)", "a parenthesis stands alone"),
        ] {
            assert_eq!(split(line), Err(expected), "{line}");
        }
    }
}
