//! Steps that make, change, start and remove containers.

use super::draft::{Draft, Gates};
use super::slot::{SlotPlan, replaced_networks};
use crate::desired::{ContainerId, ContainerSpec};
use crate::diff::Diff;
use crate::plan::{Cause, Step, StepId};

impl Draft<'_> {
    /// Containers that change in place, once the networks that they are on are there: first those on
    /// none that is replaced, then (`replaced`) the others, and those that stand still for it, which do
    /// not run.
    pub(super) fn update_containers(&mut self, diff: &Diff, replaced: bool) {
        let anew = replaced_networks(diff);
        // A name is given up before somebody else takes it.
        let (takers, others): (Vec<_>, Vec<_>) = self.slots.iter().partition(|slot| self.takes_name(slot));
        for slot in others.into_iter().chain(takers) {
            let is_late = slot.stop_first
                || slot.stop.is_some()
                || slot.spec.networks.iter().any(|on| anew.contains(on.network.as_str()));
            if let Some(cause) = slot.update.as_ref().filter(|_| is_late == replaced) {
                let step = Step::UpdateContainer {
                    id: slot.id.clone(),
                    spec: Box::new(ContainerSpec::clone(&slot.spec)),
                };
                let networks = slot.spec.networks.iter().map(|on| self.steps.networks.get(&on.network));
                let stopped = self.steps.stops.get(&slot.id);
                let needs = networks.chain([stopped]).flatten().copied().chain(self.name_given(slot));
                self.steps.push(step, cause.clone(), needs.collect());
            }
        }
    }

    /// New generations: first those that are made beside the old ones, later (`stop_first`) those
    /// whose network is replaced, which takes the old ones away.
    pub(super) fn create_containers(&mut self, stop_first: bool) {
        let mine = self.slots.iter().filter(|slot| slot.stop_first == stop_first && !slot.rolled);
        for slot in mine.cloned().collect::<Vec<_>>() {
            let gone = slot.old.iter().filter(|_| stop_first).map(|id| self.steps.removes.get(id));
            let gone: Vec<StepId> = gone.flatten().copied().collect();
            self.create(&slot, &gone);
        }
    }

    /// Makes the container of a slot, if it is to be made, behind these steps and whatever it needs.
    pub(super) fn create(&mut self, slot: &SlotPlan, behind: &[StepId]) {
        let Some(cause) = &slot.create else { return };
        let networks = slot.spec.networks.iter().map(|a| self.steps.networks.get(&a.network));
        let volumes = slot.spec.volumes().map(|name| self.steps.volumes.get(name));
        let fetched = self.steps.images.get(&slot.spec.image);
        let mounted = slot.spec.mounted_images().map(|(image, _)| self.steps.images.get(image));
        let needs = networks.chain(volumes).chain(mounted).chain([fetched]).flatten();
        let needs = needs.chain(behind).copied().chain(self.name_given(slot)).collect();
        let known = self.live.images.get(&slot.spec.image).filter(|_| fetched.is_none());
        let image_id = known.map(|image| image.id.clone());
        let step = Step::CreateContainer {
            id: slot.id.clone(),
            spec: Box::new(ContainerSpec::clone(&slot.spec)),
            image_id: image_id.unwrap_or_default(),
        };
        self.steps.push(step, cause.clone(), needs);
    }

    /// Starts, dependencies first, each behind what it waits for.
    pub(super) fn start_containers(&mut self) {
        for service in self.start_order() {
            let mine: Vec<_> = self.slots.of(&service).filter(|slot| !slot.rolled).cloned().collect();
            self.roll(&service);
            for slot in mine {
                let Some(cause) = slot.start.clone() else { continue };
                let mut gates = self.gates(&slot.id.slot);
                gates.needs.extend(self.before_start(&slot));
                self.start(slot.id, cause, gates);
            }
        }
    }

    fn start(&mut self, id: ContainerId, cause: Cause, gates: Gates) {
        self.steps.push_gated(Step::StartContainer { id }, cause, gates);
    }

    /// What a start needs of its own slot, and of those who hold its ports until they stop.
    fn before_start(&self, slot: &SlotPlan) -> Vec<StepId> {
        let stops = &self.steps.stops;
        let old = slot.old.iter().filter_map(|id| stops.get(id));
        self.made(slot).into_iter().chain(old.copied()).collect()
    }

    /// What a start needs beside the end of those who had its slot.
    pub(super) fn made(&self, slot: &SlotPlan) -> Vec<StepId> {
        let steps = &self.steps;
        let own = [steps.creates.get(&slot.id), steps.updates.get(&slot.id), steps.stops.get(&slot.id)];
        // One that is made anew has waited for its networks already.
        let kept = slot.spec.networks.iter().filter(|_| slot.create.is_none());
        let networks = kept.map(|attachment| steps.networks.get(&attachment.network));
        let holders =
            steps.stops.iter().filter(|(id, _)| self.holds_port_of(id, slot)).map(|(_, stop)| Some(stop));
        own.into_iter().chain(networks).chain(holders).flatten().copied().collect()
    }

    /// Replicas of one service share their ports; others have to wait.
    fn holds_port_of(&self, id: &ContainerId, slot: &SlotPlan) -> bool {
        let Some(container) = self.live.containers.get(id) else { return false };
        let clashes = |port| container.spec.ports.iter().any(|held| held.clashes(port));
        id.slot.service != slot.id.slot.service && slot.spec.ports.iter().any(clashes)
    }

    /// Old occupants that need not stay until the new one has started: because it already runs,
    /// or because their network must go. Then what goes without a successor.
    pub(super) fn remove_early(&mut self) {
        let early = |slot: &&SlotPlan| !slot.rolled && (slot.stop_first || slot.start.is_none());
        for slot in self.slots.iter().filter(early).cloned().collect::<Vec<_>>() {
            self.remove_all_old(&slot, Vec::new());
        }
        for removal in self.removals.clone() {
            self.remove(&removal.id, removal.cause, Vec::new());
        }
    }

    /// Old occupants that stay until the new one has started, so that one can go back to them.
    pub(super) fn remove_old(&mut self) {
        let late = |slot: &&SlotPlan| !slot.rolled && !slot.stop_first && slot.start.is_some();
        for slot in self.slots.iter().filter(late).cloned().collect::<Vec<_>>() {
            let started = self.steps.starts.get(&slot.id).copied();
            self.remove_all_old(&slot, started.into_iter().collect());
        }
    }

    fn remove_all_old(&mut self, slot: &SlotPlan, needs: Vec<StepId>) {
        for id in &slot.old {
            self.remove(id, cause_of_leaving(slot), needs.clone());
        }
    }

    /// Removes a container, after its stop when it has one.
    pub(super) fn remove(&mut self, id: &ContainerId, cause: Cause, mut needs: Vec<StepId>) {
        needs.extend(self.steps.stops.get(id));
        self.steps.push(Step::RemoveContainer { id: id.clone() }, cause, needs);
    }
}

/// Why the other occupants of a slot go.
pub(super) fn cause_of_leaving(slot: &SlotPlan) -> Cause {
    if slot.create.is_some() || slot.start.is_some() {
        Cause::ReplacedBy(slot.id.clone())
    } else {
        Cause::Leftover
    }
}
