//! What a service says below `x-sampan`: what only sampan does.

use super::Extensions;
use super::units::parse_bytes;
use serde::{Deserialize, Serialize};

/// The value of `x-sampan` of a service.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Sampan {
    /// What becomes of it when its variables, or what its configs and secrets hold, change: `recreate`,
    /// `restart`; empty is `recreate`.
    pub on_change: String,
    /// What happens before memory runs out.
    pub memory: Option<MemoryNotice>,
    /// Whose files of the host are whose in it: `container:host[:count]`.
    pub idmap: Vec<String>,
    /// Its `x-…` keys.
    pub extensions: Extensions,
}

/// When a container is told that its memory runs short.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct MemoryNotice {
    /// So much is in use then: part of the limit (`80%`) or bytes (`50m`); empty is `80%`.
    pub high: String,
    /// How it is told; without, only its log says so.
    pub on_pressure: Option<OnPressure>,
    /// Its `x-…` keys.
    pub extensions: Extensions,
}

/// What is done then: one of both.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct OnPressure {
    /// A command that runs in the container.
    pub exec: Option<Vec<String>>,
    /// A signal for the container's process; empty is none.
    pub signal: String,
    /// Its `x-…` keys.
    pub extensions: Extensions,
}

/// An amount of memory as a part of a limit, or in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Share {
    /// Hundredths of the limit, 1 to 99.
    Percent(u64),
    /// Bytes.
    Bytes(u64),
}

impl Share {
    /// Of the limit, when nothing is said.
    pub const USUAL: Share = Share::Percent(80);

    /// `80%`, `50m`.
    pub fn parse(text: &str) -> Option<Self> {
        match text.trim().strip_suffix('%') {
            Some(percent) => percent
                .trim_end()
                .parse()
                .ok()
                .filter(|percent| (1..=99).contains(percent))
                .map(Self::Percent),
            None => parse_bytes(text).filter(|bytes| *bytes > 0).map(Self::Bytes),
        }
    }

    /// Bytes; `None` is a part of nothing.
    pub fn of(self, limit: Option<u64>) -> Option<u64> {
        match self {
            Self::Bytes(bytes) => Some(bytes),
            Self::Percent(percent) => limit.map(|limit| limit / 100 * percent + limit % 100 * percent / 100),
        }
    }
}

impl MemoryNotice {
    /// How much is in use then; `None` when what is said means nothing.
    pub fn share(&self) -> Option<Share> {
        if self.high.is_empty() { Some(Share::USUAL) } else { Share::parse(&self.high) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_is_a_part_of_the_limit_or_bytes() {
        assert_eq!(Share::parse("80%").and_then(|share| share.of(Some(10 << 20))), Some(8_388_608));
        assert_eq!(Share::parse(" 1 %").and_then(|share| share.of(Some(199))), Some(1));
        assert_eq!(
            Share::parse("99%").and_then(|share| share.of(Some(u64::MAX))),
            Some(u64::MAX / 100 * 99 + 14)
        );
        assert_eq!(Share::parse("50m").and_then(|share| share.of(None)), Some(50 << 20));
        assert_eq!(Share::parse("80%").and_then(|share| share.of(None)), None);
        for wrong in ["0%", "100%", "101%", "-1%", "1.5%", "%", "0", "", "much"] {
            assert_eq!(Share::parse(wrong), None, "{wrong}");
        }
    }
}
