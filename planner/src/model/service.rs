//! One service, canonical: short forms are gone, defaults are filled in, paths are absolute.

use crate::desired::{HealthTest, Protocol, Swap, Ulimit};
use crate::diagnostic::Span;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

/// One service.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Service {
    /// Where it stands.
    pub span: Span,
    /// Image reference. Loading refuses a service without one.
    pub image: String,
    /// Arguments; `None` takes the image's.
    pub command: Option<Vec<String>>,
    /// Program; `None` takes the image's.
    pub entrypoint: Option<Vec<String>>,
    /// Variables; `None` removes one of the image.
    pub environment: BTreeMap<String, Option<String>>,
    /// Working directory.
    pub working_dir: Option<String>,
    /// `user[:group]`.
    pub user: Option<String>,
    /// Host name.
    pub hostname: Option<String>,
    /// Labels.
    pub labels: BTreeMap<String, String>,
    /// Published ports.
    pub ports: Vec<Port>,
    /// Mounts.
    pub volumes: Vec<VolumeMount>,
    /// Networks by key, in the order of the file; `default` when none is given.
    pub networks: Vec<ServiceNetwork>,
    /// What must be up before it.
    pub depends_on: BTreeMap<String, Dependency>,
    /// Health check; `None` takes the image's.
    pub healthcheck: Option<HealthCheck>,
    /// Restart policy.
    pub restart: Restart,
    /// Replicas (`deploy.replicas`, `scale`), 1 by default.
    pub replicas: u32,
    /// Resource limits, whichever way they were written.
    pub resources: Resources,
    /// Init as PID 1.
    pub init: bool,
    /// Stop signal, without `SIG`.
    pub stop_signal: Option<String>,
    /// Time between stop signal and kill; 10 s by default.
    pub stop_grace_period: Duration,
    /// Read-only root file system.
    pub read_only: bool,
    /// Everything allowed.
    pub privileged: bool,
    /// Capabilities added, upper case without `CAP_`.
    pub cap_add: Vec<String>,
    /// Capabilities dropped, upper case without `CAP_`.
    pub cap_drop: Vec<String>,
    /// `security_opt: [no-new-privileges]`.
    pub no_new_privileges: bool,
    /// setrlimit(2) limits.
    pub ulimits: BTreeMap<String, Ulimit>,
    /// Bytes of /dev/shm.
    pub shm_size: Option<u64>,
    /// Profiles; empty: always active.
    pub profiles: Vec<String>,
}

/// One edge of `depends_on`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dependency {
    /// Where it stands.
    pub span: Span,
    /// What the dependency must have reached.
    pub condition: Condition,
    /// Restart this service when the dependency is restarted or replaced.
    pub restart: bool,
    /// Whether it is an error when the dependency is missing or fails.
    pub required: bool,
}

/// What a dependency must have reached.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Condition {
    /// Its containers are started.
    #[default]
    ServiceStarted,
    /// Its health checks succeed.
    ServiceHealthy,
    /// Its containers ended with exit code 0.
    ServiceCompletedSuccessfully,
}

/// One published port; ranges are expanded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Port {
    /// Where it stands.
    pub span: Span,
    /// Host address; `None` is every address.
    pub host_ip: Option<IpAddr>,
    /// Host port; `None` is chosen by the engine.
    pub published: Option<u16>,
    /// Container port.
    pub target: u16,
    /// Transport protocol.
    pub protocol: Protocol,
}

/// One entry of `volumes` or `tmpfs`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VolumeMount {
    /// Where it stands.
    pub span: Span,
    /// Absolute path in the container.
    pub target: String,
    /// No writing.
    pub read_only: bool,
    /// What is mounted.
    pub source: MountSource,
}

impl VolumeMount {
    /// The key of the named volume that this mounts.
    pub(crate) fn volume_key(&self) -> Option<&String> {
        if let MountSource::Volume { key, .. } = &self.source { key.as_ref() } else { None }
    }
}

/// What a [`VolumeMount`] mounts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MountSource {
    /// A top-level volume by its key; no key: an anonymous volume.
    Volume {
        /// Key in the top-level `volumes`.
        key: Option<String>,
        /// No copy-up of image content.
        nocopy: bool,
    },
    /// A host path, absolute.
    Bind {
        /// The host path.
        source: PathBuf,
        /// Make it when missing.
        create: bool,
    },
    /// Memory.
    Tmpfs {
        /// Bytes.
        size: Option<u64>,
        /// Permission bits.
        mode: Option<u32>,
    },
}

/// Presence on one network.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServiceNetwork {
    /// Key in the top-level `networks`.
    pub key: String,
    /// Extra names on that network.
    pub aliases: Vec<String>,
}

/// `healthcheck`; what is `None` comes from the image, then from the defaults.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HealthCheck {
    /// What to run.
    pub test: Option<HealthTest>,
    /// Time between two probes.
    pub interval: Option<Duration>,
    /// Time that one probe may take.
    pub timeout: Option<Duration>,
    /// Failures in a row that make it unhealthy.
    pub retries: Option<u32>,
    /// Time after start in which failures do not count.
    pub start_period: Option<Duration>,
    /// Time between two probes in the start period.
    pub start_interval: Option<Duration>,
}

/// `restart`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Restart {
    /// Never.
    #[default]
    No,
    /// Always.
    Always,
    /// When the exit code is not 0.
    OnFailure {
        /// At most so many times.
        max_retries: Option<u32>,
    },
    /// Always but after a stop by the user.
    UnlessStopped,
}

/// Resource limits, `deploy.resources.limits` and the service-level keys in one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Resources {
    /// Bytes.
    pub memory: Option<u64>,
    /// Swap rule.
    pub swap: Swap,
    /// Billionths of a core.
    pub nano_cpus: Option<u64>,
    /// Tasks.
    pub pids: Option<u64>,
}
