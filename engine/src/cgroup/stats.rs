//! What a container uses.

use super::group::Group;
use super::hierarchy::{Controller, Version};
use std::fs;
use std::path::Path;

/// Version 1 shows "no limit" as the largest number of whole pages; no machine has as much.
const UNLIMITED_FROM: u64 = 1 << 62;

/// What a container uses.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    /// Bytes of memory in use.
    pub memory: Option<u64>,
    /// The most it ever used, in bytes.
    pub memory_peak: Option<u64>,
    /// What it may use, in bytes.
    pub memory_limit: Option<u64>,
    /// Bytes of swap in use.
    pub swap: Option<u64>,
    /// Processes that the kernel killed for want of memory.
    pub oom_kills: Option<u64>,
    /// Processes and threads.
    pub pids: Option<u64>,
    /// How many processes and threads there may be.
    pub pids_limit: Option<u64>,
    /// CPU time used, in microseconds; on version 1 only when version 2 is mounted beside it.
    pub cpu_usec: Option<u64>,
}

/// How much of the last ten seconds some process waited for want of something, in per cent: PSI,
/// Documentation/accounting/psi.rst of the kernel. `None` where it does not tell.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Pressure {
    /// Of processors.
    pub cpu: Option<f64>,
    /// Of memory.
    pub memory: Option<f64>,
    /// Of disks.
    pub io: Option<f64>,
}

impl Group {
    /// What its processes wait for.
    pub fn pressure(&self) -> Pressure {
        let of = |file: &str| {
            let text = fs::read_to_string(self.unified()?.join(file)).ok()?;
            text.lines().find_map(|line| line.strip_prefix("some avg10=")?.split(' ').next()?.parse().ok())
        };
        Pressure { cpu: of("cpu.pressure"), memory: of("memory.pressure"), io: of("io.pressure") }
    }

    /// What the container uses; what cannot be read is `None`.
    pub fn stats(&self) -> Stats {
        let memory = self.folder(Controller::Memory);
        let number = |file: &str| memory.as_ref().and_then(|folder| read_number(folder, file));
        let mut stats = match self.version() {
            Version::V1 => {
                let used = number("memory.usage_in_bytes");
                let total = number("memory.memsw.usage_in_bytes");
                Stats {
                    memory: used,
                    memory_peak: number("memory.max_usage_in_bytes"),
                    memory_limit: number("memory.limit_in_bytes"),
                    swap: total.zip(used).map(|(total, used)| total.saturating_sub(used)),
                    ..Stats::default()
                }
            }
            Version::V2 => Stats {
                memory: number("memory.current"),
                memory_peak: number("memory.peak"),
                memory_limit: number("memory.max"),
                swap: number("memory.swap.current"),
                ..Stats::default()
            },
        };
        stats.memory_limit = stats.memory_limit.filter(|limit| *limit < UNLIMITED_FROM);
        stats.oom_kills = self.read_oom_kills();
        let pids = self.folder(Controller::Pids);
        stats.pids = pids.as_ref().and_then(|folder| read_number(folder, "pids.current"));
        stats.pids_limit = pids.as_ref().and_then(|folder| read_number(folder, "pids.max"));
        stats.cpu_usec = self.unified().and_then(|folder| read_field(&folder, "cpu.stat", "usage_usec"));
        stats
    }

    /// Processes that the kernel killed for want of memory.
    pub fn oom_kills(&self) -> u64 {
        self.read_oom_kills().unwrap_or(0)
    }

    fn read_oom_kills(&self) -> Option<u64> {
        let file = match self.version() {
            Version::V1 => "memory.oom_control",
            Version::V2 => "memory.events",
        };
        read_field(&self.folder(Controller::Memory)?, file, "oom_kill")
    }
}

/// A file that holds one number; `max` is none.
pub(super) fn read_number(folder: &Path, file: &str) -> Option<u64> {
    fs::read_to_string(folder.join(file)).ok()?.trim_end().parse().ok()
}

/// One number of a file with a name and a number in each line.
pub(super) fn read_field(folder: &Path, file: &str, name: &str) -> Option<u64> {
    field(&fs::read_to_string(folder.join(file)).ok()?, name)
}

pub(super) fn field(text: &str, name: &str) -> Option<u64> {
    let fields = text.lines().filter_map(|line| line.split_once(' '));
    fields.filter(|(known, _)| *known == name).find_map(|(_, value)| value.trim_end().parse().ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_field_is_found_by_its_whole_name() {
        let text = "oom_kill_disable 0\nunder_oom 0\noom_kill 3\n";
        assert_eq!(field(text, "oom_kill"), Some(3));
        assert_eq!(field(text, "oom"), None);
        assert_eq!(field("", "oom"), None);
    }
}
