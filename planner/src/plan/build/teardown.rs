//! Stops in reverse dependency order, `down` and `rm`.

use super::container::cause_of_leaving;
use super::draft::Draft;
use crate::desired::ContainerId;
use crate::goal::{Goal, RemoveOptions};
use crate::graph::DependencyGraph;
use crate::live::Live;
use crate::plan::{Cause, Plan, Step, StepId};
use std::collections::BTreeMap;

/// One container to stop.
#[derive(Clone)]
pub(super) struct Stop {
    pub id: ContainerId,
    pub cause: Cause,
    /// Beside the stops of its dependents.
    pub needs: Vec<StepId>,
}

/// Who depends on whom among what exists, by what was recorded when it was made. Two versions of
/// a file can meet here, hence a circle; its edges are left out.
pub(in crate::plan) fn live_graph(live: &Live) -> DependencyGraph {
    let mut services: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for (id, container) in &live.containers {
        let dependencies = container.spec.depends_on.iter().map(String::as_str);
        services.entry(&id.slot.service).or_default().extend(dependencies);
    }
    DependencyGraph::new(services).without_cycles()
}

/// Everything of the stack goes, whatever the file says; with named services only their containers.
pub(super) fn down(goal: &Goal, volumes: bool, live: &Live) -> Plan {
    let mut draft = Draft::new(live, goal);
    let ids = draft.named_containers();
    draft.stop_all(ids.iter().map(|id| Stop { id: id.clone(), cause: Cause::Asked, needs: Vec::new() }));
    for id in &ids {
        draft.remove(id, Cause::Asked, Vec::new());
    }
    draft.down_networks();
    draft.down_volumes(volumes);
    draft.finish(&live.stack)
}

/// `rm`: containers that do not run go; what runs only when it may be stopped.
pub(super) fn remove(goal: &Goal, options: RemoveOptions, live: &Live) -> Plan {
    let mut draft = Draft::new(live, goal);
    let runs = |id: &ContainerId| live.containers.get(id).is_some_and(|there| there.state.is_running());
    let (running, mut gone): (Vec<_>, Vec<_>) = draft.named_containers().into_iter().partition(runs);
    if options.stop {
        let stop = |id: &ContainerId| Stop { id: id.clone(), cause: Cause::Asked, needs: Vec::new() };
        draft.stop_all(running.iter().map(stop));
        gone.extend(running);
        gone.sort();
    } else {
        running.iter().for_each(|id| draft.keep_container(id, "running"));
    }
    for id in &gone {
        draft.remove(id, Cause::Asked, Vec::new());
    }
    if options.volumes {
        draft.remove_anonymous_volumes(&gone);
    }
    draft.note_missing();
    draft.finish(&live.stack)
}

impl Draft<'_> {
    /// Anonymous volumes that nobody but these containers has.
    fn remove_anonymous_volumes(&mut self, gone: &[ContainerId]) {
        let live = self.live;
        for (name, _) in live.volumes.iter().filter(|(_, spec)| spec.anonymous) {
            let mut users = live.containers.iter().filter(|(_, there)| there.spec.mounts_volume(name));
            let mut ours = users.clone().filter(|(id, _)| gone.contains(id));
            if ours.next().is_some() && users.all(|(id, _)| gone.contains(id)) {
                self.remove_volume(name);
            }
        }
    }

    /// The containers of the named services, or all.
    pub(super) fn named_containers(&self) -> Vec<ContainerId> {
        let named = |id: &&ContainerId| {
            self.goal.services.is_empty() || self.goal.services.contains(&id.slot.service)
        };
        self.live.containers.keys().filter(named).cloned().collect()
    }

    /// The replicas of the named services, or all: what was run once is nobody's business but its own.
    pub(super) fn named_replicas(&self) -> Vec<ContainerId> {
        self.named_containers().into_iter().filter(|id| !id.slot.is_one_off()).collect()
    }

    fn down_networks(&mut self) {
        for (name, spec) in &self.live.networks {
            let resource = format!("network {name}");
            if spec.stack.as_deref() != Some(&self.live.stack) {
                self.keep(resource, "external");
            } else if !self.goal.services.is_empty() {
                self.keep(resource, "only containers go when services are named");
            } else {
                self.remove_network(name, Cause::Asked);
            }
        }
    }

    fn down_volumes(&mut self, remove: bool) {
        for (name, spec) in &self.live.volumes {
            let resource = format!("volume {name}");
            if spec.stack.as_deref() != Some(&self.live.stack) {
                self.keep(resource, "external");
            } else if !remove {
                self.keep(resource, "volumes are kept without -v");
            } else if !self.goal.services.is_empty() {
                self.keep(resource, "only containers go when services are named");
            } else {
                self.remove_volume(name);
            }
        }
    }

    /// Stops what `up` must stop: old generations, what is restarted, and what goes.
    pub(super) fn stop_containers(&mut self) {
        let mut stops = Vec::new();
        for slot in self.slots.iter().filter(|slot| !slot.rolled) {
            // Only when the new generation exists may the old one stop: a failed create leaves it
            // serving.
            let made = self.steps.creates.get(&slot.id).copied();
            let old = slot.old.iter().map(|id| Stop {
                id: id.clone(),
                cause: cause_of_leaving(slot),
                needs: made.into_iter().collect(),
            });
            stops.extend(old);
            let own = slot.stop.iter().map(|cause| (slot.id.clone(), cause.clone()));
            stops.extend(own.map(|(id, cause)| Stop { id, cause, needs: Vec::new() }));
        }
        let gone = self.removals.iter();
        stops.extend(gone.map(|gone| Stop {
            id: gone.id.clone(),
            cause: gone.cause.clone(),
            needs: Vec::new(),
        }));
        self.stop_all(stops);
    }

    /// Stops those of them that run: dependents first, replicas in parallel.
    pub(super) fn stop_all(&mut self, stops: impl IntoIterator<Item = Stop>) {
        let mut by_service: BTreeMap<String, Vec<Stop>> = BTreeMap::new();
        for stop in stops {
            if self.live.containers.get(&stop.id).is_some_and(|container| container.state.is_running()) {
                by_service.entry(stop.id.slot.service.clone()).or_default().push(stop);
            }
        }
        let graph = live_graph(self.live);
        // After which steps a service and everything that depends on it stand still.
        let mut still: BTreeMap<String, Vec<StepId>> = BTreeMap::new();
        for service in graph.reverse().concat() {
            let dependents = graph.dependents(&service);
            let before: Vec<StepId> = dependents.into_iter().flat_map(|name| still[name].clone()).collect();
            let own = by_service.remove(&service).unwrap_or_default();
            let own: Vec<StepId> = own.into_iter().map(|stop| self.stop(stop, &before)).collect();
            still.insert(service, if own.is_empty() { before } else { own });
        }
    }

    fn stop(&mut self, stop: Stop, before: &[StepId]) -> StepId {
        let grace = self.grace(&stop.id);
        let needs = [stop.needs.as_slice(), before].concat();
        self.steps.push(Step::StopContainer { id: stop.id, grace }, stop.cause, needs)
    }

    /// Notes for named services that have no container.
    pub(super) fn note_missing(&mut self) {
        for name in &self.goal.services {
            if !self.live.containers.keys().any(|id| id.slot.service == *name) {
                self.notes.push(format!("service `{name}` has no container"));
            }
        }
    }

    /// Tells that a container is left as it is.
    pub(super) fn keep_container(&mut self, id: &ContainerId, reason: &str) {
        self.keep(self.container(id), reason);
    }
}
