//! `up`: everything exists as the stack says, and runs.

use super::draft::{Draft, Edges};
use super::lifecycle::recorded_edges;
use super::slot::{self, Removal, SlotPlan};
use super::{Refusal, image, name, refuse, rollout};
use crate::desired::{self, Desired};
use crate::diff::{Diff, diff};
use crate::goal::{Goal, UpOptions};
use crate::graph::DependencyGraph;
use crate::live::Live;
use crate::model::{Condition, Dependency, Stack};
use crate::plan::{Cause, Plan};
use std::collections::BTreeSet;

/// The plan of `up`. The phases come in the order in which the module header tells them.
pub(super) fn up(stack: &Stack, goal: &Goal, options: &UpOptions, live: &Live) -> Result<Plan, Refusal> {
    let desired = desired::lower(stack, goal, live);
    let diff = diff(&desired, live);
    let mut draft = Draft::new(live, goal);
    decide(&mut draft, stack, &desired, &diff, options);
    image::fetch(&mut draft, stack, goal, &options.images);
    refuse::unreachable(stack, &desired, &diff, &draft)?;

    draft.create_volumes(&desired, &diff);
    draft.settle_networks(&desired, &diff);
    draft.update_containers(&diff, false);
    draft.create_containers(false);
    draft.stop_containers();
    draft.remove_early();
    draft.replace_networks(&desired, &diff);
    draft.update_containers(&diff, true);
    draft.create_containers(true);
    draft.start_containers();
    draft.remove_old();
    if options.wait {
        draft.wait_for_all(|id| desired.containers.contains_key(&id.slot));
    }
    slot::tell_kept(&mut draft);
    Ok(draft.finish(&stack.name))
}

fn decide(draft: &mut Draft, stack: &Stack, desired: &Desired, diff: &Diff, options: &UpOptions) {
    draft.wait_timeout = options.wait_timeout.filter(|_| options.wait);
    slot::decide(draft, desired, diff, options);
    orphans(draft, stack, options.remove_orphans);
    name::settle(draft);
    draft.completing = completing(stack);
    let outside = outside_scope(draft, stack, desired);
    if !options.no_start {
        rollout::choose(draft, stack);
    }
    slot::restart_dependents(draft, &DependencyGraph::of_stack(stack).order().concat());
    // What is out of scope is in the draft only to be restarted with what it depends on.
    draft.slots.retain(|slot| slot.stop.is_some() || !outside.contains(&slot.id.slot.service));
    if options.no_start {
        draft.slots.iter_mut().for_each(SlotPlan::leave_stopped);
    }
}

/// Adds running containers of services that are in the file but not in scope, as they are, and
/// sets what everything waits for.
fn outside_scope(draft: &mut Draft, stack: &Stack, desired: &Desired) -> BTreeSet<String> {
    let there: BTreeSet<&String> = desired.containers.keys().map(|slot| &slot.service).collect();
    let inside = desired.depends_on.iter().filter(|(name, _)| there.contains(name));
    let mut edges: Edges = inside.map(|(name, edges)| (name.clone(), edges.clone())).collect();
    let mut outside = BTreeSet::new();
    for (id, there) in draft.live.containers.iter().filter(|(_, there)| there.state.is_running()) {
        let name = &id.slot.service;
        if id.slot.is_one_off() || !stack.services.contains_key(name) || desired.depends_on.contains_key(name)
        {
            continue;
        }
        draft.slots.push(SlotPlan::keep(id.clone(), there.spec.clone()));
        edges.entry(name.clone()).or_default().extend(recorded_edges(&there.spec, Some(stack), name));
        outside.insert(name.clone());
    }
    draft.set_edges(edges);
    outside
}

/// The services that somebody waits for until they have completed.
fn completing(stack: &Stack) -> BTreeSet<String> {
    let edges = stack.services.values().flat_map(|service| &service.depends_on);
    let completed = |edge: &Dependency| edge.condition == Condition::ServiceCompletedSuccessfully;
    edges.filter(|(_, edge)| completed(edge)).map(|(name, _)| name.clone()).collect()
}

/// Containers whose service is in the file no more. Services of inactive profiles are in it.
fn orphans(draft: &mut Draft, stack: &Stack, remove: bool) {
    let declared = |name: &str| stack.services.contains_key(name) || stack.disabled.contains_key(name);
    for id in draft.live.containers.keys().filter(|id| !declared(&id.slot.service)) {
        if remove {
            draft.removals.push(Removal { id: id.clone(), cause: Cause::NotInFile });
        } else {
            draft.notes.push(format!(
                "{} is left alone: service `{}` is not in the file (--remove-orphans removes it)",
                draft.container(id),
                id.slot.service
            ));
        }
    }
}
