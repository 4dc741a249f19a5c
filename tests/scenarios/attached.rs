//! `up` that stays: whose output it shows, which end ends it, and its exit code.

use e2e::Host;

const CI: &str = "
name: ci
services:
  web:
    image: busybox
    command: sh -c 'echo web is here; exec sleep 1000'
    init: true
  quiet:
    image: busybox
    command: sh -c 'echo nobody reads this; exec sleep 1000'
    init: true
    attach: false
  tests:
    image: busybox
    command: sh -c 'echo testing; exit 7'
    depends_on: [web, quiet]
";

#[test]
fn the_end_of_the_tests_ends_all_with_their_exit_code() {
    let Some(host) = Host::with_busybox() else { return };
    let project = host.project("ci", CI);
    let output = project.sampan(["up", "--exit-code-from", "tests"]).exits(7).says("exited with code 7");
    assert!(output.stdout.contains("testing") && output.stdout.contains("web is here"), "{}", output.stdout);
    assert!(!output.stdout.contains("nobody reads this"), "{}", output.stdout);
    assert_eq!(project.state("ci-web-1").as_deref(), Some("exited"));
    project.sampan(["up", "--abort-on-container-exit"]).exits(7);
    assert_eq!(project.state("ci-web-1").as_deref(), Some("exited"));
    project.down();
}

#[test]
fn only_a_failure_ends_all_when_that_is_asked() {
    let Some(host) = Host::with_busybox() else { return };
    let project = host.project("ci", CI);
    project
        .edit("depends_on: [web, quiet]", "depends_on: {good: {condition: service_completed_successfully}}");
    project.edit("  tests:", "  good:\n    image: busybox\n    command: 'true'\n  tests:");
    project.sampan(["up", "--abort-on-container-failure"]).exits(7);
    assert_eq!(project.state("ci-web-1").as_deref(), Some("exited"));
    project.down();
}

#[test]
fn output_is_that_of_the_services_that_are_named() {
    let Some(host) = Host::with_busybox() else { return };
    let project = host.project("ci", CI);
    let shown = |args: &[&str]| {
        let all = [&["up", "--exit-code-from", "tests"], args].concat();
        let stdout = project.sampan(all).exits(7).stdout;
        project.sampan(["down", "-t", "1"]).succeeds();
        ["web is here", "nobody reads this", "testing"].map(|text| stdout.contains(text))
    };
    assert_eq!(shown(&["--attach", "tests"]), [false, false, true]);
    assert_eq!(shown(&["--no-attach", "web"]), [false, false, true]);
    host.is_clean();
}

#[test]
fn a_service_that_is_not_there_is_told_before_anything_starts() {
    let Some(host) = Host::with_busybox() else { return };
    let project = host.project("ci", CI);
    for option in ["--exit-code-from", "--attach", "--no-attach"] {
        project.sampan(["up", option, "nobody"]).exits(1).says("no service `nobody`").says("tests");
    }
    project.sampan(["up", "-d", "--exit-code-from", "tests"]).exits(2);
    host.is_clean();
}

#[test]
fn scale_makes_and_takes_containers_of_one_service() {
    let Some(host) = Host::with_busybox() else { return };
    let project = host.project("ci", CI);
    project.sampan(["up", "-d", "web"]).succeeds();
    let first = project.pid("ci-web-1");
    project.sampan(["scale", "web=3"]).succeeds();
    assert_eq!(project.state("ci-web-3").as_deref(), Some("running"));
    project.sampan(["scale", "web=1"]).succeeds();
    assert_eq!((project.pid("ci-web-1"), project.state("ci-web-2")), (first, None));
    project.sampan(["scale", "nobody=1"]).exits(1).says("no service `nobody`");
    project.sampan(["scale", "web"]).exits(2).says("SERVICE=NUMBER");
    project.down();
}
