//! What a plain scalar means: YAML 1.2 core as Go's yaml reads it, with octal `0444`.
//!
//! `yes`, `on` and their kin stay text.

use super::tree::Value;

/// The value of a plain (unquoted) scalar.
pub(crate) fn resolve(text: &str) -> Value {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => return Value::Null,
        "true" | "True" | "TRUE" => return Value::Bool(true),
        "false" | "False" | "FALSE" => return Value::Bool(false),
        _ => {}
    }
    let numeric = text.starts_with(|c: char| c.is_ascii_digit() || matches!(c, '+' | '-' | '.'));
    let number = if numeric { int(text).or_else(|| float(text)) } else { None };
    number.unwrap_or_else(|| Value::Text(text.to_owned()))
}

/// The value of a scalar with a tag of the core schema, such as `!!str`.
pub(crate) fn resolve_as(text: &str, tag: &str) -> Option<Value> {
    match tag {
        "str" | "binary" => Some(Value::Text(text.to_owned())),
        "int" => int(text),
        "float" => int(text).or_else(|| float(text)),
        "bool" | "null" => Some(resolve(text)).filter(|value| match value {
            Value::Bool(_) => tag == "bool",
            Value::Null => tag == "null",
            _ => false,
        }),
        _ => None,
    }
}

fn int(text: &str) -> Option<Value> {
    let digits = text.replace('_', "");
    let (negative, digits) = match digits.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, digits.strip_prefix('+').unwrap_or(&digits)),
    };
    let lower = digits.to_ascii_lowercase();
    let (radix, digits) = match lower.as_bytes() {
        [b'0', b'x', ..] => (16, &lower[2..]),
        [b'0', b'o', ..] => (8, &lower[2..]),
        [b'0', b'b', ..] => (2, &lower[2..]),
        [b'0', _, ..] => (8, &lower[1..]),
        _ => (10, lower.as_str()),
    };
    if !digits.starts_with(|c: char| c.is_ascii_alphanumeric()) {
        return None;
    }
    let number = i128::from(u64::from_str_radix(digits, radix).ok()?);
    i64::try_from(if negative { -number } else { number }).ok().map(Value::Int)
}

fn float(text: &str) -> Option<Value> {
    let is_digit = |c: char| c.is_ascii_digit();
    let bare = text.trim_start_matches(['+', '-']);
    match bare {
        ".inf" | ".Inf" | ".INF" if text.len() - bare.len() <= 1 => {
            return Some(Value::Float(if text.starts_with('-') { f64::NEG_INFINITY } else { f64::INFINITY }));
        }
        ".nan" | ".NaN" | ".NAN" if text.len() == bare.len() => return Some(Value::Float(f64::NAN)),
        _ => {}
    }
    let loose = |(at, _)| !text[..at].ends_with(is_digit) || !text[at + 1..].starts_with(is_digit);
    if text.starts_with('.') && text.match_indices('_').any(loose) {
        return None;
    }
    let digits = text.replace('_', "");
    let only = |c: char| c.is_ascii_digit() || matches!(c, '+' | '-' | '.' | 'e' | 'E');
    let starts = digits.trim_start_matches(['+', '-']).starts_with(|c: char| c.is_ascii_digit() || c == '.');
    if !starts || !digits.chars().all(only) {
        return None;
    }
    // What no float can hold stays text.
    digits.parse().ok().filter(|number: &f64| number.is_finite()).map(Value::Float)
}

/// A number as text, in the shortest form that reads back, as Go prints it.
pub(crate) fn float_text(number: f64) -> String {
    let size = number.abs();
    if size != 0.0 && size.is_finite() && !(1e-4..1e21).contains(&size) {
        let text = format!("{number:e}");
        let (mantissa, exponent) = text.split_once('e').unwrap_or((&text, "0"));
        let (sign, digits) = match exponent.strip_prefix('-') {
            Some(digits) => ('-', digits),
            None => ('+', exponent),
        };
        return format!("{mantissa}e{sign}{digits:0>2}");
    }
    number.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_scalars_mean_what_go_yaml_reads() {
        for (text, expected) in [
            ("", Value::Null),
            ("~", Value::Null),
            ("True", Value::Bool(true)),
            ("yes", Value::Text("yes".into())),
            ("on", Value::Text("on".into())),
            ("12", Value::Int(12)),
            ("-12", Value::Int(-12)),
            ("+12", Value::Int(12)),
            ("0444", Value::Int(0o444)),
            ("0o17", Value::Int(15)),
            ("0x1F", Value::Int(31)),
            ("0b101", Value::Int(5)),
            ("0", Value::Int(0)),
            ("1_000", Value::Int(1000)),
            ("0999", Value::Float(999.0)),
            ("1.5", Value::Float(1.5)),
            (".5", Value::Float(0.5)),
            ("1e3", Value::Float(1000.0)),
            ("1.2.3", Value::Text("1.2.3".into())),
            ("1e999", Value::Text("1e999".into())),
            (".5_0", Value::Float(0.5)),
            (".5_", Value::Text(".5_".into())),
            ("-", Value::Text("-".into())),
            ("22:22", Value::Text("22:22".into())),
            ("2020-01-01", Value::Text("2020-01-01".into())),
            ("infinity", Value::Text("infinity".into())),
            ("99999999999999999999", Value::Float(1e20)),
            ("-.inf", Value::Float(f64::NEG_INFINITY)),
        ] {
            assert_eq!(resolve(text), expected, "{text}");
        }
    }

    #[test]
    fn floats_print_as_go_prints_them() {
        for (number, expected) in
            [(1.0, "1"), (1.5, "1.5"), (1e21, "1e+21"), (0.00001, "1e-05"), (0.1, "0.1")]
        {
            assert_eq!(float_text(number), expected);
        }
    }
}
