//! A moment as it is typed: a time, or how long ago it was.

use jiff::civil::{Date, DateTime};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use planner::model::parse_duration;

/// Reads a moment; what says how long ago it was is counted from now.
pub(crate) fn moment(text: &str) -> Result<Timestamp, String> {
    from(text, Timestamp::now())
}

fn from(text: &str, now: Timestamp) -> Result<Timestamp, String> {
    let utc = |time: DateTime| Some(time.to_zoned(TimeZone::UTC).ok()?.timestamp());
    let ago = |text: &str| now.checked_sub(SignedDuration::try_from(parse_duration(text)?).ok()?).ok();
    let time = text.parse::<Timestamp>().ok();
    let time = time.or_else(|| seconds(text)).or_else(|| ago(text));
    let time = time.or_else(|| utc(text.parse::<DateTime>().ok()?));
    let time = time.or_else(|| utc(text.parse::<Date>().ok()?.into()));
    time.ok_or_else(|| "write a time as 2026-11-21T05:34:49Z, or how long ago as 10m".to_owned())
}

/// Seconds since 1970, perhaps with a fraction.
fn seconds(text: &str) -> Option<Timestamp> {
    let (whole, part) = text.split_once('.').unwrap_or((text, ""));
    if whole.len() < 6 || !part.chars().all(|digit| digit.is_ascii_digit()) || part.len() > 9 {
        return None;
    }
    Timestamp::new(whole.parse().ok()?, format!("{part:0<9}").parse().ok()?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_can_be_typed_in_every_usual_way() {
        let now: Timestamp = "2026-01-01T12:00:00Z".parse().unwrap();
        for (text, expected) in [
            ("2026-01-01T10:00:00Z", "2026-01-01T10:00:00Z"),
            ("2026-01-01T12:00:00+02:00", "2026-01-01T10:00:00Z"),
            ("2026-01-01T10:00:00", "2026-01-01T10:00:00Z"),
            ("2026-01-01", "2026-01-01T00:00:00Z"),
            ("90m", "2026-01-01T10:30:00Z"),
            ("1h30m", "2026-01-01T10:30:00Z"),
            ("1767261600", "2026-01-01T10:00:00Z"),
            ("1767261600.25", "2026-01-01T10:00:00.25Z"),
        ] {
            assert_eq!(from(text, now), Ok(expected.parse().unwrap()), "{text}");
        }
        for bad in ["", "x", "yesterday", "-", "10:00", "1767261600.x"] {
            assert!(from(bad, now).is_err(), "{bad}");
        }
    }
}
