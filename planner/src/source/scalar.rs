//! What a plain scalar means: YAML 1.2 core as Go's yaml reads it, with octal `0444`.
//!
//! `yes`, `on` and their kin stay text.

use super::tree::Value;
use std::borrow::Cow;

/// The value of a plain (unquoted) scalar.
pub(crate) fn resolve(text: &str) -> Value {
    let value = if may_be_number(text) { int(text).or_else(|| float(text)) } else { word(text) };
    value.unwrap_or_else(|| Value::Text(text.into()))
}

/// The value of a word that is no text.
pub(super) fn word(text: &str) -> Option<Value> {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => Some(Value::Null),
        "true" | "True" | "TRUE" => Some(Value::Bool(true)),
        "false" | "False" | "FALSE" => Some(Value::Bool(false)),
        _ => None,
    }
}

/// Whether a text begins as numbers do.
pub(super) fn may_be_number(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_digit() || matches!(c, '+' | '-' | '.'))
}

/// The value of a scalar with a tag of the core schema, such as `!!str`; `None` when the text is
/// no such thing.
pub(crate) fn resolve_as(text: &str, tag: &str) -> Option<Value> {
    let plain = resolve(text);
    match (tag, plain) {
        ("str", _) => Some(Value::Text(text.into())),
        ("binary", _) => decode_base64(text).map(|text| Value::Text(text.into())),
        ("merge", Value::Text(text)) if text == "<<" => Some(Value::Text(text)),
        ("int", value @ Value::Int(_))
        | ("float", value @ (Value::Int(_) | Value::Float(_)))
        | ("bool", value @ Value::Bool(_))
        | ("null", value @ Value::Null) => Some(value),
        _ => None,
    }
}

/// Whether this is a whole number, of any size that YAML knows.
pub(crate) fn is_whole(text: &str) -> bool {
    int(text).is_some()
}

/// Whether YAML reads a plain scalar as a date, with or without a time: `2020-01-31`.
pub(crate) fn is_date(text: &str) -> bool {
    // Nearly all scalars are told from a date by one letter.
    if text.as_bytes().get(4) != Some(&b'-') {
        return false;
    }
    let end = text.find(|c: char| !c.is_ascii_digit() && c != '-').unwrap_or(text.len());
    let (date, time) = text.split_at(end);
    let mut parts = date.splitn(3, '-').map(|part| (part.len(), part.parse::<u32>().unwrap_or(0)));
    let (Some((4, year)), Some((1 | 2, month)), Some((1 | 2, day)), None) =
        (parts.next(), parts.next(), parts.next(), parts.next())
    else {
        return false;
    };
    (1..=days(year, month)).contains(&day) && (time.is_empty() || is_time(time))
}

/// A date as Go prints it: `2020-01-31T00:00:00Z`.
pub(crate) fn date_text(date: &str) -> String {
    let (date, time) = date.split_at(date.find([' ', 'T', 't']).unwrap_or(date.len()));
    let zone = time.find(['Z', '+', '-']).unwrap_or(time.len());
    let (clock, zone) = time.get(1..zone).map_or(("0:0:0", ""), |clock| (clock, &time[zone..]));
    let (clock, fraction) = clock.split_once('.').unwrap_or((clock, ""));
    let padded =
        |text: &str, by: &str| text.split(by).map(|part| format!("{part:0>2}")).collect::<Vec<_>>().join(by);
    let fraction = fraction.trim_end_matches('0');
    let point = if fraction.is_empty() { "" } else { "." };
    let zone = if zone.is_empty() || zone.ends_with("00:00") { "Z" } else { zone };
    format!("{}T{}{point}{fraction}{zone}", padded(date, "-"), padded(clock, ":"))
}

fn days(year: u32, month: u32) -> u32 {
    let leap = year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    match month {
        2 => 28 + u32::from(leap),
        4 | 6 | 9 | 11 => 30,
        1..=12 => 31,
        _ => 0,
    }
}

/// `T10:20:30.5+01:00` with a zone, ` 10:20:30` without.
fn is_time(text: &str) -> bool {
    let (zoned, clock) = match text.strip_prefix(' ') {
        Some(clock) => (false, clock),
        None => (true, text.strip_prefix(['T', 't']).unwrap_or("")),
    };
    let zone = clock.find(|c: char| !c.is_ascii_digit() && !matches!(c, ':' | '.')).unwrap_or(clock.len());
    let (clock, zone) = clock.split_at(zone);
    let (clock, fraction) = clock.split_once('.').unwrap_or((clock, "0"));
    let limits = [23, 59, 59];
    let mut parts = clock.split(':').zip(limits);
    let fits =
        |(part, limit): (&str, u32)| part.len() <= 2 && part.parse().is_ok_and(|number: u32| number <= limit);
    let is_clock = clock.split(':').count() == limits.len() && parts.all(fits);
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let is_zone = zone == "Z"
        || zone.strip_prefix(['+', '-']).is_some_and(|zone| match zone.split_once(':') {
            Some((hours, minutes)) => [hours, minutes].iter().all(|part| part.len() == 2 && digits(part)),
            None => false,
        });
    is_clock && digits(fraction) && if zoned { is_zone } else { zone.is_empty() }
}

/// The text that base64 stands for; blanks in it do not count.
fn decode_base64(text: &str) -> Option<String> {
    const ALPHABET: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let text: Vec<u8> = text.bytes().filter(|byte| !byte.is_ascii_whitespace()).collect();
    let padding = text.iter().rev().take_while(|byte| **byte == b'=').count();
    if !text.len().is_multiple_of(4) || padding > 2 {
        return None;
    }
    let mut bytes = Vec::with_capacity(text.len() / 4 * 3);
    for group in text[..text.len() - padding].chunks(4) {
        let bits = group.iter().try_fold(0_u32, |bits, byte| {
            let place = ALPHABET.iter().position(|known| known == byte)?;
            Some(bits << 6 | u32::try_from(place).ok()?)
        })?;
        let aligned = bits << (8 + 6 * (4 - group.len()));
        bytes.extend(&aligned.to_be_bytes()[..group.len() * 6 / 8]);
    }
    String::from_utf8(bytes).ok()
}

fn without_underscores(text: &str) -> Cow<'_, str> {
    if text.contains('_') { text.replace('_', "").into() } else { text.into() }
}

fn int(text: &str) -> Option<Value> {
    let digits = without_underscores(text);
    let (negative, digits) = match digits.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, digits.strip_prefix('+').unwrap_or(&digits)),
    };
    let (radix, digits) = match digits.as_bytes() {
        [b'0', b'x' | b'X', ..] => (16, &digits[2..]),
        [b'0', b'o' | b'O', ..] => (8, &digits[2..]),
        [b'0', b'b' | b'B', ..] => (2, &digits[2..]),
        [b'0', _, ..] => (8, &digits[1..]),
        _ => (10, digits),
    };
    if !digits.starts_with(|c: char| c.is_ascii_alphanumeric()) {
        return None;
    }
    let size = u64::from_str_radix(digits, radix).ok()?;
    let number = if negative { -i128::from(size) } else { i128::from(size) };
    // A whole number above the signed ones stays as its digits.
    match i64::try_from(number) {
        Ok(number) => Some(Value::Int(number)),
        Err(_) if negative => None,
        Err(_) => Some(Value::Text(size.to_string().into())),
    }
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
    let digits = without_underscores(text);
    let only = |c: char| c.is_ascii_digit() || matches!(c, '+' | '-' | '.' | 'e' | 'E');
    let starts = digits.trim_start_matches(['+', '-']).starts_with(|c: char| c.is_ascii_digit() || c == '.');
    if !starts || !digits.chars().all(only) {
        return None;
    }
    // What no float can hold stays text.
    digits.parse().ok().filter(|number: &f64| number.is_finite()).map(Value::Float)
}

/// A number as text, in the shortest form that reads back, as Go prints it: from a million on
/// with an exponent.
pub(crate) fn float_text(number: f64) -> String {
    let size = number.abs();
    if size.is_infinite() {
        return if number > 0.0 { "+Inf" } else { "-Inf" }.to_owned();
    }
    if size != 0.0 && size.is_finite() && !(1e-4..1e6).contains(&size) {
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
            ("1e400", Value::Text("1e400".into())),
            ("12345678901234567890", Value::Text("12345678901234567890".into())),
            ("-12345678901234567890", Value::Float(-12_345_678_901_234_567_890.0)),
            ("1.", Value::Float(1.0)),
        ] {
            assert_eq!(resolve(text), expected, "{text}");
        }
    }

    #[test]
    fn what_is_a_date_is_told_from_what_looks_like_one() {
        for text in [
            "2020-01-31",
            "2020-2-29",
            "2020-1-1T10:20:30Z",
            "2020-1-1t1:2:3.5+01:00",
            "2020-1-1 10:20:30.55",
        ] {
            assert!(is_date(text), "{text}");
        }
        for text in [
            "2021-02-29",
            "2020-13-01",
            "20-01-01",
            "2020-01",
            "2020-01-01-01",
            "2020-01-01T10:20:30",
            "2020-1-1 25:00:00",
            "2020-1-1x",
            "2020-1-1T",
            "-2020-1-1",
        ] {
            assert!(!is_date(text), "{text}");
        }
    }

    #[test]
    fn a_date_is_printed_with_its_time() {
        for (text, expected) in [
            ("2020-01-31", "2020-01-31T00:00:00Z"),
            ("2020-1-2 1:2:3.120", "2020-01-02T01:02:03.12Z"),
            ("2020-1-1t1:2:3.0+01:00", "2020-01-01T01:02:03+01:00"),
            ("2020-1-1T1:2:3+00:00", "2020-01-01T01:02:03Z"),
        ] {
            assert_eq!(date_text(text), expected);
        }
    }

    #[test]
    fn tags_decide_or_refuse() {
        for (text, tag, expected) in [
            ("1.10", "str", Some(Value::Text("1.10".into()))),
            ("aGVsbG8=", "binary", Some(Value::Text("hello".into()))),
            ("aGVsbG8h", "binary", Some(Value::Text("hello!".into()))),
            ("aG k=", "binary", Some(Value::Text("hi".into()))),
            ("%%", "binary", None),
            ("0x10", "int", Some(Value::Int(16))),
            ("1.0", "int", None),
            ("1", "float", Some(Value::Int(1))),
            ("true", "bool", Some(Value::Bool(true))),
            ("yes", "bool", None),
            ("", "null", Some(Value::Null)),
            ("x", "null", None),
        ] {
            assert_eq!(resolve_as(text, tag), expected, "{tag} {text}");
        }
    }

    #[test]
    fn floats_print_as_go_prints_them() {
        for (number, expected) in [
            (1.0, "1"),
            (1.5, "1.5"),
            (123_456.5, "123456.5"),
            (1e6, "1e+06"),
            (f64::INFINITY, "+Inf"),
            (1e21, "1e+21"),
            (0.00001, "1e-05"),
            (0.1, "0.1"),
        ] {
            assert_eq!(float_text(number), expected);
        }
    }
}
