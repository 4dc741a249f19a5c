//! The processes of a container, as the host sees them: proc(5).

use super::stat::{self, Stat};
use super::volatile;
use crate::error::Result;
use crate::store::Store;
use jiff::{SignedDuration, Timestamp};
use planner::ContainerId;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::time::Duration;

/// One process of a container.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProcessStatus {
    /// Its number on the host.
    pub pid: i32,
    /// That of its parent.
    pub parent: i32,
    /// Its effective user, as the host counts.
    pub uid: u32,
    /// When it started.
    pub started_at: Timestamp,
    /// Processor time that it has used.
    pub cpu: Duration,
    /// Bytes of memory that it has resident.
    pub memory: u64,
    /// Its arguments, or its name in brackets where it has none.
    pub command: String,
}

/// The processes of a container, by number. One that ends meanwhile is left out.
pub fn processes(store: &Store, id: &ContainerId) -> Result<Vec<ProcessStatus>> {
    let clock = Clock::read();
    Ok(volatile::group(store, id)?.procs()?.into_iter().filter_map(|pid| process(pid, &clock)).collect())
}

fn process(pid: i32, clock: &Clock) -> Option<ProcessStatus> {
    let folder = format!("/proc/{pid}");
    let line = stat::text(pid)?;
    let stat = Stat::parse(&line)?;
    let status = fs::read(format!("{folder}/status")).ok()?;
    let arguments = fs::read(format!("{folder}/cmdline")).ok()?;
    let arguments = String::from_utf8_lossy(&arguments).trim_end_matches('\0').replace('\0', " ");
    Some(ProcessStatus {
        pid,
        parent: stat.parent,
        uid: fs::metadata(&folder).ok()?.uid(),
        started_at: clock.at(stat.start),
        cpu: span(stat.cpu),
        memory: resident(&String::from_utf8_lossy(&status)),
        command: if arguments.is_empty() { format!("[{}]", stat::name(&line)?) } else { arguments },
    })
}

/// Bytes, from a field of /proc/PID/status. A kernel thread has none.
fn resident(status: &str) -> u64 {
    let kib = status.lines().find_map(|line| line.strip_prefix("VmRSS:")?.trim().strip_suffix(" kB"));
    kib.and_then(|kib| kib.parse::<u64>().ok()).unwrap_or(0) << 10
}

/// Clock ticks in a second, as the kernel tells times to programs (`USER_HZ`); the same on every
/// architecture on which we run.
const TICKS: u64 = 100;

/// When the machine started.
struct Clock {
    boot: Timestamp,
}

impl Clock {
    fn read() -> Self {
        let stat = fs::read_to_string("/proc/stat").unwrap_or_default();
        let boot = stat.lines().find_map(|line| line.strip_prefix("btime ")?.parse().ok());
        Self { boot: Timestamp::from_second(boot.unwrap_or(0)).unwrap_or_default() }
    }

    fn at(&self, ticks: u64) -> Timestamp {
        let since = SignedDuration::try_from(span(ticks)).unwrap_or_default();
        self.boot.checked_add(since).unwrap_or(self.boot)
    }
}

fn span(ticks: u64) -> Duration {
    Duration::from_millis(ticks * (1000 / TICKS))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_very_process_is_told_as_the_kernel_has_it() {
        let pid = i32::try_from(std::process::id()).unwrap();
        let me = process(pid, &Clock::read()).unwrap();
        assert_eq!((me.pid, me.uid), (pid, rustix::process::geteuid().as_raw()));
        assert!(me.memory > 0 && me.started_at <= Timestamp::now());
        assert!(me.command.starts_with(&std::env::args().next().unwrap()));
    }
}
