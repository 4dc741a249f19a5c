//! One container that should exist.

use super::{
    Attachment, ContainerId, Devices, FileSpec, HookSpec, Limits, LogSpec, MountKind, MountSpec, NameSpec,
    Namespaces, NetworkMode, OwnerRange, Pressure, RestartPace, Security,
};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::time::Duration;

/// One container, as the stack wants it. What the image supplies (command, environment,
/// user, …) is merged in by the engine when the container is created, so that comparing
/// two specs compares what the user wrote.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ContainerSpec {
    /// The name that was chosen for it; `None` is that of its place. See [`ContainerSpec::called`].
    pub name: Option<String>,
    /// The image reference as written.
    pub image: String,
    /// Arguments; `None` takes the image's, empty clears them.
    pub command: Option<Vec<String>>,
    /// Program; `None` takes the image's. Setting it drops the image's command.
    pub entrypoint: Option<Vec<String>>,
    /// Variables over those of the image; `None` removes one of the image.
    pub environment: BTreeMap<String, Option<String>>,
    /// Working directory; `None` takes the image's.
    pub working_dir: Option<String>,
    /// `user[:group]`, names or numbers; `None` takes the image's.
    pub user: Option<String>,
    /// Groups of the process beyond those of its user: names or numbers.
    pub group_add: Vec<String>,
    /// Host name; `None` is the name of its place.
    pub hostname: Option<String>,
    /// NIS domain name; `None` is the host's.
    pub domainname: Option<String>,
    /// User labels.
    pub labels: BTreeMap<String, String>,
    /// Annotations: kept with the container, without meaning for the kernel.
    pub annotations: BTreeMap<String, String>,
    /// Volumes, binds and tmpfs, in the order in which they are mounted.
    pub mounts: Vec<MountSpec>,
    /// Configs as files, by target.
    pub configs: Vec<FileSpec>,
    /// Secrets as files, by target.
    pub secrets: Vec<FileSpec>,
    /// Whose network namespace it is in.
    pub network_mode: NetworkMode,
    /// The networks it is on; the first one has the default route. Empty: loopback only.
    pub networks: Vec<Attachment>,
    /// Whom and what it knows by name beyond its networks.
    pub names: NameSpec,
    /// Ports published on the host.
    pub ports: Vec<PortSpec>,
    /// Resource limits.
    pub limits: Limits,
    /// What it is told before its memory runs out.
    pub pressure: Option<Pressure>,
    /// Whose files of the host are whose in it, of what it binds; empty: everybody is himself.
    #[serde(default)]
    pub owners: Vec<OwnerRange>,
    /// It is started again rather than made anew when only its variables, or what its configs and
    /// secrets hold, change.
    pub restarts_on_change: bool,
    /// What to do when the process ends.
    pub restart: RestartPolicy,
    /// How fast and how often.
    pub restart_pace: RestartPace,
    /// Health check over that of the image; `None` takes the image's.
    pub health: Option<HealthSpec>,
    /// Put a small init as PID 1 that reaps and forwards signals.
    pub init: bool,
    /// What becomes of its output.
    pub logging: LogSpec,
    /// It is no replica; `None` for all that are.
    pub one_off: Option<OneOff>,
    /// It has a terminal, which is its standard input, output and error.
    pub tty: bool,
    /// Its standard input stays open for who attaches.
    pub stdin_open: bool,
    /// Root file system is read-only.
    pub read_only: bool,
    /// All capabilities and devices, no seccomp filter, no masked paths.
    pub privileged: bool,
    /// Capabilities over the default set, without `CAP_`, upper case; may hold `ALL`.
    pub cap_add: Vec<String>,
    /// Capabilities taken from the default set; may hold `ALL`.
    pub cap_drop: Vec<String>,
    /// Set no_new_privs.
    pub no_new_privileges: bool,
    /// What else keeps it to itself.
    pub security: Security,
    /// Devices beyond those that every program expects.
    pub devices: Devices,
    /// Resource limits of the process (setrlimit(2)).
    pub ulimits: BTreeMap<String, Ulimit>,
    /// Whose further namespaces it is in.
    pub namespaces: Namespaces,
    /// The control group below which its own is made; `None` is the machine's root.
    pub cgroup_parent: Option<String>,
    /// Kernel settings of its namespaces, by dotted name.
    pub sysctls: BTreeMap<String, String>,
    /// How early the kernel kills it when the machine runs short of memory, -1000 to 1000.
    pub oom_score_adj: i32,
    /// Size of /dev/shm in bytes; `None` is 64 MiB.
    pub shm_size: Option<u64>,
    /// Signal that asks the process to end (`TERM`); `None` takes the image's.
    pub stop_signal: Option<String>,
    /// Time between that signal and `KILL`.
    pub stop_grace_period: Duration,
    /// What runs in it, one after the other, once it has started.
    pub post_start: Vec<HookSpec>,
    /// What runs in it, one after the other, before it is asked to end.
    pub pre_stop: Vec<HookSpec>,
    /// Services that must outlive it: `down` and `stop` work in reverse order of these, also
    /// when the stack file is gone.
    pub depends_on: BTreeSet<String>,
}

impl ContainerSpec {
    /// The name that people see, no other container on the machine has: the chosen one, otherwise that
    /// of its place (`shop-web-1`).
    pub fn called(&self, id: &ContainerId) -> String {
        self.name.clone().unwrap_or_else(|| id.name())
    }

    /// Whether it is on the network of this real name.
    pub fn is_on(&self, network: &str) -> bool {
        self.networks.iter().any(|attachment| attachment.network == network)
    }

    /// Whether its health is checked, given whether its image declares a check.
    pub fn checks_health(&self, image_checks: bool) -> bool {
        match self.health.as_ref().and_then(|health| health.test.as_ref()) {
            Some(test) => *test != HealthTest::Disabled,
            None => image_checks,
        }
    }

    /// Whether it mounts the volume of this real name.
    pub fn mounts_volume(&self, volume: &str) -> bool {
        self.volumes().any(|name| name == volume)
    }

    /// The real names of the volumes that it mounts.
    pub fn volumes(&self) -> impl Iterator<Item = &str> {
        self.mounts.iter().filter_map(|mount| mount.kind.volume())
    }

    /// Whether it needs the image of this reference: it runs it, or mounts its files.
    pub fn is_made_from(&self, reference: &str) -> bool {
        self.images().any(|image| image == reference)
    }

    /// The references of the images that it is made from.
    pub fn images(&self) -> impl Iterator<Item = &str> {
        std::iter::once(self.image.as_str()).chain(self.mounted_images().map(|(reference, _)| reference))
    }

    /// The references and ids of the images whose files it mounts.
    pub fn mounted_images(&self) -> impl Iterator<Item = (&str, &str)> {
        self.mounts.iter().filter_map(|mount| match &mount.kind {
            MountKind::Image { reference, id, .. } => Some((reference.as_str(), id.as_str())),
            _ => None,
        })
    }
}

/// What is special about a container that `run` made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct OneOff {
    /// It is removed when it has ended, with its anonymous volumes.
    pub remove: bool,
    /// Nothing that it prints is lost to who attaches at once: it is waited for.
    pub awaited: bool,
}

/// A published port. Replicas of a service may publish the same one: it is balanced.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PortSpec {
    /// Host address; `None` is every address.
    pub host_ip: Option<IpAddr>,
    /// Host port; `None` lets the engine choose a free one.
    pub published: Option<u16>,
    /// The last of the host ports from which the engine chooses a free one, the first of which is
    /// `published`; `None` is no choice.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub published_last: Option<u16>,
    /// Container port.
    pub target: u16,
    /// Transport protocol.
    pub protocol: Protocol,
}

/// Transport protocol of a port.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Protocol {
    /// TCP.
    #[default]
    Tcp,
    /// UDP.
    Udp,
    /// SCTP.
    Sctp,
}

/// What to do when the process ends by itself.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum RestartPolicy {
    /// Nothing.
    #[default]
    No,
    /// Start again when the exit code is not 0, at most so many times.
    OnFailure {
        /// `None` is without limit.
        max_retries: Option<u32>,
    },
    /// Always start again.
    Always,
    /// Always start again, but not after a stop by the user and a reboot.
    UnlessStopped,
}

/// A health check; what is `None` comes from the image, then from the defaults.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct HealthSpec {
    /// What to run.
    pub test: Option<HealthTest>,
    /// Time between two probes (30 s).
    pub interval: Option<Duration>,
    /// Time that one probe may take (30 s).
    pub timeout: Option<Duration>,
    /// Failures in a row that make it unhealthy (3).
    pub retries: Option<u32>,
    /// Time after start in which failures do not count (0 s).
    pub start_period: Option<Duration>,
    /// Time between two probes in the start period (5 s).
    pub start_interval: Option<Duration>,
}

/// What a health check runs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum HealthTest {
    /// No check, even if the image has one.
    Disabled,
    /// A program and its arguments.
    Exec(Vec<String>),
    /// A line for `/bin/sh -c`.
    Shell(String),
}

/// A limit of setrlimit(2); -1 is unlimited.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ulimit {
    /// The value that applies.
    pub soft: i64,
    /// The value up to which the process may raise it.
    pub hard: i64,
}
