//! Durations in words.

use jiff::Timestamp;
use std::time::Duration;

/// How long something took: `12 ms`, `0.31 s`, `12.4 s`, `2 min 5 s`.
pub(crate) fn took(time: Duration) -> String {
    let ms = time.as_secs_f64() * 1e3;
    match time.as_secs() {
        0 if ms < 99.5 => format!("{ms:.0} ms"),
        0..10 => format!("{:.2} s", time.as_secs_f64()),
        10..60 => format!("{:.1} s", time.as_secs_f64()),
        seconds => format!("{} min {} s", seconds / 60, seconds % 60),
    }
}

/// How long ago something was: `3 minutes ago`.
pub(crate) fn ago(at: Timestamp, now: Timestamp) -> String {
    format!("{} ago", span(Duration::try_from(now.duration_since(at)).unwrap_or_default()))
}

/// How long something has been so: `12 s`, `3 minutes`, `5 hours`, `8 days`.
pub(crate) fn span(time: Duration) -> String {
    let seconds = time.as_secs();
    let count = |number: u64, unit: &str| match number {
        1 => format!("1 {unit}"),
        number => format!("{number} {unit}s"),
    };
    match seconds {
        0..60 => format!("{seconds} s"),
        60..3_600 => count(seconds / 60, "minute"),
        3_600..86_400 => count(seconds / 3_600, "hour"),
        _ => count(seconds / 86_400, "day"),
    }
}

/// Processor time, as `ps` has it: `00:01:05`.
pub(crate) fn processor(time: Duration) -> String {
    let seconds = time.as_secs();
    format!("{:02}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn processor_time_counts_hours_minutes_and_seconds() {
        assert_eq!(processor(Duration::from_millis(3_725_900)), "01:02:05");
    }

    #[test]
    fn short_times_are_exact_and_long_ones_readable() {
        let cases = [(0, "0 ms"), (12, "12 ms"), (310, "0.31 s"), (12_440, "12.4 s"), (125_000, "2 min 5 s")];
        for (ms, text) in cases {
            assert_eq!(took(Duration::from_millis(ms)), text);
        }
    }

    #[test]
    fn ages_have_one_unit() {
        let cases = [(2, "2 s"), (60, "1 minute"), (185, "3 minutes"), (7_300, "2 hours"), (90_000, "1 day")];
        for (seconds, text) in cases {
            assert_eq!(span(Duration::from_secs(seconds)), text);
        }
    }
}
