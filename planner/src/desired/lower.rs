//! Stack and Goal to Desired.

use super::Desired;
use crate::goal::Goal;
use crate::live::Live;
use crate::model::Stack;

/// What should exist when the goal is reached. Live is asked only for facts about images.
pub fn lower(_stack: &Stack, _goal: &Goal, _live: &Live) -> Desired {
    Desired::default()
}
