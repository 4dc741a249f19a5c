//! Which step may start next: the order of a walk, without clocks and tasks.

use planner::plan::Node;
use planner::{Plan, Step, StepId};
use std::collections::BTreeSet;

/// The steps of one plan that are not over yet. A step goes from pending to ready (its needs
/// are done) to running (handed out by [`next`](Self::next)); it leaves when it is done, when
/// one that it needs failed, or when all is given up.
#[derive(Debug)]
pub(super) struct Schedule {
    entries: Vec<Entry>,
    waits: BTreeSet<StepId>,
    changes: BTreeSet<StepId>,
    free: usize,
}

#[derive(Debug)]
struct Entry {
    /// Who needs it done.
    dependents: Vec<StepId>,
    /// Who needs it over.
    followers: Vec<StepId>,
    missing: usize,
    /// So many of those that it comes after may still fail; `None` is any number.
    spare: Option<usize>,
    /// It only waits: it needs no place among those that change the machine, and can be dropped at
    /// any time.
    is_wait: bool,
    is_pending: bool,
}

impl Schedule {
    /// `parallel` bounds how many steps that change the machine run at once.
    pub(super) fn new(plan: &Plan, parallel: usize) -> Self {
        let mut entries: Vec<Entry> = plan.nodes.iter().map(Entry::new).collect();
        for (id, node) in plan.nodes.iter().enumerate() {
            // A need outside the plan is never met.
            for need in node.needs.iter().filter(|need| **need < plan.nodes.len()) {
                entries[*need].dependents.push(id);
            }
            for before in node.after.iter().filter(|before| **before < plan.nodes.len()) {
                entries[*before].followers.push(id);
            }
        }
        let mut schedule =
            Self { entries, waits: BTreeSet::new(), changes: BTreeSet::new(), free: parallel.max(1) };
        (0..plan.nodes.len()).for_each(|id| schedule.offer(id));
        schedule
    }

    /// Hands out the next step that may start, in the order of the plan; waits first, because
    /// they cost nothing.
    pub(super) fn next(&mut self) -> Option<StepId> {
        let id = match self.waits.pop_first() {
            Some(id) => id,
            None if self.free == 0 => return None,
            None => {
                let id = self.changes.pop_first()?;
                self.free -= 1;
                id
            }
        };
        self.entries[id].is_pending = false;
        Some(id)
    }

    /// A running step is done: what waited only for it becomes ready.
    pub(super) fn done(&mut self, id: StepId) {
        self.leave(id);
        let dependents = std::mem::take(&mut self.entries[id].dependents);
        self.release(dependents);
        self.over(id);
    }

    /// A running step failed: yields its pending descendants, which leave with it. So do those that
    /// come after more failures than they bear.
    pub(super) fn failed(&mut self, id: StepId) -> BTreeSet<StepId> {
        self.leave(id);
        let mut poisoned = BTreeSet::new();
        let mut spreading = vec![id];
        while let Some(id) = spreading.pop() {
            for dependent in [self.entries[id].dependents.clone(), self.overtaxed(id)].concat() {
                if self.entries[dependent].is_pending && poisoned.insert(dependent) {
                    spreading.push(dependent);
                }
            }
        }
        poisoned.iter().for_each(|id| self.entries[*id].is_pending = false);
        poisoned.iter().chain([&id]).for_each(|id| self.over(*id));
        poisoned
    }

    /// Those that come after a step which is not done, and bear no more of them.
    fn overtaxed(&mut self, id: StepId) -> Vec<StepId> {
        let mut overtaxed = Vec::new();
        for follower in self.entries[id].followers.clone() {
            match &mut self.entries[follower].spare {
                Some(0) => overtaxed.push(follower),
                Some(spare) => *spare -= 1,
                None => {}
            }
        }
        overtaxed
    }

    /// Yields every step that has not started, in order; none will.
    pub(super) fn give_up(&mut self) -> Vec<StepId> {
        self.waits.clear();
        self.changes.clear();
        let pending = |(id, entry): (StepId, &mut Entry)| std::mem::take(&mut entry.is_pending).then_some(id);
        self.entries.iter_mut().enumerate().filter_map(pending).collect()
    }

    /// The step is done, failed or poisoned: what waits only for its end becomes ready.
    fn over(&mut self, id: StepId) {
        let followers = std::mem::take(&mut self.entries[id].followers);
        self.release(followers);
    }

    fn release(&mut self, waiting: Vec<StepId>) {
        for id in waiting {
            self.entries[id].missing -= 1;
            self.offer(id);
        }
    }

    fn offer(&mut self, id: StepId) {
        let entry = &self.entries[id];
        if entry.is_pending && entry.missing == 0 {
            if entry.is_wait {
                self.waits.insert(id)
            } else {
                self.changes.insert(id)
            };
        }
    }

    fn leave(&mut self, id: StepId) {
        if !self.entries[id].is_wait {
            self.free += 1;
        }
    }
}

impl Entry {
    fn new(node: &Node) -> Self {
        Self {
            dependents: Vec::new(),
            followers: Vec::new(),
            missing: node.needs.len() + node.after.len(),
            spare: if let Step::Proceed { spare, .. } = &node.step { *spare } else { None },
            is_wait: node.step.is_wait(),
            is_pending: true,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use planner::plan::{Cause, Until};
    use planner::{ContainerId, Slot};
    use proptest::prelude::*;

    const NONE: [StepId; 0] = [];

    /// A step that changes the machine, or one that waits.
    fn step(wait: bool) -> Step {
        let slot = Slot { service: "web".into(), index: 1 };
        let id = ContainerId { stack: "shop".into(), slot, generation: 1 };
        if wait {
            Step::Await { id, until: Until::Ready, timeout: None }
        } else {
            Step::StartContainer { id }
        }
    }

    fn node(wait: bool, needs: &[StepId], after: &[StepId]) -> Node {
        Node { step: step(wait), cause: Cause::Asked, needs: needs.to_vec(), after: after.to_vec() }
    }

    fn plan(nodes: &[(bool, &[StepId])]) -> Plan {
        let nodes = nodes.iter().map(|(wait, needs)| node(*wait, needs, &[])).collect();
        Plan { nodes, ..Plan::default() }
    }

    fn ready(schedule: &mut Schedule) -> Vec<StepId> {
        std::iter::from_fn(|| schedule.next()).collect()
    }

    #[test]
    fn a_step_is_handed_out_once_all_that_it_needs_is_done() {
        let mut schedule = Schedule::new(&plan(&[(false, &[]), (false, &[]), (false, &[0, 1])]), 9);
        assert_eq!(ready(&mut schedule), [0, 1]);
        schedule.done(1);
        assert_eq!(ready(&mut schedule), NONE);
        schedule.done(0);
        assert_eq!(ready(&mut schedule), [2]);
    }

    #[test]
    fn waits_need_no_place() {
        let nodes: [(bool, &[StepId]); 4] = [(false, &[]), (false, &[]), (true, &[]), (true, &[])];
        let mut schedule = Schedule::new(&plan(&nodes), 1);
        assert_eq!(ready(&mut schedule), [2, 3, 0]);
        schedule.done(2);
        assert_eq!(ready(&mut schedule), NONE);
        schedule.done(0);
        assert_eq!(ready(&mut schedule), [1]);
    }

    #[test]
    fn a_failure_takes_only_descendants_along() {
        let nodes: [(bool, &[StepId]); 5] =
            [(false, &[]), (false, &[]), (false, &[0]), (false, &[2, 1]), (false, &[1])];
        let mut schedule = Schedule::new(&plan(&nodes), 9);
        assert_eq!(ready(&mut schedule), [0, 1]);
        assert_eq!(schedule.failed(0), BTreeSet::from([2, 3]));
        schedule.done(1);
        assert_eq!(ready(&mut schedule), [4]);
    }

    #[test]
    fn a_step_after_another_starts_when_that_is_over_however_it_ended() {
        // 2 needs 0 and is skipped with it; 3 and 4 only follow.
        let nodes = vec![
            node(false, &[], &[]),
            node(false, &[], &[]),
            node(false, &[0], &[]),
            node(false, &[], &[2]),
            node(false, &[1], &[0]),
        ];
        let mut schedule = Schedule::new(&Plan { nodes, ..Plan::default() }, 9);
        assert_eq!(ready(&mut schedule), [0, 1]);
        assert_eq!(schedule.failed(0), BTreeSet::from([2]));
        assert_eq!(ready(&mut schedule), [3]);
        schedule.done(1);
        assert_eq!(ready(&mut schedule), [4]);
    }

    #[test]
    fn a_gate_opens_when_all_before_it_is_over_and_few_enough_failed() {
        let gate = |spare| {
            let delay = std::time::Duration::ZERO;
            let step = Step::Proceed { service: "web".into(), group: 2, delay, spare };
            Node { step, cause: Cause::Asked, needs: Vec::new(), after: vec![0, 1, 2] }
        };
        // 2 needs 1 and fails with it; 4 needs the gate.
        let plan = |spare| {
            let nodes = vec![
                node(false, &[], &[]),
                node(false, &[], &[]),
                node(false, &[1], &[]),
                gate(spare),
                node(false, &[3], &[]),
            ];
            Plan { nodes, ..Plan::default() }
        };
        for (spare, opens) in [(Some(0), false), (Some(1), false), (Some(2), true), (None, true)] {
            let mut schedule = Schedule::new(&plan(spare), 9);
            assert_eq!(ready(&mut schedule), [0, 1]);
            let lost = schedule.failed(1);
            assert_eq!(lost.contains(&3) && lost.contains(&4), !opens, "{spare:?}");
            assert_eq!(ready(&mut schedule), NONE, "{spare:?}");
            schedule.done(0);
            assert_eq!(ready(&mut schedule), if opens { vec![3] } else { Vec::new() }, "{spare:?}");
        }
    }

    #[test]
    fn giving_up_leaves_nothing_to_start() {
        let mut schedule = Schedule::new(&plan(&[(false, &[]), (false, &[]), (true, &[0])]), 1);
        assert_eq!(ready(&mut schedule), [0]);
        assert_eq!(schedule.give_up(), [1, 2]);
        schedule.done(0);
        assert_eq!(ready(&mut schedule), NONE);
    }

    #[test]
    fn a_step_that_needs_a_later_or_missing_one_is_given_up_in_the_end() {
        let mut schedule = Schedule::new(&plan(&[(false, &[1]), (false, &[0]), (false, &[7])]), 9);
        assert_eq!(ready(&mut schedule), NONE);
        assert_eq!(schedule.give_up(), [0, 1, 2]);
    }

    /// Plans of any shape: each node waits or not, and needs or follows some of those before it.
    fn plans() -> impl Strategy<Value = Plan> {
        let picks = || prop::collection::vec(any::<prop::sample::Index>(), 0..3);
        let before = |id, picks: Vec<prop::sample::Index>| -> Vec<StepId> {
            let ids = picks.iter().filter(|_| id > 0).map(|pick| pick.index(id));
            ids.collect::<BTreeSet<_>>().into_iter().collect()
        };
        prop::collection::vec((any::<bool>(), picks(), picks()), 0..40).prop_map(move |nodes| {
            let nodes = nodes.into_iter().enumerate();
            let node = |(id, (wait, needs, after))| node(wait, &before(id, needs), &before(id, after));
            Plan { nodes: nodes.map(node).collect(), ..Plan::default() }
        })
    }

    proptest! {
        /// Steps end in any order, and any of them fails.
        #[test]
        fn every_step_ends_or_is_poisoned_by_an_ancestor(
            plan in plans(),
            parallel in 1..5usize,
            luck in prop::collection::vec((any::<prop::sample::Index>(), 0..5u8), 40),
        ) {
            let mut schedule = Schedule::new(&plan, parallel);
            let (mut running, mut done, mut lost) = (Vec::new(), BTreeSet::new(), BTreeSet::new());
            let mut luck = luck.into_iter();
            loop {
                while let Some(id) = schedule.next() {
                    let Node { needs, after, .. } = &plan.nodes[id];
                    prop_assert!(needs.iter().all(|need| done.contains(need)));
                    prop_assert!(after.iter().all(|before| done.contains(before) || lost.contains(before)));
                    running.push(id);
                }
                let changing = running.iter().filter(|id| !plan.nodes[**id].step.is_wait()).count();
                prop_assert!(changing <= parallel);
                let Some((pick, fate)) = luck.next().filter(|_| !running.is_empty()) else { break };
                let id = running.swap_remove(pick.index(running.len()));
                if fate > 0 {
                    schedule.done(id);
                    done.insert(id);
                } else {
                    lost.insert(id);
                    for poisoned in schedule.failed(id) {
                        prop_assert!(plan.nodes[poisoned].needs.iter().any(|need| lost.contains(need)));
                        prop_assert!(lost.insert(poisoned));
                    }
                }
            }
            prop_assert!(running.is_empty());
            prop_assert_eq!(done.len() + lost.len(), plan.nodes.len());
            prop_assert_eq!(schedule.give_up(), NONE);
        }
    }
}
