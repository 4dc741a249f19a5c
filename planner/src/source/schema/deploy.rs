//! A service's `deploy`.

use super::shapes::{CORES, COUNT, CUT, DURATION, INT, LABELS, NAMES, TEXT, TEXT_BYTES, TEXTS};
use super::{Merge, Shape, key};
use crate::source::canonical as short;
use crate::source::cast::Kind;
use crate::source::words;

const NO_SWARM: &str = "it only means something to a cluster";

pub(super) const DEPLOY: Shape = Shape::Object(&[
    key("mode", &TEXT).checked(words::deploy_mode),
    key("endpoint_mode", &TEXT).passed_on(NO_SWARM),
    key("replicas", &Shape::One(Kind::Int(0, i64::MAX))).checked(words::replicas),
    key("labels", &LABELS).merge(Merge::Pairs).passed_on(NO_SWARM),
    key("rollback_config", &UPDATE).passed_on("a replacement that fails is left for the next `up`"),
    key("update_config", &UPDATE).passed_on("all replicas are replaced at once"),
    key("resources", &RESOURCES),
    key("restart_policy", &RESTART_POLICY).refused("write `restart` beside `deploy`"),
    key("placement", &PLACEMENT).passed_on(NO_SWARM),
]);

const UPDATE: Shape = Shape::Object(&[
    key("parallelism", &COUNT),
    key("delay", &DURATION),
    key("failure_action", &TEXT),
    key("monitor", &DURATION),
    key("max_failure_ratio", &Shape::One(Kind::Number(f64::MIN, f64::MAX))),
    key("order", &Shape::One(Kind::Word(&["start-first", "stop-first"]))),
]);

const NOT_RESERVED: &str = "reservations are not enforced yet";

const RESOURCES: Shape = Shape::Object(&[
    key(
        "limits",
        &Shape::Object(&[
            key("cpus", &CORES).checked(words::cores),
            key("memory", &TEXT_BYTES).checked(words::size),
            key("pids", &INT).checked(words::limit),
        ]),
    ),
    key(
        "reservations",
        &Shape::Object(&[
            key("cpus", &CORES).passed_on(NOT_RESERVED),
            key("memory", &TEXT_BYTES).passed_on(NOT_RESERVED),
            key("generic_resources", &Shape::List(&GENERIC)).passed_on(NO_SWARM),
            key("devices", &Shape::List(&DEVICE_REQUEST)).refused(""),
        ]),
    ),
]);

const GENERIC: Shape = Shape::Object(&[key(
    "discrete_resource_spec",
    &Shape::Object(&[key("kind", &TEXT), key("value", &CUT)]),
)]);

/// A request for devices by what they can do.
pub(super) const DEVICE_REQUEST: Shape = Shape::Object(&[
    key("capabilities", &NAMES).required(),
    key("count", &Shape::One(Kind::Count)),
    key("device_ids", &NAMES),
    key("driver", &TEXT),
    key("options", &LABELS).merge(Merge::Pairs),
]);

/// As [`DEVICE_REQUEST`], but what is asked for is known to be a GPU.
pub(super) const GPUS: Shape = Shape::Short(short::gpus, &Shape::List(&GPU));

const GPU: Shape = Shape::Object(&[
    key("capabilities", &NAMES),
    key("count", &Shape::One(Kind::Count)),
    key("device_ids", &NAMES),
    key("driver", &TEXT),
    key("options", &LABELS).merge(Merge::Pairs),
]);

const RESTART_POLICY: Shape = Shape::Object(&[
    key("condition", &TEXT),
    key("delay", &DURATION),
    key("max_attempts", &COUNT),
    key("window", &DURATION),
]);

const PLACEMENT: Shape = Shape::Object(&[
    key("constraints", &TEXTS),
    key("preferences", &Shape::List(&Shape::Object(&[key("spread", &TEXT)]))),
    key("max_replicas_per_node", &COUNT),
]);
