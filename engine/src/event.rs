//! What is told while a plan runs, and what became of it.

use crate::build::BuildEvent;
use crate::error::Error;
use planner::desired::Slot;
use planner::plan::Node;
use planner::policy::rollout::Fate;
use planner::{Plan, StepId};
use std::collections::BTreeSet;
use std::time::Duration;

/// Told while a plan runs, in the order in which things happen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// The step begins.
    Started(StepId),
    /// The step says how it gets on.
    Progress(StepId, Progress),
    /// The step is over.
    Finished(StepId, Finish, Duration),
}

/// How a step gets on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Progress {
    /// In words, such as `waiting for port 8080`.
    Note(String),
    /// What went wrong on the way, and is worth telling when the step is done all the same.
    Trouble(String),
    /// So many bytes of what is to be transferred are here.
    Transfer {
        /// Bytes so far.
        done: u64,
        /// All bytes; 0 when that is not known yet.
        total: u64,
    },
    /// How a build gets on.
    Build(BuildEvent),
}

/// How a step ended, without its error: that is in the report.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Finish {
    /// Done.
    Done,
    /// Failed.
    Failed,
    /// Not tried: a step that it needs failed.
    Skipped,
    /// Not tried or given up: the user interrupted.
    Cancelled,
}

/// What became of one step.
#[derive(Debug)]
pub enum Outcome {
    /// It did what it should.
    Done,
    /// It failed.
    Failed(Error),
    /// A step that it needs failed.
    Skipped {
        /// The step that failed first.
        because: StepId,
    },
    /// The user interrupted.
    Cancelled,
}

/// What became of a plan.
#[derive(Debug, Default)]
pub struct Report {
    /// One entry for each node of the plan, with the time it took.
    pub outcomes: Vec<(Outcome, Duration)>,
    /// The time all of it took.
    pub took: Duration,
}

impl Report {
    /// Whether every step is done.
    pub fn is_done(&self) -> bool {
        self.outcomes.iter().all(|(outcome, _)| matches!(outcome, Outcome::Done))
    }

    /// Whether what the plan is for is reached: every step is done, or failed optionally.
    pub fn is_reached(&self, plan: &Plan) -> bool {
        let fine = |(step, outcome): (StepId, &Outcome)| match outcome {
            Outcome::Done => true,
            Outcome::Failed(_) => plan.is_optional(step),
            Outcome::Skipped { .. } | Outcome::Cancelled => false,
        };
        self.outcomes.iter().map(|(outcome, _)| outcome).enumerate().all(fine)
    }

    /// The slots that go back to an older container, because an update of them failed.
    pub fn goes_back(&self, plan: &Plan) -> BTreeSet<Slot> {
        let back = plan.rollouts.iter().flat_map(|rollout| rollout.verdict(|slot| self.fate(plan, slot)));
        back.collect()
    }

    /// What became of all steps about a slot together.
    fn fate(&self, plan: &Plan, slot: &Slot) -> Fate {
        let about = |node: &Node| node.step.container().is_some_and(|id| id.slot == *slot);
        let mine = plan.nodes.iter().zip(&self.outcomes).filter(|(node, _)| about(node));
        let outcomes: Vec<&Outcome> = mine.map(|(_, (outcome, _))| outcome).collect();
        let all = |is: fn(&Outcome) -> bool| outcomes.iter().all(|outcome| is(outcome));
        match () {
            () if outcomes.iter().any(|outcome| matches!(outcome, Outcome::Cancelled)) => Fate::Interrupted,
            () if all(|outcome| matches!(outcome, Outcome::Done)) => Fate::Done,
            () if all(|outcome| matches!(outcome, Outcome::Skipped { .. })) => Fate::Untouched,
            () => Fate::Failed,
        }
    }

    /// Whether the user interrupted it.
    pub fn is_cancelled(&self) -> bool {
        self.outcomes.iter().any(|(outcome, _)| matches!(outcome, Outcome::Cancelled))
    }
}
