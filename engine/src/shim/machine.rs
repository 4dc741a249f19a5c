//! What a supervisor does next: the pure core of it, all times since the supervisor began.
//!
//! ```text
//!            ended, policy says again            due
//! Running ─────────────────────────▶ Waiting ─────────▶ Running
//!    │ ended, policy says stay          │ stop
//!    ╰──────────────▶ Ended ◀───────────╯
//! ```

use planner::desired::{RestartPace, RestartPolicy};
use planner::policy::{Decision, Restart};
use std::time::Duration;

/// What a supervisor does next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// Start the process.
    Start,
    /// Send the stop signal to the process.
    Signal,
    /// Kill everything in the container.
    Kill,
    /// Say that it ended for good, and end.
    Finish,
}

/// Where the container's process is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// It runs since then.
    Running {
        /// Start of the process.
        since: Duration,
    },
    /// It is started again at this time.
    Waiting {
        /// When.
        until: Duration,
    },
    /// It ended for good.
    Ended,
}

/// The pure core of a supervisor.
#[derive(Debug)]
pub struct Machine {
    phase: Phase,
    restart: Restart,
    stopping: Option<Stopping>,
}

#[derive(Debug)]
struct Stopping {
    kill_at: Duration,
    killed: bool,
}

impl Machine {
    /// The process was just started, or adopted.
    pub fn running(policy: RestartPolicy, restarts: u32, now: Duration) -> Self {
        Self {
            phase: Phase::Running { since: now },
            restart: Restart::resumed(policy, restarts),
            stopping: None,
        }
    }

    /// Where the process is.
    pub fn phase(&self) -> Phase {
        self.phase
    }

    /// Whether somebody asked to stop.
    pub fn is_stopping(&self) -> bool {
        self.stopping.is_some()
    }

    /// Whether the grace of a stop was not enough.
    pub fn had_to_kill(&self) -> bool {
        self.stopping.as_ref().is_some_and(|stopping| stopping.killed)
    }

    /// How often the process was started again.
    pub fn restarts(&self) -> u32 {
        self.restart.restarts()
    }

    /// The policy was changed, or its pace.
    pub fn set_policy(&mut self, policy: RestartPolicy, pace: RestartPace) {
        self.restart.set_policy(policy, pace);
    }

    /// Somebody asks to stop. Without grace there is no signal but `KILL`. A second request can
    /// only shorten the grace.
    pub fn stop(&mut self, now: Duration, grace: Duration) -> Option<Action> {
        let kill_at = now.saturating_add(grace);
        if let Some(stopping) = &mut self.stopping {
            stopping.kill_at = stopping.kill_at.min(kill_at);
            return None;
        }
        self.stopping = Some(Stopping { kill_at, killed: false });
        match self.phase {
            Phase::Running { .. } if grace.is_zero() => self.tick(now),
            Phase::Running { .. } => Some(Action::Signal),
            Phase::Waiting { .. } => self.finish(),
            Phase::Ended => None,
        }
    }

    /// The process ended, or could not be started again.
    pub fn ended(&mut self, now: Duration, code: i32) -> Option<Action> {
        let Phase::Running { since } = self.phase else { return None };
        match self.restart.ended(code, now.saturating_sub(since), self.is_stopping()) {
            Decision::Stay => self.finish(),
            Decision::Again { after } => {
                self.phase = Phase::Waiting { until: now.saturating_add(after) };
                None
            }
        }
    }

    /// When [`Machine::tick`] has something to do.
    pub fn due(&self) -> Option<Duration> {
        match (self.phase, &self.stopping) {
            (Phase::Waiting { until }, _) => Some(until),
            (Phase::Running { .. }, Some(stopping)) if !stopping.killed => Some(stopping.kill_at),
            _ => None,
        }
    }

    /// Time has passed.
    pub fn tick(&mut self, now: Duration) -> Option<Action> {
        if self.due().is_none_or(|due| due > now) {
            return None;
        }
        if let Phase::Waiting { .. } = self.phase {
            self.phase = Phase::Running { since: now };
            return Some(Action::Start);
        }
        self.stopping.as_mut()?.killed = true;
        Some(Action::Kill)
    }

    fn finish(&mut self) -> Option<Action> {
        self.phase = Phase::Ended;
        Some(Action::Finish)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn ms(milliseconds: u64) -> Duration {
        Duration::from_millis(milliseconds)
    }

    fn machine(policy: RestartPolicy) -> Machine {
        Machine::running(policy, 0, ms(0))
    }

    #[test]
    fn without_a_policy_the_end_is_for_good() {
        let mut machine = machine(RestartPolicy::No);
        assert_eq!(machine.due(), None);
        assert_eq!(machine.ended(ms(50), 1), Some(Action::Finish));
        assert_eq!(machine.phase(), Phase::Ended);
        assert_eq!(machine.stop(ms(60), ms(10)), None);
    }

    #[test]
    fn a_restart_waits_for_its_time() {
        let mut machine = machine(RestartPolicy::Always);
        assert_eq!(machine.ended(ms(50), 1), None);
        assert_eq!(machine.phase(), Phase::Waiting { until: ms(150) });
        assert_eq!(machine.tick(ms(149)), None);
        assert_eq!(machine.tick(ms(150)), Some(Action::Start));
        assert_eq!(machine.phase(), Phase::Running { since: ms(150) });
        assert_eq!(machine.restarts(), 1);
    }

    #[test]
    fn a_stop_signals_then_kills_once_and_there_is_no_restart() {
        let mut machine = machine(RestartPolicy::Always);
        assert_eq!(machine.stop(ms(10), ms(100)), Some(Action::Signal));
        assert_eq!(machine.tick(ms(109)), None);
        assert_eq!(machine.tick(ms(110)), Some(Action::Kill));
        assert_eq!(machine.tick(ms(500)), None);
        assert!(machine.had_to_kill());
        assert_eq!(machine.ended(ms(501), 137), Some(Action::Finish));
    }

    #[test]
    fn a_second_stop_can_only_shorten_the_grace() {
        let mut machine = machine(RestartPolicy::No);
        machine.stop(ms(0), ms(10_000));
        assert_eq!(machine.stop(ms(10), ms(0)), None);
        assert_eq!(machine.tick(ms(10)), Some(Action::Kill));
    }

    #[test]
    fn a_stop_without_grace_kills_at_once() {
        let mut machine = machine(RestartPolicy::Always);
        assert_eq!(machine.stop(ms(10), ms(0)), Some(Action::Kill));
        assert_eq!(machine.due(), None);
        assert_eq!(machine.ended(ms(11), 137), Some(Action::Finish));
    }

    #[test]
    fn a_stop_between_two_starts_ends_at_once() {
        let mut machine = machine(RestartPolicy::Always);
        machine.ended(ms(50), 1);
        assert_eq!(machine.stop(ms(60), ms(10_000)), Some(Action::Finish));
        assert_eq!(machine.due(), None);
    }
}
