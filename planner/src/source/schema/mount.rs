//! Entries of a service's `volumes`.

use super::shapes::{BOOL, LABELS, TEXT};
use super::{Merge, Shape, key};
use crate::source::cast::Kind;
use crate::source::words;

pub(super) const MOUNT: Shape = Shape::Object(&[
    key("type", &Shape::One(Kind::Word(&["bind", "volume", "tmpfs", "cluster", "npipe", "image"])))
        .required()
        .checked(words::mount_type),
    key("source", &TEXT),
    key("target", &TEXT).required().checked(words::mount_target),
    key("read_only", &BOOL),
    key("consistency", &TEXT),
    key("bind", &BIND),
    key("volume", &VOLUME),
    key("tmpfs", &TMPFS),
    key("image", &Shape::Object(&[key("subpath", &TEXT)])).refused(""),
]);

const BIND: Shape = Shape::Object(&[
    key("propagation", &TEXT).checked(words::propagation),
    key("create_host_path", &BOOL),
    key("recursive", &Shape::One(Kind::Word(&["enabled", "disabled", "writable", "readonly"]))).refused(""),
    key("selinux", &Shape::One(Kind::Word(&["z", "Z"]))).passed_on("files keep their SELinux label"),
]);

const VOLUME: Shape = Shape::Object(&[
    key("labels", &LABELS).merge(Merge::Pairs).refused(""),
    key("nocopy", &BOOL),
    key("subpath", &TEXT).refused(""),
]);

const TMPFS: Shape = Shape::Object(&[
    key("size", &Shape::One(Kind::WholeBytes(0))),
    key("mode", &Shape::One(Kind::PlainCut(0, u32::MAX as i64))).checked(words::file_mode),
]);
