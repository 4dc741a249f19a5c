//! What a container uses now: its control groups, its network.

use super::state::StateRecord;
use super::volatile;
use crate::cgroup::{Pressure, Stats};
use crate::error::Result;
use crate::store::Store;
use planner::ContainerId;
use std::fs;

/// What a container uses.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Usage {
    /// Memory, processes, processor time.
    pub groups: Stats,
    /// What it waits for.
    pub pressure: Pressure,
    /// What went over its network interfaces; `None` when it does not run.
    pub network: Option<Traffic>,
}

/// What went over network interfaces, in bytes, the loopback not counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Traffic {
    /// Came in.
    pub received: u64,
    /// Went out.
    pub sent: u64,
}

/// Looks at what a container uses.
pub fn usage(store: &Store, id: &ContainerId) -> Result<Usage> {
    let group = volatile::group(store, id)?;
    let process = StateRecord::read(store, id)?.and_then(|state| state.process);
    let process = process.filter(|process| process.is_alive());
    let devices = |pid: i32| fs::read_to_string(format!("/proc/{pid}/net/dev")).ok();
    let network = process.and_then(|process| devices(process.pid)).map(|text| traffic(&text));
    Ok(Usage { groups: group.stats(), pressure: group.pressure(), network })
}

/// The sums of /proc/net/dev: proc_pid_net(5).
fn traffic(text: &str) -> Traffic {
    let mut sum = Traffic::default();
    for (name, counters) in text.lines().filter_map(|line| line.split_once(':')) {
        let counters: Vec<u64> =
            counters.split_ascii_whitespace().filter_map(|word| word.parse().ok()).collect();
        if let (false, Some(received), Some(sent)) = (name.trim() == "lo", counters.first(), counters.get(8))
        {
            sum.received += received;
            sum.sent += sent;
        }
    }
    sum
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn traffic_is_that_of_all_interfaces_but_the_loopback() {
        let text = "Inter-|   Receive                |  Transmit
 face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs
    lo:     900      9    0    0    0     0          0         0      900       9    0
  eth0:     100      1    0    0    0     0          0         0       20       1    0
  eth1:      10      1    0    0    0     0          0         0        2       1    0
";
        assert_eq!(traffic(text), Traffic { received: 110, sent: 22 });
    }
}
