//! Containers of a service that give way to others in groups: which ones, and every step of it.
//!
//! Each slot goes its own way behind the gate of its group: with the new container first it is
//! made, started aside, waited for, and only then do ports and names lead to it; the old one is left
//! alone until nobody is connected to it any more. So a new container that fails costs nothing.

use super::container::cause_of_leaving;
use super::draft::{Draft, Gates};
use super::slot::SlotPlan;
use crate::desired::{Attachment, ContainerId, ContainerSpec, PortSpec};
use crate::goal::Verb;
use crate::live::{Container, Live};
use crate::model::Stack;
use crate::plan::{Cause, Rollout, Step, StepId, Until};
use crate::policy::rollout::{OnFailure, Rules};
use std::collections::BTreeSet;
use std::time::Duration;

/// Where one slot of a rollout stands in the plan.
struct Turn {
    /// The new container has proven itself with this; `None` when it had before.
    proven: Option<StepId>,
    /// Nothing more happens to what serves.
    last: Option<StepId>,
}

/// Finds the slots that take turns, marks them, and tells what cannot be done as the file says.
pub(super) fn choose(draft: &mut Draft, stack: &Stack) {
    let services: BTreeSet<String> = draft.slots.iter().map(|slot| slot.id.slot.service.clone()).collect();
    for name in services {
        let service = stack.services.get(&name).or_else(|| stack.disabled.get(&name));
        let said = service.and_then(crate::model::Service::update_rules);
        let members = members(draft, &name, said.is_some());
        if members.is_empty() {
            continue;
        }
        // One that was started aside must not be forgotten, whatever the file says by now.
        let rules = said.unwrap_or(Rules { start_first: true, parallelism: 0, ..Rules::default() });
        roll(draft, &name, members, rules);
    }
}

/// The slots of a service that take turns: those in which a container gives way to a newer one, or
/// had begun to.
fn members(draft: &Draft, service: &str, is_rolled: bool) -> Vec<ContainerId> {
    let live = draft.live;
    let mine = || draft.slots.of(service);
    let begun = mine().any(|slot| live.occupants(&slot.id.slot).count() > 1);
    let runs =
        mine().flat_map(|slot| live.occupants(&slot.id.slot)).any(|(_, there)| there.state.is_running());
    let gives_way = |slot: &&SlotPlan| {
        let newer = slot.old.iter().all(|old| old.generation < slot.id.generation);
        is_rolled && (runs || begun) && newer && !slot.old.is_empty() && !slot.id.slot.is_one_off()
    };
    let mut members: Vec<_> = mine().filter(|slot| gives_way(slot) || is_aside(live, &slot.id)).collect();
    // What has begun is ended first.
    members.sort_by_key(|slot| (slot.create.is_some(), slot.id.slot.index));
    members.into_iter().map(|slot| slot.id.clone()).collect()
}

fn is_aside(live: &Live, id: &ContainerId) -> bool {
    live.containers.get(id).is_some_and(|there| there.aside)
}

fn roll(draft: &mut Draft, service: &str, members: Vec<ContainerId>, mut rules: Rules) {
    let rolled = || draft.slots.iter().filter(|slot| members.contains(&slot.id));
    if let Some(why) = rolled().find_map(|slot| obstacle(draft, slot)) {
        draft.notes.push(format!("service {service} is replaced at once: {why}"));
        forget_aside(draft, &members);
        return;
    }
    let both = rolled().find_map(|slot| both_at_once(&slot.spec));
    if let Some(why) = both.filter(|_| rules.start_first) {
        draft
            .notes
            .push(format!("service {service}: the old container stops before the new one starts: {why}"));
        rules.start_first = false;
    }
    draft.slots.iter_mut().filter(|slot| members.contains(&slot.id)).for_each(|slot| slot.rolled = true);
    let slots = members.into_iter().map(|id| id.slot).collect();
    draft.rollouts.push(Rollout { service: service.to_owned(), slots, rules });
}

/// Nothing leads to them yet: a new start changes that.
fn forget_aside(draft: &mut Draft, members: &[ContainerId]) {
    let live = draft.live;
    for slot in draft.slots.iter_mut().filter(|slot| members.contains(&slot.id) && is_aside(live, &slot.id)) {
        (slot.stop, slot.start) = (Some(Cause::Leftover), Some(Cause::Leftover));
    }
}

/// Why slots cannot take turns.
fn obstacle(draft: &Draft, slot: &SlotPlan) -> Option<String> {
    if slot.stop_first {
        return Some("a network of it is made anew, or its name goes from one to another".to_owned());
    }
    if slot.stop.is_some() {
        return Some("one of it is changed and started again".to_owned());
    }
    let service = &slot.id.slot.service;
    let joins = |other: &&SlotPlan| other.spec.hosts().any(|host| host == *service);
    if let Some(guest) = draft.slots.iter().find(joins) {
        return Some(format!("{} is in a namespace of it", guest.id.slot.service));
    }
    if let Some(host) = slot.spec.hosts().next() {
        return Some(format!("it is in a namespace of {host}"));
    }
    let old: Vec<&Container> = slot.old.iter().filter_map(|id| draft.live.containers.get(id)).collect();
    let held = |port: &PortSpec| old.iter().any(|old| holds(old, port));
    let takes = |other: &&SlotPlan| {
        other.id.slot.service != *service && other.start.is_some() && other.spec.ports.iter().any(held)
    };
    let taker = draft.slots.iter().find(takes)?;
    Some(format!("{} takes a port of it", taker.id.slot.service))
}

fn holds(there: &Container, port: &PortSpec) -> bool {
    there.spec.ports.iter().any(|held| held.clashes(port))
}

/// Why two containers of one slot cannot run at once.
fn both_at_once(spec: &ContainerSpec) -> Option<String> {
    let is_fixed = |on: &&Attachment| {
        on.ipv4.is_some() || on.ipv6.is_some() || on.mac.is_some() || !on.link_local.is_empty()
    };
    if let Some(on) = spec.networks.iter().find(is_fixed) {
        return Some(format!("both would have the same address on network {}", on.network));
    }
    (!spec.network_mode.is_own()).then(|| "both would be in the same network namespace".to_owned())
}

impl Draft<'_> {
    /// Every step of a service's rollout.
    pub(super) fn roll(&mut self, service: &str) {
        let rollout = self.rollouts.iter().find(|rollout| rollout.service == service).cloned();
        let Some(Rollout { slots, rules, .. }) = rollout else { return };
        let (spare, mut turns) = (rules.spare(slots.len()), Vec::new());
        let groups: Vec<_> = rules.groups(&slots).map(<[_]>::to_vec).collect();
        for (number, group) in groups.iter().enumerate() {
            let gate = (number > 0).then(|| self.gate_of(service, number + 1, (rules.delay, spare), &turns));
            let mine = self.slots.iter().filter(|slot| slot.rolled && group.contains(&slot.id.slot));
            for slot in mine.cloned().collect::<Vec<_>>() {
                turns.push((slot.clone(), self.turn(&slot, &rules, gate)));
            }
        }
        // One can go back only to what is still there.
        let is_kept = rules.on_failure == OnFailure::Rollback && turns.len() > 1;
        let end = (Duration::ZERO, spare);
        let end = is_kept.then(|| self.gate_of(service, groups.len() + 1, end, &turns));
        for (slot, turn) in &turns {
            let cause = self.leaving(slot);
            for id in &slot.old {
                self.remove(id, cause.clone(), turn.proven.into_iter().chain(end).collect());
            }
        }
    }

    /// A step that is done when these are over, and few enough of them failed.
    fn gate_of(
        &mut self,
        service: &str,
        group: usize,
        (delay, spare): (Duration, Option<usize>),
        turns: &[(SlotPlan, Turn)],
    ) -> StepId {
        let after = turns.iter().filter_map(|(_, turn)| turn.last).collect();
        let step = Step::Proceed { service: service.to_owned(), group, delay, spare };
        self.steps.push_gated(
            step,
            Cause::Policy("update_config".to_owned()),
            Gates { needs: Vec::new(), after },
        )
    }

    /// One slot: the steps that let its container give way.
    fn turn(&mut self, slot: &SlotPlan, rules: &Rules, gate: Option<StepId>) -> Turn {
        let mut gates = self.gates(&slot.id.slot);
        gates.needs.extend(gate);
        self.create(slot, &gate.into_iter().collect::<Vec<_>>());
        let runs =
            |id: &&ContainerId| self.live.containers.get(*id).is_some_and(|old| old.state.is_running());
        let old: Vec<ContainerId> = slot.old.iter().filter(runs).cloned().collect();
        let serves =
            self.live.containers.get(&slot.id).is_some_and(|there| there.state.is_running() && !there.aside);
        let is_aside = is_aside(self.live, &slot.id) || rules.start_first && !old.is_empty() && !serves;
        let mut gates = Gates { needs: [gates.needs, self.made(slot)].concat(), after: gates.after };
        let back = matches!(self.goal.verb, Verb::Restore(_));
        if back && serves && slot.start.is_none() {
            // It never went away.
            let stops = self.stop_old(slot, &old, &gates);
            return Turn { proven: None, last: stops.last().copied() };
        }
        if !is_aside {
            gates.needs.extend(self.stop_old(slot, &old, &gates));
        }
        if let Some(cause) = &slot.start {
            let id = slot.id.clone();
            let step = if is_aside { Step::StartAside { id } } else { Step::StartContainer { id } };
            let start = self.steps.push_gated(step, cause.clone(), gates.clone());
            gates = Gates { needs: vec![start], after: Vec::new() };
        }
        let until = Until::Steady(rules.monitor);
        let step = Step::Await { id: slot.id.clone(), until, timeout: self.wait_timeout };
        let proven = self.steps.push_gated(step, Cause::Policy("update_config".to_owned()), gates);
        let last = if is_aside { self.take_over(slot, old, proven) } else { proven };
        Turn { proven: Some(proven), last: Some(last) }
    }

    fn stop_old(&mut self, slot: &SlotPlan, old: &[ContainerId], gates: &Gates) -> Vec<StepId> {
        let cause = self.leaving(slot);
        let stop = |id: &ContainerId| {
            let step = Step::StopContainer { id: id.clone(), grace: self.grace(id) };
            self.steps.push_gated(step, cause.clone(), gates.clone())
        };
        old.iter().map(stop).collect()
    }

    /// What leads to the old containers leads to the new one; then they may end.
    fn take_over(&mut self, slot: &SlotPlan, from: Vec<ContainerId>, proven: StepId) -> StepId {
        let cause = self.leaving(slot);
        let step = Step::SwitchPorts { to: slot.id.clone(), from: from.clone() };
        let switched = self.steps.push(step, cause.clone(), vec![proven]);
        let mut last = switched;
        for id in from {
            let most = self.grace(&id);
            let drained =
                self.steps.push(Step::Drain { id: id.clone(), most }, cause.clone(), vec![switched]);
            let step = Step::StopContainer { grace: most, id };
            last = self.steps.push(step, cause.clone(), vec![drained]);
        }
        last
    }

    /// Why the other occupants of a slot go.
    fn leaving(&self, slot: &SlotPlan) -> Cause {
        match (&self.goal.verb, slot.old.iter().max()) {
            (Verb::Restore(_), Some(failed)) => Cause::UpdateFailed(failed.clone()),
            _ => cause_of_leaving(slot),
        }
    }

    /// Tells of a slot that nothing can be done about.
    pub(super) fn keep_failed(&mut self, id: &ContainerId) {
        self.keep(self.container(id), "there is no older container to go back to");
    }
}
