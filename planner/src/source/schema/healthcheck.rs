//! A service's `healthcheck`.

use super::shapes::{BOOL, DURATION, TEXTS};
use super::{Merge, Shape, key};
use crate::source::canonical as short;
use crate::source::cast::Kind;

pub(super) const HEALTHCHECK: Shape = Shape::Object(&[
    key("disable", &BOOL),
    key("interval", &DURATION),
    key("retries", &Shape::One(Kind::Int(0, i64::MAX))),
    key("test", &Shape::Nullable(&Shape::Short(short::health_test, &TEXTS)))
        .merge(Merge::Replace)
        .checked_whole(short::health_fault),
    key("timeout", &DURATION),
    key("start_period", &DURATION),
    key("start_interval", &DURATION),
]);
