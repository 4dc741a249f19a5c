//! The images that services are made from, and how they come here.

use super::lower::in_scope;
use super::{BuildSpec, build_spec};
use crate::goal::{BuildWhen, Goal, Verb};
use crate::graph::DependencyGraph;
use crate::model::{MountType, Service, Stack, units};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// When an image is pulled.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum PullPolicy {
    /// When it is not here.
    #[default]
    Missing,
    /// Every time.
    Always,
    /// Never.
    Never,
    /// Never: it is built, every time.
    Build,
    /// When it was last pulled longer ago than that.
    Every(Duration),
}

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

impl PullPolicy {
    /// Reads `always`, `never`, `missing`, `build`, `daily`, `weekly` or `every_<duration>`.
    pub fn parse(text: &str) -> Option<Self> {
        Some(match text {
            "missing" | "if_not_present" => Self::Missing,
            "always" => Self::Always,
            "never" => Self::Never,
            "build" => Self::Build,
            "daily" => Self::Every(DAY),
            "weekly" => Self::Every(7 * DAY),
            _ => Self::Every(units::parse_duration(text.strip_prefix("every_")?)?),
        })
    }
}

/// One image that services are made from.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ImageSpec {
    /// When it is pulled; `None` when nobody says.
    pub policy: Option<PullPolicy>,
    /// The platform that is asked for.
    pub platform: Option<String>,
    /// Whether the file gives it its name, so that a registry can have it.
    pub is_named: bool,
    /// How it is built, if it can be.
    pub build: Option<Box<BuildSpec>>,
    /// Images that are built before it.
    pub after: BTreeSet<String>,
    /// Only the builds of other images use it.
    pub is_context: bool,
}

impl Service {
    /// The image of its containers: as written, or named after stack and service when it is
    /// built and has no name.
    pub fn image_name(&self, stack: &str, service: &str) -> String {
        match self.image.is_empty() && self.build.is_some() {
            true => format!("{stack}-{service}"),
            false => self.image.clone(),
        }
    }

    /// The references of the images whose files it mounts.
    pub fn mounted_images(&self) -> impl Iterator<Item = &str> {
        let images = self.volumes.iter().filter(|mount| mount.kind == MountType::Image);
        images.map(|mount| mount.source.as_str())
    }
}

/// The images of the services that the goal is about, and those that their builds need.
pub fn images(stack: &Stack, goal: &Goal) -> BTreeMap<String, ImageSpec> {
    let asked = in_scope(stack, goal);
    let mut scope = asked.clone();
    if matches!(goal.verb, Verb::Up(_) | Verb::Build(_)) {
        let needed = contexts(stack).closure(scope.keys().copied());
        let all = stack.services.iter().chain(&stack.disabled);
        let more = all.filter(|(name, _)| needed.contains(*name));
        scope.extend(more.map(|(name, service)| (name.as_str(), service)));
    }
    let builds = builds(goal);
    let mut images: BTreeMap<String, ImageSpec> = BTreeMap::new();
    for (name, service) in &scope {
        let new = || ImageSpec { is_context: true, ..ImageSpec::default() };
        let image = images.entry(service.image_name(&stack.name, name)).or_insert_with(new);
        image.is_context &= !asked.contains_key(name);
        image.is_named |= !service.image.is_empty();
        image.policy = stronger(image.policy, policy(service, goal));
        if image.platform.is_none() && !service.platform.is_empty() {
            image.platform = Some(service.platform.clone());
        }
        if builds && image.build.is_none() && service.build.is_some() {
            image.build = build_spec(stack, name, service, goal).map(Box::new);
            image.after = built_before(stack, name, &scope);
        }
    }
    let mounted = asked.values().flat_map(|service| service.mounted_images());
    for reference in mounted {
        let new = || ImageSpec { is_named: true, ..ImageSpec::default() };
        images.entry(reference.to_owned()).or_insert_with(new).is_context = false;
    }
    images.remove("");
    images
}

fn builds(goal: &Goal) -> bool {
    !matches!(&goal.verb, Verb::Up(options) if options.images.build == BuildWhen::Never)
}

/// What the command says comes before what the file says.
fn policy(service: &Service, goal: &Goal) -> Option<PullPolicy> {
    let asked = match &goal.verb {
        Verb::Up(options) => options.images.pull,
        Verb::Pull(options) => options.policy,
        _ => None,
    };
    asked.or_else(|| PullPolicy::parse(&service.pull_policy))
}

/// Of services that share an image the one decides that asks for the most.
fn stronger(one: Option<PullPolicy>, other: Option<PullPolicy>) -> Option<PullPolicy> {
    let rank = |policy: Option<PullPolicy>| match policy {
        None => 0,
        Some(PullPolicy::Never) => 1,
        Some(PullPolicy::Missing) => 2,
        Some(PullPolicy::Every(_)) => 3,
        Some(PullPolicy::Always) => 4,
        Some(PullPolicy::Build) => 5,
    };
    match (one, other) {
        (Some(PullPolicy::Every(one)), Some(PullPolicy::Every(other))) => {
            Some(PullPolicy::Every(one.min(other)))
        }
        _ if rank(other) > rank(one) => other,
        _ => one,
    }
}

/// Which service's build takes the image of which other service.
fn contexts(stack: &Stack) -> DependencyGraph {
    let all = stack.services.iter().chain(&stack.disabled);
    DependencyGraph::new(all.map(|(name, service)| (name.as_str(), contexts_of(service))))
}

fn contexts_of(service: &Service) -> impl Iterator<Item = &str> {
    let places = service.build.iter().flat_map(|build| build.additional_contexts.values());
    places.filter_map(|place| place.strip_prefix("service:"))
}

/// The images that are built before that of a service: those that its build names, and those of
/// the services that it depends on, whose images its Dockerfile may name.
fn built_before(stack: &Stack, service: &str, scope: &BTreeMap<&str, &Service>) -> BTreeSet<String> {
    let edges = scope.iter().map(|(name, service)| {
        (*name, contexts_of(service).chain(service.depends_on.keys().map(String::as_str)))
    });
    let all = DependencyGraph::new(edges).without_cycles();
    let named = contexts(stack).without_cycles();
    let before = all.dependencies(service).into_iter().chain(named.dependencies(service));
    let own = scope.get(service).map(|own| own.image_name(&stack.name, service));
    before
        .filter_map(|name| Some((name, scope.get(name)?)))
        .filter(|(_, other)| other.build.is_some())
        .map(|(name, other)| other.image_name(&stack.name, name))
        .filter(|image| Some(image) != own.as_ref())
        .collect()
}
