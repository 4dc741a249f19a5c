//! One service.

use super::build::BUILD;
use super::deploy::{DEPLOY, GPUS};
use super::files::REFERENCES;
use super::healthcheck::HEALTHCHECK;
use super::mount::MOUNT;
use super::network::{ATTACHMENTS, PORT};
use super::shapes::{
    BOOL, BYTES, COMMAND, CORES, CUT, DURATION, HOSTS, INT, LABELS, LOOSE, NAMES, ONE_OR_NAMES, OPTIONS,
    SERVERS, TEXT, TEXTS, TRUTH, VARIABLES, WHOLE_BYTES,
};
use super::{Merge, Shape, key};
use crate::source::canonical as short;
use crate::source::cast::Kind;
use crate::source::merge::identity;
use crate::source::{mounts, words};

const ONLY_WINDOWS: &str = "only containers on Windows know it";

pub(crate) const SERVICE: Shape = Shape::Object(&[
    key("annotations", &LABELS).merge(Merge::Pairs).refused(""),
    key("attach", &BOOL),
    key("blkio_config", &BLKIO).refused(""),
    key("build", &BUILD)
        .refused("build the image first, load it with `sampan image load` and name it with `image`"),
    key("cap_add", &NAMES).merge(Merge::Unique(identity::name)).checked(words::capability),
    key("cap_drop", &NAMES).merge(Merge::Unique(identity::name)).checked(words::capability),
    key("cgroup", &Shape::One(Kind::Word(&["host", "private"]))).refused(""),
    key("cgroup_parent", &TEXT).refused(""),
    key("command", &COMMAND).merge(Merge::Replace),
    key("configs", &REFERENCES).merge(Merge::Unique(identity::config)).refused("mount a file read-only"),
    key("container_name", &Shape::One(Kind::Parsed(words::container_name)))
        .refused("the container is called stack-service-index"),
    key("cpu_count", &Shape::One(Kind::Int(0, i64::MAX))).refused(ONLY_WINDOWS),
    key("cpu_percent", &Shape::One(Kind::Percent)).refused(ONLY_WINDOWS),
    key("cpu_period", &CUT).refused(""),
    key("cpu_quota", &CUT).refused(""),
    key("cpu_rt_period", &CUT).refused(""),
    key("cpu_rt_runtime", &CUT).refused(""),
    key("cpu_shares", &CUT).refused(""),
    key("cpus", &CORES).checked(words::cores),
    key("cpuset", &TEXT).refused(""),
    key("credential_spec", &CREDENTIALS).refused(ONLY_WINDOWS),
    key("depends_on", &Shape::Short(short::depends_on, &Shape::Named(&DEPENDENCY))),
    key("deploy", &Shape::Nullable(&DEPLOY)),
    key("develop", &Shape::Nullable(&DEVELOP)).passed_on("nothing watches files yet"),
    key("device_cgroup_rules", &NAMES).refused(""),
    key("devices", &Shape::List(&Shape::Short(short::device, &DEVICE)))
        .merge(Merge::Unique(identity::target))
        .refused(""),
    key("dns", &SERVERS).merge(Merge::Unique(identity::name)).refused(""),
    key("dns_opt", &NAMES).merge(Merge::Unique(identity::name)).refused(""),
    key("dns_search", &ONE_OR_NAMES).merge(Merge::Unique(identity::name)).refused(""),
    key("domainname", &TEXT).refused(""),
    key("entrypoint", &COMMAND).merge(Merge::Replace),
    key("env_file", &Shape::Short(short::env_files, &Shape::List(&ENV_FILE)))
        .merge(Merge::Unique(identity::path)),
    key("environment", &VARIABLES).merge(Merge::Pairs),
    key("expose", &Shape::Set(&Shape::One(Kind::TextOrInt)))
        .merge(Merge::Unique(identity::text))
        .checked(words::exposed_port),
    key("extends", &Shape::Short(short::extends, &EXTENDS)),
    key("external_links", &NAMES).refused(""),
    key("extra_hosts", &HOSTS).merge(Merge::Unique(identity::text)).refused(""),
    key("gpus", &GPUS).refused(""),
    key("group_add", &Shape::Set(&Shape::One(Kind::TextOrInt))).refused(""),
    key("healthcheck", &HEALTHCHECK),
    key("hostname", &TEXT).checked(words::hostname),
    key("image", &TEXT).checked(words::image),
    key("init", &BOOL),
    key("ipc", &TEXT).refused(""),
    key("isolation", &TEXT).refused(ONLY_WINDOWS),
    key("label_file", &Shape::Short(short::list_of_one, &TEXTS)),
    key("labels", &LABELS).merge(Merge::Pairs),
    key("links", &NAMES).merge(Merge::Unique(identity::name)),
    key("logging", &LOGGING).merge(Merge::IfSame("driver")).refused(""),
    key("mac_address", &TEXT).refused(""),
    key("mem_limit", &BYTES).checked(words::size),
    key("mem_reservation", &WHOLE_BYTES).refused(""),
    key("mem_swappiness", &WHOLE_BYTES).refused(""),
    key("memswap_limit", &Shape::One(Kind::BytesOrUnlimited)).checked(words::size_or_unlimited),
    key("models", &Shape::Short(short::map_of_names, &Shape::Named(&Shape::Nullable(&MODEL)))).refused(""),
    key("network_mode", &TEXT).refused(""),
    key("networks", &ATTACHMENTS),
    key("oom_kill_disable", &BOOL).refused(""),
    key("oom_score_adj", &Shape::One(Kind::Int(-1000, 1000))).refused(""),
    key("pid", &Shape::Nullable(&TEXT)).refused(""),
    key("pids_limit", &CUT).checked(words::limit),
    key("platform", &TEXT).refused(""),
    key("ports", &Shape::Short(short::ports, &Shape::Set(&PORT))).merge(Merge::Unique(identity::port)),
    key("post_start", &Shape::List(&HOOK)).refused(""),
    key("pre_start", &Shape::List(&INIT_HOOK)).refused(""),
    key("pre_stop", &Shape::List(&HOOK)).refused(""),
    key("privileged", &BOOL),
    key("profiles", &NAMES).merge(Merge::Unique(identity::name)),
    key("provider", &PROVIDER).refused(""),
    key("pull_policy", &Shape::One(Kind::Parsed(words::any_pull_policy))).checked(words::pull_policy),
    key("pull_refresh_after", &TEXT).refused(""),
    key("read_only", &BOOL),
    key("restart", &TEXT).checked(words::restart),
    key("runtime", &TEXT).refused(""),
    key("scale", &Shape::One(Kind::Int(0, i64::MAX))).checked(words::replicas),
    key("secrets", &REFERENCES).merge(Merge::Unique(identity::secret)).refused("mount a file read-only"),
    key("security_opt", &NAMES).checked(words::security_option),
    key("shm_size", &BYTES).checked(words::size),
    key("stdin_open", &BOOL).refused("`sampan exec` has an input"),
    key("stop_grace_period", &DURATION).checked(words::time),
    key("stop_signal", &TEXT).checked(words::signal),
    key("storage_opt", &Shape::Short(short::empty_for_null, &Shape::Map(&Shape::One(Kind::TextOrInt))))
        .refused(""),
    key("sysctls", &LABELS).merge(Merge::Pairs).refused(""),
    key("tmpfs", &ONE_OR_NAMES).merge(Merge::Unique(identity::name)).checked(mounts::tmpfs),
    key("tty", &BOOL).refused("`sampan exec` has a terminal"),
    key("ulimits", &ULIMITS).merge(Merge::Entries),
    key("use_api_socket", &TRUTH).refused(""),
    key("user", &TEXT),
    key("userns_mode", &TEXT).refused(""),
    key("uts", &TEXT).refused(""),
    key("volumes", &Shape::Set(&Shape::Short(short::volume, &MOUNT))).merge(Merge::Unique(identity::target)),
    key("volumes_from", &NAMES).refused(""),
    key("working_dir", &TEXT).checked(words::absolute_path),
]);

const DEPENDENCY: Shape = Shape::Object(&[
    key(
        "condition",
        &Shape::One(Kind::Word(&["service_started", "service_healthy", "service_completed_successfully"])),
    )
    .required(),
    key("restart", &BOOL),
    key("required", &TRUTH),
]);

const ENV_FILE: Shape = Shape::Object(&[
    key("path", &TEXT).required(),
    key("required", &BOOL),
    key("format", &Shape::One(Kind::Parsed(words::env_file_format))),
]);

const EXTENDS: Shape = Shape::Object(&[key("service", &TEXT).required(), key("file", &TEXT)]);

const LOGGING: Shape =
    Shape::Object(&[key("driver", &TEXT), key("options", &Shape::Short(short::empty_for_null, &OPTIONS))]);

/// setrlimit(2): one number for both limits, or each of them.
const ULIMITS: Shape = Shape::Map(&Shape::OneOr(
    Kind::Int(i64::MIN, i64::MAX),
    &Shape::Object(&[key("hard", &INT).required(), key("soft", &INT).required()]),
));

const DEVICE: Shape = Shape::Object(&[
    key("source", &TEXT).required(),
    key("target", &TEXT).required(),
    key("permissions", &TEXT),
]);

const CREDENTIALS: Shape = Shape::Object(&[key("config", &TEXT), key("file", &TEXT), key("registry", &TEXT)]);

const BLKIO: Shape = Shape::Object(&[
    key("device_read_bps", &RATES),
    key("device_read_iops", &RATES),
    key("device_write_bps", &RATES),
    key("device_write_iops", &RATES),
    key("weight", &WEIGHT),
    key("weight_device", &Shape::List(&Shape::Object(&[key("path", &TEXT), key("weight", &WEIGHT)]))),
]);

/// A share of the bandwidth, in 16 bits.
const WEIGHT: Shape = Shape::One(Kind::PlainInt(0, u16::MAX as i64));

const RATES: Shape = Shape::List(&Shape::Object(&[key("path", &TEXT), key("rate", &WHOLE_BYTES)]));

const HOOK: Shape = Shape::Object(&[
    key("command", &COMMAND).required(),
    key("user", &TEXT),
    key("privileged", &BOOL),
    key("working_dir", &TEXT),
    key("environment", &VARIABLES),
]);

/// As [`HOOK`], in a container of its own.
const INIT_HOOK: Shape = Shape::Object(&[
    key("command", &COMMAND),
    key("image", &TEXT),
    key("user", &TEXT),
    key("privileged", &BOOL),
    key("working_dir", &TEXT),
    key("environment", &VARIABLES),
    key("per_replica", &BOOL),
]);

const DEVELOP: Shape = Shape::Object(&[key("watch", &Shape::List(&WATCH))]);

const WATCH: Shape = Shape::Object(&[
    key("path", &TEXT).required(),
    key("action", &Shape::One(Kind::Word(&["rebuild", "sync", "restart", "sync+restart", "sync+exec"])))
        .required(),
    key("target", &TEXT),
    key("exec", &HOOK),
    key("ignore", &ONE_OR_NAMES),
    key("include", &ONE_OR_NAMES),
    key("initial_sync", &TRUTH),
]);

const PROVIDER: Shape = Shape::Object(&[
    key("type", &TEXT).required(),
    key("options", &Shape::Short(short::repeatable, &Shape::Map(&Shape::List(&LOOSE)))),
]);

/// A service's use of an AI model.
const MODEL: Shape = Shape::Object(&[key("endpoint_var", &TEXT), key("model_var", &TEXT)]);
