//! Back to the older containers, after an update that failed.

use super::draft::{Draft, Edges};
use super::lifecycle::recorded_edges;
use super::slot::SlotPlan;
use super::{Refusal, refuse};
use crate::desired::{ContainerId, Slot};
use crate::goal::Goal;
use crate::live::{Container, Live, State};
use crate::model::Stack;
use crate::plan::{Cause, Plan, Rollout};
use crate::policy::rollout::Rules;
use std::collections::{BTreeMap, BTreeSet};

/// Each of the slots gets the occupant before its newest one back.
pub(super) fn restore(
    stack: Option<&Stack>,
    goal: &Goal,
    slots: &BTreeSet<Slot>,
    live: &Live,
) -> Result<Plan, Refusal> {
    let mut draft = Draft::new(live, goal);
    let mut services: BTreeMap<&String, Vec<Slot>> = BTreeMap::new();
    let mut edges = Edges::new();
    for slot in slots {
        let Some((failed, plan)) = back(slot, live) else { continue };
        let Some(plan) = plan else {
            draft.keep_failed(&failed);
            continue;
        };
        let recorded = recorded_edges(&plan.spec, stack, &slot.service);
        edges.entry(slot.service.clone()).or_default().extend(recorded);
        let turns = services.entry(&slot.service).or_default();
        // Where the older one runs all is well at once.
        turns.insert(if plan.start.is_none() { 0 } else { turns.len() }, slot.clone());
        draft.slots.push(plan);
    }
    draft.set_edges(edges);
    for (service, slots) in services {
        let rules =
            stack.and_then(|stack| stack.services.get(service).or_else(|| stack.disabled.get(service)));
        let rules = rules.and_then(crate::model::Service::rollback_rules).unwrap_or(Rules {
            start_first: true,
            parallelism: 0,
            ..Rules::default()
        });
        draft.rollouts.push(Rollout { service: service.clone(), slots, rules });
    }
    refuse::lost_networks(&draft)?;
    draft.start_containers();
    Ok(draft.finish(&live.stack))
}

/// The newest occupant of a slot, and what becomes of the slot when that one goes; `None` when
/// nobody else can have it.
fn back(slot: &Slot, live: &Live) -> Option<(ContainerId, Option<SlotPlan>)> {
    let occupants: Vec<_> = live.occupants(slot).collect();
    let ((failed, _), older) = occupants.split_last()?;
    let Some((id, there)) = older.iter().rev().find(|(_, there)| may_serve(there)) else {
        return Some(((*failed).clone(), None));
    };
    let others = occupants.iter().map(|(other, _)| *other).filter(|other| other != id);
    let starts = !there.state.is_running() || there.needs_start(&there.spec);
    let plan = SlotPlan {
        start: starts.then(|| Cause::UpdateFailed((*failed).clone())),
        old: others.cloned().collect(),
        rolled: true,
        ..SlotPlan::keep((*id).clone(), there.spec.clone())
    };
    Some(((*failed).clone(), Some(plan)))
}

/// What ended by itself would only end again.
fn may_serve(there: &Container) -> bool {
    let ended = matches!(there.state, State::Exited { requested: false, .. });
    !there.image_id.is_empty() && !ended
}
