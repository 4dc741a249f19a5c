//! Whether and when a container that ended starts again.

use crate::desired::{RestartPace, RestartPolicy};
use std::time::Duration;

/// Pause before the first restart in a row.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
/// No pause is longer.
const LONGEST_PAUSE: Duration = Duration::from_secs(60);
/// Who ran this long did not crash at its start: the pause begins at the first one again.
const LONG_RUN: Duration = Duration::from_secs(10);

/// What to do about a container that ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decision {
    /// Leave it ended.
    Stay,
    /// Start it again.
    Again {
        /// Pause before that.
        after: Duration,
    },
}

/// Restart policy of one container, with what it remembers since the container was started.
///
/// The pause doubles with each restart in a row, so that a container that crashes at once does
/// not keep the machine busy, unless the pace says how long it is. Attempts are counted since the last
/// run that was as long as the pace's window; without one `on-failure:3` means three restarts,
/// however far apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Restart {
    policy: RestartPolicy,
    pace: RestartPace,
    restarts: u32,
    /// Restarts since the last run that was long enough.
    attempts: u32,
    pause: Duration,
}

impl Restart {
    /// Nothing has ended yet.
    pub fn new(policy: RestartPolicy) -> Self {
        Self::resumed(policy, 0)
    }

    /// The same at this pace.
    #[must_use]
    pub fn paced(self, pace: RestartPace) -> Self {
        Self { pace, ..self }
    }

    /// Takes over a container that was already restarted so many times.
    pub fn resumed(policy: RestartPolicy, restarts: u32) -> Self {
        Self { policy, pace: RestartPace::default(), restarts, attempts: restarts, pause: FIRST_PAUSE }
    }

    /// Changes policy and pace; what was counted so far stays.
    pub fn set_policy(&mut self, policy: RestartPolicy, pace: RestartPace) {
        (self.policy, self.pace) = (policy, pace);
    }

    /// How often it was started again.
    pub fn restarts(&self) -> u32 {
        self.restarts
    }

    /// The container ended with `code` after `ran_for`; `stop_requested` when somebody asked for it.
    pub fn ended(&mut self, code: i32, ran_for: Duration, stop_requested: bool) -> Decision {
        if self.pace.window.is_some_and(|window| ran_for >= window) {
            self.attempts = 0;
        }
        if stop_requested || !self.wants_restart(code) {
            return Decision::Stay;
        }
        if ran_for >= self.pace.window.unwrap_or(LONG_RUN) {
            self.pause = FIRST_PAUSE;
        }
        let after = self.pace.delay.unwrap_or(self.pause);
        self.pause = (self.pause * 2).min(LONGEST_PAUSE);
        self.restarts = self.restarts.saturating_add(1);
        self.attempts = self.attempts.saturating_add(1);
        Decision::Again { after }
    }

    fn wants_restart(&self, code: i32) -> bool {
        let may = |most: Option<u32>| most.is_none_or(|most| self.attempts < most);
        match self.policy {
            RestartPolicy::No => false,
            RestartPolicy::Always | RestartPolicy::UnlessStopped => may(self.pace.attempts),
            RestartPolicy::OnFailure { max_retries } => code != 0 && may(max_retries),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const CRASH: Duration = Duration::from_millis(5);

    fn again(milliseconds: u64) -> Decision {
        Decision::Again { after: Duration::from_millis(milliseconds) }
    }

    #[test]
    fn the_policy_decides_by_exit_code_and_by_who_asked() {
        let twice = RestartPolicy::OnFailure { max_retries: Some(2) };
        let endless = RestartPolicy::OnFailure { max_retries: None };
        let table = [
            // policy, exit code, stop requested, decision
            (RestartPolicy::No, 0, false, Decision::Stay),
            (RestartPolicy::No, 1, false, Decision::Stay),
            (RestartPolicy::Always, 0, false, again(100)),
            (RestartPolicy::Always, 137, false, again(100)),
            (RestartPolicy::Always, 143, true, Decision::Stay),
            (RestartPolicy::UnlessStopped, 0, false, again(100)),
            (RestartPolicy::UnlessStopped, 0, true, Decision::Stay),
            (twice, 0, false, Decision::Stay),
            (twice, 1, false, again(100)),
            (twice, 1, true, Decision::Stay),
            (endless, 0, false, Decision::Stay),
            (endless, 139, false, again(100)),
        ];
        for (policy, code, requested, decision) in table {
            let made = Restart::new(policy).ended(code, CRASH, requested);
            assert_eq!(made, decision, "{policy:?}, code {code}, requested: {requested}");
        }
    }

    #[test]
    fn the_pause_doubles_up_to_a_minute() {
        let mut restart = Restart::new(RestartPolicy::Always);
        let pauses: Vec<_> = (0..12).map(|_| restart.ended(1, CRASH, false)).collect();
        let expected = [100, 200, 400, 800, 1600, 3200, 6400, 12800, 25600, 51200, 60000, 60000];
        assert_eq!(pauses, expected.map(again));
    }

    #[test]
    fn a_long_run_makes_the_next_pause_short_again() {
        let mut restart = Restart::new(RestartPolicy::Always);
        let just_short = LONG_RUN - Duration::from_nanos(1);
        assert_eq!(restart.ended(1, CRASH, false), again(100));
        assert_eq!(restart.ended(1, just_short, false), again(200));
        assert_eq!(restart.ended(1, LONG_RUN, false), again(100));
        assert_eq!(restart.restarts(), 3);
    }

    #[test]
    fn a_long_run_does_not_give_new_retries() {
        let mut restart = Restart::new(RestartPolicy::OnFailure { max_retries: Some(1) });
        assert_eq!(restart.ended(1, LONG_RUN, false), again(100));
        assert_eq!(restart.ended(1, LONG_RUN, false), Decision::Stay);
    }

    #[test]
    fn a_supervisor_that_takes_over_goes_on_counting() {
        let policy = RestartPolicy::OnFailure { max_retries: Some(3) };
        assert_eq!(Restart::resumed(policy, 2).ended(1, CRASH, false), again(100));
        assert_eq!(Restart::resumed(policy, 3).ended(1, CRASH, false), Decision::Stay);
    }

    #[test]
    fn a_changed_policy_counts_from_now_on() {
        let mut restart = Restart::new(RestartPolicy::Always);
        restart.ended(1, CRASH, false);
        restart.set_policy(RestartPolicy::No, RestartPace::default());
        assert_eq!(restart.ended(1, CRASH, false), Decision::Stay);
    }

    #[test]
    fn the_pace_says_how_long_to_wait_and_when_attempts_are_counted_anew() {
        let pace = RestartPace {
            delay: Some(Duration::from_secs(7)),
            window: Some(Duration::from_secs(1)),
            attempts: Some(2),
        };
        let mut restart = Restart::new(RestartPolicy::Always).paced(pace);
        assert_eq!(restart.ended(0, CRASH, false), again(7000));
        assert_eq!(restart.ended(0, CRASH, false), again(7000));
        assert_eq!(restart.clone().ended(0, CRASH, false), Decision::Stay);
        assert_eq!(restart.ended(0, Duration::from_secs(1), false), again(7000));
        assert_eq!(restart.restarts(), 3);
        let failing = RestartPolicy::OnFailure { max_retries: Some(1) };
        let mut restart = Restart::new(failing).paced(RestartPace { attempts: None, ..pace });
        assert_eq!(restart.ended(1, CRASH, false), again(7000));
        assert_eq!(restart.ended(1, Duration::from_secs(2), false), again(7000));
        assert_eq!(restart.ended(1, CRASH, false), Decision::Stay);
    }

    fn endings() -> impl Strategy<Value = Vec<(i32, u64)>> {
        prop::collection::vec((0..3i32, 0..20_000u64), 0..200)
    }

    proptest! {
        #[test]
        fn there_are_never_more_restarts_than_allowed(most in 0..50u32, endings in endings()) {
            let mut restart = Restart::new(RestartPolicy::OnFailure { max_retries: Some(most) });
            for (code, ran) in endings {
                restart.ended(code, Duration::from_millis(ran), false);
                prop_assert!(restart.restarts() <= most);
            }
        }

        #[test]
        fn pauses_grow_up_to_the_cap_until_a_long_run(endings in endings()) {
            let mut restart = Restart::new(RestartPolicy::Always);
            let mut last = Duration::ZERO;
            for (code, ran) in endings {
                let ran = Duration::from_millis(ran);
                let Decision::Again { after } = restart.ended(code, ran, false) else {
                    return Err(TestCaseError::fail("always is always"));
                };
                prop_assert!((FIRST_PAUSE..=LONGEST_PAUSE).contains(&after));
                prop_assert!(after >= last || ran >= LONG_RUN);
                last = after;
            }
        }

        #[test]
        fn nothing_restarts_after_a_requested_stop(endings in endings(), code: i32) {
            for policy in [RestartPolicy::Always, RestartPolicy::OnFailure { max_retries: None }] {
                let mut restart = Restart::new(policy);
                for (code, ran) in &endings {
                    restart.ended(*code, Duration::from_millis(*ran), false);
                }
                prop_assert_eq!(restart.ended(code, CRASH, true), Decision::Stay);
            }
        }
    }
}
