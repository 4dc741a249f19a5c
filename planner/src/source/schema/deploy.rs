//! A service's `deploy`.

use super::shapes::{CORES, COUNT, CUT, DURATION, INT, LABELS, NAMES, TEXT, TEXT_BYTES, TEXTS};
use super::{Key, Merge, Shape, forms, key, like};
use crate::source::cast::Kind;
use crate::source::{kernel, rollout, words};

/// Why what is for a cluster has no effect.
pub(super) const NO_CLUSTER: &str = "it only means something to a cluster";

pub(super) const DEPLOY: Shape = Shape::Object(&[
    key("mode", &like::DEPLOY_MODE)
        .about("How containers are counted; by default `replicated`, a given number.")
        .checked(words::deploy_mode),
    key("endpoint_mode", &like::ENDPOINT_MODE)
        .about("How a cluster spreads connections: `vip` or `dnsrr`.")
        .passed_on(NO_CLUSTER),
    key("replicas", &Shape::One(Kind::Int(0, i64::MAX)))
        .about("Number of containers; by default 1.")
        .checked(words::replicas),
    key("labels", &LABELS)
        .about("Labels of the service as a cluster sees it, not of its containers.")
        .merge(Merge::Pairs)
        .passed_on(NO_CLUSTER),
    key("rollback_config", &ROLLBACK)
        .about("How older containers come back after an update that failed; by default as newer ones come."),
    key("update_config", &UPDATE)
        .about("How containers are replaced by newer ones; by default all at once, unwatched."),
    key("resources", &RESOURCES).about("What its containers may use, and what is kept for them."),
    key("restart_policy", &RESTART_POLICY)
        .about("What happens when a container ends by itself; it wins over `restart`."),
    key("placement", &PLACEMENT)
        .about("On which machines of a cluster containers run.")
        .passed_on(NO_CLUSTER),
]);

const UPDATE: Shape = Shape::Object(&[
    PARALLELISM,
    DELAY,
    key("failure_action", &like::FAILURE_ACTION)
        .about("What follows a failure: `pause` (by default), `continue` or `rollback`.")
        .checked(rollout::update_action),
    MONITOR,
    MAX_FAILURE_RATIO,
    ORDER,
]);

const ROLLBACK: Shape = Shape::Object(&[
    PARALLELISM,
    DELAY,
    key("failure_action", &like::FAILURE_ACTION)
        .about("What follows a failure: `pause` (by default) or `continue`.")
        .checked(rollout::rollback_action),
    MONITOR,
    MAX_FAILURE_RATIO,
    ORDER,
]);

const PARALLELISM: Key = key("parallelism", &COUNT)
    .about("Number of containers that are replaced at once; by default 1, 0 is all.");

const DELAY: Key = key("delay", &DURATION).about("Time between two groups.").checked(words::time);

const MONITOR: Key = key("monitor", &DURATION)
    .about("Time for which a new container without a health check is watched for failure; by default 5s.")
    .checked(words::time);

const MAX_FAILURE_RATIO: Key = key("max_failure_ratio", &Shape::One(Kind::Number(f64::MIN, f64::MAX)))
    .about("Part of containers that may fail, from 0 to 1; by default none.")
    .checked(rollout::ratio);

const ORDER: Key = key("order", &Shape::One(Kind::Word(&["start-first", "stop-first"])))
    .about("Whether the new container starts first or the old one stops first; by default `stop-first`.");

const RESOURCES: Shape = Shape::Object(&[
    key(
        "limits",
        &Shape::Object(&[
            key("cpus", &CORES).about("CPU time in cores, for example 0.5.").checked(words::cores),
            key("memory", &TEXT_BYTES).about("Memory with a unit, for example `64m`.").checked(words::size),
            key("pids", &INT)
                .about("Number of processes and threads; -1 is unlimited.")
                .checked(words::limit),
        ]),
    )
    .about("The most that each container may use."),
    key(
        "reservations",
        &Shape::Object(&[
            key("cpus", &CORES).about("CPU time in cores, for example 0.5.").passed_on(NO_CLUSTER),
            key("memory", &TEXT_BYTES)
                .about("Memory that it keeps when the host runs short, with a unit: `64m`.")
                .checked(words::size),
            key("generic_resources", &Shape::List(&GENERIC))
                .about("Things of a cluster's machines that can be counted.")
                .passed_on(NO_CLUSTER),
            key("devices", &Shape::List(&DEVICE_REQUEST))
                .about("Devices that are asked for by what they can do.")
                .checked_whole(kernel::device_requests),
        ]),
    )
    .about("What is kept for each container."),
]);

const GENERIC: Shape = Shape::Object(&[key(
    "discrete_resource_spec",
    &Shape::Object(&[key("kind", &TEXT).about("Name of the kind."), key("value", &CUT).about("How many.")]),
)
.about("So many of one kind.")]);

/// A request for devices by what they can do.
pub(super) const DEVICE_REQUEST: Shape = Shape::Object(&[
    key("capabilities", &NAMES).about("What the device must be able to do: `gpu`, `compute`, …").required(),
    key("count", &Shape::One(Kind::Count)).about("Number of devices, or `all`."),
    key("device_ids", &NAMES).about("These devices, by the driver's ids."),
    key("driver", &TEXT).about("The driver to ask, for example `nvidia`."),
    key("options", &LABELS).about("Options of the driver.").merge(Merge::Pairs),
]);

/// As [`DEVICE_REQUEST`], but what is asked for is known to be a GPU.
pub(super) const GPUS: Shape = Shape::Short(forms::GPUS, &Shape::List(&GPU));

const GPU: Shape = Shape::Object(&[
    key("capabilities", &NAMES).about("What the device must be able to do: `gpu`, `compute`, …"),
    key("count", &Shape::One(Kind::Count)).about("Number of devices, or `all`."),
    key("device_ids", &NAMES).about("These devices, by the driver's ids."),
    key("driver", &TEXT).about("The driver to ask, for example `nvidia`."),
    key("options", &LABELS).about("Options of the driver.").merge(Merge::Pairs),
]);

const RESTART_POLICY: Shape = Shape::Object(&[
    key("condition", &like::RESTART_CONDITION)
        .about("When it is started again: `none`, `on-failure`, `any`.")
        .checked(words::restart_condition),
    key("delay", &DURATION)
        .about("Time before it is started again; by default it grows from start to start, from 100 ms to a minute.")
        .checked(words::time),
    key("max_attempts", &COUNT).about("Number of attempts after failures; by default there is no end."),
    key("window", &DURATION)
        .about("Time after which a start counts as a success and attempts are counted anew.")
        .checked(words::time),
]);

const PLACEMENT: Shape = Shape::Object(&[
    key("constraints", &TEXTS).about("Conditions that a machine must meet."),
    key(
        "preferences",
        &Shape::List(&Shape::Object(&[
            key("spread", &TEXT).about("The label of machines over whose values containers are spread.")
        ])),
    )
    .about("How containers are spread over machines."),
    key("max_replicas_per_node", &COUNT).about("The most containers on one machine."),
]);
