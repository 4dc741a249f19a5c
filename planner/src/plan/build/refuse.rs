//! What stands in the way of a plan.

use super::draft::Draft;
use super::name;
use super::slot::replaced_networks;
use super::{Problem, ProblemKind, Refusal};
use crate::desired::Desired;
use crate::diff::Diff;
use crate::goal::{Goal, Verb};
use crate::live::{Container, Live};
use crate::model::{Condition, Mount, Service, Stack};
use std::collections::BTreeSet;

/// `up` is nothing without a file.
pub(super) fn without_stack(stack: Option<&Stack>) -> Result<&Stack, Refusal> {
    let message = "there is no stack file";
    stack.ok_or_else(|| Refusal { problems: vec![problem(message, Some("name one with --file"))] })
}

/// Services that were named but are neither in the file nor among what exists.
pub(super) fn unknown_services(stack: Option<&Stack>, goal: &Goal, live: &Live) -> Result<(), Refusal> {
    let mut known: BTreeSet<&str> = BTreeSet::new();
    known.extend(
        stack
            .into_iter()
            .flat_map(|stack| stack.services.keys().chain(stack.disabled.keys()))
            .map(String::as_str),
    );
    let scaled = match &goal.verb {
        Verb::Up(options) => options.scale.keys().collect(),
        _ => {
            known.extend(live.containers.keys().map(|id| id.slot.service.as_str()));
            Vec::new()
        }
    };
    let named = goal.services.iter().chain(scaled);
    let unknown: BTreeSet<&String> = named.filter(|name| !known.contains(name.as_str())).collect();
    let list = known.iter().copied().collect::<Vec<_>>().join(", ");
    let hint = if list.is_empty() { None } else { Some(format!("services are: {list}")) };
    done(unknown.into_iter().map(|name| problem(format!("there is no service `{name}`"), hint.as_deref())))
}

/// What the desired state needs and the plan cannot make.
pub(super) fn unreachable(
    stack: &Stack,
    desired: &Desired,
    diff: &Diff,
    draft: &Draft,
) -> Result<(), Refusal> {
    let problems = missing_images(draft)
        .into_iter()
        .chain(missing_externals(desired, draft.live))
        .chain(missing_lenders(stack, desired, draft.live))
        .chain(foreign(desired, draft.live))
        .chain(strangers_on_replaced_networks(diff, draft))
        .chain(inactive_dependencies(stack, desired, draft.goal))
        .chain(inactive_resources(stack, desired))
        .chain(healthless_dependencies(desired, draft.live))
        .chain(name::problems(desired, draft));
    done(problems)
}

/// What is to start as it is needs its networks as they were; an interrupted `up` may have taken
/// one away to make it anew.
pub(super) fn lost_networks(draft: &Draft) -> Result<(), Refusal> {
    let starting = draft.slots.iter().filter(|slot| slot.start.is_some());
    let networks = starting.flat_map(|slot| &slot.spec.networks).map(|attachment| &attachment.network);
    let lost: BTreeSet<&String> = networks.filter(|name| !draft.live.networks.contains_key(*name)).collect();
    let hint = "`sampan up` makes the networks of the stack; external ones are made beforehand";
    done(lost.into_iter().map(|name| problem(format!("network `{name}` does not exist"), Some(hint))))
}

fn done(problems: impl Iterator<Item = Problem>) -> Result<(), Refusal> {
    let problems: Vec<_> = problems.collect();
    if problems.is_empty() { Ok(()) } else { Err(Refusal { problems }) }
}

fn problem(message: impl Into<String>, hint: Option<&str>) -> Problem {
    Problem { kind: ProblemKind::Impossible, message: message.into(), hint: hint.map(str::to_owned) }
}

/// Only images that something must be made from.
fn missing_images(draft: &Draft) -> Vec<Problem> {
    let made = draft.slots.iter().filter(|slot| slot.create.is_some()).map(|slot| &slot.spec);
    let all = made.flat_map(|spec| {
        let mounted = spec.mounted_images().map(|(reference, _)| reference);
        mounted.chain([spec.image.as_str()])
    });
    let is_there =
        |image: &&str| draft.live.images.contains_key(*image) || draft.steps.images.contains_key(*image);
    let missing: BTreeSet<&str> = all.filter(|image| !is_there(image)).collect();
    let hint = "`sampan image pull` fetches it from its registry, `sampan image load` takes an archive";
    missing.into_iter().map(|image| problem(format!("image `{image}` is not here"), Some(hint))).collect()
}

fn missing_externals(desired: &Desired, live: &Live) -> Vec<Problem> {
    let networks = desired.networks.values().filter(|n| n.external).map(|n| ("network", &n.name));
    let volumes = desired.volumes.values().filter(|v| v.external).map(|v| ("volume", &v.name));
    let missing = networks.chain(volumes).filter(|(kind, name)| match *kind {
        "network" => !live.networks.contains_key(*name),
        _ => !live.volumes.contains_key(*name),
    });
    let hint = "external ones are made beforehand; without `external: true` the stack makes its own";
    missing
        .map(|(kind, name)| problem(format!("external {kind} `{name}` does not exist"), Some(hint)))
        .collect()
}

/// Containers outside of the stack whose mounts services get.
fn missing_lenders(stack: &Stack, desired: &Desired, live: &Live) -> Vec<Problem> {
    let wanted = desired.containers.keys().filter_map(|slot| stack.services.get(&slot.service));
    let wanted: BTreeSet<&str> = wanted.flat_map(Service::lenders).collect();
    let missing = wanted.into_iter().filter(|name| !live.lent.contains_key(*name));
    let hint = "`volumes_from` takes its mounts: make it first";
    missing.map(|name| problem(format!("container `{name}` does not exist"), Some(hint))).collect()
}

/// A name that the stack wants for itself but somebody else has.
fn foreign(desired: &Desired, live: &Live) -> Vec<Problem> {
    let wanted_networks = desired.networks.values().filter(|n| !n.external).map(|n| &n.name);
    let networks =
        wanted_networks.filter_map(|name| Some(("network", name, &live.networks.get(name)?.stack)));
    let wanted_volumes = desired.volumes.values().filter(|v| !v.external).map(|v| &v.name);
    let volumes = wanted_volumes.filter_map(|name| Some(("volume", name, &live.volumes.get(name)?.stack)));
    let others = networks.chain(volumes).filter(|(_, _, owner)| owner.as_ref() != Some(&desired.stack));
    let hint = "declare it `external: true` to use it, or give yours another `name`";
    let sentence = |(kind, name, owner): (_, _, &Option<String>)| match owner {
        Some(owner) => format!("{kind} `{name}` belongs to stack `{owner}`"),
        None => format!("{kind} `{name}` was not made by this stack"),
    };
    others.map(|other| problem(sentence(other), Some(hint))).collect()
}

/// A network can be replaced only when all that run on it are; those out of scope would be lost.
/// That is the user's to decide.
fn strangers_on_replaced_networks(diff: &Diff, draft: &Draft) -> Vec<Problem> {
    let slots = draft.slots.iter().flat_map(|slot| &slot.old);
    let leaving: BTreeSet<_> = slots.chain(draft.removals.iter().map(|removal| &removal.id)).collect();
    let mut problems = Vec::new();
    for network in replaced_networks(diff) {
        let runs_on_it = |there: &Container| there.state.is_running() && there.spec.is_on(network);
        let on_it = draft.live.containers.iter().filter(|(_, container)| runs_on_it(container));
        for (id, _) in on_it.filter(|(id, _)| !leaving.contains(id)) {
            let message = format!(
                "network `{network}` must be made anew, but container {} on it is not part of this command",
                id.name()
            );
            let hint = "run `sampan up` for all services; --remove-orphans removes those not in the file";
            problems.push(Problem { kind: ProblemKind::Consent, ..problem(message, Some(hint)) });
        }
    }
    problems
}

/// Naming a service activates it, but not what it depends on.
fn inactive_dependencies(stack: &Stack, desired: &Desired, goal: &Goal) -> Vec<Problem> {
    let mut problems = Vec::new();
    if matches!(&goal.verb, Verb::Up(options) if options.no_deps) {
        return problems;
    }
    for (service, edges) in &desired.depends_on {
        let needed = edges.iter().filter(|(name, edge)| edge.required && stack.disabled.contains_key(*name));
        for (name, _) in needed.filter(|(name, _)| !desired.depends_on.contains_key(*name)) {
            let profiles = stack.disabled[name].profiles.join("` or `");
            let message = format!("service `{service}` depends on `{name}`, which no active profile selects");
            problems.push(problem(message, Some(&format!("activate it with --profile `{profiles}`"))));
        }
    }
    problems
}

/// Loading leaves out networks and volumes that only services of inactive profiles use.
fn inactive_resources(stack: &Stack, desired: &Desired) -> Vec<Problem> {
    let mut problems = Vec::new();
    for (name, service) in stack.disabled.iter().filter(|(name, _)| desired.depends_on.contains_key(*name)) {
        let networks = service.networks.keys().map(String::as_str);
        let networks = networks.filter(|key| !stack.networks.contains_key(*key)).map(|key| ("network", key));
        let volumes = service.volumes.iter().filter_map(Mount::volume_key);
        let volumes = volumes.filter(|key| !stack.volumes.contains_key(*key)).map(|key| ("volume", key));
        for (kind, key) in networks.chain(volumes) {
            let message = format!("service `{name}` uses {kind} `{key}`, which no active profile selects");
            let profiles = service.profiles.join("` or `");
            problems.push(problem(message, Some(&format!("activate it with --profile `{profiles}`"))));
        }
    }
    problems
}

/// Waiting for the health of a container without a health check can only fail.
fn healthless_dependencies(desired: &Desired, live: &Live) -> Vec<Problem> {
    let mut problems = Vec::new();
    for (service, edges) in &desired.depends_on {
        let healthy = |condition| condition == Condition::ServiceHealthy;
        for (name, _) in edges.iter().filter(|(_, edge)| edge.required && healthy(edge.condition)) {
            if desired.of_service(name).any(|(_, spec)| !live.will_check_health(spec)) {
                let message = format!(
                    "service `{service}` waits until `{name}` is healthy, but `{name}` has no health check"
                );
                let hint = format!("give `{name}` a `healthcheck`, or use `condition: service_started`");
                problems.push(problem(message, Some(&hint)));
            }
        }
    }
    problems
}
