//! One service.

use super::build::BUILD;
use super::deploy::{DEPLOY, GPUS};
use super::files::REFERENCES;
use super::healthcheck::HEALTHCHECK;
use super::mount::MOUNT;
use super::network::{ATTACHMENTS, PORT};
use super::sampan::SAMPAN;
use super::shapes::{
    BOOL, BYTES, COMMAND, CORES, CUT, DURATION, HOSTS, INT, LABELS, LOOSE, NAMES, ONE_OR_NAMES,
    ONE_OR_NAMES_AT_LAST, OPTIONS, SERVERS, TEXT, TEXTS, TRUTH, VARIABLES, WHOLE_BYTES,
};
use super::{Merge, Shape, forms, key, like};
use crate::source::cast::Kind;
use crate::source::merge::identity;
use crate::source::{kernel, logging, mounts, nets, words};

const ONLY_WINDOWS: &str = "only containers on Windows know it";

pub(crate) const SERVICE: Shape = Shape::Object(&[
    key("annotations", &LABELS).about("Annotations of the container: kept with it, without effect.").merge(Merge::Pairs),
    key("attach", &BOOL).about("Whether `up` shows its output; by default true."),
    key("blkio_config", &BLKIO).about("Shares and limits of disk throughput.").checked_whole(kernel::disks),
    key("build", &BUILD).about("How its image is built: a context, or a context with options."),
    key("cap_add", &Shape::Set(&like::CAPABILITY)).about("Capabilities beyond the default set, for example `NET_ADMIN`.").merge(Merge::Unique(identity::name)).checked(words::capability),
    key("cap_drop", &Shape::Set(&like::CAPABILITY)).about("Capabilities taken from the default set; `ALL` is every one.").merge(Merge::Unique(identity::name)).checked(words::capability),
    key("cgroup", &Shape::One(Kind::Word(&["host", "private"]))).about("cgroup namespace: `host` or `private`; by default private."),
    key("cgroup_parent", &TEXT).about("The cgroup under which the container's own is made.").checked(kernel::cgroup_parent),
    key("command", &COMMAND).about("Arguments of the entrypoint, as a list or a line; by default the image's.").merge(Merge::Replace),
    key("configs", &REFERENCES).about("Configs that it gets as files.").merge(Merge::Unique(identity::config)),
    key("container_name", &Shape::One(Kind::Parsed(words::container_name, like::CONTAINER_NAME))).about("Name of its only container; by default the stack's name, the service's and a number.")
        .checked(words::whole_container_name),
    key("cpu_count", &Shape::One(Kind::Int(0, i64::MAX))).about("Number of usable CPUs (Windows).").refused(ONLY_WINDOWS),
    key("cpu_percent", &Shape::One(Kind::Percent)).about("Usable part of all CPUs in percent (Windows).").refused(ONLY_WINDOWS),
    key("cpu_period", &CUT).about("Period of the CPU quota in microseconds; by default 100000.").checked(kernel::cpu_period),
    key("cpu_quota", &CUT).about("CPU time in each period in microseconds; -1 is unlimited.").checked(kernel::cpu_quota),
    key("cpu_rt_period", &CUT).about("Period of the real-time scheduler in microseconds.").refused("only groups of version 1 know it, and only where all above them have real-time; use `ulimits.rtprio` and `cap_add: [SYS_NICE]`"),
    key("cpu_rt_runtime", &CUT).about("Real-time CPU time in each period in microseconds.").refused("only groups of version 1 know it, and only where all above them have real-time; use `ulimits.rtprio` and `cap_add: [SYS_NICE]`"),
    key("cpu_shares", &CUT).about("CPU weight against other containers; by default 1024.").checked(kernel::cpu_shares),
    key("cpus", &CORES).about("CPU time in cores, for example 0.5; by default unlimited.").checked(words::cores),
    key("cpuset", &like::CPUS).about("CPUs that it may run on, for example `0-3` or `0,1`.").checked(kernel::cpus),
    key("credential_spec", &CREDENTIALS).about("Credentials of a managed account (Windows).").refused(ONLY_WINDOWS),
    key("depends_on", &Shape::Short(forms::DEPENDS_ON, &Shape::Named(&DEPENDENCY))).about("Services that must be up before it."),
    key("deploy", &Shape::Nullable(&DEPLOY)).about("How many containers, with which resources."),
    key("develop", &Shape::Nullable(&DEVELOP)).about("What happens when files are edited.").passed_on("nothing watches files yet"),
    key("device_cgroup_rules", &NAMES).about("Rules of the cgroup device controller, for example `c 1:3 mr`.").checked(kernel::device_rule),
    key("devices", &Shape::List(&Shape::Short(forms::DEVICE, &DEVICE))).about("Devices of the host: `source[:target[:permissions]]`.")
        .merge(Merge::Unique(identity::target))
        .checked_whole(kernel::devices),
    key("dns", &SERVERS).about("Name servers; by default those of the host.").merge(Merge::Unique(identity::name)).checked(nets::ip_address),
    key("dns_opt", &Shape::Short(forms::LIST_OVER_LIST, &NAMES)).about("Options of the resolver; by default those of the host.").merge(Merge::Unique(identity::name)).checked(words::resolver_option),
    key("dns_search", &ONE_OR_NAMES_AT_LAST).about("Domains in which names are looked for; by default those of the host, `.` is none.").merge(Merge::Unique(identity::name)).checked(words::search_domain),
    key("domainname", &like::HOST_NAME).about("NIS domain name.").checked(words::hostname),
    key("entrypoint", &COMMAND).about("The program, as a list or a line; by default the image's. Setting it drops the image's command.").merge(Merge::Replace),
    key("env_file", &Shape::Short(forms::ENV_FILES, &Shape::List(&ENV_FILE))).about("Files of variables; later ones win, and `environment` wins over all.")
        .merge(Merge::Unique(identity::path)),
    key("environment", &VARIABLES).about("Variables; without a value, that of the variable of this name.").merge(Merge::Pairs),
    key("expose", &Shape::Set(&Shape::One(Kind::TextOrInt))).about("Ports that other containers may use: `8080`, `8080-8090/udp`. All can be used anyway.")
        .merge(Merge::Unique(identity::text))
        .checked(words::exposed_port),
    key("extends", &Shape::Short(forms::EXTENDS, &EXTENDS)).about("Another service that this one starts from."),
    key("external_links", &Shape::Set(&like::LINK)).about("Containers outside of the stack by another name: `container[:alias]`. They share a network."),
    key("extra_hosts", &HOSTS).about("Names for the hosts file, each with its addresses; `host-gateway` is the host.").merge(Merge::Unique(identity::written)).checked(words::extra_host),
    key("gpus", &GPUS).about("GPUs: `all`, or a list of requests.").checked_whole(kernel::device_requests),
    key("group_add", &Shape::Set(&Shape::One(Kind::TextOrInt))).about("Groups of the process beyond those of its user: names or numbers.").checked(kernel::group),
    key("healthcheck", &HEALTHCHECK).about("How to know that it works; by default the image's."),
    key("hostname", &like::HOST_NAME).about("Host name; by default the container's id.").checked(words::hostname),
    key("image", &like::IMAGE).about("Image reference, for example `nginx:1.27`.").checked(words::image),
    key("init", &BOOL).about("Runs a small init as PID 1 that reaps processes; by default false."),
    key("ipc", &like::IPC).about("IPC namespace: `none` (without /dev/shm), `shareable`, `private`, `host`, `service:NAME`, `container:NAME`.").checked(kernel::ipc),
    key("isolation", &TEXT).about("Isolation technology (Windows).").refused(ONLY_WINDOWS),
    key("label_file", &Shape::Short(forms::LIST_OF_ONE, &TEXTS)).about("Files of labels; later ones win, and `labels` wins over all."),
    key("labels", &LABELS).about("Labels of its containers.").merge(Merge::Pairs),
    key("links", &Shape::Set(&like::LINK)).about("Services that it needs: `service[:alias]`.").merge(Merge::Unique(identity::name)),
    key("logging", &LOGGING).about("Where its output goes.").merge(Merge::IfSame("driver")).checked_whole(logging::fault),
    key("mac_address", &like::MAC_ADDRESS).about("MAC address on its first network.").checked(nets::mac_address),
    key("mem_limit", &BYTES).about("Memory in bytes or with a unit, at least 6m; by default unlimited.").checked(words::size),
    key("mem_reservation", &WHOLE_BYTES).about("Memory that it keeps when the host runs short, in bytes or with a unit.").checked(words::size),
    key("mem_swappiness", &WHOLE_BYTES).about("Readiness to swap, from 0 to 100 (cgroup version 1).").checked(kernel::swappiness),
    key("memswap_limit", &Shape::One(Kind::BytesOrUnlimited)).about("Memory and swap together; by default twice the memory, -1 is unlimited swap.").checked(words::size_or_unlimited),
    key("models", &Shape::Short(forms::MAP_OF_NAMES, &Shape::Named(&Shape::Nullable(&MODEL)))).about("AI models that it uses.").refused("sampan runs no models: run one in a service, and say where it is in `environment`"),
    key("network_mode", &TEXT).about("Network namespace in place of networks: `none`, `host`, `service:NAME`, `container:NAME`, or one network.").checked(words::network_mode),
    key("networks", &ATTACHMENTS).about("Networks that it is on; by default `default`."),
    key("oom_kill_disable", &BOOL).about("Out of memory its processes wait in place of being killed (cgroup version 1); by default false."),
    key("oom_score_adj", &Shape::One(Kind::Int(-1000, 1000))).about("Preference of the OOM killer, from -1000 (never) to 1000 (first)."),
    key("pid", &Shape::Nullable(&like::PID)).about("PID namespace: `host`, `service:NAME`, `container:NAME`; by default its own.").checked(kernel::pid),
    key("pids_limit", &CUT).about("Number of processes and threads; by default unlimited, as is -1.").checked(words::limit),
    key("platform", &like::PLATFORM).about("Platform of its image: `os/arch[/variant]`; by default the host's."),
    key("ports", &Shape::Short(forms::PORTS, &Shape::Set(&PORT))).about("Ports that the host publishes: `[host_ip:][published:]target[/protocol]`.").merge(Merge::Unique(identity::port)),
    key("post_start", &Shape::List(&HOOK)).about("Commands that run in the container after it has started."),
    key("pre_start", &Shape::List(&INIT_HOOK)).about("Commands that run to their end, in containers of their own, before it starts."),
    key("pre_stop", &Shape::List(&HOOK)).about("Commands that run in the container before it is stopped."),
    key("privileged", &BOOL).about("Gives it all capabilities and devices; by default false."),
    key("profiles", &NAMES).about("Profiles that turn it on; by default it is always on.").merge(Merge::Unique(identity::name)),
    key("provider", &PROVIDER).about("A program that provides it in place of a container.").refused("such programs speak to docker: run it before `up`, and say where its service is in `environment`"),
    key("pull_policy", &Shape::One(Kind::Parsed(words::any_pull_policy, like::PULL_POLICY))).about("When its image is pulled: `missing`, `never`, `always`, …").checked(words::pull_policy),
    key("pull_refresh_after", &TEXT).about("Age after which the image is looked for again.").refused("`pull_policy` says it: daily, weekly or every_12h"),
    key("read_only", &BOOL).about("Its root file system cannot be written to; by default false."),
    key("restart", &like::RESTART).about("What happens when it ends by itself: `no`, `always`, `on-failure[:times]`, `unless-stopped`; by default no.").checked(words::restart),
    key("runtime", &TEXT).about("The OCI runtime.").refused("sampan runs containers itself: leave it out"),
    key("scale", &Shape::One(Kind::Int(0, i64::MAX))).about("Number of containers; by default 1.").checked(words::replicas),
    key("secrets", &REFERENCES).about("Secrets that it gets as files.").merge(Merge::Unique(identity::secret)),
    key("security_opt", &NAMES).about("Security options, for example `no-new-privileges`.").checked(words::security_option),
    key("shm_size", &BYTES).about("Size of /dev/shm in bytes or with a unit; by default 64m.").checked(words::size),
    key("stdin_open", &BOOL).about("Keeps its standard input open; by default false."),
    key("stop_grace_period", &DURATION).about("Time between stop signal and kill; by default 10s.").checked(words::time),
    key("stop_signal", &like::SIGNAL).about("Signal that asks it to end; by default the image's, else SIGTERM.").checked(words::signal),
    key("storage_opt", &Shape::Short(forms::EMPTY_FOR_NULL, &Shape::Map(&Shape::One(Kind::TextOrInt)))).about("Options of the storage driver.")
        .refused("layers lie in folders, which have no size of their own: make the root `read_only`, and write to a `tmpfs` with a `size`"),
    key("sysctls", &LABELS).about("Kernel parameters of its namespaces.").merge(Merge::Pairs).checked_whole(kernel::kernel_settings),
    key("tmpfs", &ONE_OR_NAMES_AT_LAST).about("Memory file systems: `path[:options]`.").merge(Merge::Unique(identity::name)).checked(mounts::tmpfs),
    key("tty", &BOOL).about("Gives it a terminal; by default false."),
    key("ulimits", &ULIMITS).about("Limits of its processes by name, for example `nofile`.").merge(Merge::Entries),
    key("use_api_socket", &TRUTH).about("Lets it talk to the engine; by default false.").refused("there is no daemon, and no socket to talk to it"),
    key("user", &TEXT).about("User and group of the process: `user[:group]`, names or numbers; by default the image's."),
    key("userns_mode", &like::OF_HOST).about("User namespace: `host`.").checked(words::user_namespace),
    key("uts", &like::OF_HOST).about("UTS namespace: `host`.").checked(kernel::uts),
    key("volumes", &Shape::Set(&Shape::Short(forms::VOLUME, &MOUNT))).about("What is mounted: `[source:]target[:options]`, or the long form.").merge(Merge::Unique(identity::target)),
    key("volumes_from", &NAMES).about("Services and containers whose mounts it gets too: `service[:ro]`, `container:NAME[:ro]`.").checked(words::volumes_from),
    key("working_dir", &like::ABSOLUTE_PATH).about("Absolute path in which the process starts; by default the image's.").checked(words::absolute_path),
    key("x-sampan", &SAMPAN).about("What only sampan does."),
]);

const DEPENDENCY: Shape = Shape::Object(&[
    key(
        "condition",
        &Shape::One(Kind::Word(&["service_started", "service_healthy", "service_completed_successfully"])),
    )
    .about("What is waited for: its start, its health, or that it ends well.")
    .required(),
    key("restart", &BOOL).about("Restarts this service when the other one is restarted; by default false."),
    key("required", &TRUTH).about("Whether the other one must be there; by default true."),
]);

const ENV_FILE: Shape = Shape::Closed(&[
    key("path", &TEXT).about("The file.").required(),
    key("required", &BOOL).about("Whether it must exist; by default true."),
    key("format", &Shape::One(Kind::Like(like::ENV_FORMAT)))
        .about("`raw` takes values as they are, without quotes or variables."),
]);

const EXTENDS: Shape = Shape::Object(&[
    key("service", &TEXT).about("Name of the other service.").required(),
    key("file", &TEXT).about("The file that it stands in; by default this one."),
]);

const LOGGING: Shape = Shape::Object(&[
    key("driver", &TEXT).about("What takes the output."),
    key("options", &Shape::Short(forms::EMPTY_FOR_NULL, &OPTIONS)).about("Options of the driver."),
]);

/// setrlimit(2): one number for both limits, or each of them.
const ULIMITS: Shape = Shape::Map(&Shape::OneOr(
    Kind::Int(i64::MIN, i64::MAX),
    &Shape::Object(&[
        key("hard", &INT).about("Limit up to which a process may raise its own; -1 is unlimited.").required(),
        key("soft", &INT).about("Limit that holds at first; -1 is unlimited.").required(),
    ]),
));

const DEVICE: Shape = Shape::Object(&[
    key("source", &TEXT).about("Path of the device on the host.").required(),
    key("target", &TEXT).about("Path of the device in the container; by default the same.").required(),
    key("permissions", &TEXT).about("Cgroup permissions: `r`, `w`, `m`; by default all of them."),
]);

const CREDENTIALS: Shape = Shape::Object(&[
    key("config", &TEXT).about("Config that holds the credentials."),
    key("file", &TEXT).about("File that holds the credentials."),
    key("registry", &TEXT).about("Key of the Windows registry that holds the credentials."),
]);

const BLKIO: Shape = Shape::Closed(&[
    key("device_read_bps", &RATES).about("The most bytes that are read in a second, by device."),
    key("device_read_iops", &RATES).about("The most reads in a second, by device."),
    key("device_write_bps", &RATES).about("The most bytes that are written in a second, by device."),
    key("device_write_iops", &RATES).about("The most writes in a second, by device."),
    key("weight", &WEIGHT).about("Share of disk throughput against other containers, from 10 to 1000."),
    key(
        "weight_device",
        &Shape::List(&Shape::Closed(&[
            key("path", &TEXT).about("Path of the device."),
            key("weight", &WEIGHT)
                .about("Share of disk throughput against other containers, from 10 to 1000."),
        ])),
    )
    .about("Shares by device."),
]);

/// A share of the bandwidth, in 16 bits.
const WEIGHT: Shape = Shape::One(Kind::PlainInt(0, u16::MAX as i64));

const RATES: Shape = Shape::List(&Shape::Closed(&[
    key("path", &TEXT).about("Path of the device."),
    key("rate", &WHOLE_BYTES).about("The limit in a second."),
]));

const HOOK: Shape = Shape::Object(&[
    key("command", &COMMAND).about("What runs, as a list or a line.").required(),
    key("user", &TEXT).about("User and group; by default the service's."),
    key("privileged", &BOOL).about("Runs it with all privileges; by default false."),
    key("working_dir", &TEXT).about("Where it runs; by default the service's."),
    key("environment", &VARIABLES).about("Variables beside those of the service."),
]);

/// As [`HOOK`], in a container of its own.
const INIT_HOOK: Shape = Shape::Object(&[
    key("command", &COMMAND).about("What runs, as a list or a line."),
    key("image", &TEXT).about("Image of its container; by default the service's."),
    key("user", &TEXT).about("User and group; by default the service's."),
    key("privileged", &BOOL).about("Runs it with all privileges; by default false."),
    key("working_dir", &TEXT).about("Where it runs; by default the service's."),
    key("environment", &VARIABLES).about("Variables beside those of the service."),
    key("per_replica", &BOOL)
        .about("Runs once for each container in place of once for the service; by default false."),
]);

const DEVELOP: Shape = Shape::Object(&[
    key("watch", &Shape::List(&WATCH)).about("Rules: what is watched, and what follows a change.")
]);

const WATCH: Shape = Shape::Object(&[
    key("path", &TEXT).about("File or folder of the host.").required(),
    key("action", &Shape::One(Kind::Word(&["rebuild", "sync", "restart", "sync+restart", "sync+exec"])))
        .about("What follows a change.")
        .required(),
    key("target", &TEXT).about("Where files go in the container."),
    key("exec", &HOOK).about("What runs in the container after a copy."),
    key("ignore", &ONE_OR_NAMES).about("Patterns of files that do not count."),
    key("include", &ONE_OR_NAMES).about("Patterns of files that count; by default all."),
    key("initial_sync", &TRUTH).about("Copies the files once at the beginning; by default false."),
]);

const PROVIDER: Shape = Shape::Object(&[
    key("type", &TEXT).about("The program.").required(),
    key("options", &Shape::Short(forms::REPEATABLE, &Shape::Map(&Shape::List(&LOOSE))))
        .about("Its options; each may be given several times."),
]);

/// A service's use of an AI model.
const MODEL: Shape = Shape::Object(&[
    key("endpoint_var", &TEXT)
        .about("Variable that gets the URL of the model; by default the model's key and `_URL`."),
    key("model_var", &TEXT)
        .about("Variable that gets the name of the model; by default the model's key and `_MODEL`."),
]);
