//! Entries of a service's `volumes`.

use super::shapes::{BOOL, LABELS, TEXT};
use super::{Merge, Shape, key, like};
use crate::source::cast::Kind;
use crate::source::words;

pub(super) const MOUNT: Shape = Shape::Object(&[
    key("type", &Shape::One(Kind::Word(&["bind", "volume", "tmpfs", "cluster", "npipe", "image"])))
        .about("What is mounted: a volume, a path of the host, memory, or the files of an image.")
        .required()
        .checked(words::mount_type),
    key("source", &TEXT)
        .about("Path of the host, key of a volume, or an image; a volume without one is anonymous."),
    key("target", &like::ABSOLUTE_PATH)
        .about("Absolute path in the container.")
        .required()
        .checked(words::mount_target),
    key("read_only", &BOOL).about("The container cannot write there; by default false."),
    key("consistency", &TEXT)
        .about("How soon changes are seen on the other side.")
        .passed_on("on Linux there is nothing to choose"),
    key("bind", &BIND).about("Options for a path of the host."),
    key("volume", &VOLUME).about("Options for a volume."),
    key("tmpfs", &TMPFS).about("Options for memory."),
    key(
        "image",
        &Shape::Object(&[key("subpath", &TEXT)
            .about("File or folder of the image that is mounted; by default all of it.")
            .checked(words::subpath)]),
    )
    .about("Options for the files of an image."),
]);

const BIND: Shape = Shape::Object(&[
    key("propagation", &like::PROPAGATION)
        .about("Which later mounts are seen on the other side; by default `rprivate`.")
        .checked(words::propagation),
    key("create_host_path", &BOOL).about("Makes the folder when it is missing."),
    key("recursive", &Shape::One(Kind::Word(&["enabled", "disabled", "writable", "readonly"])))
        .about("Whether mounts below it come along; by default they do, as read-only as it."),
    key("selinux", &Shape::One(Kind::Word(&["z", "Z"])))
        .about("SELinux label: `z` is shared, `Z` is private.")
        .passed_on("files keep their SELinux label"),
]);

const VOLUME: Shape = Shape::Object(&[
    key("labels", &LABELS).about("Labels of an anonymous volume.").merge(Merge::Pairs),
    key("nocopy", &BOOL).about("Does not fill a new volume with what the image has there; by default false."),
    key("subpath", &TEXT)
        .about("File or folder of the volume that is mounted; it must be there. By default all of it.")
        .checked(words::subpath),
]);

const TMPFS: Shape = Shape::Object(&[
    key("size", &Shape::One(Kind::WholeBytes(0)))
        .about("Size in bytes or with a unit; by default half of the host's memory."),
    key("mode", &Shape::One(Kind::LateCut(0, u32::MAX as i64)))
        .about("Permission bits; by default 1777 in octal.")
        .checked(words::file_mode),
]);
