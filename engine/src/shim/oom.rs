//! Noticing that memory ran out.

use crate::cgroup::{Group, OomWatch};
use crate::container::OomKill;
use jiff::Timestamp;
use std::os::fd::{AsFd, BorrowedFd};
use std::time::Duration;

/// The kernel tells that memory ran out a little before it has chosen and counted its victim.
const COUNTING: Duration = Duration::from_millis(100);

/// Watches the container's count of kills.
#[derive(Debug)]
pub struct OomNotice {
    watch: Option<OomWatch>,
    seen: u64,
    due: Option<Duration>,
}

impl OomNotice {
    /// Watches this group. Kills before are not news. Where it cannot be watched (a user has a
    /// limited number of inotify instances) a kill is noticed when the first process ends.
    pub fn new(group: &Group) -> Self {
        Self { watch: group.watch_oom().unwrap_or(None), seen: group.oom_kills(), due: None }
    }

    /// To poll for reading; then call [`OomNotice::woken`].
    pub fn fd(&self) -> Option<BorrowedFd<'_>> {
        self.watch.as_ref().map(AsFd::as_fd)
    }

    /// The descriptor was readable.
    pub fn woken(&mut self, now: Duration) {
        if let Some(watch) = &self.watch {
            watch.drain();
        }
        // Not later and later: under pressure this is called all the time.
        self.due.get_or_insert(now + COUNTING);
    }

    /// When to check.
    pub fn due(&self) -> Option<Duration> {
        self.due
    }

    /// What happened since the last check.
    pub fn check(&mut self, group: &Group, now: Duration) -> Option<OomKill> {
        self.due = self.due.filter(|due| *due > now);
        let kills = group.oom_kills();
        if kills <= self.seen {
            return None;
        }
        self.seen = kills;
        let stats = group.stats();
        Some(OomKill { at: Timestamp::now(), limit: stats.memory_limit, peak: stats.memory_peak, kills })
    }
}
