//! Small random stacks on the real engine: brought up, changed, brought up again, taken down.
//! After each command the next plan is empty and the kernel has what was observed, no less and no
//! more.

use super::bench::{Bench, STACK, stack};
use e2e::eventually;
use engine::LinuxEngine;
use engine::container::ContainerStatus;
use planner::goal::{UpOptions, Verb};
use planner::plan::render;
use planner::{Goal, Live, Step};
use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;

const SEEDS: u64 = 12;

/// Small, seeded, repeatable chance (SplitMix64).
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % sides
    }

    fn flip(&mut self) -> bool {
        self.roll(2) == 0
    }

    fn some_of(&mut self, names: &[&str]) -> Vec<String> {
        names.iter().filter(|_| self.flip()).map(|name| (*name).to_owned()).collect()
    }
}

pub(super) fn all(bench: &mut Bench) {
    for seed in 0..SEEDS {
        let mut dice = Dice(seed);
        bench.begin("a random stack");
        for version in 0..3 {
            let text = random(&mut dice);
            up(bench, &text, &format!("seed {seed}, version {version}:\n{text}"));
        }
        bench.clear();
        kernel_agrees(bench, &format!("seed {seed}, taken down"));
    }
}

fn up(bench: &Bench, text: &str, what: &str) {
    let goal = Goal::all(Verb::Up(UpOptions { wait: true, remove_orphans: true, ..UpOptions::default() }));
    let stack = stack(text);
    let plan = bench.plan(&stack, &goal);
    bench.apply(&plan);
    // What runs to its end by itself is for a moment between running and completed.
    eventually(&format!("a second plan is empty\n{what}"), || {
        let plan = bench.plan(&stack, &goal);
        let waits = plan.nodes.iter().all(|node| is_wait(&node.step));
        assert!(waits, "{what}\na second plan does more than wait:\n{}", render::steps(&plan));
        plan.nodes.is_empty().then_some(())
    });
    kernel_agrees(bench, what);
}

fn is_wait(step: &Step) -> bool {
    matches!(step, Step::Await { .. })
}

/// A stack of up to four services, of which each may depend on those before it.
fn random(dice: &mut Dice) -> String {
    let names = ["a", "b", "c", "d"];
    let mut text = "services:\n".to_owned();
    let mut earlier: Vec<(&str, &str)> = Vec::new();
    for name in names.into_iter().take(2 + dice.roll(3) as usize) {
        let condition =
            ["service_started", "service_healthy", "service_completed_successfully"][dice.roll(3) as usize];
        let _ = writeln!(text, "  {name}:\n    image: busybox\n    init: true");
        match condition {
            "service_completed_successfully" => text.push_str("    command: 'true'\n"),
            "service_healthy" => {
                text.push_str("    command: sleep 1000\n    healthcheck: {test: 'true', interval: 50ms}\n")
            }
            _ => {
                let _ = writeln!(text, "    command: sleep 1000\n    scale: {}", dice.roll(4));
            }
        }
        let order = ["start-first", "stop-first"][dice.roll(2) as usize];
        let _ = writeln!(
            text,
            "    deploy: {{update_config: {{order: {order}, parallelism: {}, monitor: 20ms}}}}",
            dice.roll(3)
        );
        let _ = writeln!(text, "    environment: {{MODE: '{}'}}", dice.roll(2));
        let _ = writeln!(text, "    mem_limit: {}m", 16 << dice.roll(2));
        let _ = writeln!(text, "    networks: [{}]", dice.some_of(&["front", "back", "other"]).join(", "));
        let mounts = dice.some_of(&["data:/data", "logs:/logs"]);
        let _ = writeln!(text, "    volumes: [{}]", mounts.join(", "));
        let mut edges = Vec::new();
        for (other, condition) in &earlier {
            if dice.flip() {
                edges.push(format!("{other}: {{condition: {condition}, restart: {}}}", dice.flip()));
            }
        }
        let _ = writeln!(text, "    depends_on: {{{}}}", edges.join(", "));
        earlier.push((name, condition));
    }
    let (internal, label) = (dice.roll(4) == 0, dice.roll(2));
    let _ = write!(
        text,
        "networks:\n  front: {{internal: {internal}}}\n  back: {{labels: {{v: '{label}'}}}}\n  other:\n"
    );
    text.push_str("volumes: {data: , logs: }\n");
    text
}

/// Links, processes and limits are those of the containers that are observed.
fn kernel_agrees(bench: &Bench, what: &str) {
    let engine = bench.linux().expect("the real engine");
    let live = bench.observe();
    let running = live.containers.values().filter(|container| container.state.is_running());
    let attached: usize = running.map(|container| container.spec.networks.len()).sum();
    // The kernel takes the links of a namespace away a moment after its last process.
    eventually(&format!("{} bridges and {attached} pairs are there\n{what}", live.networks.len()), || {
        let links = interfaces("self");
        let count = |prefix| links.iter().filter(|name| name.starts_with(prefix)).count();
        (count("sp") == live.networks.len() && count("sv") == attached).then_some(())
    });
    containers_agree(engine, &live, what);
}

fn containers_agree(engine: &LinuxEngine, live: &Live, what: &str) {
    let list = engine.list(Some(STACK)).expect("list");
    assert!(list.iter().map(|one| &one.id).eq(live.containers.keys()), "{what}");
    // The others may be ending at this very moment.
    let lasting = |one: &ContainerStatus| one.command.contains(&"sleep".to_owned());
    for one in list.into_iter().filter(lasting) {
        assert_eq!(one.pid.is_some(), one.state.is_running(), "{what}\n{one:?}");
        let Some(pid) = one.pid else { continue };
        let inside = interfaces(&pid.to_string()).into_iter().filter(|name| name.starts_with("eth"));
        assert_eq!(inside.count(), one.spec.networks.len(), "{what}\n{}", one.id);
        assert_eq!(memory_limit(pid), one.spec.limits.memory, "{what}\n{}", one.id);
    }
}

/// Names of the interfaces that a process sees.
fn interfaces(process: &str) -> BTreeSet<String> {
    let text = fs::read_to_string(format!("/proc/{process}/net/dev")).expect("read the interfaces");
    text.lines().filter_map(|line| Some(line.split_once(':')?.0.trim().to_owned())).collect()
}

fn memory_limit(pid: i32) -> Option<u64> {
    let groups = fs::read_to_string(format!("/proc/{pid}/cgroup")).expect("read the cgroups");
    let v1 = groups.lines().find_map(|line| line.split_once(":memory:"));
    let v2 = groups.lines().find_map(|line| line.strip_prefix("0::"));
    let path = match (v1, v2) {
        (Some((_, path)), _) => format!("/sys/fs/cgroup/memory{path}/memory.limit_in_bytes"),
        (None, Some(path)) => format!("/sys/fs/cgroup{path}/memory.max"),
        (None, None) => panic!("{pid} is in no cgroup"),
    };
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}")).trim().parse().ok()
}
