//! `up`: everything exists as the stack says, and runs.

use super::draft::{Draft, container};
use super::slot::{self, Removal, SlotPlan};
use super::{Refusal, refuse};
use crate::desired::{self, Desired};
use crate::diff::{Diff, diff};
use crate::goal::{Goal, UpOptions};
use crate::graph::DependencyGraph;
use crate::live::Live;
use crate::model::Stack;
use crate::plan::{Cause, Plan};

/// The plan of `up`. The phases come in the order in which the module header tells them.
pub(super) fn up(stack: &Stack, goal: &Goal, options: &UpOptions, live: &Live) -> Result<Plan, Refusal> {
    let desired = desired::lower(stack, goal, live);
    let diff = diff(&desired, live);
    let mut draft = Draft::new(live, goal);
    decide(&mut draft, stack, &desired, &diff, options);
    refuse::unreachable(stack, &desired, &diff, &draft)?;

    draft.create_volumes(&desired, &diff);
    draft.create_networks(&desired, &diff);
    draft.update_containers();
    draft.create_containers(false);
    draft.stop_containers();
    draft.remove_early();
    draft.replace_networks(&desired, &diff);
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
    draft.edges = desired.depends_on.clone();
    let outside = outside_scope(draft, stack);
    slot::restart_dependents(draft, &DependencyGraph::of_stack(stack).order().concat());
    // What is out of scope is in the draft only to be restarted with what it depends on.
    draft.slots.retain(|slot| slot.stop.is_some() || !outside.contains(&slot.id.slot.service));
}

/// Running containers of services that are in the file but not in scope, as they are.
fn outside_scope(draft: &mut Draft, stack: &Stack) -> Vec<String> {
    let mut outside = Vec::new();
    for (name, service) in stack.services.iter().filter(|(name, _)| !draft.edges.contains_key(*name)) {
        let mine = draft
            .live
            .containers
            .iter()
            .filter(|(id, there)| id.slot.service == *name && there.state.is_running());
        let slots = mine.map(|(id, there)| SlotPlan::keep(id.clone(), there.spec.clone()));
        draft.slots.extend(slots);
        outside.push((name.clone(), desired::depends_on(service)));
    }
    let edges = draft.edges.iter().map(|(name, edges)| (name.clone(), edges.clone()));
    draft.set_edges(edges.chain(outside.iter().cloned()).collect());
    outside.into_iter().map(|(name, _)| name).collect()
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
                container(id),
                id.slot.service
            ));
        }
    }
}
