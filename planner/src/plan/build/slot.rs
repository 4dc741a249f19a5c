//! What becomes of each slot: every decision of `up`, before any step is made.

use super::draft::Draft;
use crate::desired::{ContainerId, ContainerSpec, Desired, Slot};
use crate::diff::{Change, Diff, SlotDiff};
use crate::goal::{Goal, UpOptions};
use crate::live::{Container, Health, Live, State};
use crate::plan::Cause;
use std::collections::BTreeSet;
use std::rc::Rc;

/// What becomes of one slot.
#[derive(Clone, Debug)]
pub(super) struct SlotPlan {
    /// Who has the slot in the end.
    pub id: ContainerId,
    /// What it is in the end.
    pub spec: Rc<ContainerSpec>,
    /// It is made, because.
    pub create: Option<Cause>,
    /// It is changed in place, because.
    pub update: Option<Cause>,
    /// It is stopped before it is started again, because.
    pub stop: Option<Cause>,
    /// It is started, because.
    pub start: Option<Cause>,
    /// Other occupants, which go.
    pub old: Vec<ContainerId>,
    /// A network of the old or the new occupant is replaced, or somebody else's removal frees its
    /// name or waits for its old one: the old one must be gone before the new one can be made.
    pub stop_first: bool,
    /// It takes its turn in a rollout, which has all its steps.
    pub rolled: bool,
}

/// A container that goes without anything taking its place.
#[derive(Clone, Debug)]
pub(super) struct Removal {
    pub id: ContainerId,
    pub cause: Cause,
}

impl SlotPlan {
    /// A slot whose occupant stays as it is.
    pub(super) fn keep(id: ContainerId, spec: ContainerSpec) -> Self {
        Self {
            id,
            spec: Rc::new(spec),
            create: None,
            update: None,
            stop: None,
            start: None,
            old: Vec::new(),
            stop_first: false,
            rolled: false,
        }
    }

    /// It is made, but not started; what runs as it is goes on.
    pub(super) fn leave_stopped(&mut self) {
        // What runs cannot be changed as if it stood still.
        if self.stop.is_some() && self.stop == self.update {
            self.update = None;
        }
        (self.start, self.stop) = (None, None);
    }

    fn is_untouched(&self) -> bool {
        self.create.is_none() && self.update.is_none() && self.stop.is_none() && self.start.is_none()
    }

    /// Whether those who talk to it see it go and come back.
    fn is_interrupted(&self) -> bool {
        self.stop.is_some() || (self.create.is_some() && !self.old.is_empty())
    }
}

/// Networks that must be made anew.
pub(super) fn replaced_networks(diff: &Diff) -> BTreeSet<&str> {
    let replaced = diff.networks.iter().filter(|(_, change)| matches!(change, Change::Replace(_)));
    replaced.map(|(name, _)| name.as_str()).collect()
}

/// What decisions about slots look at.
struct Scene<'a> {
    stack: &'a str,
    live: &'a Live,
    goal: &'a Goal,
    options: &'a UpOptions,
    replaced: BTreeSet<&'a str>,
}

/// Decides every slot in scope and fills `draft.slots` and `draft.removals`.
pub(super) fn decide(draft: &mut Draft, desired: &Desired, diff: &Diff, options: &UpOptions) {
    let scene = Scene {
        stack: &desired.stack,
        live: draft.live,
        goal: draft.goal,
        options,
        replaced: replaced_networks(diff),
    };
    for (slot, change) in &diff.containers {
        match desired.containers.get(slot) {
            Some(spec) => draft.slots.push(scene.decide(slot, spec, change)),
            None => remove_all(draft, change),
        }
    }
    // Surplus replicas go from the highest number down.
    draft.removals.reverse();
}

fn remove_all(draft: &mut Draft, change: &SlotDiff) {
    for id in change.leftovers.iter().chain(&change.occupant) {
        draft.removals.push(Removal { id: id.clone(), cause: Cause::ScaledDown });
    }
}

impl Scene<'_> {
    fn decide(&self, slot: &Slot, spec: &ContainerSpec, diff: &SlotDiff) -> SlotPlan {
        let mut occupants = self.live.occupants(slot).map(|(_, container)| container);
        // What has completed has no use for a network and would only do its work a second time.
        let network = occupants
            .find_map(|there| self.replaced_network_of(&there.spec).filter(|_| !there.is_completed(spec)));
        // Nobody joins a network that is about to go.
        let there = diff.occupant.as_ref().and_then(|id| self.live.containers.get(id));
        let joins = |network: &&str| there.is_some_and(|there| !there.spec.is_on(network));
        let network = network.or_else(|| self.replaced_network_of(spec).filter(joins));
        let cause = match (&diff.change, network) {
            (Change::Create, _) => Some(Cause::Declared),
            (Change::Replace(fields), _) => Some(Cause::Changed(fields.clone())),
            _ if self.is_forced(slot) => Some(Cause::Forced),
            (_, Some(network)) => Some(Cause::NetworkReplaced(network.to_owned())),
            _ => None,
        };
        match (cause, &diff.occupant) {
            (None, Some(id)) => SlotPlan { old: diff.leftovers.clone(), ..stay(id, spec, diff, self.live) },
            (cause, occupant) => SlotPlan {
                create: Some(cause.clone().unwrap_or(Cause::Declared)),
                start: Some(cause.unwrap_or(Cause::Declared)),
                old: diff.leftovers.iter().chain(occupant).cloned().collect(),
                stop_first: network.is_some() || self.replaced_network_of(spec).is_some(),
                ..SlotPlan::keep(self.next_generation(slot), spec.clone())
            },
        }
    }

    fn replaced_network_of<'s>(&self, spec: &'s ContainerSpec) -> Option<&'s str> {
        let mut networks = spec.networks.iter().map(|attachment| attachment.network.as_str());
        networks.find(|network| self.replaced.contains(network))
    }

    /// With named services `--force-recreate` is about them, not about what they depend on.
    fn is_forced(&self, slot: &Slot) -> bool {
        let named = self.goal.services.is_empty() || self.goal.services.contains(&slot.service);
        self.options.force_recreate && named
    }

    fn next_generation(&self, slot: &Slot) -> ContainerId {
        let newest = self.live.occupants(slot).map(|(id, _)| id.generation).max().unwrap_or(0);
        ContainerId { stack: self.stack.to_owned(), slot: slot.clone(), generation: newest + 1 }
    }
}

/// The occupant stays: perhaps changed in place, perhaps started.
fn stay(id: &ContainerId, spec: &ContainerSpec, diff: &SlotDiff, live: &Live) -> SlotPlan {
    let container = live.containers.get(id);
    let start = container.filter(|container| container.needs_start(spec));
    let started = start.map(|container| Cause::NotRunning(in_words(&container.state)));
    let (update, again) = match &diff.change {
        Change::Update(fields) => (Some(Cause::Changed(fields.clone())), None),
        Change::Restart(fields) => {
            let cause = Cause::Changed(fields.clone());
            (Some(cause.clone()), Some(cause))
        }
        _ => (None, None),
    };
    let runs = container.is_some_and(|container| container.state.is_running());
    SlotPlan {
        update,
        stop: again.clone().filter(|_| runs),
        start: again.or(started),
        ..SlotPlan::keep(id.clone(), spec.clone())
    }
}

/// A state in words, of which most call for a start.
pub(in crate::plan) fn in_words(state: &State) -> String {
    match state {
        State::Created => "was not started yet".to_owned(),
        State::Unsupervised => "runs without its supervisor".to_owned(),
        State::Unprepared => "its `post_start` commands have not all succeeded".to_owned(),
        State::Stopping => "is being stopped".to_owned(),
        State::Exited { requested: true, .. } => "was stopped".to_owned(),
        State::Exited { code, .. } => format!("ended with exit code {code}"),
        State::Running { .. } => "runs".to_owned(),
        State::Restarting => "waits for its next start".to_owned(),
        State::Paused => "is paused".to_owned(),
    }
}

/// Restarts the dependents (`depends_on.restart`) of what is replaced or restarted. `services`
/// is in dependency order, so that a restart spreads.
pub(super) fn restart_dependents(draft: &mut Draft, services: &[String]) {
    let mut interrupted: BTreeSet<String> = BTreeSet::new();
    // Those make their namespaces anew.
    let mut started: BTreeSet<String> = BTreeSet::new();
    for service in services {
        let edges = draft.edges.get(service);
        let because = edges.into_iter().flatten().find_map(|(dependency, edge)| {
            let is_hit = edge.restart && interrupted.contains(dependency);
            (is_hit || edge.shares && started.contains(dependency)).then(|| dependency.clone())
        });
        if let Some(dependency) = because {
            let cause = Cause::DependencyRestarted(dependency);
            for at in draft.slots.places(service).to_vec() {
                restart(&mut draft.slots[at], draft.live, &cause);
            }
        }
        if draft.slots.of(service).any(SlotPlan::is_interrupted) {
            interrupted.insert(service.clone());
        }
        if draft.slots.of(service).any(|slot| slot.start.is_some()) {
            started.insert(service.clone());
        }
    }
}

/// Only what runs is restarted.
fn restart(slot: &mut SlotPlan, live: &Live, cause: &Cause) {
    let runs = live.containers.get(&slot.id).is_some_and(|container| container.state.is_running());
    if slot.create.is_none() && runs {
        slot.stop = Some(cause.clone());
        slot.start = Some(cause.clone());
    }
}

/// Tells why each untouched slot is left alone.
pub(super) fn tell_kept(draft: &mut Draft) {
    for slot in
        draft.slots.iter().filter(|slot| slot.is_untouched() && !slot.rolled).cloned().collect::<Vec<_>>()
    {
        let kept = || draft.live.containers.get(&slot.id).map(|found| kept_reason(found, &slot));
        let reason = match draft.uncertain.contains(&slot.id) {
            true => "replaced if its image is another one then",
            false => kept().unwrap_or("unchanged"),
        };
        draft.keep(draft.container(&slot.id), reason);
    }
}

fn kept_reason(container: &Container, slot: &SlotPlan) -> &'static str {
    match container.state {
        _ if container.is_completed(&slot.spec) => "completed",
        State::Paused => "paused",
        State::Restarting => "waits for its next start",
        State::Running { health: Health::Unhealthy } => "unhealthy",
        _ => "unchanged",
    }
}
