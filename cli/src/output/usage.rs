//! What a container uses, in words and numbers.

use super::size::size;
use super::style::Ink;
use super::table::Cell;
use engine::container::ContainerStatus;
use engine::container::usage::Usage;
use serde_json::{Value, json};
use std::time::Instant;

/// What a container used at one moment, and, compared with an earlier one, of the processors.
#[derive(Clone, Debug)]
pub(crate) struct Sample {
    /// Which container.
    pub(crate) container: ContainerStatus,
    usage: Usage,
    at: Instant,
    /// Per cent of one processor.
    cpu: Option<f64>,
}

pub(crate) const HEADER: [&str; 9] =
    ["NAME", "CPU", "MEMORY", "LIMIT", "PEAK", "SWAP", "NET IN / OUT", "PIDS", "WAITS FOR"];
/// From this share of the limit on memory is worth a look.
const NEAR: f64 = 90.0;

impl Sample {
    /// One moment.
    pub(crate) fn new(container: ContainerStatus, usage: Usage, at: Instant) -> Self {
        Self { container, usage, at, cpu: None }
    }

    /// The same, knowing how it was before.
    pub(crate) fn since(&self, before: Option<&Self>) -> Self {
        let cpu = before.and_then(|before| {
            let used = self.usage.groups.cpu_usec?.saturating_sub(before.usage.groups.cpu_usec?);
            Some(used as f64 / self.at.duration_since(before.at).as_micros().max(1) as f64 * 100.0)
        });
        Self { cpu, ..self.clone() }
    }

    /// Per cent of the memory limit.
    fn memory_share(&self) -> Option<f64> {
        let groups = &self.usage.groups;
        Some(groups.memory? as f64 / groups.memory_limit? as f64 * 100.0)
    }

    /// What came in and what went out.
    fn network(&self) -> Option<String> {
        self.usage.network.map(|it| format!("{} / {}", size(it.received), size(it.sent)))
    }

    /// A row below [`HEADER`].
    pub(crate) fn row(&self) -> Vec<Cell> {
        let groups = &self.usage.groups;
        let bytes = |bytes: Option<u64>| bytes.map_or_else(|| "-".to_owned(), size);
        let percent =
            |share: Option<f64>| share.map_or_else(|| "-".to_owned(), |share| format!("{share:.1}%"));
        let share = self.memory_share();
        let ink = if share.is_some_and(|share| share >= NEAR) { Ink::Red } else { Ink::Plain };
        let limit = match (groups.memory_limit, share) {
            (Some(limit), Some(share)) => format!("{} ({share:.0}%)", size(limit)),
            _ => "-".to_owned(),
        };
        let of_limit = groups.pids_limit.map(|limit| format!(" of {limit}")).unwrap_or_default();
        vec![
            self.container.name().into(),
            percent(self.cpu).into(),
            Cell::new(ink, bytes(groups.memory)),
            limit.into(),
            bytes(groups.memory_peak).into(),
            bytes(groups.swap).into(),
            self.network().unwrap_or_else(|| "-".to_owned()).into(),
            groups.pids.map_or_else(|| "-".to_owned(), |pids| format!("{pids}{of_limit}")).into(),
            self.waits().into(),
        ]
    }

    /// `memory 12%, io 3%`: what its processes waited for in the last ten seconds.
    fn waits(&self) -> String {
        let pressure = &self.usage.pressure;
        let all = [("cpu", pressure.cpu), ("memory", pressure.memory), ("io", pressure.io)];
        let felt =
            all.into_iter().filter_map(|(name, share)| share.filter(|it| *it >= 1.0).map(|it| (name, it)));
        felt.map(|(name, share)| format!("{name} {share:.0}%")).collect::<Vec<_>>().join(", ")
    }

    /// For programs.
    pub(crate) fn value(&self) -> Value {
        let (groups, pressure) = (&self.usage.groups, &self.usage.pressure);
        json!({
            "name": self.container.name(),
            "service": self.container.id.slot.service,
            "index": self.container.id.slot.index,
            "cpu_percent": self.cpu,
            "cpu_usec": groups.cpu_usec,
            "memory": groups.memory,
            "memory_limit": groups.memory_limit,
            "memory_peak": groups.memory_peak,
            "swap": groups.swap,
            "oom_kills": groups.oom_kills,
            "pids": groups.pids,
            "pids_limit": groups.pids_limit,
            "received": self.usage.network.map(|network| network.received),
            "sent": self.usage.network.map(|network| network.sent),
            "pressure": {"cpu": pressure.cpu, "memory": pressure.memory, "io": pressure.io},
        })
    }

    /// As Docker Compose tells it; what it does not know is `--`.
    pub(crate) fn compose_value(&self) -> Value {
        let groups = &self.usage.groups;
        let unknown = || "--".to_owned();
        let percent = |share: Option<f64>| share.map_or_else(unknown, |share| format!("{share:.2}%"));
        let bytes = |bytes: Option<u64>| bytes.map_or_else(unknown, size);
        json!({
            "Container": self.container.name(),
            "ID": self.container.id,
            "Name": self.container.name(),
            "CPUPerc": percent(self.cpu),
            "MemUsage": format!("{} / {}", bytes(groups.memory), bytes(groups.memory_limit)),
            "MemPerc": percent(self.memory_share()),
            "NetIO": self.network().unwrap_or_else(unknown),
            "BlockIO": unknown(),
            "PIDs": groups.pids.map_or_else(unknown, |pids| pids.to_string()),
        })
    }
}
