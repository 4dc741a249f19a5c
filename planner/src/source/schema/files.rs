//! Configs and secrets: files whose content comes from the stack, and services' use of them.

use super::deploy::NO_CLUSTER;
use super::shapes::{LABELS, MODE, TEXT};
use super::top::EXTERNAL;
use super::{Merge, Shape, forms, key};
use crate::source::cast::Kind;
use crate::source::words;

pub(super) const SECRET: Shape = Shape::Short(
    forms::EXTERNAL,
    &Shape::Object(&[
        key("name", &TEXT).about("Real name; by default the stack's name, `_` and the key."),
        key("environment", &TEXT).about("The variable that holds the content."),
        key("file", &TEXT).about("The file that holds the content."),
        key("external", &EXTERNAL).about("Somebody else makes it; it must exist.").refused(NOBODY_KEEPS),
        key("labels", &LABELS).about("Labels.").merge(Merge::Pairs).passed_on(NO_CLUSTER),
        key("driver", &TEXT).about("The driver of a cluster that holds it.").passed_on(NO_CLUSTER),
        key("driver_opts", &Shape::Map(&Shape::One(Kind::TextOrInt)))
            .about("Options of the driver.")
            .passed_on(NO_CLUSTER),
        key("template_driver", &TEXT)
            .about("The driver of a cluster that fills in templates.")
            .passed_on(NO_CLUSTER),
    ]),
);

/// Why something that others keep cannot be had.
const NOBODY_KEEPS: &str = "nobody else keeps these on this machine: give it a `file` or an `environment`";

pub(super) const CONFIG: Shape = Shape::Short(
    forms::EXTERNAL,
    &Shape::Object(&[
        key("name", &TEXT).about("Real name; by default the stack's name, `_` and the key."),
        key("content", &TEXT).about("The content itself."),
        key("environment", &TEXT).about("The variable that holds the content."),
        key("file", &TEXT).about("The file that holds the content."),
        key("external", &EXTERNAL).about("Somebody else makes it; it must exist.").refused(NOBODY_KEEPS),
        key("labels", &LABELS).about("Labels.").merge(Merge::Pairs).passed_on(NO_CLUSTER),
        key("template_driver", &TEXT)
            .about("The driver of a cluster that fills in templates.")
            .passed_on(NO_CLUSTER),
    ]),
);

/// A build's use of secrets.
pub(super) const BUILD_SECRETS: Shape = Shape::List(&Shape::Short(
    forms::FILE_REFERENCE,
    &Shape::Object(&[
        key("source", &TEXT).about("Key of the secret."),
        key("target", &TEXT).about("Its id in the Dockerfile; by default its key."),
        key("uid", &TEXT).about("User that owns the file; by default 0.").passed_on(IN_DOCKERFILE),
        key("gid", &TEXT).about("Group that owns the file; by default 0.").passed_on(IN_DOCKERFILE),
        key("mode", &MODE)
            .about("Permissions of the file in octal; by default 0400.")
            .passed_on(IN_DOCKERFILE),
    ]),
));

const IN_DOCKERFILE: &str = "`RUN --mount=type=secret` says who may read it";

/// A service's use of configs or secrets.
pub(super) const REFERENCES: Shape = Shape::List(&Shape::Short(forms::FILE_REFERENCE, &REFERENCE));

const REFERENCE: Shape = Shape::Object(&[
    key("source", &TEXT).about("Key of the config or secret."),
    key("target", &TEXT)
        .checked(words::file_target)
        .about("Path in the container; by default its key in `/run/secrets`, for a config in `/`."),
    key("uid", &TEXT).about("User that owns the file; by default 0.").checked(words::owner),
    key("gid", &TEXT).about("Group that owns the file; by default 0.").checked(words::owner),
    key("mode", &MODE).about("Permissions of the file in octal; by default 0444.").checked(words::file_mode),
]);
