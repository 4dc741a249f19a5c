//! Which of the things that nobody uses are to be removed.

use jiff::Timestamp;
use std::collections::BTreeMap;

/// What must be true of something to be removed. The default is true of everything.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filter {
    /// It was made before this.
    pub until: Option<Timestamp>,
    /// All of these are true of its labels.
    pub labels: Vec<LabelFilter>,
}

/// What must be true of labels.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LabelFilter {
    /// Name of a label.
    pub name: String,
    /// The value that it has; `None` is any.
    pub value: Option<String>,
    /// There is no such label.
    pub absent: bool,
}

impl Filter {
    /// Whether it is true of something with these labels. What does not say when it was made is
    /// no older than anything.
    pub fn fits(&self, created: Option<Timestamp>, labels: &BTreeMap<String, String>) -> bool {
        let is_old = self.until.is_none_or(|until| created.is_some_and(|created| created < until));
        is_old && self.labels.iter().all(|filter| filter.fits(labels))
    }
}

impl LabelFilter {
    fn fits(&self, labels: &BTreeMap<String, String>) -> bool {
        let value = labels.get(&self.name);
        let is_there = value.is_some_and(|value| self.value.as_ref().is_none_or(|wanted| wanted == value));
        is_there != self.absent
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn age_and_labels_must_all_fit() {
        let labels = BTreeMap::from([("a".to_owned(), "1".to_owned())]);
        let at = |second| Timestamp::from_second(second).unwrap();
        let label = |name: &str, value: Option<&str>, absent| LabelFilter {
            name: name.to_owned(),
            value: value.map(str::to_owned),
            absent,
        };
        let cases = [
            (None, vec![], true),
            (Some(at(11)), vec![], true),
            (Some(at(10)), vec![], false),
            (None, vec![label("a", None, false)], true),
            (None, vec![label("a", Some("1"), false)], true),
            (None, vec![label("a", Some("2"), false)], false),
            (None, vec![label("b", None, true), label("a", Some("2"), true)], true),
            (None, vec![label("a", None, true)], false),
            (Some(at(9)), vec![label("a", None, false)], false),
        ];
        for (until, filters, expected) in cases {
            let filter = Filter { until, labels: filters };
            assert_eq!(filter.fits(Some(at(10)), &labels), expected, "{filter:?}");
        }
        let filter = Filter { until: Some(at(11)), labels: Vec::new() };
        assert!(!filter.fits(None, &labels));
    }
}
