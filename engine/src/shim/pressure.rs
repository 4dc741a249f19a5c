//! Noticing that memory will soon run out, and telling the container.

use super::beside::Beside;
use crate::cgroup::{Group, HighWatch};
use planner::desired::{Pressure, Tell};
use planner::policy::{Level, PressureMachine};
use std::os::fd::{AsFd, BorrowedFd};
use std::time::Duration;

/// A command that takes longer is ended: memory does not wait for it.
const PATIENCE: Duration = Duration::from_secs(30);

/// Watches how much memory the container uses.
#[derive(Debug)]
pub struct PressureNotice {
    wish: Pressure,
    watch: Option<HighWatch>,
    /// Nobody tells that the amount was passed: it is looked at now and then.
    blind: bool,
    machine: PressureMachine,
    command: Option<Beside>,
    timed_out: bool,
}

impl PressureNotice {
    /// Watches this group. `oom_is_watched`: in version 2 the same file tells both.
    pub fn new(group: &Group, wish: &Pressure, oom_is_watched: bool) -> Self {
        let watch = group.watch_high(wish.at).unwrap_or(None);
        group.arm(wish.at);
        Self {
            wish: wish.clone(),
            blind: watch.is_none() && !oom_is_watched,
            watch,
            machine: PressureMachine::default(),
            command: None,
            timed_out: false,
        }
    }

    /// What it does.
    pub fn wish(&self) -> &Pressure {
        &self.wish
    }

    /// To poll for reading; then call [`PressureNotice::look`].
    pub fn fd(&self) -> Option<BorrowedFd<'_>> {
        self.watch.as_ref().map(AsFd::as_fd)
    }

    /// To poll for reading while a command runs; then call [`PressureNotice::progress`].
    pub fn command_fds(&self) -> impl Iterator<Item = BorrowedFd<'_>> {
        self.command.iter().flat_map(Beside::fds)
    }

    /// When [`PressureNotice::look`] or [`PressureNotice::progress`] has something to do.
    pub fn due(&self) -> Option<Duration> {
        let blind = self.blind.then_some(Duration::ZERO);
        let late = self.command.as_ref().filter(|_| !self.timed_out).map(|command| command.since + PATIENCE);
        self.machine.due().or(blind).into_iter().chain(late).min()
    }

    /// The amount may have been passed. Gives the bytes in use when the container is to be told.
    pub fn look(&mut self, group: &Group, now: Duration) -> Option<u64> {
        self.watch.iter().for_each(HighWatch::drain);
        if !self.machine.woken(now) {
            return None;
        }
        let (level, used) = group.level(self.wish.at);
        match level {
            // Anew: the kernel compares with what it saw some 100 pages ago, and would miss that
            // the amount was left and passed again meanwhile.
            Level::Below => {
                self.watch = group.watch_high(self.wish.at).unwrap_or(None);
                group.arm(self.wish.at);
            }
            Level::Reclaimable { .. } | Level::Above => group.disarm(),
        }
        let level = match level {
            Level::Below if self.blind => Level::Reclaimable { room: self.wish.at.saturating_sub(used) },
            level => level,
        };
        self.machine.seen(now, level).then_some(used)
    }

    /// The command that tells it, unless one still runs.
    pub fn command(&self) -> Option<Vec<String>> {
        match &self.wish.tell {
            Tell::Exec(argv) if self.command.is_none() => Some(argv.clone()),
            Tell::Exec(_) | Tell::Signal(_) | Tell::Log => None,
        }
    }

    /// The command runs.
    pub fn runs(&mut self, command: Beside) {
        self.command = Some(command);
        self.timed_out = false;
    }

    /// The command may have got on, or takes too long. Gives what is wrong with its end.
    pub fn progress(&mut self, now: Duration) -> Option<String> {
        let command = self.command.as_mut()?;
        let Some(code) = command.progress() else {
            if !self.timed_out && now >= command.since + PATIENCE {
                self.timed_out = true;
                command.kill();
            }
            return None;
        };
        let output = self.command.take()?.text();
        self.machine.answered(now);
        let how = match (self.timed_out, code) {
            (true, _) => format!("was killed after {} s", PATIENCE.as_secs()),
            (false, 0) => return None,
            (false, code) => format!("ended with exit code {code}"),
        };
        let said = output.trim_end();
        let said = if said.is_empty() { String::new() } else { format!(": {said}") };
        Some(format!("the command of x-sampan.memory.on_pressure {how}{said}"))
    }
}

/// For the container's log.
pub fn describe(used: u64, wish: &Pressure, limit: Option<u64>) -> String {
    let mib = |bytes: u64| format!("{:.1} MiB", bytes as f64 / f64::from(1 << 20));
    let of = limit.map_or_else(String::new, |limit| format!(" of {}", mib(limit)));
    let told = match &wish.tell {
        Tell::Log => String::new(),
        tell => format!("; told by {tell}"),
    };
    format!("memory runs short: {}{of} in use, {} is high{told}", mib(used), mib(wish.at))
}
