//! Diff to Plan: every edge is made here.

use super::Plan;
use crate::goal::Goal;
use crate::live::Live;
use crate::model::Stack;

/// Why no plan is made: each problem is one message with a hint.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}", .problems.iter().map(|problem| problem.message.as_str()).collect::<Vec<_>>().join("; "))]
pub struct Refusal {
    /// Everything that stands in the way.
    pub problems: Vec<Problem>,
}

/// One thing that stands in the way of a plan.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// What is wrong: lower case, no full stop.
    pub message: String,
    /// What to do about it.
    pub hint: Option<String>,
}

/// The plan that leads from `live` to what `goal` asks of `stack`. `stack` is `None` for goals
/// that need no file (`down`, `stop`, … of a stack known by name).
pub fn plan(_stack: Option<&Stack>, _goal: &Goal, _live: &Live) -> Result<Plan, Refusal> {
    Ok(Plan::default())
}
