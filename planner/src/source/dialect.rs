//! What YAML 1.2 allows and the reader of Docker Compose does not: such a file would only work
//! here.

use std::ops::Range;

/// What is wrong, where in the text, and what to do.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Fault {
    pub(crate) place: Range<usize>,
    pub(crate) message: String,
    pub(crate) hint: String,
}

/// A walk through the collections of a text.
pub(crate) struct Dialect<'a> {
    text: &'a str,
    /// Whether each open collection is in brackets or braces, or inside of such a one.
    flow: Vec<bool>,
}

impl<'a> Dialect<'a> {
    /// `None` for a text in which nothing can be wrong, as in nearly all.
    pub(crate) fn of(text: &'a str) -> Option<Self> {
        (text.contains('?') || text.contains("\\/")).then(|| Self { text, flow: Vec::new() })
    }

    /// A list or mapping begins.
    pub(crate) fn open(&mut self, start: usize) {
        let bracket = self.text[start..].starts_with(['[', '{']);
        self.flow.push(bracket || self.in_flow());
    }

    /// The innermost list or mapping ends.
    pub(crate) fn close(&mut self) {
        self.flow.pop();
    }

    fn in_flow(&self) -> bool {
        self.flow.last() == Some(&true)
    }

    /// In brackets and braces a `?` begins a key, wherever it stands.
    pub(crate) fn plain(&self, place: Range<usize>) -> Option<Fault> {
        let written = self.text.get(place.clone())?;
        let at = place.start + written.find('?').filter(|_| self.in_flow())?;
        let message = "a `?` in brackets or braces means a key to YAML".to_owned();
        let hint = format!("put it in quotes: \"{}\"", written.trim_end());
        Some(Fault { place: at..at + 1, message, hint })
    }

    /// Not every escape of JSON is known.
    pub(crate) fn double_quoted(&self, place: Range<usize>) -> Option<Fault> {
        let written = self.text.get(place.clone())?;
        let mut from = 0;
        while let Some(at) = written[from..].find('\\').map(|at| from + at) {
            if written[at..].starts_with("\\/") {
                let place = place.start + at..place.start + at + 2;
                let message = "`\\/` is no escape in YAML 1.1".to_owned();
                return Some(Fault { place, message, hint: "write `/` alone".to_owned() });
            }
            from = (at + 2).min(written.len());
            while !written.is_char_boundary(from) {
                from += 1;
            }
        }
        None
    }
}

/// A `%YAML` directive for another version than 1.1.
pub(crate) fn other_version(text: &str) -> Option<Fault> {
    let mut start = 0;
    for line in text.split_inclusive('\n') {
        let words = line.trim_end();
        if let Some(version) = words.strip_prefix("%YAML ").map(str::trim) {
            let fault = || Fault {
                place: start..start + words.len(),
                message: format!("this is YAML {}, but stack files are read as 1.1", version.escape_debug()),
                hint: "leave the line out".to_owned(),
            };
            return (version != "1.1").then(fault);
        }
        if !(words.is_empty() || words.starts_with(['#', '%'])) {
            return None;
        }
        start += line.len();
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_question_mark_is_only_wrong_in_flow() {
        let text = "a?: [b?]";
        let mut dialect = Dialect::of(text).unwrap();
        dialect.open(0);
        assert_eq!(dialect.plain(0..2), None);
        dialect.open(4);
        let fault = dialect.plain(5..7).unwrap();
        assert_eq!((&text[fault.place], fault.hint.as_str()), ("?", "put it in quotes: \"b?\""));
        dialect.open(5);
        assert!(dialect.plain(5..7).is_some());
        dialect.close();
        dialect.close();
        assert_eq!(dialect.plain(5..7), None);
    }

    #[test]
    fn an_escaped_slash_is_wrong_but_not_a_slash_behind_a_backslash() {
        let fault = |text| Dialect::of(text)?.double_quoted(0..text.len()).map(|fault| fault.place);
        assert_eq!(fault(r#""a\/b""#), Some(2..4));
        assert_eq!(fault(r#""a\\/b\é\""#), None);
    }

    #[test]
    fn most_texts_need_no_walk() {
        assert!(Dialect::of("a: [b, \"c/d\"]").is_none());
    }

    #[test]
    fn only_one_version_is_read() {
        assert_eq!(other_version("# a\n%YAML 1.2\n---\n").unwrap().place, 4..13);
        assert_eq!(other_version("%YAML 1.1\n---\n"), None);
        assert_eq!(other_version("a: |\n%YAML 1.2\n"), None);
    }
}
