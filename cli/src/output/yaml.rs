//! YAML as Docker Compose prints it, so that outputs can be compared as texts: which scalars are
//! quoted and how, literal blocks, lists below their key, nothing folded.
//!
//! The rules are those of the emitter that nearly all Go programs use; where they look odd (text
//! with U+2028, keys of more than 128 bytes) they still are its rules.

use super::json::{Floats, float};
use planner::model::{Name, Plain};
use planner::source::reads_as_text;

/// Longer keys stand behind a `?`, in bytes.
const LONGEST_SIMPLE_KEY: usize = 128;

const FLOATS: Floats = Floats { plain: 1e-4..1e6, exponent_digits: 2 };

/// The document, each level so many columns deeper than the one above.
pub(crate) fn render(value: &Plain, step: usize) -> String {
    let mut emitter = Emitter { text: String::new(), step };
    emitter.inline(value, 0);
    emitter.text
}

/// The text so far. Every method leaves it at the beginning of a line.
struct Emitter {
    text: String,
    step: usize,
}

impl Emitter {
    /// A value whose first line goes on where the text is; what follows stands at `column`.
    fn inline(&mut self, value: &Plain, column: usize) {
        match value {
            Plain::Map(entries) if !entries.is_empty() => self.mapping(entries, column),
            Plain::List(items) if !items.is_empty() => self.sequence(items, column),
            _ => self.scalar(value, column),
        }
    }

    fn mapping(&mut self, entries: &[(Name, Plain)], column: usize) {
        for (index, (key, value)) in entries.iter().enumerate() {
            self.next(index, column);
            let analysis = Analysis::of(key);
            if analysis.breaks || key.len() > LONGEST_SIMPLE_KEY {
                self.lead('?');
                self.string(key, column + self.step);
                self.next(1, column);
                self.lead(':');
                self.inline(value, column + self.step);
            } else {
                self.simple(key, &analysis, true, column);
                self.text.push(':');
                self.below(value, column + self.step);
            }
        }
    }

    fn sequence(&mut self, items: &[Plain], column: usize) {
        for (index, item) in items.iter().enumerate() {
            self.next(index, column);
            self.lead('-');
            self.inline(item, column + self.step);
        }
    }

    /// The value of a key: collections begin on a line of their own.
    fn below(&mut self, value: &Plain, column: usize) {
        let empty = match value {
            Plain::Map(entries) => entries.is_empty(),
            Plain::List(items) => items.is_empty(),
            _ => true,
        };
        match empty {
            true => self.text.push(' '),
            false => {
                self.text.push('\n');
                self.pad(column);
            }
        }
        self.inline(value, column);
    }

    /// The beginning of an entry; the first stands where the text is.
    fn next(&mut self, index: usize, column: usize) {
        if index > 0 {
            self.pad(column);
        }
    }

    /// A `-`, `?` or `:` and the way to the next column.
    fn lead(&mut self, indicator: char) {
        self.text.push(indicator);
        self.pad(self.step - 1);
    }

    fn pad(&mut self, columns: usize) {
        const BLANKS: &str = "                                ";
        let mut left = columns;
        while left > 0 {
            let blanks = left.min(BLANKS.len());
            self.text.push_str(&BLANKS[..blanks]);
            left -= blanks;
        }
    }

    /// What fits behind a key or `-`, and the end of its line.
    fn scalar(&mut self, value: &Plain, column: usize) {
        match value {
            Plain::Null => self.text.push_str("null"),
            Plain::Bool(truth) => self.text.push_str(if *truth { "true" } else { "false" }),
            Plain::Int(number) => self.text.push_str(&number.to_string()),
            Plain::Float(number) if number.is_finite() => self.text.push_str(&float(*number, &FLOATS)),
            Plain::Float(number) if number.is_nan() => self.text.push_str(".nan"),
            Plain::Float(number) => self.text.push_str(if *number > 0.0 { ".inf" } else { "-.inf" }),
            Plain::Date(text) => self.text.push_str(text),
            Plain::Text(text) => return self.string(text, column),
            Plain::List(_) => self.text.push_str("[]"),
            Plain::Map(_) => self.text.push_str("{}"),
        }
        self.text.push('\n');
    }

    fn string(&mut self, text: &str, column: usize) {
        let analysis = Analysis::of(text);
        match text.contains('\n') && analysis.literal() {
            true => self.literal(text, column),
            false => {
                self.simple(text, &analysis, false, column);
                self.text.push('\n');
            }
        }
    }

    /// A scalar that is no block: plain, 'single' or "double".
    fn simple(&mut self, text: &str, analysis: &Analysis, key: bool, column: usize) {
        if !reads_as_text(text) || text.contains('\n') || !analysis.quotable() {
            self.text.push_str(&double_quoted(text));
        } else if analysis.plain() && !(key && text.is_empty()) {
            self.text.push_str(text);
        } else {
            self.text.push('\'');
            self.text.push_str(&indented(&text.replace('\'', "''"), column, false));
            self.text.push('\'');
        }
    }

    /// A literal block. Its indent is told when the first line cannot tell it, and how it ends
    /// when that is not with one line break.
    fn literal(&mut self, text: &str, column: usize) {
        self.text.push('|');
        if text.starts_with(' ') || text.starts_with(is_break) {
            self.text.push_str(&self.step.to_string());
        }
        let mut last = text.chars().rev();
        match (last.next().is_some_and(is_break), last.next().is_none_or(is_break)) {
            (false, _) => self.text.push('-'),
            (true, true) => self.text.push('+'),
            (true, false) => {}
        }
        self.text.push('\n');
        self.text.push_str(&indented(text, column, true));
        if !self.text.ends_with(is_break) {
            self.text.push('\n');
        }
    }
}

/// The text with every line, but not empty ones, moved to a column; the first one only if
/// `first` says so.
fn indented(text: &str, column: usize, first: bool) -> String {
    let mut result = String::with_capacity(text.len() + column);
    let mut fresh = first;
    for c in text.chars() {
        if fresh && !is_break(c) {
            result.extend(std::iter::repeat_n(' ', column));
        }
        fresh = is_break(c);
        result.push(c);
    }
    result
}

fn double_quoted(text: &str) -> String {
    // The emitter takes every character of a text for a byte order mark that begins with one.
    let marked = text.starts_with('\u{feff}');
    let mut result = String::from("\"");
    for c in text.chars() {
        match c {
            _ if !marked && is_printable(c) && !is_break(c) && !matches!(c, '"' | '\\') => result.push(c),
            _ => result.push_str(&escaped(c)),
        }
    }
    result.push('"');
    result
}

fn escaped(c: char) -> String {
    let short = match c {
        '\0' => '0',
        '\x07' => 'a',
        '\x08' => 'b',
        '\t' => 't',
        '\n' => 'n',
        '\x0b' => 'v',
        '\x0c' => 'f',
        '\r' => 'r',
        '\x1b' => 'e',
        '"' => '"',
        '\\' => '\\',
        '\u{85}' => 'N',
        '\u{a0}' => '_',
        '\u{2028}' => 'L',
        '\u{2029}' => 'P',
        _ => {
            return match u32::from(c) {
                code @ ..=0xff => format!("\\x{code:02X}"),
                code @ ..=0xffff => format!("\\u{code:04X}"),
                code => format!("\\U{code:08X}"),
            };
        }
    };
    format!("\\{short}")
}

/// What the characters of a text forbid.
#[derive(Debug, Default)]
struct Analysis {
    /// It has characters that mean something where they stand in a plain scalar.
    indicators: bool,
    /// Spaces or breaks at its ends.
    loose_ends: bool,
    /// A space is its last character.
    trailing_space: bool,
    /// A space behind a line break.
    break_space: bool,
    /// A space before a line break.
    space_break: bool,
    tabs: bool,
    breaks: bool,
    /// Characters that must be escaped.
    special: bool,
}

impl Analysis {
    fn of(text: &str) -> Self {
        if is_word(text) {
            return Self::default();
        }
        let mut found = Self {
            indicators: text.starts_with("---") || text.starts_with("..."),
            loose_ends: text.starts_with(is_loose) || text.ends_with(is_loose),
            trailing_space: text.ends_with(' '),
            ..Self::default()
        };
        let mut before = None;
        let mut characters = text.chars().peekable();
        while let Some(c) = characters.next() {
            let loose = characters.peek().is_none_or(|next| matches!(next, ' ' | '\t'));
            found.indicators |= is_indicator(c, before, loose);
            found.tabs |= c == '\t';
            found.special |= c != '\t' && !is_printable(c);
            found.breaks |= is_break(c);
            found.break_space |= c == ' ' && before.is_some_and(is_break);
            found.space_break |= is_break(c) && before == Some(' ');
            before = Some(c);
        }
        found
    }

    fn plain(&self) -> bool {
        !(self.indicators || self.loose_ends || self.breaks) && self.quotable()
    }

    /// Whether single quotes will do.
    fn quotable(&self) -> bool {
        !(self.break_space || self.space_break || self.tabs || self.special)
    }

    fn literal(&self) -> bool {
        !(self.trailing_space || self.space_break || self.special)
    }
}

/// Whether a text, as nearly all keys and most values, has nothing that means something anywhere.
fn is_word(text: &str) -> bool {
    let harmless = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'/' | b'.' | b'-');
    text.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '/') && text.bytes().all(harmless)
}

/// Whether a character behind `before` ends what could be a plain scalar, or begins something else.
fn is_indicator(c: char, before: Option<char>, blank_follows: bool) -> bool {
    match (c, before) {
        ('#', Some(before)) => matches!(before, ' ' | '\t' | '\0') || is_break(before),
        (':', _) | ('?' | '-', None) => blank_follows,
        (_, None) => "#,[]{}&*!|>'\"%@`".contains(c),
        _ => false,
    }
}

fn is_break(c: char) -> bool {
    matches!(c, '\n' | '\r' | '\u{85}' | '\u{2028}' | '\u{2029}')
}

fn is_loose(c: char) -> bool {
    c == ' ' || is_break(c)
}

/// What the emitter writes as it is: no control characters, nothing beyond the basic plane.
fn is_printable(c: char) -> bool {
    matches!(c, '\n' | ' '..='~' | '\u{a0}'..='\u{fffd}') && c != '\u{feff}'
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn yaml(value: Value) -> String {
        render(&serde_json::from_value(value).unwrap(), 2)
    }

    #[test]
    fn a_date_is_no_text() {
        let date = Plain::Map(vec![("a".into(), Plain::Date("2001-01-01T00:00:00Z".into()))]);
        assert_eq!(render(&date, 2), "a: 2001-01-01T00:00:00Z\n");
    }

    /// What stands behind the key, given as JSON and as the emitter writes it.
    const SCALARS: &[(&str, &str)] = &[
        // What other readers would not take for text.
        (r#""""#, "\"\""),
        (r#""~""#, "\"~\""),
        (r#""null""#, "\"null\""),
        (r#""yes""#, "\"yes\""),
        (r#""Off""#, "\"Off\""),
        (r#""1.0""#, "\"1.0\""),
        (r#""0o7""#, "\"0o7\""),
        (r#""1:30""#, "\"1:30\""),
        (r#""2001-01-01""#, "\"2001-01-01\""),
        (r#""=""#, "="),
        (r#""<<""#, "<<"),
        // Characters that mean something.
        (r##""#a""##, "'#a'"),
        (r##""a #b""##, "'a #b'"),
        (r##""a#b""##, "a#b"),
        (r#""a: b""#, "'a: b'"),
        (r#""a:""#, "'a:'"),
        (r#""a:b""#, "a:b"),
        (r#""- a""#, "'- a'"),
        (r#""-a""#, "-a"),
        (r#""---""#, "'---'"),
        (r#""*a""#, "'*a'"),
        (r#""[a""#, "'[a'"),
        (r#""a]{},""#, "a]{},"),
        (r#""it's""#, "it's"),
        (r#""'x""#, "'''x'"),
        (r#""a\"b""#, "a\"b"),
        // White space.
        (r#"" a""#, "' a'"),
        (r#""a ""#, "'a '"),
        (r#""a\tb""#, r#""a\tb""#),
        // Characters that need an escape, and that do not.
        (r#""äöü 漢字""#, "äöü 漢字"),
        (r#""a😀""#, r#""a\U0001F600""#),
        (r#""\u0001\u001b\u0007\u0000\u007f""#, r#""\x01\e\a\0\x7F""#),
        (r#""a\r\nb""#, r#""a\r\nb""#),
        (r#""a\u0085b\u00a0""#, "\"a\\Nb\u{a0}\""),
        (r#""\ufeffab""#, r#""\uFEFF\x61\x62""#),
        // Numbers and what is neither text nor number.
        ("1000000.0", "1e+06"),
        ("0.5", "0.5"),
        ("-3", "-3"),
        ("null", "null"),
        ("true", "true"),
        ("{}", "{}"),
        ("[]", "[]"),
        // Blocks.
        (r#""a\nb""#, "|-\n  a\n  b"),
        (r#""a\nb\n""#, "|\n  a\n  b"),
        (r#""a\n\n""#, "|+\n  a\n"),
        (r#""\n""#, "|2+\n"),
        (r#"" a\nb\n""#, "|2\n   a\n  b"),
        (r#""a\tb\n\tc""#, "|-\n  a\tb\n  \tc"),
        (r##""#a\n- b: c""##, "|-\n  #a\n  - b: c"),
        (r#""a \nb""#, r#""a \nb""#),
        (r#""a\n ""#, r#""a\n ""#),
    ];

    #[test]
    fn a_scalar_has_the_quotes_that_it_needs() {
        for (json, expected) in SCALARS {
            let value: Value = serde_json::from_str(json).unwrap();
            assert_eq!(yaml(json!({"k": value})), format!("k: {expected}\n"), "{json}");
        }
    }

    #[test]
    fn a_long_line_stays_one() {
        let long = "word ".repeat(100) + "end";
        assert_eq!(yaml(json!({"k": long})), format!("k: {long}\n"));
    }

    #[test]
    fn lists_stand_below_their_key_and_what_is_in_them_beside_the_dash() {
        let value = json!({"k": [1, [2, []], {"a": {"b": [3]}, "c": "x\ny"}]});
        let expected = "\
k:
  - 1
  - - 2
    - []
  - a:
      b:
        - 3
    c: |-
      x
      y
";
        assert_eq!(yaml(value), expected);
        assert_eq!(render(&serde_json::from_value(json!({"a": {"b": "c"}})).unwrap(), 4), "a:\n    b: c\n");
    }

    #[test]
    fn a_key_that_is_long_or_has_lines_stands_behind_a_question_mark() {
        let key = |length: usize| yaml(json!({"k".repeat(length): {"a": [1]}}));
        assert_eq!(key(128), format!("{}:\n  a:\n    - 1\n", "k".repeat(128)));
        assert_eq!(key(129), format!("? {}\n: a:\n    - 1\n", "k".repeat(129)));
        assert_eq!(yaml(json!({"a\nb": 1})), "? |-\n  a\n  b\n: 1\n");
    }
}
