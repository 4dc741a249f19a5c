//! Random stacks, and worlds that earlier commands and accidents left behind.

use crate::walk::{Dice, walk};
use planner::desired::{NetworkSpec, VolumeSpec};
use planner::goal::{UpOptions, Verb};
use planner::live::{Health, Image, Live, State};
use planner::model::{
    Build, Bytes, Condition, Dependency, Deploy, HealthCheck, Ipam, Mount, Network, Port, Service, Subnet,
    UpdateConfig, UpdateOrder, Volume,
};
use planner::plan::plan;
use planner::{Goal, Stack};
use proptest::prelude::*;
use std::collections::BTreeMap;

/// The services that there can be.
pub(crate) const NAMES: [&str; 5] = ["api", "cache", "db", "job", "web"];
/// A network and a volume that do not belong to the stack.
pub(crate) const OUTSIDE: &str = "outside";
const STACK: &str = "shop";

/// The last version of a stack file, and the world in which it is to be brought up.
#[derive(Clone, Debug)]
pub(crate) struct History {
    pub(crate) stack: Stack,
    pub(crate) live: Live,
}

/// What a service is good for decides what others can wait for.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Nature {
    Plain,
    Checked,
    Oneshot,
}

#[derive(Clone, Debug)]
struct Edge {
    to: usize,
    strict: bool,
    restart: bool,
    required: bool,
}

#[derive(Clone, Debug)]
struct Draw {
    present: bool,
    nature: Nature,
    replicas: u32,
    image: u8,
    mode: u8,
    memory: u8,
    networks: Vec<usize>,
    volumes: Vec<usize>,
    port: Option<u16>,
    edges: Vec<Edge>,
    policy: &'static str,
    builds: bool,
    /// Start first, so many at once, which action, which part may fail.
    update: Option<(bool, u64, usize, u8)>,
}

prop_compose! {
    fn edge()(to in 0..NAMES.len(), strict: bool, restart: bool, required in prop::bool::weighted(0.8)) -> Edge {
        Edge { to, strict, restart, required }
    }
}

prop_compose! {
    fn draw()(
        present in prop::bool::weighted(0.8),
        nature in prop_oneof![Just(Nature::Plain), Just(Nature::Checked), Just(Nature::Oneshot)],
        replicas in prop_oneof![4 => Just(1), 1 => Just(0), 2 => 2..=3_u32],
        (image, mode, memory) in (0..2_u8, 0..2_u8, 0..2_u8),
        networks in prop::sample::subsequence(vec![0, 1, 2], 0..=2),
        volumes in prop::sample::subsequence(vec![0, 1, 2, 3], 0..=2),
        port in prop::option::weighted(0.3, 8080..8082_u16),
        edges in prop::collection::vec(edge(), 0..3),
        policy in prop_oneof![6 => Just(""), 1 => Just("missing"), 1 => Just("always"), 1 => Just("build"), 1 => Just("daily")],
        builds in prop::bool::weighted(0.3),
        update in prop::option::weighted(0.4, (any::<bool>(), 0..3_u64, 0..3_usize, 0..3_u8)),
    ) -> Draw {
        Draw { present, nature, replicas, image, mode, memory, networks, volumes, port, edges, policy, builds, update }
    }
}

prop_compose! {
    /// One version of a stack file. `ranks` orders the services, so that there is no circle in
    /// one version although there can be one across versions.
    fn stack()(
        draws in prop::collection::vec(draw(), NAMES.len()),
        ranks in Just((0..NAMES.len()).collect::<Vec<_>>()).prop_shuffle(),
        subnets in prop::array::uniform2(0..2_u8),
    ) -> Stack {
        let names = NAMES.iter().map(|name| (*name).to_owned());
        let present = |at: usize| draws[at].present;
        let services = names.enumerate().filter(|(at, _)| present(*at));
        let services = services.map(|(at, name)| (name, service(&draws, &ranks, at))).collect();
        Stack { name: STACK.to_owned(), services, networks: networks(subnets), volumes: volumes(), ..Stack::default() }
    }
}

fn service(draws: &[Draw], ranks: &[usize], at: usize) -> Service {
    let draw = &draws[at];
    let allowed = |edge: &&Edge| draws[edge.to].present && ranks[edge.to] < ranks[at];
    let edges = draw.edges.iter().filter(allowed).map(|edge| {
        let condition = match draws[edge.to].nature {
            Nature::Checked if edge.strict => Condition::ServiceHealthy,
            Nature::Oneshot if edge.strict => Condition::ServiceCompletedSuccessfully,
            _ => Condition::ServiceStarted,
        };
        let Edge { restart, required, .. } = *edge;
        (NAMES[edge.to].to_owned(), Dependency { condition, restart, required, ..Default::default() })
    });
    let check = HealthCheck { test: vec!["CMD-SHELL".to_owned(), "true".to_owned()], ..Default::default() };
    let port = |published: u16| Port { published: published.to_string(), target: 80, ..Default::default() };
    let mut service = Service {
        image: format!("image:{}", draw.image),
        scale: Some(draw.replicas.into()),
        networks: draw.networks.iter().map(|n| (network_key(*n), None)).collect(),
        volumes: draw.volumes.iter().map(|v| mount(*v)).collect(),
        ports: draw.port.map(port).into_iter().collect(),
        depends_on: edges.collect(),
        healthcheck: (draw.nature == Nature::Checked).then(|| Box::new(check)),
        restart: if draw.nature == Nature::Oneshot { "no" } else { "always" }.to_owned(),
        // What cannot be built must be pulled.
        pull_policy: if draw.builds || draw.policy != "build" { draw.policy } else { "" }.to_owned(),
        build: draw
            .builds
            .then(|| Build { context: format!("/src/{}", NAMES[at]), ..Default::default() }.into()),
        mem_limit: Bytes(i64::from(draw.memory + 1) << 26),
        ..Service::default()
    };
    service.deploy = draw
        .update
        .map(|update| Box::new(Deploy { update_config: Some(updates(update)), ..Deploy::default() }));
    service.environment.insert("MODE".to_owned(), Some(draw.mode.to_string()));
    service
}

fn updates((start_first, at_once, action, part): (bool, u64, usize, u8)) -> UpdateConfig {
    UpdateConfig {
        order: Some(if start_first { UpdateOrder::StartFirst } else { UpdateOrder::StopFirst }),
        parallelism: Some(at_once),
        failure_action: ["pause", "continue", "rollback"][action].to_owned(),
        max_failure_ratio: f32::from(part) / 2.0,
        ..UpdateConfig::default()
    }
}

fn network_key(number: usize) -> String {
    [OUTSIDE, "front", "back"][number].to_owned()
}

fn mount(number: usize) -> Mount {
    let source = [OUTSIDE, "data", "logs", ""][number].to_owned();
    Mount { source, target: format!("/mnt/{number}"), ..Default::default() }
}

fn networks(subnets: [u8; 2]) -> BTreeMap<String, Network> {
    let subnet = || Subnet { subnet: "10.9.0.0/24".to_owned(), ..Default::default() };
    let ipam = |variant: u8| Ipam {
        config: (variant == 1).then(subnet).into_iter().collect(),
        ..Default::default()
    };
    let own = |key: &str, variant| {
        let network = Network { name: format!("{STACK}_{key}"), ipam: ipam(variant), ..Default::default() };
        (key.to_owned(), network)
    };
    let outside = Network { name: OUTSIDE.to_owned(), external: true, ..Default::default() };
    [own("front", subnets[0]), own("back", subnets[1]), (OUTSIDE.to_owned(), outside)].into()
}

fn volumes() -> BTreeMap<String, Volume> {
    let own = |key: &str| (key.to_owned(), Volume { name: format!("{STACK}_{key}"), ..Default::default() });
    let outside = Volume { name: OUTSIDE.to_owned(), external: true, ..Default::default() };
    [own("data"), own("logs"), (OUTSIDE.to_owned(), outside)].into()
}

/// A world without containers, with images and with what does not belong to the stack.
fn empty() -> Live {
    let image = |number: u8| {
        let volumes = if number == 0 { Vec::new() } else { vec!["/var/cache".to_owned()] };
        (format!("image:{number}"), Image { id: format!("sha256:{number}"), volumes, ..Image::default() })
    };
    let network = NetworkSpec { name: OUTSIDE.to_owned(), external: true, ..Default::default() };
    let volume = VolumeSpec { name: OUTSIDE.to_owned(), external: true, ..Default::default() };
    Live {
        stack: STACK.to_owned(),
        images: [image(0), image(1)].into(),
        networks: [(OUTSIDE.to_owned(), network)].into(),
        volumes: [(OUTSIDE.to_owned(), volume)].into(),
        ..Default::default()
    }
}

prop_compose! {
    /// Two earlier versions, each brought up and perhaps interrupted, accidents, and the version
    /// of today: often the same as the one before, with a small change.
    pub(crate) fn history()(
        versions in prop::collection::vec(stack(), 3),
        same in prop::bool::weighted(0.5),
        steps in prop::array::uniform2(prop_oneof![2 => Just(usize::MAX), 1 => 0..25_usize]),
        accidents in prop::collection::vec((0..20_usize, 0..9_usize), 0..4),
        (retagged, empty_world) in (prop::bool::weighted(0.1), prop::bool::weighted(0.1)),
        seed: u64,
    ) -> History {
        let mut dice = Dice(seed);
        let mut live = empty();
        let earlier = if empty_world { &[] } else { &versions[..2] };
        for (version, most) in earlier.iter().zip(steps) {
            let goal = Goal::all(Verb::Up(UpOptions::default()));
            if let Ok(plan) = plan(Some(version), &goal, &live) {
                walk(&plan, &mut live, &mut dice, most, |_, _| {});
            }
        }
        for (which, what) in accidents {
            accident(&mut live, which, what);
        }
        if retagged {
            live.images.get_mut("image:0").unwrap().id = "sha256:2".to_owned();
        }
        History { stack: versions[if same { 1 } else { 2 }].clone(), live }
    }
}

/// Something happens to a container, or to all of them.
fn accident(live: &mut Live, which: usize, what: usize) {
    if what == 0 {
        live.containers.values_mut().for_each(|container| container.state = State::Created);
    }
    let Some(container) = live.containers.values_mut().nth(which) else { return };
    let running = container.state.is_running();
    let checked = container.spec.health.is_some();
    container.state = match what {
        1 => State::Exited { code: 0, requested: false },
        2 => State::Exited { code: 1, requested: false },
        3 => State::Exited { code: 143, requested: true },
        4 if running => State::Unsupervised,
        5 if running => State::Paused,
        6 if running => State::Restarting,
        8 if running => State::Stopping,
        7 if running && checked => State::Running { health: Health::Unhealthy },
        _ => return,
    };
}
