//! A service's `build`.

use super::files::REFERENCES;
use super::shapes::{BOOL, HOSTS, LABELS, TEXT, TEXTS, VARIABLES, WHOLE_BYTES};
use super::{Merge, Shape, key};
use crate::source::canonical as short;
use crate::source::cast::Kind;
use crate::source::merge::identity;

/// A truth value, or options as text.
const FLAGS: Shape = Shape::Short(short::truth_as_text, &TEXT);

pub(super) const BUILD: Shape = Shape::Short(
    short::build,
    &Shape::Object(&[
        key("context", &TEXT),
        key("dockerfile", &TEXT),
        key("dockerfile_inline", &TEXT),
        key("entitlements", &TEXTS),
        key("args", &VARIABLES).merge(Merge::Pairs),
        key("ssh", &Shape::Short(short::ssh, &Shape::Map(&Shape::Nullable(&TEXT)))),
        key("labels", &LABELS).merge(Merge::Pairs),
        key("cache_from", &TEXTS),
        key("cache_to", &TEXTS),
        key("no_cache", &BOOL),
        key("no_cache_filter", &Shape::Short(short::list_of_one, &TEXTS)),
        key("additional_contexts", &Shape::Short(short::complete_pairs, &Shape::Map(&TEXT)))
            .merge(Merge::Pairs),
        key("network", &TEXT),
        key("provenance", &FLAGS),
        key("sbom", &FLAGS),
        key("pull", &BOOL),
        key("target", &TEXT),
        key("shm_size", &WHOLE_BYTES),
        key("extra_hosts", &HOSTS).merge(Merge::Unique(identity::text)),
        key("isolation", &TEXT),
        key("privileged", &BOOL),
        key("secrets", &REFERENCES),
        key("tags", &TEXTS).merge(Merge::Unique(identity::name)),
        key("ulimits", &ULIMITS),
        key("platforms", &TEXTS),
    ]),
);

/// As for a service, but never as text.
const ULIMITS: Shape = Shape::Map(&Shape::OneOr(
    Kind::PlainInt(i64::MIN, i64::MAX),
    &Shape::Object(&[key("hard", &PLAIN_INT).required(), key("soft", &PLAIN_INT).required()]),
));

const PLAIN_INT: Shape = Shape::One(Kind::PlainInt(i64::MIN, i64::MAX));
