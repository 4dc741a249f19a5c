//! `depends_on` with all three conditions decides who starts when.

use e2e::Host;

const CHAIN: &str = "
name: chain
services:
  web:
    image: busybox
    command: [sh, -c, 'cat /shared/ready /shared/done; sleep 1000']
    init: true
    volumes: [shared:/shared]
    depends_on:
      store: {condition: service_healthy}
      migrate: {condition: service_completed_successfully}
  store:
    image: busybox
    command: [sh, -c, 'sleep 0.3; echo store is ready > /shared/ready; sleep 1000']
    init: true
    volumes: [shared:/shared]
    healthcheck: {test: test -e /shared/ready, interval: 50ms, retries: 100}
  migrate:
    image: busybox
    command: [sh, -c, 'sleep 0.2; echo migrated > /shared/done']
    volumes: [shared:/shared]
    depends_on:
      store: {condition: service_started}
volumes:
  shared:
";

#[test]
fn a_service_starts_when_its_dependencies_are_healthy_and_completed() {
    let Some(host) = Host::with_busybox() else { return };
    let project = host.project("chain", CHAIN);
    project.sampan(["up", "--wait"]).succeeds();
    project.sampan(["logs", "web"]).succeeds().says("store is ready").says("migrated");
    assert_eq!(project.state("chain-migrate-1").as_deref(), Some("exited"));
    project.down();
}

#[test]
fn a_completed_one_shot_is_not_run_again() {
    let Some(host) = Host::with_busybox() else { return };
    let project = host.project("chain", CHAIN);
    project.sampan(["up", "--wait"]).succeeds();
    project.sampan(["plan", "--exit-code"]).exits(0).says("completed");
    project.down();
}

#[test]
fn a_failing_dependency_stops_only_those_who_need_it() {
    let Some(host) = Host::with_busybox() else { return };
    let yaml = "
name: part
services:
  web:
    image: busybox
    command: sleep 1000
    init: true
    depends_on: {migrate: {condition: service_completed_successfully}}
  migrate:
    image: busybox
    command: [sh, -c, 'echo the schema is broken; exit 3']
  other:
    image: busybox
    command: sleep 1000
    init: true
";
    let project = host.project("part", yaml);
    let output = project.sampan(["up", "-d"]).exits(1);
    output.says("part-migrate-1").says("exited with code 3").says("the schema is broken");
    assert_eq!(project.state("part-other-1").as_deref(), Some("running"));
    assert_ne!(project.state("part-web-1").as_deref(), Some("running"));
    project.down();
}

#[test]
fn an_unhealthy_dependency_is_reported_with_the_output_of_its_probe() {
    let Some(host) = Host::with_busybox() else { return };
    let yaml = "
name: sick
services:
  web:
    image: busybox
    command: sleep 1000
    init: true
    depends_on: {store: {condition: service_healthy}}
  store:
    image: busybox
    command: sleep 1000
    init: true
    healthcheck: {test: 'echo no goods today; exit 1', interval: 50ms, retries: 2}
";
    let project = host.project("sick", yaml);
    project.sampan(["up", "-d"]).exits(1).says("unhealthy").says("no goods today");
    project.down();
}

#[test]
fn waiting_has_an_end_when_the_user_says_so() {
    let Some(host) = Host::with_busybox() else { return };
    let yaml = "
name: slow
services:
  a:
    image: busybox
    command: sleep 1000
    init: true
    healthcheck: {test: exit 1, interval: 100ms, retries: 100000}
";
    let project = host.project("slow", yaml);
    project.sampan(["up", "--wait", "--wait-timeout", "1"]).exits(1).says("slow-a-1");
    project.down();
}

#[test]
fn stopping_goes_against_the_arrows() {
    let Some(host) = Host::with_busybox() else { return };
    let yaml = "
name: order
services:
  web:
    image: busybox
    command: [sh, -c, 'trap \"touch /shared/web; exit 0\" TERM; while :; do sleep 0.05; done']
    volumes: [shared:/shared]
    depends_on: [store]
  store:
    image: busybox
    command: [sh, -c, 'trap \"touch /shared/store; exit 0\" TERM; while :; do sleep 0.05; done']
    volumes: [shared:/shared]
volumes:
  shared:
";
    let project = host.project("order", yaml);
    project.up();
    std::thread::sleep(std::time::Duration::from_millis(300));
    project.sampan(["stop"]).succeeds();
    let data = host.root().join("volumes/order_shared/data");
    let time = |name: &str| {
        let file = std::fs::metadata(data.join(name)).expect("both shells left a file");
        file.modified().expect("files have a time")
    };
    assert!(time("web") < time("store"), "the dependent stops first");
    project.down();
}

#[test]
fn a_dependency_that_is_not_required_may_fail() {
    let Some(host) = Host::with_busybox() else { return };
    let yaml = "
name: lax
services:
  web:
    image: busybox
    command: sleep 1000
    init: true
    depends_on: {warm: {condition: service_completed_successfully, required: false}}
  warm:
    image: busybox
    command: [sh, -c, 'exit 3']
";
    let project = host.project("lax", yaml);
    project.up().says("lax-warm-1 exited with code 3; it is not required");
    assert_eq!(project.state("lax-web-1").as_deref(), Some("running"));
    project.down();
}
