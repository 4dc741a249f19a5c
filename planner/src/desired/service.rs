//! What a service of the file means for its containers: keys that say the same in two ways as
//! one, texts as what they stand for, defaults where nothing is written.

use super::{
    Disk, Disks, HealthSpec, HealthTest, Limits, Memory, MountKind, MountSpec, Propagation, RestartPolicy,
    Submounts, Swap, Ulimit,
};
use crate::model::{
    Blkio, FileReference, HealthCheck, Most, Mount, MountType, ResourceAmounts, Service, ServiceNetwork,
    ThrottleDevice, Time, units,
};
use crate::source::mounts::{Tmpfs, parse_tmpfs};
use crate::source::resolve;
use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

const GRACE: Duration = Duration::from_secs(10);

impl Service {
    /// Number of containers: `scale`, `deploy.replicas`, else one.
    pub fn replicas(&self) -> u32 {
        let deployed = || self.deploy.as_ref().and_then(|deploy| deploy.replicas);
        self.scale.or_else(deployed).and_then(|count| u32::try_from(count).ok()).unwrap_or(1)
    }

    /// Resource limits, whichever way they were written.
    pub fn limits(&self) -> Limits {
        let nothing = ResourceAmounts::default();
        let deployed = self.deploy.as_ref().and_then(|deploy| deploy.resources.limits.as_ref());
        let deployed = deployed.unwrap_or(&nothing);
        Limits {
            memory: deployed.memory.amount().or(self.mem_limit.amount()),
            swap: self.swap(),
            nano_cpus: deployed.cpus.nano().or(self.cpus.nano()),
            pids: deployed.pids.amount().or(self.pids_limit.amount()),
            cpu_quota: amount(self.cpu_quota),
            cpu_period: amount(self.cpu_period),
            cpu_shares: amount(self.cpu_shares),
            cpuset: Some(self.cpuset.clone()).filter(|cpus| !cpus.is_empty()),
            reservation: self.reservation(),
            swappiness: self.mem_swappiness.0.and_then(|percent| u64::try_from(percent).ok()),
            spared: self.oom_kill_disable,
            disks: self.blkio_config.as_deref().map(disks).unwrap_or_default(),
        }
    }

    /// Memory that it keeps, whichever way it was written.
    fn reservation(&self) -> Option<u64> {
        let deployed = self.deploy.as_ref().and_then(|deploy| deploy.resources.reservations.as_ref());
        deployed.and_then(|amounts| amounts.memory.amount()).or(self.mem_reservation.amount())
    }

    fn swap(&self) -> Swap {
        match self.memswap_limit.most() {
            None => Swap::SameAsMemory,
            Some(Most::Unlimited) => Swap::Unlimited,
            Some(Most::Of(total)) => Swap::Total(total),
        }
    }

    /// What happens when a container ends by itself: `deploy.restart_policy`, else `restart`.
    pub fn restart_policy(&self) -> RestartPolicy {
        if let Some(policy) = self.deploy.as_ref().and_then(|deploy| deploy.restart_policy.as_ref()) {
            let max_retries = policy.max_attempts.and_then(|times| u32::try_from(times).ok());
            return match policy.condition.as_str() {
                "any" => RestartPolicy::Always,
                "on-failure" => RestartPolicy::OnFailure { max_retries },
                _ => RestartPolicy::No,
            };
        }
        match self.restart.split_once(':').unwrap_or((&self.restart, "")) {
            ("always", _) => RestartPolicy::Always,
            ("unless-stopped", _) => RestartPolicy::UnlessStopped,
            ("on-failure", retries) => {
                let max_retries = retries.parse().ok().filter(|&retries| retries > 0);
                RestartPolicy::OnFailure { max_retries }
            }
            _ => RestartPolicy::No,
        }
    }

    /// Time between stop signal and kill; 10 s by default.
    pub fn grace(&self) -> Duration {
        self.stop_grace_period.map_or(GRACE, Time::duration)
    }

    /// The stop signal, without `SIG`; `None` takes the image's.
    pub fn end_signal(&self) -> Option<String> {
        units::signal_name(&self.stop_signal)
    }

    /// Preference of the OOM killer.
    pub(super) fn oom_score(&self) -> i32 {
        self.oom_score_adj.clamp(-1000, 1000) as i32
    }

    /// Whether `security_opt` has `no-new-privileges`.
    pub fn no_new_privileges(&self) -> bool {
        self.security_opt.iter().any(|option| {
            let (name, value) = option.split_once(['=', ':']).unwrap_or((option, ""));
            name == "no-new-privileges" && value != "false"
        })
    }

    /// The networks that it is on, the one with the default route first.
    pub fn networks_in_order(&self) -> Vec<(&str, Option<&ServiceNetwork>)> {
        let presences = self.networks.iter().map(|(key, presence)| (key.as_str(), presence.as_ref()));
        let mut networks: Vec<_> = presences.collect();
        networks.sort_by_key(|(_, presence)| {
            Reverse(presence.map_or((0, 0), |presence| (presence.gw_priority, presence.priority)))
        });
        networks
    }

    /// Its setrlimit(2) limits.
    pub(super) fn process_limits(&self) -> BTreeMap<String, Ulimit> {
        process_limits(&self.ulimits)
    }

    /// The mounts of `tmpfs`.
    pub(super) fn memory_mounts(&self) -> impl Iterator<Item = MountSpec> {
        self.tmpfs.iter().filter_map(|text| {
            let Tmpfs { target, read_only, memory } = parse_tmpfs(text).ok()?;
            Some(MountSpec { target, read_only, kind: MountKind::Tmpfs(memory) })
        })
    }
}

/// A number that is set.
fn amount(number: i64) -> Option<u64> {
    u64::try_from(number).ok().filter(|&number| number > 0)
}

/// Shares and limits, by device.
fn disks(written: &Blkio) -> Disks {
    let share = |weight: u16| Some(weight).filter(|&weight| weight > 0);
    let mut devices: BTreeMap<String, Disk> = BTreeMap::new();
    for device in &written.weight_device {
        devices.entry(device.path.clone()).or_default().weight = share(device.weight);
    }
    let mut throttle = |list: &[ThrottleDevice], limit: fn(&mut Disk) -> &mut Option<u64>| {
        for device in list {
            *limit(devices.entry(device.path.clone()).or_default()) = device.rate.amount();
        }
    };
    throttle(&written.device_read_bps, |disk| &mut disk.read_bps);
    throttle(&written.device_write_bps, |disk| &mut disk.write_bps);
    throttle(&written.device_read_iops, |disk| &mut disk.read_iops);
    throttle(&written.device_write_iops, |disk| &mut disk.write_iops);
    Disks { weight: share(written.weight), devices }
}

/// Capabilities in upper case without `CAP_`; what is none is left out.
pub(super) fn capabilities(written: &[String]) -> Vec<String> {
    written.iter().filter_map(|name| units::capability_name(name)).collect()
}

impl HealthCheck {
    /// What to run; `None` takes the image's.
    pub fn test(&self) -> Option<HealthTest> {
        if self.disable {
            return Some(HealthTest::Disabled);
        }
        let (first, rest) = self.test.split_first()?;
        match first.as_str() {
            "NONE" => Some(HealthTest::Disabled),
            "CMD-SHELL" => rest.last().cloned().map(HealthTest::Shell),
            _ => Some(HealthTest::Exec(rest.to_vec())),
        }
    }

    /// The check of a container; what is `None` or 0 comes from the image.
    pub(super) fn spec(&self) -> HealthSpec {
        let set = |time: Option<Time>| time.map(Time::duration).filter(|duration| !duration.is_zero());
        HealthSpec {
            test: self.test(),
            interval: set(self.interval),
            timeout: set(self.timeout),
            retries: self.retries.filter(|&times| times > 0).and_then(|times| u32::try_from(times).ok()),
            start_period: set(self.start_period),
            start_interval: set(self.start_interval),
        }
    }
}

impl FileReference {
    /// The absolute path of a config or secret in the container; `folder` is where it is when its
    /// target is not absolute.
    pub(crate) fn place(&self, folder: &str) -> String {
        let target = if self.target.is_empty() { &self.source } else { &self.target };
        resolve::join(if folder.is_empty() { "/" } else { folder }, target)
    }
}

impl Mount {
    /// What a container mounts when this is not a volume.
    pub(super) fn host_or_memory(&self) -> Option<MountKind> {
        let bind = self.bind.as_ref();
        match self.kind {
            MountType::Bind => Some(MountKind::Bind {
                source: PathBuf::from(&self.source),
                create: self.creates_host_path(),
                propagation: bind.map_or(Propagation::Private, |bind| Propagation::parse(&bind.propagation)),
                submounts: bind.map_or(Submounts::Included, |bind| submounts(&bind.recursive)),
            }),
            MountType::Tmpfs => {
                let options = self.tmpfs.as_ref();
                let mode = options.map(|options| options.mode).filter(|&mode| mode > 0);
                let size = options.and_then(|options| options.size.amount());
                Some(MountKind::Tmpfs(Memory { size, mode, ..Memory::default() }))
            }
            MountType::Volume | MountType::Image | MountType::Npipe | MountType::Cluster => None,
        }
    }
}

/// What becomes of mounts below; read-only as it is what they are anyway.
fn submounts(word: &str) -> Submounts {
    match word {
        "disabled" => Submounts::Excluded,
        "writable" => Submounts::Writable,
        _ => Submounts::Included,
    }
}

/// Limits of setrlimit(2) as the engine wants them.
pub(super) fn process_limits(limits: &BTreeMap<String, crate::model::Ulimit>) -> BTreeMap<String, Ulimit> {
    let limit = |(name, limit): (&String, &crate::model::Ulimit)| {
        (name.clone(), Ulimit { soft: limit.soft(), hard: limit.hard() })
    };
    limits.iter().map(limit).collect()
}
