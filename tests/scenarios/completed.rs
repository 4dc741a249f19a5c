//! What has done its work.

use e2e::Host;

const YAML: &str = "
name: done
services:
  migrate:
    image: busybox
    command: [sh, -c, 'echo once >>/data/runs']
    volumes: ['data:/data']
    networks: [back]
  web:
    image: busybox
    command: sleep 1000
    init: true
    networks: [back]
    depends_on: {migrate: {condition: service_completed_successfully}}
networks: {back: {}}
volumes: {data: {}}
";

#[test]
fn a_migration_does_not_run_again_because_its_network_is_made_anew() {
    let Some(host) = Host::with_busybox() else { return };
    let project = host.project("done", YAML);
    project.up();
    let runs = || std::fs::read_to_string(host.root().join("volumes/done_data/data/runs")).expect("it ran");
    let address = || project.exec("web", "ip -4 addr show eth0").succeeds().stdout;
    assert_eq!(runs(), "once\n");
    project.edit("back: {}", "back: {ipam: {config: [{subnet: 10.231.7.0/24}]}}");
    project.up().says("done-web-1").does_not_say("done-migrate-1");
    assert!(address().contains("10.231.7."), "{}", address());
    assert_eq!(runs(), "once\n");
    project.sampan(["plan", "--exit-code"]).exits(0);
    // Asked for, it runs, on the network that there is now.
    project.sampan(["start", "migrate"]).succeeds();
    e2e::eventually("it ran", || (runs() == "once\nonce\n").then_some(()));
    project.down();
}

#[test]
fn what_restarts_for_ever_has_completed_when_it_once_succeeded() {
    let Some(host) = Host::with_busybox() else { return };
    let migrate = YAML
        .replace("image: busybox\n    command: [sh", "image: busybox\n    restart: always\n    command: [sh");
    let project = host.project("done", &migrate);
    project.up().says("compose.yaml:").says("`migrate` does not stay completed").says("done-web-1");
    assert_eq!(project.state("done-web-1").as_deref(), Some("running"));
    project.down();
}
