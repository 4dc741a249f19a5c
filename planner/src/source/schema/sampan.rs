//! A service's `x-sampan`: what only sampan does.

use super::shapes::{COMMAND, LOOSE, TEXTS};
use super::{Merge, Shape, key, like};
use crate::source::cast::Kind;
use crate::source::{owners, pressure};

pub(super) const SAMPAN: Shape = Shape::Object(&[
    key("memory", &MEMORY).about("What happens before its memory runs out.").checked_whole(pressure::notice),
    key("idmap", &TEXTS)
        .about("Users and groups in it that are others on the host, for files that it binds: `container:host[:count]`, for example `0:1000`. Files of anybody else belong to nobody there.")
        .merge(Merge::Replace)
        .checked_whole(owners::ranges),
    key("on_change", &Shape::One(Kind::Word(&["recreate", "restart"]))).about(
        "What becomes of it when its variables, or what its configs and secrets hold, change; by default `recreate`.",
    ),
]);

const MEMORY: Shape = Shape::Object(&[
    key("high", &LOOSE).about(
        "So much of its memory is in use when it is told: part of its limit, or bytes; by default 80%.",
    ),
    key("on_pressure", &ON_PRESSURE).about("How it is told; without, its log says so."),
]);

const ON_PRESSURE: Shape = Shape::Object(&[
    key("exec", &COMMAND).about("A command that runs in it, as a list or a line.").merge(Merge::Replace),
    key("signal", &like::SIGNAL).about("A signal for its process."),
]);
