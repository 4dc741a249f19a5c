//! What a start waits for: the conditions of `depends_on` as steps, and `--wait`.

use super::draft::{Draft, Edges, Gates};
use super::slot::SlotPlan;
use crate::desired::{ContainerId, DependsOn, Slot};
use crate::graph::DependencyGraph;
use crate::live::{Health, State};
use crate::model::Condition;
use crate::plan::{Cause, Step, StepId, Until};
use std::collections::BTreeSet;

/// How far the gates of a service are looked for.
struct Search<'a> {
    /// For whom.
    by: &'a Slot,
    /// Dependencies of dependencies that stay as they are; what has been looked at.
    seen: BTreeSet<(String, bool)>,
    found: Gates,
}

impl Draft<'_> {
    /// Takes these as what start order and waiting follow. Edges of a circle are left out: they
    /// come only from what an interrupted command left, since files with a circle are refused.
    pub(super) fn set_edges(&mut self, mut edges: Edges) {
        let graph = graph(&edges).without_cycles();
        for (service, dependencies) in &mut edges {
            let known: BTreeSet<&str> = graph.dependencies(service).into_iter().collect();
            dependencies.retain(|dependency, _| known.contains(dependency.as_str()));
        }
        self.edges = edges;
    }

    /// Services, dependencies first.
    pub(super) fn start_order(&self) -> Vec<String> {
        graph(&self.edges).order().concat()
    }

    /// What the start of a slot waits for, because of `depends_on`. Makes the steps that wait.
    pub(super) fn gates(&mut self, by: &Slot) -> Gates {
        let mut search = Search { by, seen: BTreeSet::new(), found: Gates::default() };
        self.search(&mut search, &by.service, true, false);
        search.found
    }

    /// A dependency that stays as it is hands on what it depends on itself, as far as that is
    /// started: so a service still starts after its indirect dependencies.
    fn search(&mut self, search: &mut Search, service: &str, required: bool, indirect: bool) {
        for (dependency, edge) in self.edges.get(service).cloned().unwrap_or_default() {
            let required = required && edge.required;
            let starts = self.slots.of(&dependency).any(|slot| slot.start.is_some());
            if starts || !indirect {
                let places = self.slots.places(&dependency).to_vec();
                let steps: Vec<_> =
                    places.into_iter().filter_map(|at| self.gate(at, &edge, search.by)).collect();
                let gates = if required { &mut search.found.needs } else { &mut search.found.after };
                gates.extend(steps);
            }
            if !starts && search.seen.insert((dependency.clone(), required)) {
                self.search(search, &dependency, required, true);
            }
        }
    }

    /// The step after which the container of the slot at this place has reached what the edge asks;
    /// `None` when it has.
    fn gate(&mut self, at: usize, edge: &DependsOn, by: &Slot) -> Option<StepId> {
        let slot = &self.slots[at];
        let started = self.steps.starts.get(&slot.id).copied();
        let until = match edge.condition {
            Condition::ServiceStarted => return started,
            // A container that exists can lack the check that the file gives it now.
            Condition::ServiceHealthy if !self.checks_health(slot) => return started,
            Condition::ServiceHealthy => Until::Healthy,
            Condition::ServiceCompletedSuccessfully => Until::Completed,
        };
        let waits_for = (!self.has_reached(slot, until)).then(|| slot.id.clone())?;
        Some(self.wait(&waits_for, until, Cause::NeededBy(by.clone())))
    }

    fn checks_health(&self, slot: &SlotPlan) -> bool {
        match self.live.containers.get(&slot.id) {
            Some(container) => container.checks_health,
            None => self.live.will_check_health(&slot.spec),
        }
    }

    /// Whether a container stays as it is and that is enough.
    fn has_reached(&self, slot: &SlotPlan, until: Until) -> bool {
        let Some(container) = self.live.containers.get(&slot.id) else { return false };
        let completed = container.is_completed(&slot.spec);
        slot.start.is_none()
            && match until {
                Until::Healthy => container.state == State::Running { health: Health::Healthy },
                Until::Completed => completed,
                Until::Ready | Until::Steady(_) => {
                    let settled = [Health::None, Health::Healthy].map(|health| State::Running { health });
                    completed || container.state == State::Paused || settled.contains(&container.state)
                }
            }
    }

    /// One step for each container and condition, however many wait for it.
    fn wait(&mut self, id: &ContainerId, until: Until, cause: Cause) -> StepId {
        if let Some(&step) = self.steps.awaits.get(&(id.clone(), until)) {
            return step;
        }
        let needs = self.steps.starts.get(id).copied().into_iter().collect();
        let step = Step::Await { id: id.clone(), until, timeout: self.wait_timeout };
        self.steps.push(step, cause, needs)
    }

    /// `--wait`: every container is ready, or completed when that is what somebody needs of it.
    pub(super) fn wait_for_all(&mut self, in_scope: impl Fn(&ContainerId) -> bool) {
        for at in 0..self.slots.len() {
            let slot = &self.slots[at];
            let until =
                if self.completing.contains(&slot.id.slot.service) { Until::Completed } else { Until::Ready };
            let healthy = self.steps.awaits.contains_key(&(slot.id.clone(), Until::Healthy));
            let covered = until == Until::Ready && healthy;
            if in_scope(&slot.id) && !covered && !self.has_reached(slot, until) {
                self.wait(&slot.id.clone(), until, Cause::Asked);
            }
        }
    }
}

fn graph(edges: &Edges) -> DependencyGraph {
    DependencyGraph::new(edges.iter().map(|(name, edges)| (name.as_str(), edges.keys().map(String::as_str))))
}
