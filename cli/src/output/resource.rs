//! The steps of a plan by the resource they are about: what people follow is
//! "container shop-web-1 is being replaced", not its four steps.

use planner::plan::{Plan, Until};
use planner::{Step, StepId};
use std::collections::BTreeSet;

/// What sort of thing it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Sort {
    /// An image.
    Image,
    /// A container; all generations of one slot are one.
    Container,
    /// A network.
    Network,
    /// A volume.
    Volume,
    /// The update of a service.
    Update,
}

impl Sort {
    /// The word for one of it.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Image => "image",
            Self::Container => "container",
            Self::Network => "network",
            Self::Volume => "volume",
            Self::Update => "update of",
        }
    }
}

/// One resource of a plan.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Resource {
    /// What sort of thing.
    pub(crate) sort: Sort,
    /// Its name, such as `shop-web-1`.
    pub(crate) name: String,
    /// Its steps, in the order of the plan.
    pub(crate) steps: Vec<StepId>,
    /// What has become of it when all are done: `started`, `replaced`, `removed`, …
    pub(crate) done: &'static str,
    /// What is waited for at the end: `healthy`, `completed`, `ready`.
    pub(crate) awaited: Option<&'static str>,
}

impl Resource {
    /// `container shop-web-1`
    pub(crate) fn label(&self) -> String {
        format!("{} {}", self.sort.word(), self.name)
    }

    /// What has become of it when all is done: `started, healthy`.
    pub(crate) fn result(&self) -> String {
        match self.awaited {
            Some(awaited) if self.done.is_empty() => awaited.to_owned(),
            Some(awaited) => format!("{}, {awaited}", self.done),
            None => self.done.to_owned(),
        }
    }
}

/// The resources of a plan, in the order in which the plan first touches them.
pub(crate) fn resources(plan: &Plan) -> Vec<Resource> {
    let mut all: Vec<Resource> = Vec::new();
    for (id, node) in plan.nodes.iter().enumerate() {
        let (sort, name) = subject(plan, &node.step);
        match all.iter_mut().find(|resource| resource.sort == sort && resource.name == name) {
            Some(resource) => resource.steps.push(id),
            None => all.push(Resource { sort, name, steps: vec![id], done: "", awaited: None }),
        }
    }
    for resource in &mut all {
        let steps: Vec<&Step> = resource.steps.iter().map(|id| &plan.nodes[*id].step).collect();
        resource.done = done(&steps);
        resource.awaited = awaited(&steps);
    }
    all
}

/// What a step is about.
fn subject(plan: &Plan, step: &Step) -> (Sort, String) {
    match step {
        Step::PullImage { reference, .. }
        | Step::BuildImage { reference, .. }
        | Step::PushImage { reference, .. } => (Sort::Image, reference.clone()),
        Step::CreateNetwork { spec } | Step::UpdateNetwork { spec } => (Sort::Network, spec.name.clone()),
        Step::RemoveNetwork { name } => (Sort::Network, name.clone()),
        Step::CreateVolume { spec } => (Sort::Volume, spec.name.clone()),
        Step::RemoveVolume { name } => (Sort::Volume, name.clone()),
        Step::CreateContainer { id, .. }
        | Step::StartContainer { id }
        | Step::StartAside { id }
        | Step::SwitchPorts { to: id, .. }
        | Step::Drain { id, .. }
        | Step::Await { id, .. }
        | Step::StopContainer { id, .. }
        | Step::KillContainer { id, .. }
        | Step::PauseContainer { id }
        | Step::UnpauseContainer { id }
        | Step::RemoveContainer { id }
        | Step::UpdateContainer { id, .. } => (Sort::Container, plan.called(id)),
        Step::Proceed { service, .. } => (Sort::Update, service.clone()),
    }
}

/// The act of a step, without what it is about.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Act {
    Pull,
    Build,
    Push,
    Create,
    Start,
    Stop,
    Remove,
    Update,
    Kill,
    Pause,
    Unpause,
}

fn act(step: &Step) -> Option<Act> {
    Some(match step {
        Step::PullImage { .. } => Act::Pull,
        Step::BuildImage { .. } => Act::Build,
        Step::PushImage { .. } => Act::Push,
        Step::CreateNetwork { .. } | Step::CreateVolume { .. } | Step::CreateContainer { .. } => Act::Create,
        Step::RemoveNetwork { .. } | Step::RemoveVolume { .. } | Step::RemoveContainer { .. } => Act::Remove,
        Step::StartContainer { .. } | Step::StartAside { .. } => Act::Start,
        Step::StopContainer { .. } => Act::Stop,
        Step::UpdateNetwork { .. } | Step::UpdateContainer { .. } => Act::Update,
        Step::KillContainer { .. } => Act::Kill,
        Step::PauseContainer { .. } => Act::Pause,
        Step::UnpauseContainer { .. } => Act::Unpause,
        Step::SwitchPorts { .. } | Step::Drain { .. } | Step::Proceed { .. } | Step::Await { .. } => {
            return None;
        }
    })
}

/// One word for all acts on one resource together.
fn done(steps: &[&Step]) -> &'static str {
    let acts: BTreeSet<Act> = steps.iter().filter_map(|step| act(step)).collect();
    let has = |act| acts.contains(&act);
    match () {
        () if has(Act::Build) && has(Act::Push) => "built and pushed",
        () if has(Act::Build) => "built",
        () if has(Act::Pull) => "pulled",
        () if has(Act::Push) => "pushed",
        () if has(Act::Create) && has(Act::Remove) => "replaced",
        () if has(Act::Start) && has(Act::Remove) => "replaced",
        () if has(Act::Remove) => "removed",
        () if has(Act::Create) && has(Act::Start) => "started",
        () if has(Act::Create) => "created",
        () if has(Act::Stop) && has(Act::Start) => "restarted",
        () if has(Act::Update) => "updated",
        () if has(Act::Start) => "started",
        () if has(Act::Stop) => "stopped",
        () if has(Act::Kill) => "killed",
        () if has(Act::Pause) => "paused",
        () if has(Act::Unpause) => "unpaused",
        () => "",
    }
}

/// The strongest condition that is waited for.
fn awaited(steps: &[&Step]) -> Option<&'static str> {
    let until = |step: &&Step| match step {
        Step::Await { until: Until::Ready, .. } => Some((0, "ready")),
        Step::Await { until: Until::Healthy, .. } => Some((1, "healthy")),
        Step::Await { until: Until::Completed, .. } => Some((2, "completed")),
        _ => None,
    };
    steps.iter().filter_map(until).max().map(|(_, word)| word)
}

/// What is being done while a container is stopped.
pub(crate) const STOPPING: &str = "stopping";
/// What is being done while one is started.
pub(crate) const STARTING: &str = "starting";

/// What is being done while a step runs.
pub(crate) fn doing(step: &Step) -> &'static str {
    match (step, act(step)) {
        (Step::Await { until: Until::Healthy, .. }, _) => "until healthy",
        (Step::Await { until: Until::Completed, .. }, _) => "until completed",
        (Step::Await { until: Until::Steady(_), .. }, _) => "watching",
        (Step::SwitchPorts { .. }, _) => "switching",
        (Step::Drain { .. }, _) => "draining",
        (Step::Proceed { .. }, _) => "pausing",
        (Step::Await { .. }, _) | (_, None) => "until ready",
        (_, Some(Act::Pull)) => "pulling",
        (_, Some(Act::Build)) => "building",
        (_, Some(Act::Push)) => "pushing",
        (_, Some(Act::Create)) => "creating",
        (_, Some(Act::Start)) => STARTING,
        (_, Some(Act::Stop)) => STOPPING,
        (_, Some(Act::Remove)) => "removing",
        (_, Some(Act::Update)) => "updating",
        (_, Some(Act::Kill)) => "killing",
        (_, Some(Act::Pause)) => "pausing",
        (_, Some(Act::Unpause)) => "unpausing",
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use planner::plan::Node;
    use planner::{Cause, ContainerId, NetworkSpec};
    use std::time::Duration;

    fn id(text: &str) -> ContainerId {
        text.parse().unwrap()
    }

    fn create(text: &str) -> Step {
        Step::CreateContainer { id: id(text), spec: Box::default(), image_id: String::new() }
    }

    fn stop(text: &str) -> Step {
        Step::StopContainer { id: id(text), grace: Duration::from_secs(10) }
    }

    /// A network, a database that is awaited, a web server that is replaced.
    pub(crate) fn plan() -> Plan {
        let steps = vec![
            Step::CreateNetwork { spec: NetworkSpec { name: "shop_default".into(), ..Default::default() } },
            create("shop.db.1.1"),
            Step::StartContainer { id: id("shop.db.1.1") },
            Step::Await { id: id("shop.db.1.1"), until: Until::Healthy, timeout: None },
            stop("shop.web.1.1"),
            Step::RemoveContainer { id: id("shop.web.1.1") },
            create("shop.web.1.2"),
            Step::StartContainer { id: id("shop.web.1.2") },
        ];
        let node = |(at, step): (usize, Step)| Node {
            step,
            cause: Cause::Declared,
            needs: at.checked_sub(1).into_iter().collect(),
            after: Vec::new(),
        };
        let nodes = steps.into_iter().enumerate().map(node).collect();
        Plan { stack: "shop".into(), nodes, ..Default::default() }
    }

    #[test]
    fn steps_of_one_resource_are_told_as_one() {
        let resources = resources(&plan());
        let told: Vec<_> = resources.iter().map(|one| format!("{} {}", one.label(), one.result())).collect();
        assert_eq!(
            told,
            [
                "network shop_default created",
                "container shop-db-1 started, healthy",
                "container shop-web-1 replaced"
            ]
        );
        assert_eq!(resources[2].steps, [4, 5, 6, 7]);
    }

    #[test]
    fn each_mixture_of_acts_has_its_word() {
        let start = || Step::StartContainer { id: id("a.b.1.1") };
        let remove = || Step::RemoveContainer { id: id("a.b.1.1") };
        assert_eq!(done(&[&stop("a.b.1.1"), &start()]), "restarted");
        assert_eq!(done(&[&stop("a.b.1.1"), &remove()]), "removed");
        assert_eq!(done(&[&create("a.b.1.1")]), "created");
        assert_eq!(done(&[&start()]), "started");
        assert_eq!(done(&[]), "");
    }
}
