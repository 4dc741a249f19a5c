//! `start`, `stop`, `restart`, `kill` and `pause`: containers that exist, as they are.

use super::draft::{Draft, Edges};
use super::slot::{self, SlotPlan, in_words};
use super::teardown::Stop;
use super::{Refusal, refuse};
use crate::desired::{self, ContainerId, ContainerSpec, DependsOn, Slot};
use crate::goal::{Goal, Verb};
use crate::live::{Container, Live, State};
use crate::model::{Condition, Service, Stack};
use crate::plan::{Cause, Plan, Step};
use std::collections::BTreeMap;

/// What runs is stopped, dependents first.
pub(super) fn stop(goal: &Goal, live: &Live) -> Plan {
    let mut draft = Draft::new(live, goal);
    let ids = draft.named_replicas();
    draft.stop_all(ids.iter().map(|id| Stop { id: id.clone(), cause: Cause::Asked, needs: Vec::new() }));
    for id in ids.iter().filter(|id| !draft.steps.stops.contains_key(*id)).cloned().collect::<Vec<_>>() {
        draft.keep_container(&id, "not running");
    }
    draft.note_missing();
    draft.finish(&live.stack)
}

/// What runs receives the signal at once.
pub(super) fn kill(goal: &Goal, signal: &str, live: &Live) -> Plan {
    let mut draft = Draft::new(live, goal);
    for id in draft.named_replicas() {
        let takes = match live.containers.get(&id).map(|container| &container.state) {
            Some(
                State::Running { .. }
                | State::Unsupervised
                | State::Unprepared
                | State::Stopping
                | State::Paused,
            ) => true,
            // It has no process now, but would have one again.
            Some(State::Restarting) => signal == "KILL",
            _ => false,
        };
        if takes {
            let step = Step::KillContainer { id, signal: signal.to_owned() };
            draft.steps.push(step, Cause::Asked, Vec::new());
        } else {
            draft.keep_container(&id, "not running");
        }
    }
    draft.note_missing();
    draft.finish(&live.stack)
}

/// What runs stands still, or what stands still goes on.
pub(super) fn pause(goal: &Goal, paused: bool, live: &Live) -> Plan {
    let mut draft = Draft::new(live, goal);
    for id in draft.named_replicas() {
        let step = match (paused, live.containers.get(&id).map(|container| &container.state)) {
            (true, Some(State::Running { .. } | State::Unprepared)) => Step::PauseContainer { id },
            (false, Some(State::Paused)) => Step::UnpauseContainer { id },
            (true, Some(State::Paused)) => {
                draft.keep_container(&id, "paused");
                continue;
            }
            _ => {
                draft.keep_container(&id, if paused { "not running" } else { "not paused" });
                continue;
            }
        };
        draft.steps.push(step, Cause::Asked, Vec::new());
    }
    draft.note_missing();
    draft.finish(&live.stack)
}

/// `start` and `restart`: the latter stops first what runs.
pub(super) fn start(stack: Option<&Stack>, goal: &Goal, live: &Live) -> Result<Plan, Refusal> {
    let mut draft = Draft::new(live, goal);
    let current = current_occupants(live);
    draft.slots =
        current.iter().map(|(id, there)| SlotPlan::keep((*id).clone(), there.spec.clone())).collect();
    let mut edges = Edges::new();
    for (id, there) in &current {
        let service = &id.slot.service;
        edges.entry(service.clone()).or_default().extend(recorded_edges(&there.spec, stack, service));
    }
    draft.set_edges(edges);
    for slot in draft.slots.iter_mut() {
        let named = goal.services.contains(&slot.id.slot.service);
        if let Some(there) = live.containers.get(&slot.id).filter(|_| named || goal.services.is_empty()) {
            decide(slot, there, named, goal.verb == Verb::Restart);
        }
    }
    let order = draft.start_order();
    slot::restart_dependents(&mut draft, &order);
    refuse::lost_networks(&draft)?;
    draft.stop_containers();
    draft.start_containers();
    let in_scope = |id: &ContainerId| goal.services.is_empty() || goal.services.contains(&id.slot.service);
    draft.slots.retain(|slot| in_scope(&slot.id));
    slot::tell_kept(&mut draft);
    draft.note_missing();
    Ok(draft.finish(&live.stack))
}

/// A completed container runs again only when its service is named.
fn decide(slot: &mut SlotPlan, there: &Container, named: bool, restart: bool) {
    if there.state.is_running() {
        if restart {
            slot.stop = Some(Cause::Asked);
            slot.start = Some(Cause::Asked);
        } else if there.needs_start(&there.spec) {
            slot.start = Some(Cause::NotRunning(in_words(&there.state)));
        }
    } else if named || !there.is_completed(&there.spec) {
        slot.start = Some(Cause::NotRunning(in_words(&there.state)));
    }
}

/// One container a slot: the one that runs and that names and ports lead to, else the newest.
fn current_occupants(live: &Live) -> Vec<(&ContainerId, &Container)> {
    let mut current: BTreeMap<&Slot, (&ContainerId, &Container)> = BTreeMap::new();
    for (id, container) in live.containers.iter().filter(|(id, _)| !id.slot.is_one_off()) {
        let serves = |there: &Container| there.state.is_running() && !there.aside;
        if !current.get(&id.slot).is_some_and(|(_, there)| serves(there)) {
            current.insert(&id.slot, (id, container));
        }
    }
    current.into_values().collect()
}

fn service_of<'a>(stack: &'a Stack, name: &str) -> Option<&'a Service> {
    stack.services.get(name).or_else(|| stack.disabled.get(name))
}

/// What the start of a container that stays as it is follows: the dependencies that it recorded,
/// with the conditions that the file says, if it says any.
pub(super) fn recorded_edges(
    spec: &ContainerSpec,
    stack: Option<&Stack>,
    service: &str,
) -> BTreeMap<String, DependsOn> {
    let in_file = |stack| Some(desired::depends_on(stack, service_of(stack, service)?));
    let from_file = stack.and_then(in_file).unwrap_or_default();
    let plain = |name: &str| {
        let shares = spec.is_in_namespace_of(name);
        DependsOn { condition: Condition::ServiceStarted, restart: shares, required: true, shares }
    };
    let edge = |name: &String| (name.clone(), from_file.get(name).cloned().unwrap_or_else(|| plain(name)));
    spec.depends_on.iter().map(edge).collect()
}
