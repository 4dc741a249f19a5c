//! `SOURCE_DATE_EPOCH`: the time that a reproducible build takes place at.

use crate::error::{Error, Kind, Result};
use jiff::Timestamp;

/// The time, given in seconds since 1970.
pub(super) fn timestamp(epoch: i64) -> Result<Timestamp> {
    Timestamp::from_second(epoch).map_err(|error| {
        Error::new(Kind::Unsupported, format!("SOURCE_DATE_EPOCH is {epoch}: no time that files can have"))
            .because(error)
    })
}
