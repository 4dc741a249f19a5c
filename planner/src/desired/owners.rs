//! Whose files of the host are whose in a container.

use crate::model::Sampan;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::ops::Range;

/// Users and groups of a container that are others on the host.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OwnerRange {
    /// The first in the container.
    pub inside: u32,
    /// The first on the host.
    pub host: u32,
    /// How many there are.
    pub count: u32,
}

impl OwnerRange {
    /// Reads `inside:host` or `inside:host:count`.
    pub fn parse(text: &str) -> Option<Self> {
        let mut numbers = text.trim().split(':').map(|part| part.parse::<u32>().ok());
        let (inside, host) = (numbers.next()??, numbers.next()??);
        let count = match numbers.next() {
            None => 1,
            Some(count) => count.filter(|count| *count > 0)?,
        };
        // The last number of all means nobody.
        let fits = |first: u32| first.checked_add(count).is_some();
        (numbers.next().is_none() && fits(inside) && fits(host)).then_some(Self { inside, host, count })
    }

    /// What a service says of them.
    pub(super) fn of(sampan: &Sampan) -> Vec<Self> {
        sampan.idmap.iter().filter_map(|text| Self::parse(text)).collect()
    }

    /// Whether some user is in both, on either side.
    pub fn overlaps(&self, other: &Self) -> bool {
        let meet = |one: Range<u32>, other: Range<u32>| one.start < other.end && other.start < one.end;
        meet(self.inside..self.inside + self.count, other.inside..other.inside + other.count)
            || meet(self.host..self.host + self.count, other.host..other.host + other.count)
    }
}

impl fmt::Display for OwnerRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.inside, self.host)?;
        if self.count > 1 { write!(f, ":{}", self.count) } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_read_and_shown_again() {
        for text in ["0:1000", "0:100000:65536"] {
            assert_eq!(OwnerRange::parse(text).unwrap().to_string(), text);
        }
        for wrong in ["", "0", "0:", "a:1", "-1:0", "0:1:0", "0:1:2:3", "0:4294967295", "4294967290:0:9"] {
            assert_eq!(OwnerRange::parse(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn nobody_is_two_on_either_side() {
        let overlap =
            |one, other| OwnerRange::parse(one).unwrap().overlaps(&OwnerRange::parse(other).unwrap());
        assert!(overlap("0:1000", "0:1001") && overlap("0:1000", "5:1000"));
        assert!(overlap("0:1000:10", "9:2000") && overlap("0:1000:10", "10:1009"));
        assert!(!overlap("0:1000:10", "10:1010"));
    }
}
