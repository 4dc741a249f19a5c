//! When to probe a container, and what the probes say about it.

use crate::desired::HealthSpec;
use crate::live::Health;
use std::time::Duration;

/// A health check's times and counts, all filled in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HealthRules {
    /// Time between the end of a probe and the next one.
    pub interval: Duration,
    /// Time that one probe may take; who runs the probes enforces it.
    pub timeout: Duration,
    /// Failures in a row that make it unhealthy.
    pub retries: u32,
    /// Time after start in which failures do not count, unless it was healthy before.
    pub start_period: Duration,
    /// Takes the place of `interval` in the start period until the first success.
    pub start_interval: Duration,
}

impl Default for HealthRules {
    fn default() -> Self {
        Self {
            interval: Duration::from_secs(30),
            timeout: Duration::from_secs(30),
            retries: 3,
            start_period: Duration::ZERO,
            start_interval: Duration::from_secs(5),
        }
    }
}

impl From<&HealthSpec> for HealthRules {
    /// Fills in the defaults, also for zeros, as Docker does.
    fn from(spec: &HealthSpec) -> Self {
        let default = Self::default();
        let time =
            |given: Option<Duration>, or: Duration| given.filter(|given| !given.is_zero()).unwrap_or(or);
        Self {
            interval: time(spec.interval, default.interval),
            timeout: time(spec.timeout, default.timeout),
            retries: spec.retries.filter(|retries| *retries > 0).unwrap_or(default.retries),
            start_period: time(spec.start_period, default.start_period),
            start_interval: time(spec.start_interval, default.start_interval),
        }
    }
}

/// The health of one run of a container. All times are since its process started; after a
/// restart a new machine begins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HealthMachine {
    rules: HealthRules,
    health: Health,
    failures: u32,
    next_probe_at: Duration,
}

impl HealthMachine {
    /// The process has just started.
    pub fn new(rules: HealthRules) -> Self {
        let mut machine =
            Self { rules, health: Health::Starting, failures: 0, next_probe_at: Duration::ZERO };
        machine.next_probe_at = machine.pause(Duration::ZERO);
        machine
    }

    /// When the next probe is due.
    pub fn next_probe_at(&self) -> Duration {
        self.next_probe_at
    }

    /// What the probes so far say.
    pub fn health(&self) -> Health {
        self.health
    }

    /// The rules in force.
    pub fn rules(&self) -> &HealthRules {
        &self.rules
    }

    /// The due probe ended at `at`; a probe that took too long is one that failed.
    pub fn probed(&mut self, at: Duration, ok: bool) -> Health {
        if ok {
            self.health = Health::Healthy;
            self.failures = 0;
        } else if !self.is_excused() {
            self.failures = self.failures.saturating_add(1);
            if self.failures >= self.rules.retries {
                self.health = Health::Unhealthy;
            }
        }
        self.next_probe_at = at.saturating_add(self.pause(at));
        self.health
    }

    /// Whether a failure of the due probe does not count: it began in the start period and
    /// nothing has succeeded yet. When it was due counts, not when it ended, so that a probe
    /// that hangs beyond the start period is still excused.
    fn is_excused(&self) -> bool {
        self.health == Health::Starting && self.next_probe_at < self.rules.start_period
    }

    fn pause(&self, at: Duration) -> Duration {
        if self.health == Health::Starting && at < self.rules.start_period {
            self.rules.start_interval
        } else {
            self.rules.interval
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn seconds(n: u64) -> Duration {
        Duration::from_secs(n)
    }

    fn rules(interval: u64, retries: u32, start_period: u64, start_interval: u64) -> HealthRules {
        HealthRules {
            interval: seconds(interval),
            retries,
            start_period: seconds(start_period),
            start_interval: seconds(start_interval),
            ..HealthRules::default()
        }
    }

    /// Runs probes that take no time; `+` succeeds, `-` fails. Tells when each was due and
    /// what was known after it: `10+h 20-h`.
    fn story(rules: HealthRules, probes: &str) -> String {
        let mut machine = HealthMachine::new(rules);
        let tell = |probe| {
            let due = machine.next_probe_at();
            let health = match machine.probed(due, probe == '+') {
                Health::Starting => 's',
                Health::Healthy => 'h',
                Health::Unhealthy => 'u',
                Health::None => '?',
            };
            format!("{}{probe}{health}", due.as_secs())
        };
        probes.chars().map(tell).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn probes_tell_the_health() {
        let table = [
            // one success is enough, at any time
            (rules(10, 3, 0, 5), "+", "10+h"),
            (rules(10, 3, 0, 5), "--+", "10-s 20-s 30+h"),
            // so many failures in a row make it unhealthy
            (rules(10, 3, 0, 5), "---", "10-s 20-s 30-u"),
            (rules(10, 1, 0, 5), "-", "10-u"),
            (rules(10, 2, 0, 5), "+-+--", "10+h 20-h 30+h 40-h 50-u"),
            // and a success heals
            (rules(10, 1, 0, 5), "-+-", "10-u 20+h 30-u"),
            // in the start period probes come faster and failures do not count
            (rules(10, 2, 7, 2), "-----", "2-s 4-s 6-s 8-s 18-u"),
            // but after the first success they do, at the normal pace
            (rules(10, 1, 30, 2), "-+-", "2-s 4+h 14-u"),
        ];
        for (rules, probes, expected) in table {
            assert_eq!(story(rules.clone(), probes), expected, "{rules:?}");
        }
    }

    #[test]
    fn a_probe_that_hangs_beyond_the_start_period_is_excused() {
        let mut machine = HealthMachine::new(rules(10, 1, 5, 2));
        assert_eq!(machine.probed(seconds(32), false), Health::Starting);
        assert_eq!(machine.next_probe_at(), seconds(42));
        assert_eq!(machine.probed(seconds(42), false), Health::Unhealthy);
    }

    #[test]
    fn what_is_not_given_or_zero_has_dockers_default() {
        let zeros = HealthSpec {
            interval: Some(Duration::ZERO),
            timeout: Some(Duration::ZERO),
            retries: Some(0),
            start_interval: Some(Duration::ZERO),
            ..HealthSpec::default()
        };
        assert_eq!(HealthRules::from(&HealthSpec::default()), HealthRules::default());
        assert_eq!(HealthRules::from(&zeros), HealthRules::default());
        let given = HealthSpec { retries: Some(7), start_period: Some(seconds(1)), ..zeros };
        let expected = HealthRules { retries: 7, start_period: seconds(1), ..HealthRules::default() };
        assert_eq!(HealthRules::from(&given), expected);
    }

    /// Some rules, and for each probe how long it takes beyond its due time and how it ends.
    fn run() -> impl Strategy<Value = (HealthRules, Vec<(u64, bool)>)> {
        let rules = (1..60u64, 1..6u32, 0..120u64, 1..10u64)
            .prop_map(|(interval, retries, period, start)| rules(interval, retries, period, start));
        (rules, prop::collection::vec((0..40u64, any::<bool>()), 0..60))
    }

    proptest! {
        #[test]
        fn it_is_never_healthy_before_a_success((rules, probes) in run()) {
            let mut machine = HealthMachine::new(rules);
            let mut succeeded = false;
            for (late, ok) in probes {
                prop_assert!(succeeded || machine.health() != Health::Healthy);
                succeeded |= ok;
                machine.probed(machine.next_probe_at() + seconds(late), ok);
            }
        }

        #[test]
        fn it_is_unhealthy_only_after_as_many_failures_in_a_row_as_it_has_retries((rules, probes) in run()) {
            let mut machine = HealthMachine::new(rules.clone());
            let mut in_a_row = 0;
            for (late, ok) in probes {
                in_a_row = if ok { 0 } else { in_a_row + 1 };
                let health = machine.probed(machine.next_probe_at() + seconds(late), ok);
                prop_assert!(in_a_row >= rules.retries || health != Health::Unhealthy);
                prop_assert!(!ok || health == Health::Healthy);
            }
        }

        #[test]
        fn the_next_probe_is_always_one_pause_after_the_last((rules, probes) in run()) {
            let mut machine = HealthMachine::new(rules.clone());
            for (late, ok) in probes {
                let at = machine.next_probe_at() + seconds(late);
                machine.probed(at, ok);
                let pause = machine.next_probe_at() - at;
                prop_assert!(pause == rules.interval || (pause == rules.start_interval && at < rules.start_period));
            }
        }
    }
}
