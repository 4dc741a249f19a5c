//! Quantities with their units, as the file can say them and as they are printed.

use super::units;
use serde::de::{Deserialize, Deserializer, Error, Visitor};
use serde::ser::{Serialize, Serializer};
use std::fmt;
use std::time::Duration;

/// A number of bytes, printed as decimal text. 0 is not set; -1 is unlimited where there is
/// such a thing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
pub struct Bytes(pub i64);

/// A length of time in nanoseconds, printed as `1m30s`. A file can say a negative one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
pub struct Time(pub i64);

/// Permission bits, printed in octal with a leading 0.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct FileMode(pub i64);

impl FileMode {
    /// The bits that files have.
    pub fn bits(self) -> u32 {
        u32::try_from(self.0 & 0o7777).unwrap_or_default()
    }
}

/// How readily anonymous memory is swapped, 0 to 100, printed as text. Docker Compose does not print
/// 0, nor do we, but it is not the same as not set.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Swappiness(pub Option<i64>);

/// How many of something: 0 is not set, -1 is unlimited.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
pub struct Limit(pub i64);

/// How many devices: 0 is not set, -1 is `all`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct DeviceCount(pub i64);

/// A number of CPU cores; 0 is not set. Printed with the seven digits that Compose keeps.
#[derive(Clone, Copy, Debug, Default, PartialEq, PartialOrd)]
pub struct Cores(pub f64);

/// What a limit that is set allows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Most {
    /// Any amount.
    Unlimited,
    /// At most so much.
    Of(u64),
}

/// The amount that a number of a file means; `None` when it sets no limit.
fn most(number: i64) -> Option<Most> {
    match u64::try_from(number) {
        Ok(0) => None,
        Ok(amount) => Some(Most::Of(amount)),
        Err(_) => Some(Most::Unlimited),
    }
}

impl Bytes {
    /// The limit that this sets.
    pub fn most(self) -> Option<Most> {
        most(self.0)
    }

    /// The bytes, when some are given.
    pub fn amount(self) -> Option<u64> {
        u64::try_from(self.0).ok().filter(|&bytes| bytes > 0)
    }
}

impl Limit {
    /// The limit that this sets.
    pub fn most(self) -> Option<Most> {
        most(self.0)
    }

    /// The number, when there is one that limits.
    pub fn amount(self) -> Option<u64> {
        u64::try_from(self.0).ok().filter(|&amount| amount > 0)
    }
}

impl Time {
    /// As the standard library has it; a negative one is nothing.
    pub fn duration(self) -> Duration {
        Duration::from_nanos(u64::try_from(self.0).unwrap_or(0))
    }
}

impl From<Duration> for Time {
    fn from(duration: Duration) -> Self {
        Self(i64::try_from(duration.as_nanos()).unwrap_or(i64::MAX))
    }
}

impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.0 < 0 { "-" } else { "" };
        write!(f, "{sign}{}", units::format_duration(Duration::from_nanos(self.0.unsigned_abs())))
    }
}

impl Cores {
    /// Billionths of a core, when some are given.
    pub fn nano(self) -> Option<u64> {
        Some(units::nano_cpus(self.0)).filter(|&nano| nano > 0)
    }
}

impl Serialize for Cores {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[expect(clippy::cast_possible_truncation, reason = "so many digits are kept")]
        serializer.serialize_f32(self.0 as f32)
    }
}

impl<'de> Deserialize<'de> for Cores {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Decimal).map(Self)
    }
}

/// A number, or a text that is one.
struct Decimal;

impl Visitor<'_> for Decimal {
    type Value = f64;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a number")
    }

    fn visit_unit<E>(self) -> Result<f64, E> {
        Ok(0.0)
    }

    #[expect(clippy::cast_precision_loss, reason = "nobody has so many cores")]
    fn visit_i64<E>(self, number: i64) -> Result<f64, E> {
        Ok(number as f64)
    }

    fn visit_f64<E>(self, number: f64) -> Result<f64, E> {
        Ok(number)
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<f64, E> {
        text.parse().map_err(E::custom)
    }
}

impl<'de> Deserialize<'de> for Swappiness {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Percent).map(Self)
    }
}

impl Serialize for Swappiness {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_newtype_struct("Swappiness", &self.0.unwrap_or_default())
    }
}

/// A whole number, a text that is one, or nothing.
struct Percent;

impl Visitor<'_> for Percent {
    type Value = Option<i64>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a number")
    }

    fn visit_unit<E>(self) -> Result<Option<i64>, E> {
        Ok(None)
    }

    fn visit_i64<E>(self, number: i64) -> Result<Option<i64>, E> {
        Ok(Some(number))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Option<i64>, E> {
        Whole { what: "a number", read: decimal }.visit_str(text).map(Some)
    }
}

/// A whole number, or a text that a function reads as one.
struct Whole {
    what: &'static str,
    read: fn(&str) -> Option<i64>,
}

impl Visitor<'_> for Whole {
    type Value = i64;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.what)
    }

    fn visit_unit<E>(self) -> Result<i64, E> {
        Ok(0)
    }

    fn visit_i64<E>(self, number: i64) -> Result<i64, E> {
        Ok(number)
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<i64, E> {
        (self.read)(text).ok_or_else(|| E::custom(format!("`{}` is not {}", text.escape_debug(), self.what)))
    }
}

/// Quantities that hold a whole number: how a text is read.
macro_rules! whole {
    ($($name:ident, $what:literal, $read:expr;)*) => {$(
        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                deserializer.deserialize_any(Whole { what: $what, read: $read }).map(Self)
            }
        }
    )*};
}

whole! {
    Bytes, "a size", decimal;
    Time, "a duration", nanoseconds;
    FileMode, "a file mode", octal;
    Limit, "a number", decimal;
    DeviceCount, "a number of devices", devices;
}

fn decimal(text: &str) -> Option<i64> {
    text.parse().ok()
}

fn octal(text: &str) -> Option<i64> {
    i64::from_str_radix(text, 8).ok()
}

fn devices(text: &str) -> Option<i64> {
    if text.eq_ignore_ascii_case("all") { Some(-1) } else { decimal(text) }
}

fn nanoseconds(text: &str) -> Option<i64> {
    let (sign, rest) = text.strip_prefix('-').map_or((1, text), |rest| (-1, rest));
    Some(sign * i64::try_from(units::parse_duration(rest)?.as_nanos()).ok()?)
}
