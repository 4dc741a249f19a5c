//! Names and keys that are written as lists of pairs.

use super::Plain;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// `extra_hosts`: the addresses of each name, printed as a sorted list of `name=address`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "Pairs")]
pub struct Hosts(pub BTreeMap<String, Vec<String>>);

/// `build.ssh`: the key file or socket of each id, empty for the agent of the user.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "Pairs")]
pub struct SshKeys(pub BTreeMap<String, String>);

/// Pairs as a list of texts or as a mapping.
#[derive(Deserialize)]
#[serde(untagged)]
enum Pairs {
    Listed(Vec<String>),
    Mapped(BTreeMap<String, Side>),
    Nothing(()),
}

/// The right side of a pair.
#[derive(Deserialize)]
#[serde(untagged)]
enum Side {
    One(String),
    Several(Vec<String>),
    Nothing(()),
}

impl Pairs {
    /// All pairs in order; what separates them in a text is one of these characters.
    fn pairs(self, separators: &[char]) -> Vec<(String, String)> {
        let split = |text: String| match text.split_once(separators) {
            Some((left, right)) => (left.to_owned(), right.to_owned()),
            None => (text, String::new()),
        };
        match self {
            Self::Listed(texts) => texts.into_iter().map(split).collect(),
            Self::Mapped(map) => {
                let sides = |(left, side): (String, Side)| match side {
                    Side::One(right) => vec![(left, right)],
                    Side::Several(all) => all.into_iter().map(|right| (left.clone(), right)).collect(),
                    Side::Nothing(()) => vec![(left, String::new())],
                };
                map.into_iter().flat_map(sides).collect()
            }
            Self::Nothing(()) => Vec::new(),
        }
    }
}

impl From<Pairs> for Hosts {
    fn from(pairs: Pairs) -> Self {
        let mut hosts: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for (name, address) in pairs.pairs(&['=', ':']) {
            hosts.entry(name).or_default().push(address);
        }
        Self(hosts)
    }
}

impl From<Pairs> for SshKeys {
    fn from(pairs: Pairs) -> Self {
        Self(pairs.pairs(&['=']).into_iter().collect())
    }
}

/// Sorted texts of all pairs; of a pair without a right side only the left one.
pub(super) fn join(pairs: Plain, separator: &str) -> Plain {
    let Plain::Map(pairs) = pairs else { return pairs };
    let text = |left: &str, right: Plain| match right {
        Plain::Text(right) if !right.is_empty() => format!("{left}{separator}{right}"),
        _ => left.to_owned(),
    };
    let mut texts: Vec<String> = Vec::new();
    for (left, right) in pairs {
        match right {
            Plain::List(all) => texts.extend(all.into_iter().map(|one| text(&left, one))),
            one => texts.push(text(&left, one)),
        }
    }
    texts.sort();
    Plain::List(texts.into_iter().map(Plain::Text).collect())
}
