//! The top level of a stack file.

use super::files::{CONFIG, SECRET};
use super::network::NETWORK;
use super::shapes::{LABELS, ONE_OR_NAMES, OPTIONS, TEXT, TEXTS};
use super::{Merge, SERVICE, Shape, key};
use crate::source::canonical as short;
use crate::source::cast::Kind;

/// The whole file.
pub(crate) const TOP: Shape = Shape::Object(&[
    key("version", &TEXT),
    key("name", &TEXT),
    key("include", &Shape::Nullable(&Shape::List(&Shape::Short(short::include, &INCLUDE)))),
    key("services", &Shape::Named(&SERVICE)),
    key("networks", &Shape::Named(&Shape::Nullable(&NETWORK))),
    key("volumes", &Shape::Named(&Shape::Nullable(&VOLUME))),
    key("secrets", &Shape::Named(&SECRET)),
    key("configs", &Shape::Named(&CONFIG)),
    key("models", &Shape::Named(&MODEL)).refused(""),
]);

const INCLUDE: Shape = Shape::Object(&[
    key("path", &ONE_OR_NAMES).required(),
    key("project_directory", &TEXT),
    key("env_file", &ONE_OR_NAMES),
]);

/// `external: true`, or the old form with a name.
pub(super) const EXTERNAL: Shape = Shape::OneOr(Kind::Bool, &Shape::Object(&[key("name", &TEXT)]));

const VOLUME: Shape = Shape::Short(
    short::external,
    &Shape::Object(&[
        key("name", &TEXT),
        key("driver", &TEXT),
        key("driver_opts", &OPTIONS).refused(""),
        key("external", &EXTERNAL),
        key("labels", &LABELS).merge(Merge::Pairs),
    ]),
);

const MODEL: Shape = Shape::Object(&[
    key("name", &TEXT),
    key("model", &TEXT).required(),
    key("context_size", &Shape::One(Kind::PlainInt(i64::MIN, i64::MAX))),
    key("runtime_flags", &TEXTS),
]);
