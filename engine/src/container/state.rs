//! What a container is doing: the volatile record, and what the kernel says to it.
//!
//! The supervisor is the only writer while it lives. Readers never trust the record alone: a
//! process counts as alive only when its start time and the boot are those of the record.

use super::stat::Stat;
use crate::error::Result;
use crate::net::Published;
use crate::store::{self, Store};
use jiff::Timestamp;
use planner::ContainerId;
use planner::live::{Health, State};
use serde::{Deserialize, Serialize};
use std::fs;
use std::sync::OnceLock;

/// One process for ever: a pid can be used again, a pid with its start time and boot cannot.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProcessKey {
    /// The process id.
    pub pid: i32,
    /// Start time in clock ticks since boot: field 22 of /proc/PID/stat, proc_pid_stat(5).
    pub start: u64,
    /// The boot it belongs to: /proc/sys/kernel/random/boot_id.
    pub boot: String,
}

impl ProcessKey {
    /// The key of a live process.
    pub fn of(pid: i32) -> Option<Self> {
        let stat = Stat::read(pid)?;
        Some(Self { pid, start: stat.start, boot: boot_id().to_owned() })
    }

    /// Whether this very process still runs. A zombie does not.
    pub fn is_alive(&self) -> bool {
        Stat::read(self.pid).is_some_and(|stat| stat.start == self.start && !stat.ended)
            && boot_id() == self.boot
    }
}

/// Which boot of the machine this is. Looked at once.
pub(crate) fn boot_id() -> &'static str {
    static BOOT: OnceLock<String> = OnceLock::new();
    let read = || fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default();
    BOOT.get_or_init(read).trim_end()
}

/// What the supervisor is doing with its container.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// The supervisor prepares the first start.
    Starting,
    /// The process runs.
    Running,
    /// The process ended and will be started again.
    Restarting,
    /// The process ended for good.
    Exited,
}

/// What a container is doing, as its supervisor last said.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StateRecord {
    /// What the supervisor is doing with it.
    pub status: Status,
    /// The container's first process, while it runs.
    pub process: Option<ProcessKey>,
    /// The supervisor.
    pub shim: Option<ProcessKey>,
    /// Who holds the terminal or input of the process, should the supervisor be killed.
    #[serde(default)]
    pub keeper: Option<ProcessKey>,
    /// When the process last started.
    pub started_at: Option<Timestamp>,
    /// When the process last ended.
    pub finished_at: Option<Timestamp>,
    /// How it last ended: the exit code, 128 plus the signal number when killed by one.
    pub exit_code: Option<i32>,
    /// Stopped on request rather than by itself, or about to be.
    pub requested: bool,
    /// Its processes stand still.
    #[serde(default)]
    pub paused: bool,
    /// How often the restart policy started it again.
    pub restarts: u32,
    /// The last kill for want of memory.
    pub oom: Option<OomKill>,
    /// What the health check says.
    pub health: Health,
    /// The last health probe.
    pub last_probe: Option<Probe>,
    /// Host ports that lead to it.
    pub ports: Vec<Published>,
    /// What else there is to say about the last end: why a restart failed, that the stop signal
    /// was ignored, that the exit code is unknown.
    pub reason: Option<String>,
}

impl Default for StateRecord {
    fn default() -> Self {
        Self {
            status: Status::Starting,
            process: None,
            shim: None,
            keeper: None,
            started_at: None,
            finished_at: None,
            exit_code: None,
            requested: false,
            paused: false,
            restarts: 0,
            oom: None,
            health: Health::None,
            last_probe: None,
            ports: Vec::new(),
            reason: None,
        }
    }
}

/// A kill for want of memory.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OomKill {
    /// When it was noticed.
    pub at: Timestamp,
    /// The memory limit in bytes; `None` when the host itself ran out.
    pub limit: Option<u64>,
    /// The most memory that was used at once, in bytes.
    pub peak: Option<u64>,
    /// How many processes of the container were killed since it started.
    pub kills: u64,
}

impl OomKill {
    /// One line for people.
    pub fn describe(&self) -> String {
        let mib = |bytes: u64| format!("{:.1} MiB", bytes as f64 / f64::from(1 << 20));
        let limit = self.limit.map_or_else(|| "the host".to_owned(), |limit| format!("limit {}", mib(limit)));
        let peak = self.peak.map_or_else(String::new, |peak| format!(", peak {}", mib(peak)));
        format!("out of memory: a process was killed ({limit}{peak})")
    }
}

/// One health probe.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Probe {
    /// When it began.
    pub at: Timestamp,
    /// Its exit code; `None` when it took too long or could not be started.
    pub exit_code: Option<i32>,
    /// The first 4 KiB of what it printed.
    pub output: String,
}

impl StateRecord {
    /// Reads what the supervisor last said. `None`: never started, or lost with the runtime
    /// folder, or damaged.
    pub fn read(store: &Store, id: &ContainerId) -> Result<Option<Self>> {
        store::read_whole(&store.state(id))
    }

    /// Says it.
    pub fn write(&self, store: &Store, id: &ContainerId) -> Result<()> {
        store::write(&store.state(id), self)
    }

    /// Whether the container's first process is alive.
    pub fn process_alive(&self) -> bool {
        self.process.as_ref().is_some_and(ProcessKey::is_alive)
    }

    /// Whether its supervisor is alive.
    pub fn shim_alive(&self) -> bool {
        self.shim.as_ref().is_some_and(ProcessKey::is_alive)
    }

    /// What a container is doing now, as planning sees it: what its supervisor said, as far as the
    /// kernel agrees. One that was never started is created.
    pub fn now(store: &Store, id: &ContainerId) -> Result<State> {
        Ok(Self::look(store, id)?.1)
    }

    /// The same, with what the supervisor said; the default when it said nothing.
    pub fn look(store: &Store, id: &ContainerId) -> Result<(Self, State)> {
        let read = || Ok(Self::read(store, id)?.unwrap_or_default());
        settled(read, |record| Facts { process: record.process_alive(), shim: record.shim_alive() })
    }

    fn judge(&self, facts: &Facts) -> State {
        match (self.status, facts.shim, facts.process) {
            (Status::Exited, ..) => {
                State::Exited { code: self.exit_code.unwrap_or(UNKNOWN_CODE), requested: self.requested }
            }
            (Status::Running | Status::Restarting, true, _) if self.requested => State::Stopping,
            (Status::Running, true, true) if self.paused => State::Paused,
            (Status::Running, true, true) => State::Running { health: self.health },
            // Between the death of the process and the supervisor's next word.
            (Status::Running, true, false) => State::Restarting,
            (Status::Restarting, true, _) => State::Restarting,
            (_, false, true) => State::Unsupervised,
            (Status::Starting, true, _) | (_, false, false) => State::Created,
        }
    }
}

/// Exit code of a process whose end nobody saw.
pub const UNKNOWN_CODE: i32 = 255;

/// What the kernel says.
#[derive(Clone, Copy, Debug)]
struct Facts {
    process: bool,
    shim: bool,
}

/// The record that goes with the facts. When its supervisor is found dead, its last word, or the
/// first one of a successor, may be younger than what was read before: then that counts.
fn settled(
    mut read: impl FnMut() -> Result<StateRecord>,
    facts: impl Fn(&StateRecord) -> Facts,
) -> Result<(StateRecord, State)> {
    let mut record = read()?;
    loop {
        let facts = facts(&record);
        let state = record.judge(&facts);
        if facts.shim || record.status == Status::Exited {
            return Ok((record, state));
        }
        let again = read()?;
        if again == record {
            return Ok((record, state));
        }
        record = again;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_is_alive_only_with_its_own_start_time_and_boot() {
        let me = ProcessKey::of(std::process::id() as i32).unwrap();
        assert!(me.is_alive());
        assert!(!ProcessKey { start: me.start + 1, ..me.clone() }.is_alive());
        assert!(!ProcessKey { boot: "another".into(), ..me }.is_alive());
    }

    #[test]
    fn the_state_follows_the_kernel_when_the_record_is_stale() {
        let exited = State::Exited { code: 3, requested: false };
        let running = State::Running { health: Health::Healthy };
        let table = [
            (Status::Running, true, true, running),
            (Status::Running, true, false, State::Restarting),
            (Status::Running, false, true, State::Unsupervised),
            (Status::Running, false, false, State::Created),
            (Status::Restarting, true, false, State::Restarting),
            (Status::Restarting, false, false, State::Created),
            (Status::Starting, true, false, State::Created),
            (Status::Starting, false, true, State::Unsupervised),
            (Status::Exited, false, false, exited.clone()),
            (Status::Exited, true, false, exited),
        ];
        for (status, shim, process, expected) in table {
            let record =
                StateRecord { status, health: Health::Healthy, exit_code: Some(3), ..StateRecord::default() };
            assert_eq!(record.judge(&Facts { process, shim }), expected, "{status:?} {shim} {process}");
        }
        let asked = StateRecord { status: Status::Running, requested: true, ..StateRecord::default() };
        assert_eq!(asked.judge(&Facts { process: true, shim: true }), State::Stopping);
        assert_eq!(asked.judge(&Facts { process: true, shim: false }), State::Unsupervised);
        let paused = StateRecord { status: Status::Running, paused: true, ..StateRecord::default() };
        assert_eq!(paused.judge(&Facts { process: true, shim: true }), State::Paused);
        assert_eq!(paused.judge(&Facts { process: true, shim: false }), State::Unsupervised);
    }

    #[test]
    fn the_last_word_of_a_supervisor_that_dies_meanwhile_counts() {
        let running = StateRecord { status: Status::Running, ..StateRecord::default() };
        let exited = StateRecord { status: Status::Exited, exit_code: Some(0), ..running.clone() };
        let dead = |_: &StateRecord| Facts { process: false, shim: false };
        let look = |said: &[&StateRecord]| {
            let mut said = said.iter().map(|record| (*record).clone());
            settled(|| Ok(said.next().unwrap()), dead).unwrap().1
        };
        assert_eq!(look(&[&running, &exited]), State::Exited { code: 0, requested: false });
        assert_eq!(look(&[&running, &running]), State::Created);
    }

    #[test]
    fn an_oom_kill_names_limit_and_peak() {
        let at = Timestamp::UNIX_EPOCH;
        let kill = OomKill { at, limit: Some(64 << 20), peak: Some(64 << 20), kills: 1 };
        assert_eq!(kill.describe(), "out of memory: a process was killed (limit 64.0 MiB, peak 64.0 MiB)");
    }
}
