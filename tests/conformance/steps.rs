//! Each step: what it ensures, that it may be done again, what it refuses.

use super::Case;
use super::bench::{Bench, IMAGE, STACK, container_id};
use planner::desired::RestartPolicy;
use planner::desired::{
    Attachment, Content, FileSpec, MountKind, MountSpec, Namespaces, NetworkMode, PortSpec,
};
use planner::plan::Until;
use planner::{ContainerId, ContainerSpec, NetworkSpec, Step, VolumeSpec};
use std::time::Duration;

pub(super) const CASES: &[Case] = &[
    ("networks are made, labelled and removed", networks),
    ("volumes are made and removed", volumes),
    ("a container lives from creation to removal", life),
    ("a container has its secrets and the files of images", given),
    ("signals reach what runs", signals),
    ("a paused container stands still", paused),
    ("a container that restarts is stopped for good", restarting),
    ("a container is started aside and takes over", aside),
    ("limits and policies change in place, nothing else does", in_place),
    ("who is in the network of another one needs it to run", guests),
    ("who is in other namespaces of another one needs it to run", neighbours),
    ("networks and names change in place", moved),
    ("nothing is made of what is missing", missing),
    ("nothing is taken from under a container", in_use),
];

pub(super) fn network(name: &str) -> NetworkSpec {
    NetworkSpec { name: name.to_owned(), stack: Some(STACK.to_owned()), ..NetworkSpec::default() }
}

fn volume(name: &str) -> VolumeSpec {
    VolumeSpec { name: name.to_owned(), stack: Some(STACK.to_owned()), ..VolumeSpec::default() }
}

/// A container that runs this line of shell below an init.
pub(super) fn shell(line: &str) -> ContainerSpec {
    ContainerSpec {
        image: IMAGE.to_owned(),
        command: Some(["sh", "-c", line].map(str::to_owned).to_vec()),
        init: true,
        stop_grace_period: Duration::from_secs(10),
        ..ContainerSpec::default()
    }
}

pub(super) fn create(bench: &Bench, id: &ContainerId, spec: ContainerSpec) -> Step {
    Step::CreateContainer { id: id.clone(), spec: Box::new(spec), image_id: bench.image_id() }
}

fn on(mut spec: ContainerSpec, network: &str) -> ContainerSpec {
    spec.networks =
        vec![Attachment { network: network.to_owned(), aliases: vec!["a".to_owned()], ..Default::default() }];
    spec
}

fn with(mut spec: ContainerSpec, volume: &str) -> ContainerSpec {
    let kind = MountKind::whole_volume(volume);
    spec.mounts = vec![MountSpec { target: "/data".to_owned(), read_only: false, kind }];
    spec
}

/// A container that mounts the files of an image.
fn mounting(id: &str) -> ContainerSpec {
    let kind = MountKind::Image { reference: IMAGE.to_owned(), id: id.to_owned(), subpath: "bin".to_owned() };
    let mounts = vec![MountSpec { target: "/image".to_owned(), read_only: true, kind }];
    ContainerSpec { mounts, ..shell("test -x /image/sh && cat /run/secrets/s && exec sleep 1000") }
}

fn stop(id: &ContainerId) -> Step {
    Step::StopContainer { id: id.clone(), grace: Duration::from_secs(10) }
}

fn start(id: &ContainerId) -> Step {
    Step::StartContainer { id: id.clone() }
}

fn remove(id: &ContainerId) -> Step {
    Step::RemoveContainer { id: id.clone() }
}

fn kill(id: &ContainerId, signal: &str) -> Step {
    Step::KillContainer { id: id.clone(), signal: signal.to_owned() }
}

fn update(id: &ContainerId, spec: &ContainerSpec) -> Step {
    Step::UpdateContainer { id: id.clone(), spec: Box::new(spec.clone()) }
}

fn networks(bench: &mut Bench) {
    bench.does(Step::CreateNetwork { spec: network("s_n") });
    let mut spec = network("s_n");
    spec.labels.insert("team".to_owned(), "blue".to_owned());
    bench.does(Step::UpdateNetwork { spec: spec.clone() });
    bench.refuses(&Step::UpdateNetwork { spec: NetworkSpec { internal: true, ..spec } });
    bench.refuses(&Step::UpdateNetwork { spec: network("s_other") });
    bench.does(Step::RemoveNetwork { name: "s_n".to_owned() });
}

fn aside(bench: &mut Bench) {
    let (old, new) = (container_id("a", 1), container_id("a", 2));
    let mut spec = on(shell("exec httpd -f -p 80 -h /etc"), "s_n");
    spec.ports = vec![PortSpec { published: Some(8080), target: 80, ..PortSpec::default() }];
    let switch =
        |to: &ContainerId, from: &ContainerId| Step::SwitchPorts { to: to.clone(), from: vec![from.clone()] };
    let drain = |id: &ContainerId| Step::Drain { id: id.clone(), most: Duration::from_secs(10) };
    bench.does(Step::CreateNetwork { spec: network("s_n") });
    bench.does(create(bench, &old, spec.clone()));
    bench.does(start(&old));
    bench.does(create(bench, &new, spec));
    bench.refuses(&switch(&new, &old));
    bench.does(Step::StartAside { id: new.clone() });
    let until = Until::Steady(Duration::from_millis(20));
    bench.does(Step::Await { id: new.clone(), until, timeout: None });
    bench.does(switch(&new, &old));
    bench.does(drain(&old));
    bench.does(switch(&old, &new));
    bench.does(switch(&new, &old));
    bench.does(stop(&old));
    bench.does(remove(&old));
    bench.does(stop(&new));
    bench.does(Step::StartAside { id: new.clone() });
    bench.does(stop(&new));
    bench.does(start(&new));
}

fn guests(bench: &mut Bench) {
    let (owner, guest) = (container_id("a", 1), container_id("b", 1));
    let network_mode = NetworkMode::Service("a".to_owned());
    let spec = ContainerSpec { network_mode, ..shell("exec sleep 1000") };
    bench.does(Step::CreateNetwork { spec: network("s_n") });
    bench.does(create(bench, &owner, on(shell("exec sleep 1000"), "s_n")));
    bench.does(create(bench, &guest, spec));
    bench.refuses(&start(&guest));
    bench.does(start(&owner));
    bench.does(start(&guest));
    bench.does(stop(&owner));
    bench.does(stop(&guest));
    bench.refuses(&start(&guest));
    bench.does(remove(&guest));
    bench.does(remove(&owner));
    bench.does(Step::RemoveNetwork { name: "s_n".to_owned() });
}

fn neighbours(bench: &mut Bench) {
    let (owner, guest) = (container_id("a", 1), container_id("b", 1));
    let shared = || NetworkMode::Service("a".to_owned());
    let namespaces = Namespaces { pid: shared(), ipc: shared(), ..Namespaces::default() };
    bench.does(create(bench, &owner, shell("exec sleep 1000")));
    bench.does(create(bench, &guest, ContainerSpec { namespaces, ..shell("exec sleep 1000") }));
    bench.refuses(&start(&guest));
    bench.does(start(&owner));
    bench.does(start(&guest));
    bench.does(stop(&guest));
    bench.does(stop(&owner));
    bench.refuses(&start(&guest));
    bench.does(remove(&guest));
    bench.does(remove(&owner));
}

fn moved(bench: &mut Bench) {
    let id = container_id("a", 1);
    let both = |first: &str, second: &str| {
        let mut spec = on(shell("exec sleep 1000"), first);
        spec.networks.push(Attachment { network: second.to_owned(), ..Default::default() });
        spec
    };
    bench.does(Step::CreateNetwork { spec: network("s_n") });
    bench.does(create(bench, &id, on(shell("exec sleep 1000"), "s_n")));
    bench.refuses(&update(&id, &both("s_n", "s_m")));
    bench.does(Step::CreateNetwork { spec: network("s_m") });
    bench.does(update(&id, &both("s_n", "s_m")));
    bench.does(start(&id));
    bench.does(update(&id, &both("s_m", "s_n")));
    bench.does(update(&id, &on(shell("exec sleep 1000"), "s_m")));
    bench.does(Step::RemoveNetwork { name: "s_n".to_owned() });
    bench.refuses(&Step::RemoveNetwork { name: "s_m".to_owned() });
    let mut named = on(shell("exec sleep 1000"), "s_m");
    named.names.search = Some(Vec::new());
    bench.does(update(&id, &named));
    bench.does(stop(&id));
    bench.does(remove(&id));
    bench.does(Step::RemoveNetwork { name: "s_m".to_owned() });
}

fn volumes(bench: &mut Bench) {
    bench.does(Step::CreateVolume { spec: volume("s_v") });
    bench.does(Step::RemoveVolume { name: "s_v".to_owned() });
}

fn life(bench: &mut Bench) {
    let id = container_id("a", 1);
    bench.does(Step::CreateNetwork { spec: network("s_n") });
    bench.does(Step::CreateVolume { spec: volume("s_v") });
    bench.does(create(bench, &id, with(on(shell("exec sleep 1000"), "s_n"), "s_v")));
    bench.does(stop(&id));
    bench.does(start(&id));
    bench.does(Step::Await { id: id.clone(), until: Until::Ready, timeout: None });
    bench.refuses(&remove(&id));
    bench.does(stop(&id));
    bench.does(start(&id));
    bench.does(stop(&id));
    bench.does(remove(&id));
    bench.does(Step::RemoveVolume { name: "s_v".to_owned() });
    bench.does(Step::RemoveNetwork { name: "s_n".to_owned() });
}

fn given(bench: &mut Bench) {
    let id = container_id("a", 1);
    let content = Content::of(b"secret".to_vec());
    let target = "/run/secrets/s".to_owned();
    let file =
        FileSpec { source: "s".to_owned(), target, mode: FileSpec::MODE, content, ..FileSpec::default() };
    let spec = ContainerSpec { secrets: vec![file], ..mounting(&bench.image_id()) };
    bench.does(create(bench, &id, spec.clone()));
    bench.does(start(&id));
    bench.does(Step::Await { id: id.clone(), until: Until::Ready, timeout: None });
    let mut other = spec;
    other.secrets[0].content = Content::of(b"other".to_vec());
    bench.refuses(&update(&id, &other));
    bench.does(stop(&id));
    bench.does(remove(&id));
}

fn signals(bench: &mut Bench) {
    let id = container_id("a", 1);
    bench.does(create(bench, &id, shell("exec sleep 1000")));
    bench.refuses(&kill(&id, "USR1"));
    bench.does(kill(&id, "KILL"));
    bench.does(start(&id));
    // A signal that nobody takes amiss.
    bench.does(kill(&id, "WINCH"));
    bench.does(kill(&id, "KILL"));
    bench.refuses(&kill(&id, "USR1"));
    bench.does(start(&id));
}

fn paused(bench: &mut Bench) {
    let id = container_id("a", 1);
    let [pause, unpause] =
        [Step::PauseContainer { id: id.clone() }, Step::UnpauseContainer { id: id.clone() }];
    bench.does(create(bench, &id, shell("exec sleep 1000")));
    bench.refuses(&pause);
    bench.does(start(&id));
    bench.does(unpause.clone());
    bench.does(pause.clone());
    bench.refuses(&remove(&id));
    bench.does(unpause);
    bench.does(pause);
    bench.does(stop(&id));
    bench.does(remove(&id));
}

fn restarting(bench: &mut Bench) {
    let id = container_id("a", 1);
    bench.does(create(bench, &id, ContainerSpec { restart: RestartPolicy::Always, ..shell("exit 7") }));
    bench.does(start(&id));
    bench.refuses(&remove(&id));
    bench.does(stop(&id));
    bench.does(remove(&id));
}

fn in_place(bench: &mut Bench) {
    let id = container_id("a", 1);
    let mut spec = shell("exec sleep 1000");
    spec.limits.memory = Some(32 << 20);
    bench.refuses(&update(&id, &spec));
    bench.does(create(bench, &id, spec.clone()));
    spec.limits.pids = Some(50);
    bench.does(update(&id, &spec));
    bench.does(start(&id));
    spec.limits.memory = Some(64 << 20);
    spec.limits.cpu_shares = Some(512);
    spec.limits.cpuset = Some("0".to_owned());
    spec.annotations.insert("note".to_owned(), "kept".to_owned());
    spec.restart = RestartPolicy::Always;
    bench.does(update(&id, &spec));
    spec.environment.insert("MODE".to_owned(), Some("other".to_owned()));
    bench.refuses(&update(&id, &spec));
    bench.does(stop(&id));
}

fn missing(bench: &mut Bench) {
    let id = container_id("a", 1);
    let spec = || shell("exec sleep 1000");
    bench.refuses(&create(bench, &id, on(spec(), "s_missing")));
    bench.refuses(&create(bench, &id, with(spec(), "s_missing")));
    let image_id = format!("sha256:{}", "0".repeat(64));
    bench.refuses(&Step::CreateContainer { id: id.clone(), spec: Box::new(spec()), image_id });
    bench.refuses(&start(&id));
    bench.refuses(&stop(&id));
    bench.refuses(&kill(&id, "TERM"));
    bench.refuses(&kill(&id, "KILL"));
    bench.refuses(&Step::Await { id: id.clone(), until: Until::Ready, timeout: None });
    bench.does(create(bench, &id, spec()));
    for until in [Until::Healthy, Until::Completed, Until::Ready] {
        bench.refuses(&Step::Await { id: id.clone(), until, timeout: None });
    }
    bench.refuses(&create(bench, &container_id("b", 1), mounting("")));
    bench.refuses(&create(bench, &container_id("b", 1), mounting(&format!("sha256:{}", "0".repeat(64)))));
    // Another container of the same name.
    bench.refuses(&create(bench, &id, shell("exec sleep 2000")));
}

fn in_use(bench: &mut Bench) {
    let id = container_id("a", 1);
    bench.does(Step::CreateNetwork { spec: network("s_n") });
    bench.does(Step::CreateVolume { spec: volume("s_v") });
    bench.does(create(bench, &id, with(on(shell("exec sleep 1000"), "s_n"), "s_v")));
    bench.refuses(&Step::RemoveVolume { name: "s_v".to_owned() });
    // One that does not run is taken off its network, and is on the next one of that name.
    bench.does(Step::RemoveNetwork { name: "s_n".to_owned() });
    bench.refuses(&start(&id));
    bench.does(Step::CreateNetwork { spec: network("s_n") });
    bench.does(start(&id));
    bench.refuses(&Step::RemoveNetwork { name: "s_n".to_owned() });
    bench.refuses(&Step::RemoveVolume { name: "s_v".to_owned() });
}
