//! Asking before something is removed, and saying what is to be removed.

use crate::context::Context;
use crate::error::{Exit, Failure, Message};
use engine::system::{Filter, LabelFilter};
use jiff::Timestamp;
use jiff::civil::Date;
use planner::model::parse_duration;
use std::io;

/// Asks whether to go on. Who cannot be asked must have said so.
pub(crate) fn ask(context: &Context, what: &str, force: bool) -> Result<(), Failure> {
    if force {
        return Ok(());
    }
    if !context.environment.terminals.input {
        return Err(Message::new(Exit::Refused, what).hint("if you mean it, say so with `--force`").into());
    }
    context.screen.tell(&format!("{what}; go on? [y/N]"));
    let mut answer = String::new();
    io::stdin().read_line(&mut answer).map_err(|error| Failure::io("read the answer", &error))?;
    if matches!(answer.trim().to_ascii_lowercase().as_str(), "y" | "yes") {
        return Ok(());
    }
    Err(Failure::Said(Exit::Refused))
}

/// What `--filter` says: `until=24h`, `until=2026-01-31`, `label=KEY[=VALUE]`, `label!=KEY[=VALUE]`.
pub(crate) fn filter(texts: &[String]) -> Result<Filter, Failure> {
    let mut filter = Filter::default();
    for text in texts {
        let wrong = |why: &str| {
            let hint =
                "filters are `until=24h`, `until=2026-01-31`, `label=KEY[=VALUE]`, `label!=KEY[=VALUE]`";
            Failure::usage(format!("filter `{text}` {why}"), hint)
        };
        let (key, value) = text.split_once('=').ok_or_else(|| wrong("has no value"))?;
        match key {
            "until" => {
                filter.until = Some(time(value, Timestamp::now()).ok_or_else(|| wrong("has no time in it"))?);
            }
            "label" | "label!" => {
                let (name, value) = match value.split_once('=') {
                    Some((name, value)) => (name, Some(value.to_owned())),
                    None => (value, None),
                };
                filter.labels.push(LabelFilter { name: name.to_owned(), value, absent: key == "label!" });
            }
            _ => return Err(wrong("is not known")),
        }
    }
    Ok(filter)
}

/// A time before now (`24h`), a day, a time with its zone, or seconds since 1970.
fn time(text: &str, now: Timestamp) -> Option<Timestamp> {
    if let Ok(seconds) = text.parse() {
        return Timestamp::from_second(seconds).ok();
    }
    if let Some(before) = parse_duration(text) {
        return now.checked_sub(before).ok();
    }
    let day = |date: Date| format!("{date}T00:00:00Z").parse().ok();
    text.parse().ok().or_else(|| day(text.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_as_people_write_them() {
        let now: Timestamp = "2026-02-01T12:00:00Z".parse().unwrap();
        let cases = [
            ("24h", "2026-01-31T12:00:00Z"),
            ("1h30m", "2026-02-01T10:30:00Z"),
            ("2026-01-31", "2026-01-31T00:00:00Z"),
            ("2026-01-31T10:00:00+02:00", "2026-01-31T08:00:00Z"),
            ("1000000000", "2001-09-09T01:46:40Z"),
        ];
        for (text, expected) in cases {
            assert_eq!(time(text, now).map(|time| time.to_string()).as_deref(), Some(expected), "{text}");
        }
        assert_eq!(time("soon", now), None);
    }

    #[test]
    fn filters_are_read_or_refused_with_those_there_are() {
        let filter = filter(&["label=a=b=c".to_owned(), "label!=d".to_owned()]).unwrap();
        let label = |name: &str, value: Option<&str>, absent| LabelFilter {
            name: name.to_owned(),
            value: value.map(str::to_owned),
            absent,
        };
        assert_eq!(filter.labels, [label("a", Some("b=c"), false), label("d", None, true)]);
        for text in ["until", "until=soon", "colour=red"] {
            assert_eq!(super::filter(&[text.to_owned()]).unwrap_err().exit(), Exit::Usage, "{text}");
        }
    }
}
