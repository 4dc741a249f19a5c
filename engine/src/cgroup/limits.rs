//! From limits to what is written into control group files. Pure.

use super::hierarchy::{Controller, Version};
use planner::desired::{Limits, Swap};

/// Shares of CPU time that a group of version 1 has at first.
const SHARES: u64 = 1024;
/// The weight that a group of version 2 has at first.
const WEIGHT: u64 = 100;
/// The period of the CPU quota, in microseconds: the kernel's default.
const PERIOD_USEC: u64 = 100_000;
/// The smallest quota that the kernel takes, in microseconds.
const QUOTA_USEC_MIN: u64 = 1_000;

/// One value for one file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Write {
    /// Which controller's folder.
    pub controller: Controller,
    /// The file in it.
    pub file: &'static str,
    /// What is written.
    pub value: String,
    /// Somebody asked for it: when the file is missing that is an error.
    pub needed: bool,
}

impl Write {
    /// Whether it says what holds in a new group anyway.
    pub(super) fn is_initial(&self) -> bool {
        let said = ["-1", "max", "0"].contains(&&*self.value);
        !self.needed && (said || self.controller == Controller::Cpu)
    }
}

/// What to write for these limits, in this order. `total_in_force` is the limit on memory plus
/// swap that holds now, `u64::MAX` for none: version 1 refuses any moment in which memory plus
/// swap is less than memory, so raising begins with the total and lowering with the memory.
pub fn writes(limits: &Limits, version: Version, total_in_force: u64) -> Vec<Write> {
    let mut list = match version {
        Version::V1 => memory_v1(limits, total_in_force),
        Version::V2 => memory_v2(limits),
    };
    list.extend(kept(limits, version));
    list.extend(cpu(limits, version));
    let pids = limits.pids.map_or("max".to_owned(), |pids| pids.to_string());
    list.push(Write {
        controller: Controller::Pids,
        file: "pids.max",
        value: pids,
        needed: limits.pids.is_some(),
    });
    list
}

fn memory_v1(limits: &Limits, total_in_force: u64) -> Vec<Write> {
    let total = total(limits);
    let value = |bytes: Option<u64>| bytes.map_or("-1".to_owned(), |bytes| bytes.to_string());
    let memory = memory("memory.limit_in_bytes", value(limits.memory), limits.memory.is_some());
    let both = self::memory("memory.memsw.limit_in_bytes", value(total), wants_swap_limit(limits));
    if total.unwrap_or(u64::MAX) > total_in_force { vec![both, memory] } else { vec![memory, both] }
}

fn memory_v2(limits: &Limits) -> Vec<Write> {
    let value = |bytes: Option<u64>| bytes.map_or("max".to_owned(), |bytes| bytes.to_string());
    let swap = limits.memory.zip(total(limits)).map(|(memory, total)| total.saturating_sub(memory));
    // The swap first: lowering the memory pushes some of it there.
    vec![
        memory("memory.swap.max", value(swap), wants_swap_limit(limits)),
        memory("memory.max", value(limits.memory), limits.memory.is_some()),
    ]
}

/// What the container keeps of its memory, and what becomes of the rest.
fn kept(limits: &Limits, version: Version) -> Vec<Write> {
    let kept = |unset: &str| limits.reservation.map_or(unset.to_owned(), |bytes| bytes.to_string());
    let mut list = vec![match version {
        Version::V1 => memory("memory.soft_limit_in_bytes", kept("-1"), limits.reservation.is_some()),
        Version::V2 => memory("memory.low", kept("0"), limits.reservation.is_some()),
    }];
    let swappiness = limits.swappiness.map(|most| memory("memory.swappiness", most.to_string(), true));
    list.extend(swappiness);
    let spared = if limits.spared { "1" } else { "0" };
    list.extend(match version {
        Version::V1 => Some(memory("memory.oom_control", spared.to_owned(), limits.spared)),
        // There is no such file: it says so to those who need it.
        Version::V2 => limits.spared.then(|| memory("memory.oom_control", spared.to_owned(), true)),
    });
    list
}

fn memory(file: &'static str, value: String, needed: bool) -> Write {
    Write { controller: Controller::Memory, file, value, needed }
}

/// Memory plus swap, in bytes.
fn total(limits: &Limits) -> Option<u64> {
    let memory = limits.memory?;
    match limits.swap {
        Swap::SameAsMemory => Some(memory.saturating_mul(2)),
        Swap::Unlimited => None,
        Swap::Total(total) => Some(total.max(memory)),
    }
}

/// The default is given up silently on kernels that do not account for swap; a wish is not.
fn wants_swap_limit(limits: &Limits) -> bool {
    limits.memory.is_some() && matches!(limits.swap, Swap::Total(_))
}

fn cpu(limits: &Limits, version: Version) -> Vec<Write> {
    let period = limits.cpu_period.unwrap_or(PERIOD_USEC);
    let of_cores = limits.nano_cpus.map(|cpus| (cpus / (1_000_000_000 / PERIOD_USEC)).max(QUOTA_USEC_MIN));
    let quota = of_cores.or(limits.cpu_quota);
    let needed = quota.is_some() || limits.cpu_period.is_some();
    let write = |file, value, needed| Write { controller: Controller::Cpu, file, value, needed };
    let shares = limits.cpu_shares.unwrap_or(SHARES);
    let weighs = limits.cpu_shares.is_some();
    match version {
        Version::V1 => vec![
            write("cpu.cfs_period_us", period.to_string(), needed),
            write("cpu.cfs_quota_us", quota.map_or("-1".to_owned(), |quota| quota.to_string()), needed),
            write("cpu.shares", shares.to_string(), weighs),
        ],
        Version::V2 => {
            let quota = quota.map_or("max".to_owned(), |quota| quota.to_string());
            let weight = if weighs { weight_of(shares) } else { WEIGHT };
            vec![
                write("cpu.max", format!("{quota} {period}"), needed),
                write("cpu.weight", weight.to_string(), weighs),
            ]
        }
    }
}

/// Shares of version 1, 2 to 262144, as a weight of version 2, 1 to 10000: both scales have the same
/// ends.
fn weight_of(shares: u64) -> u64 {
    1 + (shares.clamp(2, 262_144) - 2) * 9_999 / 262_142
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIB: u64 = 1 << 20;

    fn memory_of(
        version: Version,
        memory: u64,
        swap: Swap,
        total_in_force: u64,
    ) -> Vec<(&'static str, String)> {
        let limits = Limits { memory: Some(memory), swap, ..Limits::default() };
        let list = writes(&limits, version, total_in_force);
        let memory = list.into_iter().filter(|write| write.controller == Controller::Memory);
        let memory = memory.filter(|write| {
            !["memory.low", "memory.soft_limit_in_bytes", "memory.oom_control"].contains(&write.file)
        });
        memory.map(|write| (write.file, write.value)).collect()
    }

    #[test]
    fn swap_is_what_the_total_leaves_beside_memory() {
        let cases = [
            (Swap::SameAsMemory, (128 * MIB).to_string(), (64 * MIB).to_string()),
            (Swap::Unlimited, "-1".to_owned(), "max".to_owned()),
            (Swap::Total(64 * MIB), (64 * MIB).to_string(), "0".to_owned()),
            (Swap::Total(100 * MIB), (100 * MIB).to_string(), (36 * MIB).to_string()),
            // The planner refuses less than memory; here it means none.
            (Swap::Total(MIB), (64 * MIB).to_string(), "0".to_owned()),
        ];
        let memory = (64 * MIB).to_string();
        for (swap, version1, version2) in cases {
            assert_eq!(
                memory_of(Version::V1, 64 * MIB, swap, u64::MAX)
                    .into_iter()
                    .collect::<std::collections::BTreeMap<_, _>>(),
                [("memory.limit_in_bytes", memory.clone()), ("memory.memsw.limit_in_bytes", version1)].into(),
                "{swap:?}"
            );
            assert_eq!(
                memory_of(Version::V2, 64 * MIB, swap, u64::MAX),
                [("memory.swap.max", version2), ("memory.max", memory.clone())],
                "{swap:?}"
            );
        }
    }

    #[test]
    fn version_1_raises_the_total_first_and_lowers_the_memory_first() {
        let first =
            |memory, total_in_force| memory_of(Version::V1, memory, Swap::SameAsMemory, total_in_force)[0].0;
        assert_eq!(first(64 * MIB, u64::MAX), "memory.limit_in_bytes");
        assert_eq!(first(32 * MIB, 128 * MIB), "memory.limit_in_bytes");
        assert_eq!(first(128 * MIB, 128 * MIB), "memory.memsw.limit_in_bytes");
        let unlimited = writes(&Limits::default(), Version::V1, 128 * MIB);
        assert_eq!((unlimited[0].file, &*unlimited[0].value), ("memory.memsw.limit_in_bytes", "-1"));
    }

    #[test]
    fn cpu_and_tasks_are_written_in_each_version_s_form() {
        let limits = Limits { nano_cpus: Some(1_500_000_000), pids: Some(50), ..Limits::default() };
        let shown = |version| {
            let list = writes(&limits, version, u64::MAX);
            let needed = list.into_iter().filter(|write| write.needed);
            needed.map(|write| format!("{}={}", write.file, write.value)).collect::<Vec<_>>()
        };
        assert_eq!(
            shown(Version::V1),
            ["cpu.cfs_period_us=100000", "cpu.cfs_quota_us=150000", "pids.max=50"]
        );
        assert_eq!(shown(Version::V2), ["cpu.max=150000 100000", "pids.max=50"]);
        let least = Limits { nano_cpus: Some(1), ..Limits::default() };
        assert!(writes(&least, Version::V2, u64::MAX).iter().any(|write| write.value == "1000 100000"));
    }

    #[test]
    fn shares_quotas_and_what_is_kept_are_written_in_each_version_s_form() {
        let limits = Limits {
            cpu_shares: Some(512),
            cpu_quota: Some(5_000),
            cpu_period: Some(20_000),
            reservation: Some(MIB),
            swappiness: Some(7),
            spared: true,
            ..Limits::default()
        };
        let shown = |version| {
            let list = writes(&limits, version, u64::MAX);
            let needed = list.into_iter().filter(|write| write.needed);
            needed.map(|write| format!("{}={}", write.file, write.value)).collect::<Vec<_>>()
        };
        assert_eq!(
            shown(Version::V1),
            [
                "memory.soft_limit_in_bytes=1048576",
                "memory.swappiness=7",
                "memory.oom_control=1",
                "cpu.cfs_period_us=20000",
                "cpu.cfs_quota_us=5000",
                "cpu.shares=512"
            ]
        );
        assert_eq!(
            shown(Version::V2),
            [
                "memory.low=1048576",
                "memory.swappiness=7",
                "memory.oom_control=1",
                "cpu.max=5000 20000",
                "cpu.weight=20"
            ]
        );
        assert_eq!([2, 1024, 262_144].map(weight_of), [1, 39, 10_000]);
    }

    #[test]
    fn what_is_not_limited_is_written_as_unlimited_and_not_needed() {
        let list = writes(&Limits::default(), Version::V2, u64::MAX);
        let shown: Vec<String> = list.iter().map(|write| format!("{}={}", write.file, write.value)).collect();
        assert_eq!(
            shown,
            [
                "memory.swap.max=max",
                "memory.max=max",
                "memory.low=0",
                "cpu.max=max 100000",
                "cpu.weight=100",
                "pids.max=max"
            ]
        );
        assert!(list.iter().all(|write| !write.needed));
    }

    #[test]
    fn a_new_group_has_all_that_is_not_asked_for() {
        for version in [Version::V1, Version::V2] {
            assert!(writes(&Limits::default(), version, u64::MAX).iter().all(Write::is_initial));
            let limits = Limits { memory: Some(64 * MIB), pids: Some(9), ..Limits::default() };
            let list = writes(&limits, version, u64::MAX);
            let files: Vec<_> = list.iter().filter(|write| !write.is_initial()).map(|w| w.file).collect();
            assert_eq!(files.len(), 3, "memory, with swap, and tasks: {files:?}");
        }
    }

    #[test]
    fn only_a_wish_for_swap_needs_the_kernel_to_account_for_it() {
        let needs = |swap| {
            let limits = Limits { memory: Some(64 * MIB), swap, ..Limits::default() };
            writes(&limits, Version::V2, u64::MAX)[0].needed
        };
        assert!(needs(Swap::Total(64 * MIB)));
        assert!(!needs(Swap::SameAsMemory) && !needs(Swap::Unlimited));
    }
}
