//! Configs and secrets: files whose content comes from the stack, and services' use of them.

use super::shapes::{LABELS, MODE, TEXT};
use super::top::EXTERNAL;
use super::{Merge, Shape, key};
use crate::source::canonical as short;
use crate::source::cast::Kind;

pub(super) const SECRET: Shape = Shape::Short(
    short::external,
    &Shape::Object(&[
        key("name", &TEXT),
        key("environment", &TEXT),
        key("file", &TEXT),
        key("external", &EXTERNAL),
        key("labels", &LABELS).merge(Merge::Pairs),
        key("driver", &TEXT),
        key("driver_opts", &Shape::Map(&Shape::One(Kind::TextOrInt))),
        key("template_driver", &TEXT),
    ]),
);

pub(super) const CONFIG: Shape = Shape::Short(
    short::external,
    &Shape::Object(&[
        key("name", &TEXT),
        key("content", &TEXT),
        key("environment", &TEXT),
        key("file", &TEXT),
        key("external", &EXTERNAL),
        key("labels", &LABELS).merge(Merge::Pairs),
        key("template_driver", &TEXT),
    ]),
);

/// A service's or a build's use of configs or secrets.
pub(super) const REFERENCES: Shape = Shape::List(&Shape::Short(short::file_reference, &REFERENCE));

const REFERENCE: Shape = Shape::Object(&[
    key("source", &TEXT),
    key("target", &TEXT),
    key("uid", &TEXT),
    key("gid", &TEXT),
    key("mode", &MODE),
]);
