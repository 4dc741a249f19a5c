//! One service.

use super::{
    Blkio, Build, Bytes, Cores, CredentialSpec, Dependency, Deploy, Develop, DeviceMapping, DeviceRequest,
    EnvFile, Extended, Extensions, FileReference, HealthCheck, Hook, Hosts, Limit, Logging, Mount, Port,
    Provider, Sampan, ServiceModel, ServiceNetwork, Swappiness, Time, Ulimit,
};
use crate::diagnostic::Span;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// One service as the file has it, in long forms. What it means for containers, where several
/// keys say the same or a default holds, is told by its methods (see
/// [`desired`](crate::desired)).
///
/// Texts that are empty and numbers that are 0 are not set. `Option` is used where being empty
/// or 0 means something. What is large and that few services have is in a `Box`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Service {
    /// Where it stands.
    #[serde(skip_serializing)]
    pub span: Span,
    /// Profiles that activate it; empty: always active.
    pub profiles: Vec<String>,
    /// Annotations of the container for its runtime.
    pub annotations: BTreeMap<String, String>,
    /// Whether `up` in the foreground shows its logs; unset: it does.
    pub attach: Option<bool>,
    /// How its image is built.
    pub build: Option<Box<Build>>,
    /// What `watch` does when files change.
    pub develop: Option<Box<Develop>>,
    /// Shares and limits of block devices.
    pub blkio_config: Option<Box<Blkio>>,
    /// Capabilities beyond the default set, as written.
    pub cap_add: Vec<String>,
    /// Capabilities taken from the default set, as written.
    pub cap_drop: Vec<String>,
    /// The cgroup under which the container's own is made.
    pub cgroup_parent: String,
    /// cgroup namespace: `host` or `private`.
    pub cgroup: String,
    /// Number of usable CPUs (Windows).
    pub cpu_count: i64,
    /// Usable part of all CPUs in percent (Windows).
    pub cpu_percent: f32,
    /// Period of the CPU quota in microseconds.
    pub cpu_period: i64,
    /// CPU time in each period in microseconds; -1 is unlimited.
    pub cpu_quota: i64,
    /// Period of the real-time scheduler in microseconds.
    pub cpu_rt_period: i64,
    /// Real-time CPU time in each period in microseconds.
    pub cpu_rt_runtime: i64,
    /// CPU time in cores.
    pub cpus: Cores,
    /// CPUs that it may run on: `0-3`, `0,1`.
    pub cpuset: String,
    /// CPU weight against other containers; the engine's default is 1024.
    pub cpu_shares: i64,
    /// Arguments; `None` takes the image's, empty clears them.
    pub command: Option<Vec<String>>,
    /// Configs that it gets as files.
    pub configs: Vec<FileReference>,
    /// Name of its only container in place of `<stack>-<service>-<number>`.
    pub container_name: String,
    /// Credentials of a managed account (Windows).
    pub credential_spec: Option<Box<CredentialSpec>>,
    /// What must be up before it, by service.
    pub depends_on: BTreeMap<String, Dependency>,
    /// How many, with which resources, and what only a cluster does.
    pub deploy: Option<Box<Deploy>>,
    /// Rules of the cgroup device controller: `c 1:3 mr`.
    pub device_cgroup_rules: Vec<String>,
    /// Devices of the host.
    pub devices: Vec<DeviceMapping>,
    /// Name servers.
    pub dns: Vec<String>,
    /// Resolver options.
    pub dns_opt: Vec<String>,
    /// Search domains; `.` is none.
    pub dns_search: Vec<String>,
    /// NIS domain name.
    pub domainname: String,
    /// Program; `None` takes the image's, empty clears it. Setting it drops the image's command.
    pub entrypoint: Option<Vec<String>>,
    /// The program that provides it in place of a container.
    pub provider: Option<Box<Provider>>,
    /// Variables; `None` removes one of the image.
    pub environment: BTreeMap<String, Option<String>>,
    /// Files of variables; empty once they are read.
    pub env_file: Vec<EnvFile>,
    /// Ports for other containers: `8080`, `8080-8090/udp`.
    pub expose: Vec<String>,
    /// The service that it extends and that says nothing; any other is part of it.
    pub extends: Option<Extended>,
    /// Links to containers outside the stack: `container[:alias]`.
    pub external_links: Vec<String>,
    /// Names for the container's hosts file.
    pub extra_hosts: Hosts,
    /// Groups of the process beyond those of its user: names or numbers.
    pub group_add: Vec<String>,
    /// GPUs.
    pub gpus: Vec<DeviceRequest>,
    /// Host name; unset: the container's id.
    pub hostname: String,
    /// Health check; `None` takes the image's.
    pub healthcheck: Option<Box<HealthCheck>>,
    /// Image reference.
    pub image: String,
    /// Whether an init runs as PID 1; unset: the engine's default, which is not.
    pub init: Option<bool>,
    /// IPC namespace: `shareable`, `private`, `host`, `service:x`, `container:x`.
    pub ipc: String,
    /// Isolation technology (Windows).
    pub isolation: String,
    /// Labels of its containers.
    pub labels: BTreeMap<String, String>,
    /// Files of labels; empty once they are read.
    pub label_file: Vec<String>,
    /// Links to services: `service[:alias]`.
    pub links: Vec<String>,
    /// Where its output goes.
    pub logging: Option<Box<Logging>>,
    /// Memory limit.
    pub mem_limit: Bytes,
    /// Memory that it keeps when the host runs short.
    pub mem_reservation: Bytes,
    /// Memory and swap together; unset: twice the memory, -1: unlimited swap.
    pub memswap_limit: Bytes,
    /// Readiness to swap.
    pub mem_swappiness: Swappiness,
    /// MAC address on its first network.
    pub mac_address: String,
    /// AI models that it uses, by model.
    pub models: BTreeMap<String, Option<ServiceModel>>,
    /// Network namespace in place of networks: `none`, `host`, `service:x`, `container:x`.
    pub network_mode: String,
    /// Networks that it is on, by key; `default` when it names none.
    pub networks: BTreeMap<String, Option<ServiceNetwork>>,
    /// The OOM killer spares it (cgroup v1).
    pub oom_kill_disable: bool,
    /// Preference of the OOM killer, -1000 to 1000.
    pub oom_score_adj: i64,
    /// PID namespace: `host`, `service:x`, `container:x`.
    pub pid: String,
    /// Number of tasks.
    pub pids_limit: Limit,
    /// `os/arch[/variant]` of its image.
    pub platform: String,
    /// Published ports, one for each container port.
    pub ports: Vec<Port>,
    /// All capabilities and devices.
    pub privileged: bool,
    /// When the image is pulled: `always`, `never`, `missing`, `build`, `daily`, `weekly`,
    /// `every_<duration>`.
    pub pull_policy: String,
    /// Age after which the image is looked for again.
    pub pull_refresh_after: String,
    /// Read-only root file system.
    pub read_only: bool,
    /// `no`, `always`, `on-failure[:<times>]`, `unless-stopped`.
    pub restart: String,
    /// The OCI runtime.
    pub runtime: String,
    /// Number of containers; the same as `deploy.replicas`.
    pub scale: Option<i64>,
    /// Secrets that it gets as files.
    pub secrets: Vec<FileReference>,
    /// Security options: `no-new-privileges`, `seccomp=…`, `apparmor=…`, `label=…`.
    pub security_opt: Vec<String>,
    /// Size of /dev/shm; the engine's default is 64 MiB.
    pub shm_size: Bytes,
    /// Its standard input stays open.
    pub stdin_open: bool,
    /// Time between stop signal and kill; unset: 10 s.
    pub stop_grace_period: Option<Time>,
    /// Signal that asks it to end; unset: the image's, else SIGTERM.
    pub stop_signal: String,
    /// Options of the storage driver.
    pub storage_opt: BTreeMap<String, String>,
    /// Kernel parameters of its namespaces.
    pub sysctls: BTreeMap<String, String>,
    /// Memory file systems: `path[:options]`.
    pub tmpfs: Vec<String>,
    /// It has a terminal.
    pub tty: bool,
    /// setrlimit(2) limits by their name.
    pub ulimits: BTreeMap<String, Ulimit>,
    /// It can talk to the engine.
    pub use_api_socket: bool,
    /// `user[:group]`, names or numbers; unset: the image's.
    pub user: String,
    /// User namespace: `host`.
    pub userns_mode: String,
    /// UTS namespace: `host`.
    pub uts: String,
    /// Mounts.
    pub volumes: Vec<Mount>,
    /// Services and containers whose mounts it gets: `service[:ro]`, `container:x[:ro]`.
    pub volumes_from: Vec<String>,
    /// Working directory; unset: the image's.
    pub working_dir: String,
    /// What runs to its end before it starts.
    pub pre_start: Vec<Hook>,
    /// What runs in it after it has started.
    pub post_start: Vec<Hook>,
    /// What runs in it before it is stopped.
    pub pre_stop: Vec<Hook>,
    /// What only sampan does; printed with the other `x-…` keys.
    #[serde(rename = "x-sampan", skip_serializing)]
    pub sampan: Option<Box<Sampan>>,
    /// Its `x-…` keys.
    pub extensions: Extensions,
}

impl Service {
    /// The keys of the named volumes that it mounts.
    pub(crate) fn mounted_volumes(&self) -> impl Iterator<Item = &str> {
        self.volumes.iter().filter_map(|mount| mount.volume_key())
    }

    /// The keys of the secrets that it, or the build of its image, gets.
    pub(crate) fn named_secrets(&self) -> impl Iterator<Item = &str> {
        let built = self.build.iter().flat_map(|build| &build.secrets);
        self.secrets.iter().chain(built).map(|file| file.source.as_str())
    }
}
