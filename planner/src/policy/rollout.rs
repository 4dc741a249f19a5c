//! How the containers of a service give way to newer ones: in which groups, what counts as a
//! failure, and what follows one.
//!
//! The rules become steps of the plan: which slots are in which group, that each new container is
//! waited for, and a step between two groups that opens only when few enough failed. What follows a
//! failure is decided when the plan is over, by [`Rollout::verdict`]: a slot whose new container
//! failed goes back to its old one, and with `rollback` so do those that were done.

use crate::desired::Slot;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::time::Duration;

/// Time for which a new container without a health check is watched, when nothing is said.
pub const MONITOR: Duration = Duration::from_secs(5);

/// One in a million, the unit of [`Rules::tolerated`].
const WHOLE: u64 = 1_000_000;

/// How the containers of a service give way to newer ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rules {
    /// The new container runs before the old one stops.
    pub start_first: bool,
    /// So many at once; 0 is all.
    pub parallelism: usize,
    /// Time between two groups.
    pub delay: Duration,
    /// Time for which a new container without a health check is watched.
    pub monitor: Duration,
    /// What follows a failure.
    pub on_failure: OnFailure,
    /// The part of containers that may fail, in millionths.
    pub tolerated: u32,
}

/// What follows when more containers fail than may.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum OnFailure {
    /// No further group begins.
    #[default]
    Pause,
    /// All groups have their turn.
    Continue,
    /// No further group begins, and what was done is undone.
    Rollback,
}

impl Default for Rules {
    fn default() -> Self {
        Self {
            start_first: false,
            parallelism: 1,
            delay: Duration::ZERO,
            monitor: MONITOR,
            on_failure: OnFailure::default(),
            tolerated: 0,
        }
    }
}

impl Rules {
    /// Of so many containers so many may fail; `None` is any number.
    pub fn spare(&self, count: usize) -> Option<usize> {
        if self.on_failure == OnFailure::Continue {
            return None;
        }
        let count = u64::try_from(count).unwrap_or(u64::MAX);
        let spare = count.saturating_mul(u64::from(self.tolerated)) / WHOLE;
        Some(usize::try_from(spare).unwrap_or(usize::MAX))
    }

    /// The groups, in order.
    pub fn groups<'a, T>(&self, all: &'a [T]) -> impl Iterator<Item = &'a [T]> {
        let size = if self.parallelism == 0 { all.len() } else { self.parallelism };
        all.chunks(size.max(1))
    }
}

/// One service whose containers give way to newer ones, as a plan has it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rollout {
    /// The service.
    pub service: String,
    /// Its slots, in the order of their turn.
    pub slots: Vec<Slot>,
    /// How it is done.
    pub rules: Rules,
}

/// What became of one slot of a rollout.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// Every step about it is done.
    Done,
    /// It was not its turn.
    Untouched,
    /// A step about it failed.
    Failed,
    /// The user interrupted it.
    Interrupted,
}

impl Rollout {
    /// The slots that go back to their old container, given what became of each. Who interrupts
    /// wants to go on later: then none does.
    pub fn verdict(&self, fate: impl Fn(&Slot) -> Fate) -> BTreeSet<Slot> {
        let fates: Vec<(&Slot, Fate)> = self.slots.iter().map(|slot| (slot, fate(slot))).collect();
        if fates.iter().any(|(_, fate)| *fate == Fate::Interrupted) {
            return BTreeSet::new();
        }
        let failed = fates.iter().filter(|(_, fate)| *fate == Fate::Failed).count();
        let all = self.rules.on_failure == OnFailure::Rollback
            && self.rules.spare(self.slots.len()).is_some_and(|spare| failed > spare);
        let back = fates.into_iter().filter(|(_, fate)| *fate == Fate::Failed || all && *fate == Fate::Done);
        back.map(|(slot, _)| slot.clone()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rollout(on_failure: OnFailure, tolerated: u32) -> Rollout {
        let slots = (1..=4).map(|index| Slot { service: "web".into(), index }).collect();
        let rules = Rules { on_failure, tolerated, ..Rules::default() };
        Rollout { service: "web".into(), slots, rules }
    }

    fn back(rollout: &Rollout, fates: [Fate; 4]) -> Vec<u32> {
        let back = rollout.verdict(|slot| fates[slot.index as usize - 1]);
        back.into_iter().map(|slot| slot.index).collect()
    }

    #[test]
    fn groups_are_as_large_as_asked_and_0_is_all() {
        let sizes = |parallelism| -> Vec<usize> {
            let rules = Rules { parallelism, ..Rules::default() };
            rules.groups(&[1, 2, 3, 4, 5]).map(<[i32]>::len).collect()
        };
        assert_eq!((sizes(1), sizes(2), sizes(9)), (vec![1; 5], vec![2, 2, 1], vec![5]));
        assert_eq!(sizes(0), [5]);
        assert_eq!(Rules::default().groups(&[] as &[i32]).count(), 0);
    }

    #[test]
    fn so_many_may_fail_as_the_ratio_says_rounded_down() {
        let spare = |tolerated, count| Rules { tolerated, ..Rules::default() }.spare(count);
        assert_eq!((spare(0, 10), spare(250_000, 4), spare(250_000, 3)), (Some(0), Some(1), Some(0)));
        assert_eq!(spare(1_000_000, 3), Some(3));
        assert_eq!(Rules { on_failure: OnFailure::Continue, ..Rules::default() }.spare(3), None);
    }

    #[test]
    fn what_failed_goes_back_and_with_rollback_what_was_done_too() {
        use Fate::{Done, Failed, Untouched};
        let fates = [Done, Failed, Untouched, Untouched];
        assert_eq!(back(&rollout(OnFailure::Pause, 0), fates), [2]);
        assert_eq!(back(&rollout(OnFailure::Rollback, 0), fates), [1, 2]);
        assert_eq!(back(&rollout(OnFailure::Continue, 0), [Done, Failed, Done, Failed]), [2, 4]);
        assert!(back(&rollout(OnFailure::Rollback, 0), [Done; 4]).is_empty());
    }

    #[test]
    fn failures_that_are_tolerated_undo_nothing_else() {
        use Fate::{Done, Failed};
        assert_eq!(back(&rollout(OnFailure::Rollback, 250_000), [Done, Failed, Done, Done]), [2]);
        assert_eq!(back(&rollout(OnFailure::Rollback, 250_000), [Done, Failed, Failed, Done]), [1, 2, 3, 4]);
    }

    #[test]
    fn an_interruption_undoes_nothing() {
        use Fate::{Done, Failed, Interrupted};
        assert!(back(&rollout(OnFailure::Rollback, 0), [Done, Failed, Interrupted, Done]).is_empty());
    }
}
