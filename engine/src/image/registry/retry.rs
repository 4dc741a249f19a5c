//! When and how often what failed is tried again.

use jiff::Timestamp;
use jiff::fmt::rfc2822::DateTimeParser;
use std::time::Duration;

/// Exponential back-off with jitter, bounded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Retry {
    /// Failures in a row after which we give up. One that came after progress is the first again.
    pub attempts: u32,
    /// Pause after the first failure; it doubles with each.
    pub first: Duration,
    /// Longest pause, even when the registry asks for a longer one.
    pub longest: Duration,
    /// Time to make a connection.
    pub connect: Duration,
    /// Time without a byte after which a connection is dead.
    pub stalled: Duration,
}

impl Default for Retry {
    fn default() -> Self {
        Self {
            attempts: 6,
            first: Duration::from_millis(500),
            longest: Duration::from_secs(30),
            connect: Duration::from_secs(15),
            stalled: Duration::from_secs(60),
        }
    }
}

impl Retry {
    /// The pause after this failure in a row (1 is the first), or the one the registry asked
    /// for. `jitter`, from 0 to 1, keeps many clients from coming back at the same moment.
    pub(crate) fn pause(&self, failure: u32, asked: Option<Duration>, jitter: f64) -> Duration {
        let doubled = self.first.saturating_mul(1 << failure.saturating_sub(1).min(16));
        let own = doubled.min(self.longest).mul_f64(0.5 + jitter.clamp(0.0, 1.0) / 2.0);
        asked.map_or(own, |asked| asked.max(own)).min(self.longest)
    }
}

/// The value of `Retry-After`: seconds, or a date (<https://www.rfc-editor.org/rfc/rfc9110#field.retry-after>).
pub(crate) fn retry_after(value: &str, now: Timestamp) -> Option<Duration> {
    let value = value.trim();
    let until = || {
        let date = DateTimeParser::new().parse_timestamp(value).ok()?;
        // A date that has passed is now.
        Some(Duration::try_from(date.duration_since(now)).unwrap_or_default())
    };
    value.parse().ok().map(Duration::from_secs).or_else(until)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_the_longest() {
        let retry = Retry::default();
        let pauses: Vec<u64> = (1..=9)
            .map(|failure| u64::try_from(retry.pause(failure, None, 1.0).as_millis()).unwrap())
            .collect();
        assert_eq!(pauses, [500, 1000, 2000, 4000, 8000, 16000, 30000, 30000, 30000]);
        assert_eq!(retry.pause(1, None, 0.0), Duration::from_millis(250));
        assert_eq!(retry.pause(u32::MAX, None, 0.0), Duration::from_secs(15));
    }

    #[test]
    fn a_registry_can_ask_for_a_longer_pause_but_not_for_any() {
        let retry = Retry::default();
        let now: Timestamp = "1999-12-31T23:59:50Z".parse().unwrap();
        let pause = |asked: &str, jitter| retry.pause(1, retry_after(asked, now), jitter);
        assert_eq!(pause(" 7 ", 0.5), Duration::from_secs(7));
        assert_eq!(pause("0", 0.0), Duration::from_millis(250));
        assert_eq!(pause("86400", 0.5), retry.longest);
        assert_eq!(pause("Fri, 31 Dec 1999 23:59:59 GMT", 0.5), Duration::from_secs(9));
        assert_eq!(pause("Fri, 31 Dec 1999 23:00:00 GMT", 0.0), Duration::from_millis(250));
        assert_eq!(retry_after("soon", now), None);
    }
}
