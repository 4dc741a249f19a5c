//! Which texts can stand in YAML without quotes and are still read as texts, by readers of YAML
//! 1.2 and of 1.1, where `no` is false, `1:30` is 90 and `2001-01-01` is a date.

use super::scalar;
use super::tree::Value;

/// Truth values of YAML 1.1 that version 1.2 reads as text.
const OLD_BOOLS: [&str; 16] =
    ["y", "Y", "yes", "Yes", "YES", "on", "On", "ON", "n", "N", "no", "No", "NO", "off", "Off", "OFF"];

/// Whether this, unquoted, is text for every reader.
pub fn reads_as_text(text: &str) -> bool {
    if !(scalar::may_be_number(text) || text.starts_with('_')) {
        return scalar::word(text).is_none() && !OLD_BOOLS.contains(&text);
    }
    matches!(scalar::resolve(text), Value::Text(_))
        && !(scalar::is_whole(text) || is_sexagesimal(text) || is_timestamp(text))
}

/// Base 60, as in `190:20:30.15`.
pub(super) fn is_sexagesimal(text: &str) -> bool {
    let mut parts = text.strip_prefix(['-', '+']).unwrap_or(text).split(':');
    let number = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'_');
    let first =
        parts.next().is_some_and(|part| number(part) && part.starts_with(|c: char| c.is_ascii_digit()));
    let mut rest: Vec<&str> = parts.collect();
    if let Some((last, fraction)) = rest.last().and_then(|last| last.split_once('.')) {
        let end = rest.len() - 1;
        rest[end] = if number(fraction) { last } else { return false };
    }
    let sixty = |part: &&str| matches!(part.as_bytes(), [b'0'..=b'9'] | [b'0'..=b'5', b'0'..=b'9']);
    first && !rest.is_empty() && rest.iter().all(sixty)
}

/// A date, or a date and a time that may have a zone only behind a `T`.
fn is_timestamp(text: &str) -> bool {
    let (date, time) = match text.find(['T', 't', ' ']) {
        Some(at) => (&text[..at], Some(&text[at..])),
        None => (text, None),
    };
    is_date(date) && time.is_none_or(is_time)
}

fn is_date(text: &str) -> bool {
    let parts: Vec<&str> = text.split('-').collect();
    let [year, month, day] = parts[..] else { return false };
    let (Some(year), Some(month)) = (digits(year, 4..=4), digits(month, 1..=2)) else { return false };
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let days = match month {
        2 if leap => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        1..=12 => 31,
        _ => 0,
    };
    digits(day, 1..=2).is_some_and(|day| (1..=days).contains(&day))
}

/// A time of the day, behind the character that separates it from the date.
fn is_time(text: &str) -> bool {
    let (separator, text) = text.split_at(1);
    let clock = match separator {
        " " => Some(text),
        _ => without_zone(text),
    };
    let Some((clock, fraction)) = clock.map(|clock| clock.split_once(['.', ',']).unwrap_or((clock, "0")))
    else {
        return false;
    };
    let parts: Vec<&str> = clock.split(':').collect();
    let [hour, minute, second] = parts[..] else { return false };
    let below = |part: &str, end: u32| digits(part, 1..=2).is_some_and(|number| number < end);
    let fraction = !fraction.is_empty() && fraction.bytes().all(|byte| byte.is_ascii_digit());
    below(hour, 24) && below(minute, 60) && below(second, 60) && fraction
}

/// What stands before a `Z` or `+hh:mm`.
fn without_zone(text: &str) -> Option<&str> {
    if let Some(clock) = text.strip_suffix('Z') {
        return Some(clock);
    }
    let (clock, zone) = text.split_at_checked(text.len().checked_sub(6)?)?;
    let (hours, minutes) = zone.strip_prefix(['+', '-'])?.split_once(':')?;
    (digits(hours, 2..=2)? <= 24 && digits(minutes, 2..=2)? < 60).then_some(clock)
}

/// The number that so many digits make.
fn digits(text: &str, count: std::ops::RangeInclusive<usize>) -> Option<u32> {
    let all = count.contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|_| all)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_that_some_reader_takes_for_something_else_need_quotes() {
        for text in [
            "",
            "~",
            "null",
            "true",
            "False",
            "yes",
            "off",
            "N",
            "1",
            "-1",
            "1.0",
            "0o7",
            "017",
            "0x1F",
            "1_000",
            "1e3",
            ".5",
            ".inf",
            "1:30",
            "-190:20:30.15",
            "2001-01-01",
            "2001-1-1",
            "2000-02-29",
            "2001-12-14 21:59:43.1",
            "2001-12-14T21:59:43Z",
            "12345678901234567890",
            "2001-12-14t1:5:4.5-05:00",
        ] {
            assert!(!reads_as_text(text), "{text}");
        }
    }

    #[test]
    fn all_other_texts_do_not() {
        for text in [
            "a",
            "yEs",
            "nO",
            "=",
            "<<",
            ".",
            "-",
            "1:60",
            "1:",
            ":1",
            "1.2.3",
            "1:2.x",
            "2001-13-01",
            "2001-02-29",
            "01-01-2001",
            "2001-01-01 ",
            "2001-12-14 21:59:43Z",
            "2001-12-14T24:00:00Z",
            "2001-12-14T21:59",
            "é:1",
            "2001-01-01Té23456",
        ] {
            assert!(reads_as_text(text), "{text}");
        }
    }
}
