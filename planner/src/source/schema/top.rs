//! The top level of a stack file.

use super::files::{CONFIG, SECRET};
use super::network::NETWORK;
use super::shapes::{LABELS, ONE_OR_NAMES, OPTIONS, TEXT, TEXTS};
use super::{Merge, SERVICE, Shape, forms, key};
use crate::source::cast::Kind;
use crate::source::{mounts, words};

/// The whole file.
pub(crate) const TOP: Shape = Shape::Object(&[
    key("version", &TEXT).about("Obsolete and without effect.").passed_on("it is obsolete"),
    key("name", &TEXT).about(
        "Name of the stack: lower-case letters, digits, `-` and `_`; by default the name of the folder.",
    ),
    key("include", &Shape::Nullable(&Shape::List(&Shape::Short(forms::INCLUDE, &INCLUDE)))).about(
        "Other stacks whose files are loaded, each with its own folder and variables, and added to this one.",
    ),
    key("services", &Shape::Named(&SERVICE))
        .about("The services by name; each becomes one or more alike containers."),
    key("networks", &Shape::Map(&Shape::Nullable(&NETWORK)))
        .about("Networks that services are on, by key; `default` is made when a service names none."),
    key("volumes", &Shape::Named(&Shape::Nullable(&VOLUME)))
        .about("Volumes that services mount, by key; their data outlive containers."),
    key("secrets", &Shape::Named(&SECRET)).about("Files with confidential content, by key."),
    key("configs", &Shape::Named(&CONFIG)).about("Files with configuration, by key."),
    key("models", &Shape::Named(&MODEL))
        .about("AI models that services use, by key.")
        .refused("sampan runs no models: run one in a service"),
]);

const INCLUDE: Shape = Shape::Object(&[
    key("path", &ONE_OR_NAMES)
        .about("Stack file to load, or several that are merged in this order.")
        .required(),
    key("project_directory", &TEXT)
        .about("Folder that relative paths in these files start from; by default that of the first file."),
    key("env_file", &ONE_OR_NAMES)
        .about("Files of variables for these files; by default `.env` in their folder."),
]);

/// `external: true`, or the old form with a name.
pub(super) const EXTERNAL: Shape = Shape::OneOr(
    Kind::Bool,
    &Shape::Object(&[key("name", &TEXT).about("Real name of what somebody else made (old form).")]),
);

const VOLUME: Shape = Shape::Short(
    forms::EXTERNAL,
    &Shape::Object(&[
        key("name", &TEXT)
            .about("Real name of the volume; by default the stack's name, `_` and the key.")
            .checked(words::real_name),
        key("driver", &TEXT)
            .about("What holds the data; by default `local`, a folder of this host.")
            .checked(words::volume_driver),
        key("driver_opts", &OPTIONS)
            .about("What is mounted as it: `type`, `device` and `o`, as for mount(8); by default a folder.")
            .checked_whole(mounts::driver_opts),
        key("external", &EXTERNAL).about("Somebody else makes and removes it; it must exist."),
        key("labels", &LABELS).about("Labels of the volume.").merge(Merge::Pairs),
    ]),
);

const MODEL: Shape = Shape::Object(&[
    key("name", &TEXT).about("Name of the model; by default the key."),
    key("model", &TEXT).about("OCI reference of the model.").required(),
    key("context_size", &Shape::One(Kind::PlainInt(i64::MIN, i64::MAX)))
        .about("Size of the context in tokens; by default the model's."),
    key("runtime_flags", &TEXTS).about("Flags for the program that runs the model."),
]);
