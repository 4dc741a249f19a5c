//! Diff to Plan: every edge is made here.
//!
//! Every verb decides first what becomes of each slot ([`slot`]) and then emits steps in phases
//! that are topological by construction: images are pulled and built, volumes and new networks are made, new generations
//! created beside the old ones, then containers stopped (dependents first), then what must go
//! before a network can be replaced removed, then containers started (dependencies first), then
//! the old generations removed. An interruption between any two steps leaves a state from which
//! the same goal is reached: a slot may hold several occupants, and the newest one that fits wins.

mod container;
mod draft;
mod image;
mod lifecycle;
mod name;
mod network;
mod refuse;
mod restore;
mod rollout;
mod slot;
mod slots;
mod teardown;
mod up;
mod volume;
mod wait;

pub(super) use slot::in_words;
pub(super) use teardown::live_graph;

use super::{Plan, check};
use crate::goal::{Goal, Verb};
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
    /// What could take it away.
    pub kind: ProblemKind,
    /// What is wrong: lower case, no full stop.
    pub message: String,
    /// What to do about it.
    pub hint: Option<String>,
}

/// What could take a problem away.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProblemKind {
    /// Another file, another name on the command line, something that must exist first.
    Impossible,
    /// The user's consent: the same command for more services, or with one more option.
    Consent,
}

impl Refusal {
    /// Whether consent is all that is missing.
    pub fn needs_consent(&self) -> bool {
        self.problems.iter().all(|problem| problem.kind == ProblemKind::Consent)
    }
}

/// The plan that leads from `live` to what `goal` asks of `stack`. `stack` is `None` for goals
/// that need no file (`down`, `stop`, … of a stack known by name).
pub fn plan(stack: Option<&Stack>, goal: &Goal, live: &Live) -> Result<Plan, Refusal> {
    refuse::unknown_services(stack, goal, live)?;
    let plan = match &goal.verb {
        Verb::Up(options) => up::up(refuse::without_stack(stack)?, goal, options, live)?,
        Verb::Down { volumes } => teardown::down(goal, *volumes, live),
        Verb::Stop => lifecycle::stop(goal, live),
        Verb::Kill { signal } => lifecycle::kill(goal, signal, live),
        Verb::Pause { paused } => lifecycle::pause(goal, *paused, live),
        Verb::Remove(options) => teardown::remove(goal, *options, live),
        Verb::Restore(options) => restore::restore(stack, goal, &options.slots, live)?,
        Verb::Start | Verb::Restart => lifecycle::start(stack, goal, live)?,
        Verb::Pull(options) => image::pull(refuse::without_stack(stack)?, goal, options, live),
        Verb::Build(options) => image::build(refuse::without_stack(stack)?, goal, options.push, live),
        Verb::Push(options) => image::push(refuse::without_stack(stack)?, goal, options, live),
    };
    debug_assert_eq!(check::check(&plan, live), []);
    Ok(plan)
}

#[cfg(test)]
mod image_tests;
#[cfg(test)]
mod tests;
