//! Every duty is noticed when it is neglected.

use super::*;
use crate::desired::{Attachment, BuildSpec, NetworkSpec, Slot, VolumeSpec};
use crate::desired::{MountKind, MountSpec};
use crate::live::{Container, Health, State};
use crate::plan::Node;
use std::time::Duration;

fn id(service: &str, generation: u32) -> ContainerId {
    let slot = Slot { service: service.to_owned(), index: 1 };
    ContainerId { stack: "shop".into(), slot, generation }
}

/// `web` depends on `db`; both are on one network, and `db` mounts a volume.
fn spec(service: &str) -> ContainerSpec {
    let networks = vec![Attachment { network: "net".into(), ..Default::default() }];
    let kind = MountKind::whole_volume("data");
    let mount = MountSpec { target: "/data".into(), read_only: false, kind };
    let mut spec = ContainerSpec { networks, ..ContainerSpec::default() };
    if service == "web" {
        spec.depends_on.insert("db".into());
    } else {
        spec.mounts.push(mount);
    }
    spec
}

fn running() -> Live {
    let state = State::Running { health: Health::None };
    let container = |service: &str| Container {
        spec: spec(service),
        image_id: String::new(),
        checks_health: false,
        state: state.clone(),
        aside: false,
    };
    let containers = ["web", "db"].map(|service| (id(service, 1), container(service)));
    Live { stack: "shop".into(), containers: containers.into(), ..Live::default() }
}

fn create(service: &str, generation: u32) -> Step {
    let spec = Box::new(spec(service));
    Step::CreateContainer { id: id(service, generation), spec, image_id: String::new() }
}

fn start(service: &str, generation: u32) -> Step {
    Step::StartContainer { id: id(service, generation) }
}

fn stop(service: &str) -> Step {
    Step::StopContainer { id: id(service, 1), grace: Duration::ZERO }
}

fn remove(service: &str) -> Step {
    Step::RemoveContainer { id: id(service, 1) }
}

fn make_network() -> Step {
    Step::CreateNetwork { spec: NetworkSpec { name: "net".into(), ..NetworkSpec::default() } }
}

fn network_goes() -> Step {
    Step::RemoveNetwork { name: "net".into() }
}

/// A plan of these steps, each of which needs those given by their position.
fn plan(steps: Vec<(Step, Vec<StepId>)>) -> Plan {
    let cause = |step: &Step| match step {
        Step::Await { .. } => Cause::NeededBy(id("web", 1).slot),
        _ => Cause::Asked,
    };
    let node = |(step, needs)| Node { cause: cause(&step), step, needs, after: Vec::new() };
    Plan { nodes: steps.into_iter().map(node).collect(), ..Plan::default() }
}

fn rules(plan: &Plan, live: &Live) -> Vec<&'static str> {
    let mut rules: Vec<_> = check(plan, live).into_iter().map(|violation| violation.rule).collect();
    rules.dedup();
    rules
}

/// The plan is fine, and each neglect of one edge is noticed by the rule that is about it.
fn assert_each_edge_is_a_duty(steps: &[(Step, Vec<StepId>)], live: &Live, duties: &[(StepId, StepId, &str)]) {
    assert_eq!(check(&plan(steps.to_vec()), live), []);
    for (step, need, rule) in duties {
        let mut neglected = steps.to_vec();
        neglected[*step].1.retain(|other| other != need);
        assert!(neglected[*step].1.len() < steps[*step].1.len(), "step {step} does not need {need}");
        let found = rules(&plan(neglected), live);
        assert!(found.contains(rule), "without #{need} step {step} violates {found:?}");
    }
}

#[test]
fn first_start() {
    let volume = Step::CreateVolume { spec: VolumeSpec { name: "data".into(), ..VolumeSpec::default() } };
    let wait = Step::Await { id: id("db", 1), until: Until::Healthy, timeout: None };
    let steps = [
        (make_network(), vec![]),
        (volume, vec![]),
        (create("db", 1), vec![0, 1]),
        (create("web", 1), vec![0]),
        (start("db", 1), vec![2]),
        (wait, vec![4]),
        (start("web", 1), vec![3, 4, 5]),
    ];
    let made_first = "networks and volumes are made before the containers on them";
    let duties = [
        (2, 0, made_first),
        (2, 1, made_first),
        (3, 0, made_first),
        (4, 2, "a container exists before it starts"),
        (5, 4, "what is awaited has been started"),
        (6, 5, "a container starts when what it waits for is reached"),
    ];
    assert_each_edge_is_a_duty(&steps, &Live::default(), &duties);
    let mut unordered = steps.to_vec();
    unordered[6].1 = vec![3];
    assert!(
        rules(&plan(unordered), &Live::default()).contains(&"what a container depends on starts before it")
    );
}

#[test]
fn replacement() {
    let steps = [
        (create("web", 2), vec![]),
        (stop("web"), vec![0]),
        (stop("db"), vec![1]),
        (start("db", 1), vec![2]),
        (start("web", 2), vec![0, 1, 3]),
        (remove("web"), vec![1, 4]),
    ];
    let duties = [
        (1, 0, "an old generation stops only when the new one exists"),
        (2, 1, "dependents stop before what they depend on"),
        (3, 2, "one generation of a slot runs at a time"),
        (4, 3, "what a container depends on starts before it"),
    ];
    assert_each_edge_is_a_duty(&steps, &running(), &duties);
    let mut too_early = steps.to_vec();
    too_early[4].1 = vec![0];
    assert!(rules(&plan(too_early), &running()).contains(&"one generation of a slot runs at a time"));
}

#[test]
fn removal() {
    let volume = Step::RemoveVolume { name: "data".into() };
    let steps = [
        (stop("web"), vec![]),
        (stop("db"), vec![0]),
        (remove("web"), vec![0]),
        (remove("db"), vec![1]),
        (network_goes(), vec![2, 3]),
        (volume, vec![3]),
    ];
    let outlive = "networks are removed after every running container on them, volumes after every one";
    let duties = [
        (1, 0, "dependents stop before what they depend on"),
        (2, 0, "a running container is stopped before it is removed"),
        (4, 2, outlive),
        (4, 3, outlive),
        (5, 3, outlive),
    ];
    assert_each_edge_is_a_duty(&steps, &running(), &duties);
}

#[test]
fn a_network_that_was_lost() {
    let mut live = running();
    live.containers.values_mut().for_each(|there| there.state = State::Created);
    let steps = [(network_goes(), vec![]), (make_network(), vec![0]), (start("db", 1), vec![1])];
    let made_first = "networks and volumes are made before the containers on them";
    assert_each_edge_is_a_duty(&steps, &live, &[(2, 1, made_first)]);
}

#[test]
fn what_no_edge_can_mend() {
    let again = plan(vec![(stop("web"), vec![]), (stop("web"), vec![0])]);
    assert!(rules(&again, &running()).contains(&"a step is done once"));
    let stale = plan(vec![(create("web", 1), vec![])]);
    let newer = "a new generation is newer than every other occupant of its slot";
    assert!(rules(&stale, &running()).contains(&newer));
    let backward = plan(vec![(stop("web"), vec![1]), (stop("db"), vec![])]);
    assert_eq!(rules(&backward, &running()), ["a step needs only steps before it"]);
    let network = plan(vec![
        (stop("web"), vec![]),
        (stop("db"), vec![0]),
        (remove("web"), vec![0]),
        (remove("db"), vec![1]),
        (network_goes(), vec![2, 3]),
        (make_network(), vec![]),
    ]);
    assert_eq!(rules(&network, &running()), ["a network is removed before it is made anew"]);
}

fn pull(reference: &str) -> Step {
    Step::PullImage { reference: reference.into(), platform: None, may_fail: false }
}

fn build(reference: &str) -> Step {
    let spec = BuildSpec { tags: vec![reference.into()], ..BuildSpec::default() };
    Step::BuildImage { reference: reference.into(), spec: Box::new(spec) }
}

#[test]
fn images_are_here_before_they_are_used_or_pushed() {
    let push = Step::PushImage { reference: "made".into(), may_fail: false };
    // The containers of these tests have an image without a name.
    let steps = [
        (pull(""), vec![]),
        (build("made"), vec![0]),
        (push, vec![1]),
        (make_network(), vec![]),
        (create("web", 1), vec![0, 3]),
    ];
    let made = "an image is here before a container is made from it";
    let duties = [(4, 0, made), (2, 1, "what is pushed has been built")];
    assert_each_edge_is_a_duty(&steps, &Live::default(), &duties);
    let late = plan(vec![(make_network(), vec![]), (pull("a"), vec![])]);
    assert_eq!(rules(&late, &Live::default()), ["what is about images comes first"]);
}
