//! How a service's containers give way to others, in words and for programs.

use crate::plan::Rollout;
use crate::policy::rollout::OnFailure;
use serde_json::{Value, json};
use std::fmt;

impl fmt::Display for Rollout {
    /// `update web: 1 at a time, the new one starts first, goes back when one fails`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { service, slots, rules } = self;
        write!(f, "update {service}: ")?;
        match rules.parallelism {
            0 => f.write_str("all at once")?,
            count if count >= slots.len() && slots.len() > 1 => f.write_str("all at once")?,
            count => write!(f, "{count} at a time")?,
        }
        f.write_str(if rules.start_first {
            ", the new one starts first"
        } else {
            ", the old one stops first"
        })?;
        if !rules.delay.is_zero() {
            write!(f, ", {} s between", rules.delay.as_secs_f64())?;
        }
        let most = rules.spare(slots.len()).unwrap_or_default();
        let when = if most == 0 { "one fails".to_owned() } else { format!("more than {most} fail") };
        match rules.on_failure {
            OnFailure::Pause => write!(f, ", no further when {when}"),
            OnFailure::Continue => f.write_str(", goes on when one fails"),
            OnFailure::Rollback => write!(f, ", goes back when {when}"),
        }
    }
}

/// The same for programs; times in seconds, `may_fail` null for any number.
pub(super) fn json(rollout: &Rollout) -> Value {
    let rules = &rollout.rules;
    json!({
        "service": rollout.service,
        "slots": rollout.slots,
        "order": if rules.start_first { "start-first" } else { "stop-first" },
        "parallelism": rules.parallelism,
        "delay": rules.delay.as_secs_f64(),
        "monitor": rules.monitor.as_secs_f64(),
        "failure_action": rules.on_failure,
        "may_fail": rules.spare(rollout.slots.len()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::desired::Slot;
    use crate::policy::rollout::Rules;
    use std::time::Duration;

    #[test]
    fn a_rollout_reads_as_a_sentence() {
        let slots: Vec<_> = (1..=3).map(|index| Slot { service: "web".into(), index }).collect();
        let told = |rules: Rules| Rollout { service: "web".into(), slots: slots.clone(), rules }.to_string();
        assert_eq!(
            told(Rules::default()),
            "update web: 1 at a time, the old one stops first, no further when one fails"
        );
        let rules = Rules {
            start_first: true,
            parallelism: 3,
            delay: Duration::from_millis(1500),
            on_failure: OnFailure::Rollback,
            tolerated: 400_000,
            ..Rules::default()
        };
        assert_eq!(
            told(rules),
            "update web: all at once, the new one starts first, 1.5 s between, goes back when more than 1 fail"
        );
    }
}
