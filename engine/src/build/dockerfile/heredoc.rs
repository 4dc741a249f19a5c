//! Here-documents: `<<NAME` in a line, and the lines behind it up to `NAME`.

use super::ast::Heredoc;
use super::lines::Lines;
use super::text::without_end;
use std::ops::Range;

/// `<<NAME`, `<<-NAME`, `<<"NAME"`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Mark {
    /// Without its quotes.
    pub(super) name: String,
    /// `-`: tabs at the beginning of lines go.
    tabs: bool,
    /// Not quoted.
    expand: bool,
}

/// A here-document as it stands in the file.
#[derive(Clone, Debug)]
pub(super) struct Body {
    pub(super) mark: Mark,
    /// Its lines with their ends.
    pub(super) raw: String,
}

impl Body {
    /// What it becomes as a file of its own.
    pub(super) fn heredoc(&self) -> Heredoc {
        let lines = self.raw.split_inclusive('\n');
        let body = match self.mark.tabs {
            true => lines.map(|line| line.trim_start_matches('\t')).collect(),
            false => self.raw.clone(),
        };
        Heredoc { name: self.mark.name.clone(), body, expand: self.mark.expand }
    }
}

/// The mark that a whole word is.
pub(super) fn mark(word: &str) -> Option<Mark> {
    let rest = word.trim_start_matches(|c: char| c.is_ascii_digit()).strip_prefix("<<")?;
    let (tabs, rest) = match rest.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, rest),
    };
    let rest = rest.trim_start();
    if rest.contains('<') {
        return None;
    }
    let (name, quotes) = unquote(rest)?;
    (!name.is_empty()).then_some(Mark { name, tabs, expand: !quotes })
}

/// One word without its quotes, and whether there were some.
fn unquote(text: &str) -> Option<(String, bool)> {
    let (mut name, mut quotes) = (String::new(), false);
    let mut quote = None;
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        match quote {
            None if c.is_whitespace() => return None,
            None if matches!(c, '\'' | '"') => {
                quote = Some(c);
                quotes = true;
            }
            _ if quote == Some(c) => quote = None,
            None if c == '\\' => name.extend(chars.next()),
            _ => name.push(c),
        }
    }
    quote.is_none().then_some((name, quotes))
}

/// The marks in a line. Inside of quotes, and as a part of a longer word, `<<` is none.
pub(super) fn marks(line: &str) -> Vec<(Mark, Range<usize>)> {
    let mut found = Vec::new();
    let mut start = None;
    let mut quote = None;
    let mut chars = line.char_indices().peekable();
    while let Some((at, c)) = chars.next() {
        match quote {
            None if c.is_whitespace() => {
                found.extend(word(line, start.take(), at));
                continue;
            }
            None if matches!(c, '\'' | '"') => quote = Some(c),
            _ if quote == Some(c) => quote = None,
            _ if c == '\\' && quote != Some('\'') => {
                chars.next();
            }
            None if c == '<' && chars.next_if(|(_, next)| *next == '<').is_some() => {
                // There may be space between the signs and the name.
                while chars.next_if(|(_, next)| matches!(next, '\t' | '\r' | ' ')).is_some() {}
            }
            _ => {}
        }
        start.get_or_insert(at);
    }
    // What is not a line of the shell has no here-documents.
    if quote.is_some() {
        return Vec::new();
    }
    found.extend(word(line, start, line.len()));
    found
}

fn word(line: &str, start: Option<usize>, end: usize) -> Option<(Mark, Range<usize>)> {
    let range = start?..end;
    mark(&line[range.clone()]).map(|mark| (mark, range))
}

/// Reads the lines of a here-document. `Err` has those there are, when its end is missing.
pub(super) fn read(lines: &mut Lines, mark: &Mark) -> Result<String, String> {
    let mut raw = String::new();
    while let Some(line) = lines.raw() {
        let plain = without_end(line);
        let end = if mark.tabs { plain.trim_start_matches('\t') } else { plain };
        if end == mark.name {
            return Ok(raw);
        }
        raw.push_str(line);
    }
    Err(raw)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mark_is_a_word_of_its_own() {
        for (line, expected) in [
            ("RUN <<EOF", vec!["EOF"]),
            ("RUN <<-EOF", vec!["EOF"]),
            ("RUN << EOF", vec!["EOF"]),
            ("RUN cat <<A 3<<B > x", vec!["A", "B"]),
            ("RUN <<\"A B\"", vec!["A B"]),
            ("RUN <<'EOF' sh", vec!["EOF"]),
            ("RUN <<E\\OF", vec!["EOF"]),
            ("RUN cat <<<EOF", vec![]),
            ("RUN echo \"<<EOF\"", vec![]),
            ("RUN echo '<<EOF'", vec![]),
            ("RUN echo \\<<EOF", vec![]),
            ("RUN echo $((1<<2))", vec![]),
            ("RUN <<", vec![]),
            ("RUN <<EOF '", vec![]),
        ] {
            let names: Vec<String> = marks(line).into_iter().map(|(mark, _)| mark.name).collect();
            assert_eq!(names, expected, "{line}");
        }
    }

    #[test]
    fn a_quoted_name_keeps_variables() {
        for (word, expected) in [("<<A", true), ("<<'A'", false), ("<<\"A\"", false), ("<<A\"B\"", false)] {
            assert_eq!(mark(word).unwrap().expand, expected, "{word}");
        }
    }

    #[test]
    fn tabs_go_when_asked_for() {
        let body = |word: &str| Body { mark: mark(word).unwrap(), raw: "\t\ta\n b\tc\n\n".into() };
        assert_eq!(body("<<-A").heredoc().body, "a\n b\tc\n\n");
        assert_eq!(body("<<A").heredoc().body, "\t\ta\n b\tc\n\n");
    }
}
