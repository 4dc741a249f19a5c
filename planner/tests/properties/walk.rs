//! Walking a plan in one of the orders that its edges allow.

use planner::desired::{ContainerId, Slot};
use planner::live::{Health, Live, State};
use planner::model::Condition;
use planner::plan::render;
use planner::{Plan, Stack, Step, world};
use std::collections::BTreeMap;

/// Small, seeded, repeatable chance (xorshift).
pub(crate) struct Dice(pub(crate) u64);

impl Dice {
    /// A number below `sides`.
    pub(crate) fn roll(&mut self, sides: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((mixed ^ (mixed >> 31)) % sides as u64).unwrap()
    }
}

/// Does at most `most` steps in a random order that the edges allow. Before each one `look` sees
/// the world and the step.
pub(crate) fn walk(plan: &Plan, live: &mut Live, dice: &mut Dice, most: usize, look: impl Fn(&Live, &Step)) {
    let mut done = vec![false; plan.nodes.len()];
    for _ in 0..most.min(plan.nodes.len()) {
        let ready: Vec<usize> = (0..plan.nodes.len())
            .filter(|&at| !done[at])
            .filter(|&at| {
                plan.nodes[at].needs.iter().chain(&plan.nodes[at].after).all(|&before| done[before])
            })
            .collect();
        let at = ready[dice.roll(ready.len())];
        let step = &plan.nodes[at].step;
        look(live, step);
        if let Err(error) = world::enact(live, step) {
            panic!("#{at} {step}: {error}\ndone: {done:?}\n{}", render::steps(plan));
        }
        done[at] = true;
    }
}

/// Who has each slot when the plan is done.
pub(crate) fn finished(plan: &Plan, live: &Live) -> BTreeMap<Slot, ContainerId> {
    let mut live = live.clone();
    for node in &plan.nodes {
        world::enact(&mut live, &node.step).unwrap_or_else(|error| panic!("{}: {error}", node.step));
    }
    live.containers.into_keys().map(|id| (id.slot.clone(), id)).collect()
}

/// A start must find its dependencies in the state that the stack asks for.
pub(crate) fn assert_may_start(stack: &Stack, last: &BTreeMap<Slot, ContainerId>, live: &Live, step: &Step) {
    let (Step::StartContainer { id } | Step::StartAside { id }) = step else { return };
    let Some(service) = stack.services.get(&id.slot.service) else { return };
    for (name, dependency) in &service.depends_on {
        for other in last.iter().filter(|(slot, _)| slot.service == *name).map(|(_, id)| id) {
            let state = live.containers.get(other).map(|container| &container.state);
            let completed = state == Some(&State::Exited { code: 0, requested: false });
            let reached = match dependency.condition {
                Condition::ServiceStarted => completed || state.is_some_and(State::is_running),
                Condition::ServiceHealthy => state == Some(&State::Running { health: Health::Healthy }),
                Condition::ServiceCompletedSuccessfully => completed,
            };
            assert!(reached, "{id} starts while {other} is {state:?}");
        }
    }
}
