//! What a supervisor does about memory: notes kills, tells the container before it comes to that.

use super::beside::Beside;
use super::birth;
use super::pressure::{self, PressureNotice};
use super::supervisor::Supervisor;
use crate::container::signal;
use planner::desired::Tell;
use std::os::fd::BorrowedFd;

impl Supervisor {
    /// Memory may have run out.
    pub(super) fn check_oom(&mut self) {
        let now = self.now();
        if let Some(kill) = self.oom.check(&self.group, now) {
            self.pump.note(&kill.describe());
            self.happened("oom").with("reason", kill.describe()).tell(&self.store);
            self.state.oom = Some(kill);
            self.save();
        }
    }

    /// Listens for what the container wants to be told of its memory.
    pub(super) fn watch_pressure(&mut self) {
        let wish = self.record.spec.pressure.as_ref();
        if self.pressure.as_ref().map(PressureNotice::wish) == wish {
            return;
        }
        let watched = self.oom.fd().is_some();
        self.pressure = wish.map(|wish| PressureNotice::new(&self.group, wish, watched));
        if self.pressure.is_none() {
            self.group.disarm();
        }
    }

    /// Much memory may be in use.
    pub(super) fn look_at_memory(&mut self) {
        let now = self.now();
        let Some(pressure) = &mut self.pressure else { return };
        let Some(used) = pressure.look(&self.group, now) else { return };
        let Some(first) = &self.first else { return };
        self.pump.note(&pressure::describe(used, pressure.wish(), self.record.spec.limits.memory));
        if let Tell::Signal(name) = &pressure.wish().tell
            && let Some(number) = signal::number(name)
        {
            first.signal(number);
        }
        let Some(argv) = pressure.command() else { return };
        let (record, user, group) = (&self.record, &self.user, &self.group);
        let spawn = |argv: &[String], output: BorrowedFd<'_>| {
            birth::beside(record, argv, first.pidfd(), (user, group, output))
        };
        match Beside::start(&argv, now, spawn) {
            Ok(command) => pressure.runs(command),
            Err(error) => self.pump.note(&error.chain()),
        }
    }

    /// The command that told it may have got on.
    pub(super) fn pressure_progress(&mut self) {
        let now = self.now();
        if let Some(wrong) = self.pressure.as_mut().and_then(|pressure| pressure.progress(now)) {
            self.pump.note(&wrong);
        }
    }
}
