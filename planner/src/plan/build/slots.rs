//! What becomes of each slot, in order, and quickly those of one service.

use super::slot::SlotPlan;
use crate::desired::ContainerId;
use std::collections::BTreeMap;
use std::ops::{Deref, DerefMut};

/// The decisions for all slots. A slot stays one of its service.
#[derive(Default)]
pub(super) struct Slots {
    all: Vec<SlotPlan>,
    places: BTreeMap<String, Vec<usize>>,
}

impl Slots {
    pub(super) fn push(&mut self, slot: SlotPlan) {
        self.places.entry(slot.id.slot.service.clone()).or_default().push(self.all.len());
        self.all.push(slot);
    }

    /// Keeps those for which `keep` says so.
    pub(super) fn retain(&mut self, keep: impl FnMut(&SlotPlan) -> bool) {
        let mut all = std::mem::take(&mut self.all);
        all.retain(keep);
        *self = all.into_iter().collect();
    }

    /// Where the slots of a service are.
    pub(super) fn places(&self, service: &str) -> &[usize] {
        self.places.get(service).map_or(&[], Vec::as_slice)
    }

    /// The slots of a service.
    pub(super) fn of(&self, service: &str) -> impl Iterator<Item = &SlotPlan> {
        self.places(service).iter().map(|&at| &self.all[at])
    }

    /// The slot that this container is to have.
    pub(super) fn get(&self, id: &ContainerId) -> Option<&SlotPlan> {
        self.of(&id.slot.service).find(|slot| slot.id == *id)
    }
}

impl Deref for Slots {
    type Target = [SlotPlan];

    fn deref(&self) -> &[SlotPlan] {
        &self.all
    }
}

impl DerefMut for Slots {
    fn deref_mut(&mut self) -> &mut [SlotPlan] {
        &mut self.all
    }
}

impl FromIterator<SlotPlan> for Slots {
    fn from_iter<I: IntoIterator<Item = SlotPlan>>(slots: I) -> Self {
        let mut all = Self::default();
        slots.into_iter().for_each(|slot| all.push(slot));
        all
    }
}
