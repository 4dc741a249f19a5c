//! Steps of images: what is pulled, what is built, and what rests on it.

use super::draft::{Draft, Gates};
use super::slot::SlotPlan;
use crate::desired::{ImageSpec, PullPolicy, images};
use crate::goal::{BuildWhen, Goal, ImageOptions, PullOptions, PushOptions};
use crate::graph::DependencyGraph;
use crate::live::{Image, Live};
use crate::model::Stack;
use crate::plan::{Cause, Plan, Step, StepId};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// How one image comes here.
enum Way {
    Pull { may_fail: bool },
    Build,
}

/// The images of `up`: those that policy asks for, and those that something is made from.
pub(super) fn fetch(draft: &mut Draft, stack: &Stack, goal: &Goal, options: &ImageOptions) {
    let specs = images(stack, goal);
    let mut ways: BTreeMap<&String, (Way, Cause)> = BTreeMap::new();
    let open =
        |(reference, spec): &(&String, &ImageSpec)| !spec.is_context && !options.settled.contains(*reference);
    let made = draft.slots.iter().filter(|slot| slot.create.is_some());
    let needed: BTreeSet<&str> = made.flat_map(|slot| slot.spec.images()).collect();
    for (reference, spec) in specs.iter().filter(open) {
        let needed = needed.contains(reference.as_str());
        let scene = Scene { reference, spec, live: draft.live, options, needed };
        ways.extend(scene.way().map(|way| (reference, way)));
    }
    build_contexts(&specs, options, &mut ways);
    emit(draft, &specs, ways);
    tell_uncertain(draft);
}

/// What decides how one image comes here.
struct Scene<'a> {
    reference: &'a str,
    spec: &'a ImageSpec,
    live: &'a Live,
    options: &'a ImageOptions,
    /// Something is made from it.
    needed: bool,
}

impl Scene<'_> {
    fn way(&self) -> Option<(Way, Cause)> {
        let there = self.live.images.get(self.reference);
        let can_build = self.spec.build.is_some();
        let policy = self.spec.policy.unwrap_or_default();
        if can_build && self.options.build == BuildWhen::Always {
            return Some((Way::Build, Cause::Asked));
        }
        if can_build && policy == PullPolicy::Build {
            return Some((Way::Build, Cause::Policy("its policy is to build it".to_owned())));
        }
        let failed = self.options.not_pulled.contains(self.reference);
        if let Some(cause) = self.pull(policy, there).filter(|_| self.spec.is_named && !failed) {
            return Some((Way::Pull { may_fail: can_build }, cause));
        }
        let missing = there.is_none() && self.needed;
        let cause = if failed { Cause::NotPulled } else { Cause::Declared };
        (missing && can_build).then_some((Way::Build, cause))
    }

    /// Why it is pulled, if it is.
    fn pull(&self, policy: PullPolicy, there: Option<&Image>) -> Option<Cause> {
        let told = |why: &str| Some(Cause::Policy(why.to_owned()));
        match (policy, there) {
            (PullPolicy::Never | PullPolicy::Build, _) => None,
            (PullPolicy::Always, _) => told("its policy is to pull it always"),
            (_, None) => self.needed.then_some(Cause::Declared),
            (_, Some(there)) if !self.fits(there) => told("it is for another platform"),
            (PullPolicy::Every(time), Some(there)) if is_older(there, time, self.live) => {
                told("it was last pulled too long ago")
            }
            _ => None,
        }
    }

    /// Whether an image is for the platform that is asked for.
    fn fits(&self, image: &Image) -> bool {
        let Some(asked) = self.spec.platform.as_deref().filter(|_| !image.platform.is_empty()) else {
            return true;
        };
        let (asked, has) = (parts(asked), parts(&image.platform));
        let any_variant = asked.2.is_empty() || has.2.is_empty() || asked.2 == has.2;
        (asked.0, asked.1) == (has.0, has.1) && any_variant
    }
}

fn is_older(image: &Image, time: Duration, live: &Live) -> bool {
    live.now > image.tagged_at.saturating_add(time.as_secs())
}

/// System, processor and its variant of a platform; a processor alone is one of Linux.
fn parts(text: &str) -> (&str, &str, &str) {
    let (system, rest) = text.split_once('/').unwrap_or(("linux", text));
    let (processor, variant) = rest.split_once('/').unwrap_or((rest, ""));
    let processor = match processor {
        "x86_64" | "x86-64" => "amd64",
        "aarch64" => "arm64",
        other => other,
    };
    (system, processor, variant)
}

/// An image that is built takes those of its contexts with it, so that they are as their files
/// say, too: what did not change comes from the cache.
fn build_contexts<'a>(
    specs: &'a BTreeMap<String, ImageSpec>,
    options: &ImageOptions,
    ways: &mut BTreeMap<&'a String, (Way, Cause)>,
) {
    let mut queue: Vec<&String> = ways
        .iter()
        .filter(|(_, (way, _))| matches!(way, Way::Build))
        .map(|(reference, _)| *reference)
        .collect();
    while let Some(built) = queue.pop() {
        let Some(build) = specs.get(built).and_then(|spec| spec.build.as_ref()) else { continue };
        for context in build.additional_contexts.values().filter_map(|context| context.image()) {
            let known = specs.get_key_value(context).filter(|(_, spec)| spec.build.is_some());
            let Some((reference, _)) = known.filter(|(reference, _)| !options.settled.contains(*reference))
            else {
                continue;
            };
            if !matches!(ways.get(reference), Some((Way::Build, _))) {
                let cause = Cause::Policy(format!("the build of {built} uses it"));
                ways.insert(reference, (Way::Build, cause));
                queue.push(reference);
            }
        }
    }
}

fn emit(draft: &mut Draft, specs: &BTreeMap<String, ImageSpec>, mut ways: BTreeMap<&String, (Way, Cause)>) {
    for reference in in_order(specs) {
        let Some((reference, spec)) = specs.get_key_value(&reference) else { continue };
        let Some((way, cause)) = ways.remove(reference) else { continue };
        let (reference, platform) = (reference.clone(), spec.platform.clone());
        let step = match (way, &spec.build) {
            (Way::Pull { may_fail }, _) => {
                draft.steps.push(Step::PullImage { reference, platform, may_fail }, cause, Vec::new());
                continue;
            }
            (Way::Build, Some(build)) => Step::BuildImage { reference, spec: build.clone() },
            (Way::Build, None) => continue,
        };
        let gates = draft.built_before(spec);
        draft.steps.push_gated(step, cause, gates);
    }
}

impl Draft<'_> {
    /// What a build waits for. A pull that may fail must only be over.
    fn built_before(&self, spec: &ImageSpec) -> Gates {
        let before = spec.after.iter().filter_map(|image| self.steps.images.get(image)).copied();
        let (after, needs) = before.partition(|step| self.steps.is_optional_pull(*step));
        Gates { needs, after }
    }
}

/// References, those first that others are built after.
fn in_order(specs: &BTreeMap<String, ImageSpec>) -> Vec<String> {
    let edges =
        specs.iter().map(|(reference, spec)| (reference.as_str(), spec.after.iter().map(String::as_str)));
    DependencyGraph::new(edges).order().concat()
}

/// What exists and stays may have to go when its image turns out to be another one.
fn tell_uncertain(draft: &mut Draft) {
    let pending: BTreeSet<&String> = draft.steps.images.keys().collect();
    let uncertain =
        |slot: &&SlotPlan| slot.create.is_none() && pending.iter().any(|image| slot.spec.is_made_from(image));
    draft.uncertain = draft.slots.iter().filter(uncertain).map(|slot| slot.id.clone()).collect();
}

/// `pull`: what the services are made from is asked for at its registry.
pub(super) fn pull(stack: &Stack, goal: &Goal, options: &PullOptions, live: &Live) -> Plan {
    let mut draft = Draft::new(live, goal);
    for (reference, spec) in &images(stack, goal) {
        let there = live.images.contains_key(reference);
        let reason = match spec.policy {
            _ if !spec.is_named => "it has no name in a registry",
            Some(PullPolicy::Never) => "its policy is never to pull it",
            Some(PullPolicy::Build) => "its policy is to build it",
            _ if options.ignore_buildable && spec.build.is_some() => "it can be built",
            Some(PullPolicy::Missing) if there => "it is here",
            _ => {
                let (reference, platform) = (reference.clone(), spec.platform.clone());
                let step = Step::PullImage { reference, platform, may_fail: options.ignore_failures };
                draft.steps.push(step, Cause::Asked, Vec::new());
                continue;
            }
        };
        draft.keep(format!("image {reference}"), reason);
    }
    draft.finish(&stack.name)
}

/// `build`: what can be built is built, and pushed when that is asked for.
pub(super) fn build(stack: &Stack, goal: &Goal, push: bool, live: &Live) -> Plan {
    let mut draft = Draft::new(live, goal);
    let specs = images(stack, goal);
    let can_build = specs.iter().filter(|(_, spec)| spec.build.is_some());
    emit(
        &mut draft,
        &specs,
        can_build.map(|(reference, _)| (reference, (Way::Build, Cause::Asked))).collect(),
    );
    let mut tags = BTreeMap::new();
    for (reference, spec) in specs.iter().filter(|_| push) {
        let built = draft.steps.images.get(reference).copied();
        tags.extend(pushed(reference, spec).map(|tag| (tag, built)));
    }
    push_all(&mut draft, tags, false);
    draft.finish(&stack.name)
}

/// `push`: registries get what is built here under the names that the file gives.
pub(super) fn push(stack: &Stack, goal: &Goal, options: &PushOptions, live: &Live) -> Plan {
    let mut draft = Draft::new(live, goal);
    let specs = images(stack, goal);
    let mut tags = BTreeMap::new();
    for (reference, spec) in &specs {
        match &spec.build {
            Some(_) if spec.is_named => tags.extend(pushed(reference, spec).map(|tag| (tag, None))),
            Some(_) => draft.keep(format!("image {reference}"), "the file gives it no name"),
            None => draft.keep(format!("image {reference}"), "it is not built here"),
        }
    }
    push_all(&mut draft, tags, options.ignore_failures);
    draft.finish(&stack.name)
}

/// The names under which registries can have an image: not one that was made up.
fn pushed<'a>(reference: &str, spec: &'a ImageSpec) -> impl Iterator<Item = &'a String> {
    let tags = spec.build.iter().flat_map(|build| &build.tags);
    tags.filter(move |tag| spec.is_named || *tag != reference)
}

/// Pushes each tag once, behind its build.
fn push_all(draft: &mut Draft, tags: BTreeMap<&String, Option<StepId>>, may_fail: bool) {
    for (tag, built) in tags {
        let step = Step::PushImage { reference: tag.clone(), may_fail };
        draft.steps.push(step, Cause::Asked, built.into_iter().collect());
    }
}
