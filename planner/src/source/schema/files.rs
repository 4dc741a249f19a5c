//! Configs and secrets: files whose content comes from the stack, and services' use of them.

use super::shapes::{LABELS, MODE, TEXT};
use super::top::EXTERNAL;
use super::{Merge, Shape, forms, key};
use crate::source::cast::Kind;

pub(super) const SECRET: Shape = Shape::Short(
    forms::EXTERNAL,
    &Shape::Object(&[
        key("name", &TEXT).about("Real name; by default the stack's name, `_` and the key."),
        key("environment", &TEXT).about("The variable that holds the content."),
        key("file", &TEXT).about("The file that holds the content."),
        key("external", &EXTERNAL).about("Somebody else makes it; it must exist."),
        key("labels", &LABELS).about("Labels.").merge(Merge::Pairs),
        key("driver", &TEXT).about("The driver of a cluster that holds it."),
        key("driver_opts", &Shape::Map(&Shape::One(Kind::TextOrInt))).about("Options of the driver."),
        key("template_driver", &TEXT).about("The driver of a cluster that fills in templates."),
    ]),
);

pub(super) const CONFIG: Shape = Shape::Short(
    forms::EXTERNAL,
    &Shape::Object(&[
        key("name", &TEXT).about("Real name; by default the stack's name, `_` and the key."),
        key("content", &TEXT).about("The content itself."),
        key("environment", &TEXT).about("The variable that holds the content."),
        key("file", &TEXT).about("The file that holds the content."),
        key("external", &EXTERNAL).about("Somebody else makes it; it must exist."),
        key("labels", &LABELS).about("Labels.").merge(Merge::Pairs),
        key("template_driver", &TEXT).about("The driver of a cluster that fills in templates."),
    ]),
);

/// A service's or a build's use of configs or secrets.
pub(super) const REFERENCES: Shape = Shape::List(&Shape::Short(forms::FILE_REFERENCE, &REFERENCE));

const REFERENCE: Shape = Shape::Object(&[
    key("source", &TEXT).about("Key of the config or secret."),
    key("target", &TEXT)
        .about("Path in the container; by default its key in `/run/secrets`, for a config in `/`."),
    key("uid", &TEXT).about("User that owns the file; by default 0."),
    key("gid", &TEXT).about("Group that owns the file; by default 0."),
    key("mode", &MODE).about("Permissions of the file in octal; by default 0444."),
]);
