//! A plan in the making: what is decided, the nodes so far, and where each step is.

use super::slot::Removal;
use super::slots::Slots;
use crate::desired::{ContainerId, ContainerSpec, DependsOn};
use crate::goal::Goal;
use crate::live::Live;
use crate::plan::{Cause, Kept, Node, Plan, Rollout, Step, StepId, Until};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// What each service waits for, by service and dependency.
pub(super) type Edges = BTreeMap<String, BTreeMap<String, DependsOn>>;

/// The decisions for every slot, and the steps emitted from them so far.
pub(super) struct Draft<'a> {
    pub live: &'a Live,
    pub goal: &'a Goal,
    /// What start order and waiting follow.
    pub edges: Edges,
    /// Services that somebody waits for until they have completed.
    pub completing: BTreeSet<String>,
    /// What becomes of each slot.
    pub slots: Slots,
    /// Containers that go without anything taking their place.
    pub removals: Vec<Removal>,
    pub kept: Vec<Kept>,
    pub notes: Vec<String>,
    /// How long waiting may take.
    pub wait_timeout: Option<Duration>,
    pub steps: Steps,
    /// The services whose containers give way in groups.
    pub rollouts: Vec<Rollout>,
    /// Containers that stay, unless their image turns out to be another one.
    pub uncertain: BTreeSet<ContainerId>,
}

/// The nodes so far and an index of them by what they do.
#[derive(Default)]
pub(super) struct Steps {
    nodes: Vec<Node>,
    pub images: BTreeMap<String, StepId>,
    pub creates: BTreeMap<ContainerId, StepId>,
    pub updates: BTreeMap<ContainerId, StepId>,
    pub starts: BTreeMap<ContainerId, StepId>,
    pub stops: BTreeMap<ContainerId, StepId>,
    pub removes: BTreeMap<ContainerId, StepId>,
    pub networks: BTreeMap<String, StepId>,
    pub volumes: BTreeMap<String, StepId>,
    pub awaits: BTreeMap<(ContainerId, Until), StepId>,
}

/// What a step waits for.
#[derive(Clone, Debug, Default)]
pub(super) struct Gates {
    /// Must be done.
    pub needs: Vec<StepId>,
    /// Must be over.
    pub after: Vec<StepId>,
}

impl<'a> Draft<'a> {
    pub(super) fn new(live: &'a Live, goal: &'a Goal) -> Self {
        Self {
            live,
            goal,
            edges: Edges::new(),
            completing: BTreeSet::new(),
            slots: Slots::default(),
            removals: Vec::new(),
            kept: Vec::new(),
            notes: Vec::new(),
            wait_timeout: None,
            steps: Steps::default(),
            rollouts: Vec::new(),
            uncertain: BTreeSet::new(),
        }
    }

    pub(super) fn keep(&mut self, resource: impl Into<String>, reason: impl Into<String>) {
        self.kept.push(Kept { resource: resource.into(), reason: reason.into() });
    }

    /// How long a container has between its stop signal and `KILL`.
    pub(super) fn grace(&self, id: &ContainerId) -> Duration {
        let own = self.live.containers.get(id).map(|container| container.spec.stop_grace_period);
        self.goal.stop_timeout.or(own).unwrap_or_default()
    }

    pub(super) fn finish(self, stack: &str) -> Plan {
        let names = self.names();
        Plan {
            stack: stack.to_owned(),
            nodes: self.steps.nodes,
            kept: self.kept,
            notes: self.notes,
            names,
            rollouts: self.rollouts,
        }
    }

    /// How a container is called in `kept` and notes.
    pub(super) fn container(&self, id: &ContainerId) -> String {
        let there = self.live.containers.get(id).map(|there| &there.spec);
        let decided = self.slots.get(id).map(|slot| &*slot.spec);
        let name = decided.or(there).map_or_else(|| id.name(), |spec| spec.called(id));
        format!("container {name}")
    }

    /// The names that were chosen for what is there and for what comes.
    fn names(&self) -> BTreeMap<ContainerId, String> {
        let there = self.live.containers.iter().map(|(id, there)| (id, &there.spec));
        let decided = self.slots.iter().map(|slot| (&slot.id, &*slot.spec));
        let named = |(id, spec): (&ContainerId, &ContainerSpec)| Some((id.clone(), spec.name.clone()?));
        let mut names: BTreeMap<_, _> = there.filter_map(named).collect();
        names.extend(decided.filter_map(named));
        names
    }
}

impl Steps {
    /// Appends a step that needs these.
    pub(super) fn push(&mut self, step: Step, cause: Cause, needs: Vec<StepId>) -> StepId {
        self.push_gated(step, cause, Gates { needs, after: Vec::new() })
    }

    /// Appends a step behind these gates.
    pub(super) fn push_gated(&mut self, step: Step, cause: Cause, gates: Gates) -> StepId {
        let id = self.nodes.len();
        self.index(&step, id);
        let Gates { mut needs, mut after } = gates;
        for list in [&mut needs, &mut after] {
            list.sort_unstable();
            list.dedup();
        }
        after.retain(|step| !needs.contains(step));
        debug_assert!(needs.iter().chain(&after).all(|&before| before < id));
        self.nodes.push(Node { step, cause, needs, after });
        id
    }

    /// Whether a step is a pull that may fail.
    pub(super) fn is_optional_pull(&self, step: StepId) -> bool {
        matches!(self.nodes[step].step, Step::PullImage { may_fail: true, .. })
    }

    fn index(&mut self, step: &Step, at: StepId) {
        let index = match step {
            Step::CreateContainer { .. } => &mut self.creates,
            Step::StartContainer { .. } | Step::StartAside { .. } => &mut self.starts,
            Step::StopContainer { .. } => &mut self.stops,
            Step::RemoveContainer { .. } => &mut self.removes,
            Step::UpdateContainer { .. } => &mut self.updates,
            _ => return self.index_others(step, at),
        };
        if let Some(id) = step.container() {
            index.insert(id.clone(), at);
        }
    }

    fn index_others(&mut self, step: &Step, at: StepId) {
        match step {
            Step::PullImage { reference, .. } | Step::BuildImage { reference, .. } => {
                self.images.insert(reference.clone(), at);
            }
            Step::CreateNetwork { spec } => {
                self.networks.insert(spec.name.clone(), at);
            }
            Step::CreateVolume { spec } => {
                self.volumes.insert(spec.name.clone(), at);
            }
            Step::Await { id, until, .. } => {
                self.awaits.insert((id.clone(), *until), at);
            }
            _ => {}
        }
    }
}
