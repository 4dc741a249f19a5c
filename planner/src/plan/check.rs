//! Plan lint: the duties of order, those above all that leave no trace in state.
//!
//! Every duty is one function from a plan to its violations, independent of how plans are built:
//! it looks only at steps, at edges and at what existed before.

use super::build::live_graph;
use super::{Plan, Step, StepId, Until};
use crate::desired::{ContainerId, ContainerSpec};
use crate::graph::DependencyGraph;
use crate::live::{Container, Live};
use crate::plan::Cause;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

/// One duty that a plan neglects.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// The step that comes too early or should not be.
    pub step: StepId,
    /// The duty, as a sentence.
    pub rule: &'static str,
    /// What about it: ids and names.
    pub detail: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "step {}: {} ({})", self.step, self.rule, self.detail)
    }
}

/// Every duty that the plan neglects; none in a plan made by [`plan`](super::plan).
pub fn check(plan: &Plan, live: &Live) -> Vec<Violation> {
    let backward = edges_lead_backward(plan);
    if !backward.is_empty() {
        return backward;
    }
    let order = Order::of(plan, live);
    RULES.iter().flat_map(|rule| rule(&order)).collect()
}

type Rule = fn(&Order) -> Vec<Violation>;

const RULES: &[Rule] = &[
    steps_are_done_once,
    images_come_first,
    what_is_pushed_is_built_first,
    generations_are_new,
    containers_are_created_before_they_start,
    containers_stop_before_they_are_removed,
    the_old_generation_stops_before_the_new_one_starts,
    who_starts_aside_takes_over_before_the_old_generation_stops,
    the_old_generation_serves_until_the_new_one_exists,
    dependents_stop_first,
    dependencies_start_first,
    what_is_awaited_is_reached_first,
    what_a_container_needs_is_made_first,
    networks_and_volumes_outlive_their_containers,
];

fn edges_lead_backward(plan: &Plan) -> Vec<Violation> {
    let rule = "a step needs only steps before it";
    let forward = |(step, node): (StepId, &super::Node)| {
        let edges = node.needs.iter().chain(&node.after).copied();
        let wrong = edges.filter(|&before| before >= step);
        wrong.map(|before| Violation { step, rule, detail: format!("#{before}") }).collect::<Vec<_>>()
    };
    plan.nodes.iter().enumerate().flat_map(forward).collect()
}

/// A plan with an index of its steps, and which step is certainly before which.
struct Order<'a> {
    plan: &'a Plan,
    live: &'a Live,
    /// For each step everything that is over when it begins, as bits.
    before: Vec<Vec<u64>>,
    creates: BTreeMap<&'a ContainerId, StepId>,
    starts: BTreeMap<&'a ContainerId, StepId>,
    stops: BTreeMap<&'a ContainerId, StepId>,
    removes: BTreeMap<&'a ContainerId, StepId>,
    updates: BTreeMap<&'a ContainerId, StepId>,
    specs: BTreeMap<&'a ContainerId, &'a ContainerSpec>,
}

impl<'a> Order<'a> {
    fn of(plan: &'a Plan, live: &'a Live) -> Self {
        let mut order = Self {
            plan,
            live,
            before: Vec::with_capacity(plan.nodes.len()),
            creates: BTreeMap::new(),
            starts: BTreeMap::new(),
            stops: BTreeMap::new(),
            removes: BTreeMap::new(),
            updates: BTreeMap::new(),
            specs: live.containers.iter().map(|(id, container)| (id, &container.spec)).collect(),
        };
        for (at, node) in plan.nodes.iter().enumerate() {
            order.reach(node);
            order.index(at, &node.step);
        }
        order
    }

    fn reach(&mut self, node: &super::Node) {
        let mut bits = vec![0_u64; self.plan.nodes.len().div_ceil(64)];
        for &before in node.needs.iter().chain(&node.after) {
            bits[before / 64] |= 1 << (before % 64);
            bits.iter_mut().zip(&self.before[before]).for_each(|(bits, more)| *bits |= more);
        }
        self.before.push(bits);
    }

    fn index(&mut self, at: StepId, step: &'a Step) {
        match step {
            Step::CreateContainer { id, spec, .. } => {
                self.creates.insert(id, at);
                self.specs.insert(id, spec);
            }
            Step::UpdateContainer { id, spec } => {
                self.updates.insert(id, at);
                self.specs.insert(id, spec);
            }
            Step::StartContainer { id } | Step::StartAside { id } => {
                self.starts.insert(id, at);
            }
            Step::StopContainer { id, .. } => {
                self.stops.insert(id, at);
            }
            Step::RemoveContainer { id } => {
                self.removes.insert(id, at);
            }
            _ => {}
        }
    }

    fn is_before(&self, first: StepId, then: StepId) -> bool {
        self.before[then][first / 64] & (1 << (first % 64)) != 0
    }

    fn steps(&self) -> impl Iterator<Item = (StepId, &'a Step)> {
        self.plan.nodes.iter().enumerate().map(|(at, node)| (at, &node.step))
    }

    fn runs(&self, id: &ContainerId) -> bool {
        self.live.containers.get(id).is_some_and(|container| container.state.is_running())
    }

    /// A violation when `first` is missing or not certainly before `then`.
    fn demand(
        &self,
        first: Option<StepId>,
        then: StepId,
        rule: &'static str,
        what: impl fmt::Display,
    ) -> Option<Violation> {
        let kept = first.is_some_and(|first| self.is_before(first, then));
        (!kept).then(|| Violation { step: then, rule, detail: what.to_string() })
    }
}

fn steps_are_done_once(order: &Order) -> Vec<Violation> {
    let mut seen: BTreeSet<String> = BTreeSet::new();
    let again = order.steps().filter(|(_, step)| !seen.insert(step.to_string()));
    let rule = "a step is done once";
    again.map(|(step, what)| Violation { step, rule, detail: what.to_string() }).collect()
}

/// Containers name their image by an id that is known only when it is here.
fn images_come_first(order: &Order) -> Vec<Violation> {
    let mut wrong = Vec::new();
    let first = "what is about images comes first";
    let rest = order.steps().skip_while(|(_, step)| step.image().is_some());
    let late = rest.filter(|(_, step)| step.image().is_some());
    wrong.extend(late.map(|(step, what)| Violation { step, rule: first, detail: what.to_string() }));
    let rule = "an image is here before a container is made from it";
    for (fetched, step) in order.steps() {
        let (Step::PullImage { reference, .. } | Step::BuildImage { reference, .. }) = step else { continue };
        let made = order
            .creates
            .iter()
            .filter(|(id, _)| order.specs.get(**id).is_some_and(|spec| spec.image == *reference));
        wrong.extend(made.filter_map(|(id, &create)| order.demand(Some(fetched), create, rule, id)));
    }
    wrong
}

fn what_is_pushed_is_built_first(order: &Order) -> Vec<Violation> {
    let rule = "what is pushed has been built";
    let mut wrong = Vec::new();
    for (built, step) in order.steps() {
        let Step::BuildImage { spec, .. } = step else { continue };
        let pushes = order.steps().filter(
            |(_, step)| matches!(step, Step::PushImage { reference, .. } if spec.tags.contains(reference)),
        );
        wrong.extend(pushes.filter_map(|(push, step)| order.demand(Some(built), push, rule, step)));
    }
    wrong
}

fn generations_are_new(order: &Order) -> Vec<Violation> {
    let rule = "a new generation is newer than every other occupant of its slot";
    let stale =
        |id: &ContainerId| order.live.occupants(&id.slot).any(|(old, _)| old.generation >= id.generation);
    let wrong = order.creates.iter().filter(|(id, _)| stale(id));
    wrong.map(|(id, &step)| Violation { step, rule, detail: id.to_string() }).collect()
}

fn containers_are_created_before_they_start(order: &Order) -> Vec<Violation> {
    let rule = "a container exists before it starts";
    let new = order.starts.iter().filter(|(id, _)| !order.live.containers.contains_key(**id));
    new.filter_map(|(id, &start)| order.demand(order.creates.get(id).copied(), start, rule, id)).collect()
}

fn containers_stop_before_they_are_removed(order: &Order) -> Vec<Violation> {
    let rule = "a running container is stopped before it is removed";
    let running = order.removes.iter().filter(|(id, _)| order.runs(id));
    running.filter_map(|(id, &remove)| order.demand(order.stops.get(id).copied(), remove, rule, id)).collect()
}

fn the_old_generation_stops_before_the_new_one_starts(order: &Order) -> Vec<Violation> {
    let rule = "one generation of a slot runs at a time";
    let mut wrong = Vec::new();
    for (id, &start) in &order.starts {
        let is_aside = matches!(order.plan.nodes[start].step, Step::StartAside { .. });
        let leads = |there: &Container| there.state.is_running() && !there.aside && !is_aside;
        for (old, _) in order.live.occupants(&id.slot).filter(|(old, there)| old != id && leads(there)) {
            wrong.extend(order.demand(order.stops.get(old).copied(), start, rule, old));
        }
        if let Some(&stop) = order.stops.get(*id) {
            wrong.extend(order.demand(Some(stop), start, rule, id));
        }
    }
    wrong
}

fn who_starts_aside_takes_over_before_the_old_generation_stops(order: &Order) -> Vec<Violation> {
    let rule = "names and ports lead to who was started aside before the old generation stops";
    let mut wrong = Vec::new();
    for (id, &start) in &order.starts {
        if !matches!(order.plan.nodes[start].step, Step::StartAside { .. }) {
            continue;
        }
        let to_it = |step: &Step| matches!(step, Step::SwitchPorts { to, .. } if to == *id);
        let Some((switch, _)) = order.steps().find(|(_, step)| to_it(step)) else {
            wrong.push(Violation { step: start, rule, detail: id.to_string() });
            continue;
        };
        wrong.extend(order.demand(Some(start), switch, rule, id));
        let stops = order.stops.iter().filter(|(old, _)| old.slot == id.slot && *old != id);
        wrong.extend(stops.filter_map(|(old, &stop)| order.demand(Some(switch), stop, rule, old)));
    }
    wrong
}

/// Unless the old one must go first, because a network of theirs is made anew.
fn the_old_generation_serves_until_the_new_one_exists(order: &Order) -> Vec<Violation> {
    let rule = "an old generation stops only when the new one exists";
    let mut wrong = Vec::new();
    for (id, &create) in &order.creates {
        for (old, _) in order.live.occupants(&id.slot) {
            let goes_first = order.removes.get(old).is_some_and(|&remove| order.is_before(remove, create));
            if let Some(&stop) = order.stops.get(old).filter(|_| !goes_first) {
                wrong.extend(order.demand(Some(create), stop, rule, old));
            }
        }
    }
    wrong
}

/// But for those that take turns: of these some always run.
fn dependents_stop_first(order: &Order) -> Vec<Violation> {
    let rule = "dependents stop before what they depend on";
    let graph = live_graph(order.live);
    let mut wrong = Vec::new();
    let takes_turn =
        |id: &ContainerId| order.plan.rollouts.iter().any(|rollout| rollout.slots.contains(&id.slot));
    for (id, &stop) in order.stops.iter().filter(|(id, _)| !takes_turn(id)) {
        let dependents = graph.reverse_closure([id.slot.service.as_str()]);
        let earlier = order.stops.iter().filter(|(other, _)| {
            !takes_turn(other)
                && other.slot.service != id.slot.service
                && dependents.contains(&other.slot.service)
        });
        wrong.extend(earlier.filter_map(|(other, &first)| order.demand(Some(first), stop, rule, other)));
    }
    wrong
}

fn dependencies_start_first(order: &Order) -> Vec<Violation> {
    let rule = "what a container depends on starts before it";
    let mut services: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for (id, spec) in order.specs.iter().filter(|(id, _)| !order.removes.contains_key(**id)) {
        let dependencies = spec.depends_on.iter().map(String::as_str);
        services.entry(&id.slot.service).or_default().extend(dependencies);
    }
    let graph = DependencyGraph::new(services).without_cycles();
    let mut wrong = Vec::new();
    for (id, &start) in &order.starts {
        let mut dependencies = graph.dependencies(&id.slot.service);
        dependencies.retain(|name| order.specs.get(id).is_some_and(|spec| spec.depends_on.contains(*name)));
        let earlier =
            order.starts.iter().filter(|(other, _)| dependencies.contains(&other.slot.service.as_str()));
        wrong.extend(earlier.filter_map(|(other, &first)| order.demand(Some(first), start, rule, other)));
    }
    wrong
}

/// An Await comes after the start of its container and before that of the slot that needs it.
fn what_is_awaited_is_reached_first(order: &Order) -> Vec<Violation> {
    let after_start = "what is awaited has been started";
    let before_use = "a container starts when what it waits for is reached";
    let mut wrong = Vec::new();
    for (at, node) in order.plan.nodes.iter().enumerate() {
        let Step::Await { id, until, .. } = &node.step else { continue };
        if let Some(&start) = order.starts.get(id) {
            wrong.extend(order.demand(Some(start), at, after_start, id));
        }
        if let (Cause::NeededBy(slot), Until::Healthy | Until::Completed) = (&node.cause, until) {
            let users = order.starts.iter().filter(|(user, _)| user.slot == *slot);
            wrong.extend(users.filter_map(|(user, &start)| order.demand(Some(at), start, before_use, user)));
        }
    }
    wrong
}

fn what_a_container_needs_is_made_first(order: &Order) -> Vec<Violation> {
    let rule = "networks and volumes are made before the containers on them";
    let mut wrong = Vec::new();
    // Who stays may be on a network that was lost, and needs it to start.
    let kept = order.starts.iter().filter(|(id, _)| !order.creates.contains_key(*id));
    let users: Vec<_> = order.creates.iter().chain(kept).chain(&order.updates).collect();
    for (made, step) in order.steps() {
        let uses: Box<dyn Fn(&ContainerSpec) -> bool> = match step {
            Step::CreateNetwork { spec } => Box::new(|user| user.is_on(&spec.name)),
            Step::CreateVolume { spec } => Box::new(|user| user.mounts_volume(&spec.name)),
            _ => continue,
        };
        for (id, first) in users.iter().filter(|(id, _)| order.specs.get(**id).is_some_and(|user| uses(user)))
        {
            wrong.extend(order.demand(Some(made), **first, rule, id));
        }
    }
    wrong
}

fn networks_and_volumes_outlive_their_containers(order: &Order) -> Vec<Violation> {
    let rule = "networks are removed after every running container on them, volumes after every one";
    let mut wrong = Vec::new();
    for (gone, step) in order.steps() {
        let uses: Box<dyn Fn(&Container) -> bool> = match step {
            Step::RemoveNetwork { name } => Box::new(|user| user.state.is_running() && user.spec.is_on(name)),
            Step::RemoveVolume { name } => Box::new(|user| user.spec.mounts_volume(name)),
            _ => continue,
        };
        for (id, _) in order.live.containers.iter().filter(|(_, container)| uses(container)) {
            wrong.extend(order.demand(order.removes.get(id).copied(), gone, rule, id));
        }
        if let Step::RemoveNetwork { name } = step {
            wrong.extend(made_anew(order, name).and_then(|made| {
                order.demand(Some(gone), made, "a network is removed before it is made anew", name)
            }));
        }
    }
    wrong
}

fn made_anew(order: &Order, network: &str) -> Option<StepId> {
    order
        .steps()
        .find(|(_, step)| matches!(step, Step::CreateNetwork { spec } if spec.name == network))
        .map(|(at, _)| at)
}

#[cfg(test)]
mod tests;
