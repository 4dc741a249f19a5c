//! Resource limits of one container, one model for `deploy` and service-level keys.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// What a container may use; `None` is unlimited.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Limits {
    /// Memory in bytes, at least 6 MiB.
    pub memory: Option<u64>,
    /// Swap beside the memory; meaningful only with a memory limit.
    pub swap: Swap,
    /// CPU time in billionths of one core: 1.5 cores is 1_500_000_000.
    pub nano_cpus: Option<u64>,
    /// Number of tasks.
    pub pids: Option<u64>,
    /// CPU time in each period in microseconds: another way to say `nano_cpus`.
    pub cpu_quota: Option<u64>,
    /// The period of the CPU quota in microseconds; `None` is 100000.
    pub cpu_period: Option<u64>,
    /// CPU time against other containers when there is not enough; `None` is 1024.
    pub cpu_shares: Option<u64>,
    /// The CPUs that it may run on: `0-3`, `0,1`.
    pub cpuset: Option<String>,
    /// Bytes of memory that it keeps when the machine runs short.
    pub reservation: Option<u64>,
    /// Readiness to swap, 1 to 100; `None` is the machine's.
    pub swappiness: Option<u64>,
    /// Out of memory, its processes wait instead of being killed.
    pub spared: bool,
    /// Shares and limits of disks.
    pub disks: Disks,
}

/// What a container may do with disks.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Disks {
    /// Share of bandwidth against other containers, 10 to 1000; `None` is 100.
    pub weight: Option<u16>,
    /// By the path of the device.
    pub devices: BTreeMap<String, Disk>,
}

/// What a container may do with one disk.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Disk {
    /// Share of bandwidth, 10 to 1000; `None` is that of all disks.
    pub weight: Option<u16>,
    /// Bytes read in a second.
    pub read_bps: Option<u64>,
    /// Bytes written in a second.
    pub write_bps: Option<u64>,
    /// Reads in a second.
    pub read_iops: Option<u64>,
    /// Writes in a second.
    pub write_iops: Option<u64>,
}

impl Limits {
    /// The least that a program can be born in: 6 MiB.
    pub const MEMORY_MIN: u64 = 6 << 20;
}

/// How much swap a container may use (Compose's `memswap_limit`, which counts memory plus swap).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Swap {
    /// As much as memory: the rule when `memswap_limit` is not set.
    #[default]
    SameAsMemory,
    /// `memswap_limit: -1`.
    Unlimited,
    /// Bytes of memory plus swap, at least the memory limit; equal means no swap.
    Total(u64),
}
