//! A change replaces exactly what it must, and the plan says why.

use e2e::Host;

const PAIR: &str = "
name: pair
services:
  a:
    image: busybox
    command: sleep 1000
    init: true
    environment: {MODE: dev, PASSWORD: hunter2}
  b:
    image: busybox
    command: sleep 1000
    init: true
    depends_on: [a]
";

#[test]
fn a_changed_variable_replaces_that_service_only_and_is_named() {
    let Some(host) = Host::with_busybox() else { return };
    let project = host.project("pair", PAIR);
    project.up();
    let (a, b) = (project.pid("pair-a-1"), project.pid("pair-b-1"));
    project.edit("MODE: dev", "MODE: prod");
    project
        .sampan(["plan", "--exit-code"])
        .exits(2)
        .says("MODE")
        .says("dev")
        .says("prod")
        .does_not_say("pair-b-1");
    project.up();
    assert_ne!(project.pid("pair-a-1"), a);
    assert_eq!(project.pid("pair-b-1"), b);
    project.exec("a", "echo $MODE").succeeds().says("prod");
    project.down();
}

#[test]
fn a_plan_does_not_tell_secrets() {
    let Some(host) = Host::with_busybox() else { return };
    let project = host.project("pair", PAIR);
    project.up();
    project.edit("hunter2", "hunter3");
    project.sampan(["plan"]).succeeds().says("PASSWORD").does_not_say("hunter2").does_not_say("hunter3");
    project.down();
}

#[test]
fn plan_and_dry_run_change_nothing() {
    let Some(host) = Host::with_busybox() else { return };
    let project = host.project("pair", PAIR);
    project.sampan(["plan"]).succeeds().says("pair-a-1");
    project.sampan(["up", "--dry-run"]).succeeds().says("pair-a-1");
    host.is_clean();
    let plan = project.sampan(["plan", "--json"]).succeeds().json();
    assert_eq!(plan["stack"], "pair");
    assert!(plan["steps"].as_array().is_some_and(|steps| !steps.is_empty()), "{plan}");
}

#[test]
fn scaling_touches_only_the_difference() {
    let Some(host) = Host::with_busybox() else { return };
    let project = host.project("pair", PAIR);
    project.up();
    let a = project.pid("pair-a-1");
    project.sampan(["up", "-d", "--scale", "a=3"]).succeeds();
    assert_eq!(project.pid("pair-a-1"), a);
    assert_eq!(project.state("pair-a-3").as_deref(), Some("running"));
    project.sampan(["up", "-d", "--scale", "a=2", "-t", "1"]).succeeds();
    assert_eq!(project.state("pair-a-3"), None);
    assert_eq!(project.pid("pair-a-1"), a);
    project.down();
}

#[test]
fn a_service_that_left_the_file_is_shown_and_removed_on_request() {
    let Some(host) = Host::with_busybox() else { return };
    let project = host.project("pair", PAIR);
    project.up();
    let without = PAIR.split("  b:").next().expect("the file has a service b").to_owned();
    project.write("compose.yaml", &without);
    project.up().says("pair-b-1");
    assert_eq!(project.state("pair-b-1").as_deref(), Some("running"));
    project.sampan(["up", "-d", "--remove-orphans", "-t", "1"]).succeeds();
    assert_eq!(project.state("pair-b-1"), None);
    project.down();
}

#[test]
fn a_new_image_under_the_same_name_replaces_its_containers() {
    let Some(host) = Host::with_busybox() else { return };
    let project = host.project("pair", PAIR);
    project.up();
    let a = project.pid("pair-a-1");
    host.shell(&format!(
        "mkdir -p {0} && cp /bin/busybox {0}/sleep && tar -C {0} -cf {0}.tar .",
        project.folder().join("r").display()
    ))
    .succeeds();
    project.sampan(["image", "import", "r.tar", "busybox"]).succeeds();
    project.sampan(["plan"]).succeeds().says("image");
    project.edit("command: sleep 1000", "command: /sleep 1000");
    project.sampan(["up", "-d", "-t", "1"]).succeeds();
    assert_ne!(project.pid("pair-a-1"), a);
    project.down();
}

#[test]
fn a_changed_network_takes_its_containers_along() {
    let Some(host) = Host::with_busybox() else { return };
    let project = host.project("pair", PAIR);
    project.up();
    project.write(
        "compose.yaml",
        &format!("{PAIR}networks: {{default: {{ipam: {{config: [{{subnet: 172.31.9.0/24}}]}}}}}}\n"),
    );
    project.sampan(["plan", "--exit-code"]).exits(2).says("pair_default").says("172.31.9.0/24");
    project.sampan(["up", "-d", "-t", "1"]).succeeds();
    project.exec("a", "ip route").succeeds().says("172.31.9.0/24");
    project.down();
}
