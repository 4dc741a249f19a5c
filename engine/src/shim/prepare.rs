//! The commands after the start of a container, when its supervisor starts it again by itself.

use super::beside::Beside;
use super::supervisor::Supervisor;
use crate::container::hooks;
use crate::error::Result;
use crate::sandbox::Child;
use planner::desired::HookSpec;
use std::collections::VecDeque;
use std::os::fd::BorrowedFd;
use std::time::Duration;

/// Those that have not ended, one of which runs.
#[derive(Debug, Default)]
pub struct Preparation {
    left: VecDeque<HookSpec>,
    running: Option<Beside>,
}

impl Preparation {
    /// All of them; call [`Preparation::progress`].
    pub fn of(hooks: &[HookSpec]) -> Self {
        Self { left: hooks.iter().cloned().collect(), running: None }
    }

    /// To poll for reading; then call [`Preparation::progress`].
    pub fn fds(&self) -> impl Iterator<Item = BorrowedFd<'_>> {
        self.running.iter().flat_map(Beside::fds)
    }

    /// Starts the next with `spawn` when none runs. The first that fails is the last: gives what is
    /// wrong with it.
    pub fn progress(
        &mut self,
        now: Duration,
        spawn: impl Fn(&HookSpec, BorrowedFd<'_>) -> Result<Child>,
    ) -> Option<String> {
        loop {
            if let Some(running) = &mut self.running {
                let code = running.progress()?;
                let said = self.running.take()?.text();
                let hook = self.left.pop_front()?;
                if code != 0 {
                    return self.failed(&hook, &format!("ended with exit code {code}"), said.trim_end());
                }
            }
            let hook = self.left.front()?.clone();
            match Beside::start(&hook.command, now, |_, output| spawn(&hook, output)) {
                Ok(running) => self.running = Some(running),
                Err(error) => return self.failed(&hook, "did not start", &error.chain()),
            }
        }
    }

    fn failed(&mut self, hook: &HookSpec, how: &str, said: &str) -> Option<String> {
        self.left.clear();
        let said = if said.is_empty() { String::new() } else { format!(": {said}") };
        Some(format!("post_start command `{}` {how}{said}", hook.command.join(" ")))
    }
}

impl Supervisor {
    /// The commands after the start may have got on.
    pub(super) fn prepare(&mut self) {
        let now = self.now();
        let (Some(first), record, group) = (&self.first, &self.record, &self.group) else { return };
        let spawn = |hook: &HookSpec, output: BorrowedFd<'_>| {
            hooks::spawn(record, hook, (first.pid(), first.pidfd(), group), output)
        };
        if let Some(wrong) = self.preparation.progress(now, spawn) {
            self.pump.note(&wrong);
        }
    }
}
