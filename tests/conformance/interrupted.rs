//! A plan that is interrupted after any of its steps, planned again and brought to its end.

use super::Case;
use super::bench::{Bench, stack};
use planner::goal::{UpOptions, Verb};
use planner::plan::render;
use planner::{Goal, world};

pub(super) const CASES: &[Case] = &[
    ("an interrupted first up converges", first),
    ("an interrupted change converges", change),
    ("an interrupted update goes on or is taken back", update),
];

const BEFORE: &str = "
services:
  job: {image: busybox, command: 'true', init: true, environment: {MODE: a}}
  db:
    image: busybox
    command: sleep 1000
    init: true
    volumes: ['data:/data']
    healthcheck: {test: 'true', interval: 50ms}
  web:
    image: busybox
    command: sleep 1000
    init: true
    depends_on:
      job: {condition: service_completed_successfully}
      db: {condition: service_healthy}
volumes: {data: }
networks: {default: }
";

fn up() -> Goal {
    Goal::all(Verb::Up(UpOptions { wait: true, remove_orphans: true, ..UpOptions::default() }))
}

/// Does the first `most` steps of a plan as the model does them; `false` when there are fewer.
fn begin(bench: &mut Bench, text: &str, most: usize) -> bool {
    let plan = bench.plan(&stack(text), &up());
    for node in plan.nodes.iter().take(most) {
        world::enact(&mut bench.model, &node.step).expect("the model allows what is planned");
        bench.enact(&node.step).unwrap_or_else(|error| panic!("{}: {}", node.step, error.chain()));
    }
    most < plan.nodes.len()
}

fn finish(bench: &mut Bench, text: &str) {
    let stack = stack(text);
    bench.apply(&bench.plan(&stack, &up()));
    let again = bench.plan(&stack, &up());
    assert!(again.nodes.is_empty(), "a second plan is not empty:\n{}", render::steps(&again));
    bench.model = bench.observe();
}

fn first(bench: &mut Bench) {
    for most in 0.. {
        let more = begin(bench, BEFORE, most);
        finish(bench, BEFORE);
        bench.clear();
        if !more {
            break;
        }
    }
}

/// One service is replaced, one updated, one goes, and the network is made anew.
fn change(bench: &mut Bench) {
    let after = BEFORE
        .replace("MODE: a", "MODE: b")
        .replace("    init: true\n    volumes", "    init: true\n    mem_limit: 32m\n    volumes")
        .replace("networks: {default: }", "networks: {default: {internal: true}}");
    for most in 0.. {
        begin(bench, BEFORE, usize::MAX);
        let more = begin(bench, &after, most);
        finish(bench, &after);
        bench.clear();
        if !more {
            break;
        }
    }
}

const ROLLED: &str = "
services:
  web:
    image: busybox
    command: httpd -f -p 80 -h /etc
    init: true
    environment: {MODE: a}
    ports: ['8080:80']
    deploy: {replicas: 2, update_config: {order: start-first, monitor: 20ms, failure_action: rollback}}
";

fn update(bench: &mut Bench) {
    let after = ROLLED.replace("MODE: a", "MODE: b");
    for most in 0.. {
        begin(bench, ROLLED, usize::MAX);
        let more = begin(bench, &after, most);
        // Every second time the file is as before again.
        finish(bench, if most % 2 == 0 { &after } else { ROLLED });
        bench.clear();
        if !more {
            break;
        }
    }
}
