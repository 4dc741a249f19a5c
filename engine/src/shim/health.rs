//! What a supervisor does about health: probes when it is time, says what came of it.

use super::birth;
use super::monitor::Monitor;
use super::supervisor::Supervisor;
use crate::container::Probe;
use crate::sys::heap;
use planner::live::Health;
use std::os::fd::BorrowedFd;
use std::time::Duration;

impl Supervisor {
    pub(super) fn watch_health(&mut self, known: Health) {
        let check = self.record.process.health.as_ref();
        self.monitor = check.map(|check| Monitor::new(check, self.now(), known));
        self.state.health = self.monitor.as_ref().map_or(Health::None, Monitor::health);
    }

    /// Whether probes are due at all.
    pub(super) fn checks_health(&self) -> bool {
        self.paused_at.is_none() && !self.machine.is_stopping()
    }

    /// The health probe may have got on.
    pub(super) fn probe_progress(&mut self) {
        let now = self.now();
        if let Some(probe) = self.monitor.as_mut().and_then(|monitor| monitor.progress(now)) {
            self.probed(probe);
        }
    }

    pub(super) fn probed(&mut self, probe: Probe) {
        self.state.last_probe = Some(probe);
        // Until the next probe there is little to do: nothing needs to be kept at hand.
        heap::trim();
        let known = self.state.health;
        self.state.health = self.monitor.as_ref().map_or(Health::None, Monitor::health);
        self.save();
        if known != self.state.health {
            self.happened(&format!("health_status: {}", word(self.state.health))).tell(&self.store);
        }
    }

    pub(super) fn tick_monitor(&mut self, now: Duration) {
        if !self.checks_health() {
            return;
        }
        let (Some(first), Some(monitor)) = (&self.first, &mut self.monitor) else { return };
        let (record, user, group) = (&self.record, &self.user, &self.group);
        let spawn = |argv: &[String], output: BorrowedFd<'_>| {
            birth::beside(record, argv, first.pidfd(), (user, group, output))
        };
        if let Some(probe) = monitor.tick(now, spawn) {
            self.probed(probe);
        }
    }
}

fn word(health: Health) -> &'static str {
    match health {
        Health::None => "none",
        Health::Starting => "starting",
        Health::Healthy => "healthy",
        Health::Unhealthy => "unhealthy",
    }
}
