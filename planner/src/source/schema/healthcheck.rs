//! A service's `healthcheck`.

use super::shapes::{BOOL, DURATION, TEXTS};
use super::{Merge, Shape, key};
use crate::source::canonical as short;
use crate::source::cast::Kind;
use crate::source::words;

pub(super) const HEALTHCHECK: Shape = Shape::Object(&[
    key("disable", &BOOL),
    key("interval", &DURATION).checked(words::time),
    key("retries", &Shape::One(Kind::Cut(0, i64::MAX))),
    key("test", &Shape::Nullable(&Shape::Short(short::health_test, &TEXTS)))
        .merge(Merge::Replace)
        .checked_whole(short::health_fault),
    key("timeout", &DURATION).checked(words::time),
    key("start_period", &DURATION).checked(words::time),
    key("start_interval", &DURATION).checked(words::time),
]);
