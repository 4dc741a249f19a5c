//! Containers that end badly are told about; restart policies are obeyed.

use e2e::{Host, eventually};

#[test]
fn a_restart_policy_starts_the_program_again_and_keeps_its_address() {
    let Some(host) = Host::with_busybox() else { return };
    let yaml = "
name: again
services:
  a:
    image: busybox
    command: [sh, -c, 'hostname -i >> /count; echo run; [ $(wc -l < /count) -ge 3 ] && sleep 1000; exit 1']
    init: true
    restart: on-failure
";
    let project = host.project("again", yaml);
    project.up();
    eventually("the third run lasts", || {
        let count = project.exec("a", "wc -l < /count; sort -u /count | wc -l");
        (count.stdout.split_whitespace().collect::<Vec<_>>() == ["3", "1"]).then_some(())
    });
    project.down();
}

#[test]
fn retries_have_a_limit() {
    let Some(host) = Host::with_busybox() else { return };
    let yaml = "
name: limit
services:
  a: {image: busybox, command: 'sh -c \"echo run; exit 4\"', restart: 'on-failure:2'}
";
    let project = host.project("limit", yaml);
    project.up();
    eventually("it gives up", || project.state("limit-a-1").filter(|state| state == "exited"));
    let runs = project.sampan(["logs", "--no-log-prefix"]).succeeds().stdout;
    assert_eq!(runs.lines().filter(|line| line.ends_with("run")).count(), 3, "{runs}");
    project.down();
}

#[test]
fn a_program_that_does_not_exist_is_a_clear_failure() {
    let Some(host) = Host::with_busybox() else { return };
    let yaml = "
name: none
services:
  a: {image: busybox, command: /no/such/program}
  b: {image: busybox, command: sleep 1000, init: true}
";
    let project = host.project("none", yaml);
    project.sampan(["up", "-d"]).exits(1).says("none-a-1").says("/no/such/program");
    assert_eq!(project.state("none-b-1").as_deref(), Some("running"));
    project.down();
}

#[test]
fn wait_fails_with_the_last_lines_of_a_container_that_ends() {
    let Some(host) = Host::with_busybox() else { return };
    let yaml = "
name: ends
services:
  a:
    image: busybox
    command: 'sh -c \"echo the reason; sleep 0.2; exit 9\"'
    healthcheck: {test: exit 1, interval: 10s}
";
    let project = host.project("ends", yaml);
    project.sampan(["up", "--wait"]).exits(1).says("exited with code 9").says("the reason");
    project.down();
}

#[test]
fn a_one_shot_counts_as_ready_when_it_ends_well() {
    let Some(host) = Host::with_busybox() else { return };
    let yaml = "
name: once
services:
  a: {image: busybox, command: 'true'}
";
    let project = host.project("once", yaml);
    project.sampan(["up", "--wait"]).succeeds();
    project.down();
}
