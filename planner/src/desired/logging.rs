//! What becomes of the output of a container.

use crate::model::{Logging, units};
use serde::{Deserialize, Serialize};

/// What becomes of the output of a container. The log files are the same whether the driver is called
/// `json-file` or `local`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct LogSpec {
    /// It is kept nowhere.
    pub none: bool,
    /// Bytes after which a new file begins; `None` is 10 MiB, `u64::MAX` never.
    pub max_size: Option<u64>,
    /// How many files there are at most; `None` is 3.
    pub max_files: Option<u32>,
}

impl LogSpec {
    /// What the file asks for. Options that cannot be understood have been refused.
    pub(super) fn of(logging: Option<&Logging>) -> Self {
        let Some(logging) = logging else { return Self::default() };
        let option = |name: &str| logging.options.get(name).map(String::as_str);
        Self {
            none: logging.driver == "none",
            max_size: option("max-size").and_then(max_size),
            max_files: option("max-file").and_then(max_files),
        }
    }
}

/// `10m`, or `-1` for no limit.
pub(crate) fn max_size(text: &str) -> Option<u64> {
    if text.trim() == "-1" {
        return Some(u64::MAX);
    }
    units::parse_bytes(text).filter(|bytes| *bytes > 0)
}

/// More would only make each rotation slow.
const MOST_FILES: u32 = 1000;

/// A number of files from 1 on.
pub(crate) fn max_files(text: &str) -> Option<u32> {
    text.trim().parse().ok().filter(|files| (1..=MOST_FILES).contains(files))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_are_sizes_and_numbers_and_without_any_nothing_is_said() {
        let logging = |driver: &str, options: &[(&str, &str)]| {
            let pair = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
            let options = options.iter().map(pair).collect();
            LogSpec::of(Some(&Logging { driver: driver.into(), options, ..Logging::default() }))
        };
        assert_eq!(logging("json-file", &[]), LogSpec::default());
        let small = LogSpec { none: false, max_size: Some(64 << 10), max_files: Some(5) };
        assert_eq!(logging("local", &[("max-size", "64k"), ("max-file", "5")]), small);
        assert_eq!(logging("", &[("max-size", "-1")]).max_size, Some(u64::MAX));
        assert!(logging("none", &[]).none);
        assert_eq!((max_size("0"), max_size("x"), max_files("0")), (None, None, None));
    }
}
