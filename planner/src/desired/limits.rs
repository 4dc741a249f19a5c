//! Resource limits of one container, one model for `deploy` and service-level keys.

use serde::{Deserialize, Serialize};

/// What a container may use; `None` is unlimited.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limits {
    /// Memory in bytes, at least 6 MiB.
    pub memory: Option<u64>,
    /// Swap beside the memory; meaningful only with a memory limit.
    pub swap: Swap,
    /// CPU time in billionths of one core: 1.5 cores is 1_500_000_000.
    pub nano_cpus: Option<u64>,
    /// Number of tasks.
    pub pids: Option<u64>,
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
