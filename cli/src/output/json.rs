//! JSON as Docker Compose prints it, so that outputs can be compared as texts.

use planner::model::{Name, Plain};
use serde_json::Value;
use std::ops::Range;

/// How numbers with a fraction are written.
pub(crate) struct Floats {
    /// Sizes that are written without exponent.
    pub(crate) plain: Range<f64>,
    /// Digits that an exponent has at least.
    pub(crate) exponent_digits: usize,
}

const FLOATS: Floats = Floats { plain: 1e-6..1e21, exponent_digits: 1 };

/// The document, indented by so many columns a level.
pub(crate) fn render(value: &Plain, step: usize) -> String {
    let mut text = String::new();
    write(&mut text, value, step, 0);
    text
}

/// The document without any white space.
pub(crate) fn compact(value: &Plain) -> String {
    let joined = |items: Vec<String>| items.join(",");
    match value {
        Plain::Map(entries) => {
            let entry = |(key, value): &(Name, Plain)| format!("{}:{}", quoted(key), compact(value));
            format!("{{{}}}", joined(entries.iter().map(entry).collect()))
        }
        Plain::List(items) => format!("[{}]", joined(items.iter().map(compact).collect())),
        scalar => render(scalar, 0),
    }
}

fn write(text: &mut String, value: &Plain, step: usize, column: usize) {
    match value {
        Plain::Map(entries) if !entries.is_empty() => {
            let entry = |text: &mut String, (key, value): &(Name, Plain)| {
                text.push_str(&quoted(key));
                text.push_str(": ");
                write(text, value, step, column + step);
            };
            block(text, ['{', '}'], column..column + step, entries, entry);
        }
        Plain::List(items) if !items.is_empty() => {
            let entry = |text: &mut String, item: &Plain| write(text, item, step, column + step);
            block(text, ['[', ']'], column..column + step, items, entry);
        }
        Plain::Map(_) => text.push_str("{}"),
        Plain::List(_) => text.push_str("[]"),
        Plain::Text(value) | Plain::Date(value) => text.push_str(&quoted(value)),
        Plain::Int(number) => text.push_str(&number.to_string()),
        Plain::Float(number) if number.is_finite() => text.push_str(&float(*number, &FLOATS)),
        Plain::Bool(truth) => text.push_str(if *truth { "true" } else { "false" }),
        // JSON has no infinity.
        Plain::Float(_) | Plain::Null => text.push_str("null"),
    }
}

/// Items between brackets, one a line; the brackets stand at the first column, the items at the
/// second.
fn block<T>(
    text: &mut String,
    [open, close]: [char; 2],
    columns: Range<usize>,
    items: impl IntoIterator<Item = T>,
    entry: impl Fn(&mut String, T),
) {
    text.push(open);
    for (index, item) in items.into_iter().enumerate() {
        text.push_str(if index > 0 { ",\n" } else { "\n" });
        text.extend(std::iter::repeat_n(' ', columns.end));
        entry(text, item);
    }
    text.push('\n');
    text.extend(std::iter::repeat_n(' ', columns.start));
    text.push(close);
}

/// A string that a script in a web page could hold too, and that YAML reads the same.
fn quoted(text: &str) -> String {
    let quoted = Value::from(text).to_string();
    match quoted.contains(needs_escape) {
        false => quoted,
        true => quoted.chars().fold(String::new(), |mut text, c| {
            match needs_escape(c) {
                true => text.push_str(&format!("\\u{:04x}", u32::from(c))),
                false => text.push(c),
            }
            text
        }),
    }
}

/// Beyond what JSON itself asks for: all of these have four digits.
fn needs_escape(c: char) -> bool {
    let page = matches!(c, '<' | '>' | '&' | '\u{2028}' | '\u{2029}');
    page || matches!(c, '\u{7f}'..='\u{9f}' | '\u{feff}' | '\u{fffe}' | '\u{ffff}')
}

/// A number in the shortest form that reads back.
pub(crate) fn float(value: f64, floats: &Floats) -> String {
    if value == 0.0 || floats.plain.contains(&value.abs()) {
        return value.to_string();
    }
    let text = format!("{value:e}");
    let (mantissa, exponent) = text.split_once('e').unwrap_or((&text, "0"));
    let (sign, digits) = exponent.strip_prefix('-').map_or(('+', exponent), |digits| ('-', digits));
    format!("{mantissa}e{sign}{digits:0>width$}", width = floats.exponent_digits)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn printed(value: Value) -> String {
        render(&serde_json::from_value(value).unwrap(), 2)
    }

    #[test]
    fn a_document_has_an_entry_a_line_and_empty_collections_on_theirs() {
        let value = json!({"a": [1, {"b": null}], "c": {}, "d": []});
        let expected =
            "{\n  \"a\": [\n    1,\n    {\n      \"b\": null\n    }\n  ],\n  \"c\": {},\n  \"d\": []\n}";
        assert_eq!(printed(value), expected);
    }

    #[test]
    fn without_white_space_it_is_the_same_document() {
        let value = serde_json::from_value(json!({"a": [1, {"b": null}], "c": {}, "d": "x, y"})).unwrap();
        assert_eq!(compact(&value), r#"{"a":[1,{"b":null}],"c":{},"d":"x, y"}"#);
    }

    #[test]
    fn strings_are_safe_in_web_pages_and_in_yaml() {
        for (text, expected) in [
            ("a\"\\/\n", r#""a\"\\/\n""#),
            ("<a>&\u{2028}", r#""\u003ca\u003e\u0026\u2028""#),
            ("\u{1}\u{8}\u{c}\u{7f}é😀", "\"\\u0001\\b\\f\\u007fé😀\""),
        ] {
            assert_eq!(printed(json!(text)), expected);
        }
    }

    #[test]
    fn numbers_are_short() {
        for (number, expected) in [
            (json!(-5), "-5"),
            (json!(i64::MAX), "9223372036854775807"),
            (json!(1.0), "1"),
            (json!(0.5), "0.5"),
            (json!(1e20), "100000000000000000000"),
            (json!(1e21), "1e+21"),
            (json!(1.5e-7), "1.5e-7"),
        ] {
            assert_eq!(printed(number), expected);
        }
    }
}
