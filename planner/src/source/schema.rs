//! Every key of a stack file: supported with its shape, accepted without effect, or not yet
//! supported. What is in no table here is a mistake.

use super::canonical as short;
use super::cast::Kind;
use super::check::{Key, Rule, Shape};
use super::{mounts, ports, words};

const TEXT: Shape = Shape::One(Kind::Text);
const LOOSE: Shape = Shape::One(Kind::Loose);
const BOOL: Shape = Shape::One(Kind::Bool);
const BYTES: Shape = Shape::One(Kind::Bytes);
const DURATION: Shape = Shape::One(Kind::Duration);
const TEXTS: Shape = Shape::List(&TEXT);
const LABELS: Shape = Shape::Short(short::labels, &Shape::Map(&LOOSE));
const COMMAND: Shape = Shape::Nullable(&Shape::Short(short::command, &TEXTS));
const REPLICAS: Shape = Shape::One(Kind::Int(0, 10_000));

const fn yes(name: &'static str, shape: &'static Shape) -> Key {
    Key { name, rule: Rule::Supported(shape) }
}

const fn quiet(name: &'static str) -> Key {
    Key { name, rule: Rule::Ignored(None, None) }
}

const fn idle(name: &'static str, why: &'static str) -> Key {
    Key { name, rule: Rule::Ignored(Some(why), None) }
}

const fn idle_as(name: &'static str, why: &'static str, shape: &'static Shape) -> Key {
    Key { name, rule: Rule::Ignored(Some(why), Some(shape)) }
}

const fn not_yet(name: &'static str) -> Key {
    Key { name, rule: Rule::NotYet("") }
}

const fn not_yet_but(name: &'static str, hint: &'static str) -> Key {
    Key { name, rule: Rule::NotYet(hint) }
}

/// The whole file.
pub(crate) const TOP: Shape = Shape::Object(&[
    idle("version", "it is obsolete and can be left out"),
    yes("name", &TEXT),
    not_yet_but("include", "name the other file with -f"),
    yes("services", &Shape::Named(&SERVICE)),
    yes("networks", &Shape::Named(&Shape::Nullable(&NETWORK))),
    yes("volumes", &Shape::Named(&Shape::Nullable(&VOLUME))),
    not_yet_but("secrets", "mount a file read-only"),
    not_yet_but("configs", "mount a file read-only"),
    not_yet("models"),
]);

const SERVICE: Shape = Shape::Object(&[
    not_yet("annotations"),
    quiet("attach"),
    not_yet("blkio_config"),
    not_yet_but("build", "build the image first, load it with `sampan image load` and name it with `image`"),
    yes("cap_add", &Shape::List(&CAPABILITY)),
    yes("cap_drop", &Shape::List(&CAPABILITY)),
    not_yet("cgroup"),
    not_yet("cgroup_parent"),
    not_yet("cgroupns_mode"),
    yes("command", &COMMAND),
    not_yet_but("configs", "mount a file read-only"),
    not_yet_but("container_name", "the container is called stack-service-index"),
    not_yet("cpu_count"),
    not_yet("cpu_percent"),
    not_yet("cpu_period"),
    not_yet("cpu_quota"),
    not_yet("cpu_rt_period"),
    not_yet("cpu_rt_runtime"),
    not_yet("cpu_shares"),
    yes("cpus", &Shape::One(Kind::Cores)),
    not_yet("cpuset"),
    not_yet("credential_spec"),
    yes("depends_on", &Shape::Short(short::depends_on, &Shape::Map(&DEPENDENCY))),
    yes("deploy", &DEPLOY),
    not_yet("develop"),
    not_yet("device_cgroup_rules"),
    not_yet("devices"),
    not_yet("dns"),
    not_yet("dns_opt"),
    not_yet("dns_search"),
    not_yet("domainname"),
    yes("entrypoint", &COMMAND),
    yes("env_file", &Shape::Short(short::env_files, &Shape::List(&ENV_FILE))),
    yes("environment", &Shape::Short(short::environment, &Shape::Map(&Shape::Nullable(&LOOSE)))),
    yes("expose", &Shape::List(&Shape::One(Kind::Parsed(words::exposed_port)))),
    not_yet_but("extends", "copy what the other service says, or use a YAML anchor"),
    not_yet("external_links"),
    not_yet("extra_hosts"),
    not_yet("gpus"),
    not_yet("group_add"),
    yes("healthcheck", &HEALTHCHECK),
    yes("hostname", &Shape::One(Kind::Parsed(words::hostname))),
    yes("image", &Shape::One(Kind::Parsed(words::image))),
    yes("init", &BOOL),
    not_yet("ipc"),
    not_yet("isolation"),
    not_yet("label_file"),
    yes("labels", &LABELS),
    yes("links", &TEXTS),
    not_yet("logging"),
    not_yet("mac_address"),
    yes("mem_limit", &BYTES),
    not_yet("mem_reservation"),
    not_yet("mem_swappiness"),
    yes("memswap_limit", &Shape::One(Kind::BytesOrUnlimited)),
    not_yet("models"),
    not_yet("network_mode"),
    yes("networks", &Shape::Short(short::map_of_names, &Shape::Map(&Shape::Nullable(&SERVICE_NETWORK)))),
    not_yet("oom_kill_disable"),
    not_yet("oom_score_adj"),
    not_yet("pid"),
    yes("pids_limit", &Shape::One(Kind::Int(-1, i64::MAX))),
    not_yet("platform"),
    yes("ports", &Shape::Short(ports::expand, &Shape::List(&PORT))),
    not_yet("post_start"),
    not_yet("pre_start"),
    not_yet("pre_stop"),
    yes("privileged", &BOOL),
    yes("profiles", &Shape::List(&Shape::One(Kind::Parsed(words::profile)))),
    not_yet("provider"),
    yes("pull_policy", &Shape::One(Kind::Parsed(words::pull_policy))),
    not_yet("pull_refresh_after"),
    yes("read_only", &BOOL),
    yes("restart", &Shape::One(Kind::Parsed(words::restart))),
    not_yet("runtime"),
    yes("scale", &REPLICAS),
    not_yet_but("secrets", "mount a file read-only"),
    yes("security_opt", &Shape::List(&Shape::One(Kind::Parsed(words::security_option)))),
    yes("shm_size", &BYTES),
    not_yet_but("stdin_open", "`sampan exec` has an input"),
    yes("stop_grace_period", &DURATION),
    yes("stop_signal", &Shape::One(Kind::Parsed(words::signal))),
    not_yet("storage_opt"),
    not_yet("sysctls"),
    yes("tmpfs", &Shape::Short(short::list_of_one, &Shape::List(&Shape::One(Kind::Parsed(mounts::tmpfs))))),
    not_yet_but("tty", "`sampan exec` has a terminal"),
    yes("ulimits", &Shape::Map(&ULIMIT)),
    not_yet("use_api_socket"),
    yes("user", &TEXT),
    not_yet("userns_mode"),
    not_yet("uts"),
    yes("volumes", &Shape::List(&Shape::Short(mounts::expand, &MOUNT))),
    not_yet("volumes_from"),
    yes("working_dir", &Shape::One(Kind::Parsed(words::absolute_path))),
]);

const CAPABILITY: Shape = Shape::One(Kind::Parsed(words::capability));

const DEPENDENCY: Shape = Shape::Object(&[
    yes(
        "condition",
        &Shape::One(Kind::Word(&["service_started", "service_healthy", "service_completed_successfully"])),
    ),
    yes("restart", &BOOL),
    yes("required", &BOOL),
]);

const NO_SWARM: &str = "it only means something to a cluster";

const DEPLOY: Shape = Shape::Object(&[
    idle("endpoint_mode", NO_SWARM),
    idle_as("labels", NO_SWARM, &LABELS),
    yes("mode", &Shape::One(Kind::Parsed(words::deploy_mode))),
    idle("placement", NO_SWARM),
    yes("replicas", &REPLICAS),
    yes("resources", &RESOURCES),
    not_yet("restart_policy"),
    idle("rollback_config", "a replacement that fails is left for the next `up`"),
    idle("update_config", "all replicas are replaced at once"),
]);

const NOT_RESERVED: &str = "reservations are not enforced yet";

const RESOURCES: Shape = Shape::Object(&[
    yes(
        "limits",
        &Shape::Object(&[
            yes("cpus", &Shape::One(Kind::Cores)),
            yes("memory", &BYTES),
            yes("pids", &Shape::One(Kind::Int(-1, i64::MAX))),
        ]),
    ),
    yes(
        "reservations",
        &Shape::Object(&[
            idle_as("cpus", NOT_RESERVED, &Shape::One(Kind::Cores)),
            idle_as("memory", NOT_RESERVED, &BYTES),
            not_yet("devices"),
            idle("generic_resources", NO_SWARM),
        ]),
    ),
]);

const ENV_FILE: Shape = Shape::Object(&[
    yes("path", &TEXT),
    yes("required", &BOOL),
    yes("format", &Shape::One(Kind::Word(&["raw"]))),
]);

const HEALTHCHECK: Shape = Shape::Object(&[
    yes("disable", &BOOL),
    yes("interval", &DURATION),
    yes("retries", &Shape::One(Kind::Int(0, u32::MAX as i64))),
    yes("start_interval", &DURATION),
    yes("start_period", &DURATION),
    yes("test", &Shape::Nullable(&Shape::Short(short::runnable_health_test, &TEXTS))),
    yes("timeout", &DURATION),
]);

const SERVICE_NETWORK: Shape = Shape::Object(&[
    yes("aliases", &TEXTS),
    not_yet("driver_opts"),
    not_yet("gw_priority"),
    not_yet("interface_name"),
    not_yet("ipv4_address"),
    not_yet("ipv6_address"),
    not_yet("link_local_ips"),
    not_yet("mac_address"),
    not_yet("priority"),
]);

const PORT: Shape = Shape::Object(&[
    quiet("app_protocol"),
    yes("host_ip", &Shape::One(Kind::Parsed(words::ip_address))),
    yes("mode", &Shape::One(Kind::Word(&["ingress", "host"]))),
    quiet("name"),
    yes("protocol", &Shape::One(Kind::Parsed(words::protocol))),
    yes("published", &Shape::One(Kind::Parsed(words::published_port))),
    yes("target", &Shape::One(Kind::Int(1, 65_535))),
]);

const ULIMIT: Shape = Shape::OneOr(
    Kind::Int(-1, i64::MAX),
    &Shape::Object(&[
        yes("soft", &Shape::One(Kind::Int(-1, i64::MAX))),
        yes("hard", &Shape::One(Kind::Int(-1, i64::MAX))),
    ]),
);

const MOUNT: Shape = Shape::Object(&[
    yes("type", &Shape::One(Kind::Parsed(words::mount_type))),
    yes("source", &TEXT),
    yes("target", &Shape::One(Kind::Parsed(words::mount_target))),
    yes("read_only", &BOOL),
    quiet("consistency"),
    yes(
        "bind",
        &Shape::Object(&[
            yes("create_host_path", &BOOL),
            yes("propagation", &Shape::One(Kind::Parsed(words::propagation))),
            not_yet("recursive"),
            idle("selinux", "files keep their SELinux label"),
        ]),
    ),
    yes("volume", &Shape::Object(&[not_yet("labels"), yes("nocopy", &BOOL), not_yet("subpath")])),
    yes("tmpfs", &Shape::Object(&[yes("size", &BYTES), yes("mode", &Shape::One(Kind::Int(0, 0o7777)))])),
    not_yet("image"),
]);

const EXTERNAL: Shape = Shape::OneOr(Kind::Bool, &Shape::Object(&[yes("name", &TEXT)]));

const NETWORK: Shape = Shape::Object(&[
    quiet("attachable"),
    yes("driver", &Shape::One(Kind::Parsed(words::network_driver))),
    not_yet("driver_opts"),
    not_yet("enable_ipv4"),
    not_yet("enable_ipv6"),
    yes("external", &EXTERNAL),
    yes("internal", &BOOL),
    yes("ipam", &IPAM),
    yes("labels", &LABELS),
    yes("name", &Shape::One(Kind::Parsed(words::real_name))),
]);

const IPAM: Shape = Shape::Object(&[
    yes("driver", &Shape::One(Kind::Word(&["default"]))),
    yes(
        "config",
        &Shape::List(&Shape::Object(&[
            yes("subnet", &Shape::One(Kind::Parsed(words::subnet))),
            yes("gateway", &Shape::One(Kind::Parsed(words::ipv4_address))),
            not_yet("ip_range"),
            not_yet("aux_addresses"),
        ])),
    ),
    not_yet("options"),
]);

const VOLUME: Shape = Shape::Object(&[
    yes("driver", &Shape::One(Kind::Word(&["local"]))),
    not_yet("driver_opts"),
    yes("external", &EXTERNAL),
    yes("labels", &LABELS),
    yes("name", &Shape::One(Kind::Parsed(words::real_name))),
]);
