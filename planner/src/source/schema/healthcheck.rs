//! A service's `healthcheck`.

use super::shapes::{BOOL, DURATION, TEXTS};
use super::{Merge, Shape, forms, key};
use crate::source::canonical as short;
use crate::source::cast::Kind;
use crate::source::words;

pub(super) const HEALTHCHECK: Shape = Shape::Object(&[
    key("disable", &BOOL).about("No check, even if the image has one; by default false."),
    key("interval", &DURATION).about("Time between two probes; by default 30s.").checked(words::time),
    key("retries", &Shape::One(Kind::Cut(0, i64::MAX)))
        .about("Failures in a row that make it unhealthy; by default 3."),
    key("test", &Shape::Nullable(&Shape::Short(forms::HEALTH_TEST, &TEXTS)))
        .about("What to run: a line for the shell, or a list that begins with CMD, CMD-SHELL or NONE.")
        .merge(Merge::Replace)
        .checked_whole(short::health_fault),
    key("timeout", &DURATION).about("Time that one probe may take; by default 30s.").checked(words::time),
    key("start_period", &DURATION)
        .about("Time after the start in which failures do not count; by default none.")
        .checked(words::time),
    key("start_interval", &DURATION)
        .about("Time between two probes in the start period; by default 5s.")
        .checked(words::time),
]);
