//! A stack comes up, stays, stops, starts and goes down, and leaves nothing.

use e2e::{Host, eventually};

const TWO: &str = "
name: two
services:
  a:
    image: busybox
    command: sleep 1000
    init: true
  b:
    image: busybox
    command: sleep 1000
    init: true
    deploy: {replicas: 2}
";

#[test]
fn up_starts_every_replica_and_down_leaves_nothing() {
    let Some(host) = Host::with_busybox() else { return };
    let project = host.project("two", TWO);
    project.up();
    for container in ["two-a-1", "two-b-1", "two-b-2"] {
        let pid = project.pid(container);
        let line = host.shell(&format!("tr '\\0' ' ' < /proc/{pid}/root/proc/2/cmdline")).stdout;
        assert_eq!(line.trim(), "sleep 1000", "the program runs below its init in its own pid namespace");
    }
    project.down();
}

#[test]
fn up_of_an_unchanged_stack_changes_nothing() {
    let Some(host) = Host::with_busybox() else { return };
    let project = host.project("two", TWO);
    project.up();
    let before = [project.pid("two-a-1"), project.pid("two-b-1"), project.pid("two-b-2")];
    project.sampan(["plan", "--exit-code"]).exits(0);
    project.up().says("up to date");
    assert_eq!(before, [project.pid("two-a-1"), project.pid("two-b-1"), project.pid("two-b-2")]);
    project.down();
}

#[test]
fn stop_and_start_keep_the_writable_layer() {
    let Some(host) = Host::with_busybox() else { return };
    let project = host.project("two", TWO);
    project.up();
    project.exec("a", "echo kept > /note").succeeds();
    project.sampan(["stop"]).succeeds();
    assert_eq!(project.state("two-a-1").as_deref(), Some("exited"));
    project.sampan(["start"]).succeeds();
    project.exec("a", "cat /note").succeeds().says("kept");
    project.down();
}

#[test]
fn restart_gives_every_container_a_new_process() {
    let Some(host) = Host::with_busybox() else { return };
    let project = host.project("two", TWO);
    project.up();
    let before = project.pid("two-a-1");
    project.sampan(["restart", "-t", "1", "a"]).succeeds();
    assert_ne!(before, project.pid("two-a-1"));
    project.down();
}

#[test]
fn named_services_are_all_that_is_touched() {
    let Some(host) = Host::with_busybox() else { return };
    let project = host.project("two", TWO);
    project.sampan(["up", "-d", "a"]).succeeds();
    assert_eq!(project.state("two-b-1"), None);
    project.up();
    project.sampan(["stop", "b"]).succeeds();
    assert_eq!(project.state("two-a-1").as_deref(), Some("running"));
    assert_eq!(project.state("two-b-2").as_deref(), Some("exited"));
    project.down();
}

#[test]
fn kill_sends_the_signal_to_the_first_process() {
    let Some(host) = Host::with_busybox() else { return };
    let yaml = "
name: sig
services:
  a:
    image: busybox
    command: [sh, -c, 'trap \"echo got it; exit 7\" USR1; while :; do sleep 0.1; done']
";
    let project = host.project("sig", yaml);
    project.up();
    eventually("the shell has set its trap", || {
        let pid = project.pid("sig-a-1");
        let caught = host.shell(&format!("grep SigCgt /proc/{pid}/status")).stdout;
        caught
            .trim_end()
            .ends_with(|digit: char| digit != '0')
            .then_some(())
            .or(caught.contains("2").then_some(()))
    });
    project.sampan(["kill", "-s", "USR1"]).succeeds();
    eventually("the container ended", || project.state("sig-a-1").filter(|state| state == "exited"));
    project.sampan(["ps", "-a"]).succeeds().says("(7)");
    project.sampan(["logs"]).succeeds().says("got it");
    project.down();
}

#[test]
fn a_first_process_that_ignores_the_stop_signal_is_named_as_the_reason_for_the_wait() {
    let Some(host) = Host::with_busybox() else { return };
    let yaml = "
name: deaf
services:
  a:
    image: busybox
    command: sleep 1000
    stop_grace_period: 1200ms
";
    let project = host.project("deaf", yaml);
    project.up();
    project.sampan(["stop"]).succeeds().says("ignores SIGTERM");
    project.down();
}

#[test]
fn several_stacks_do_not_disturb_each_other() {
    let Some(host) = Host::with_busybox() else { return };
    let one = host.project("one", TWO.replace("name: two", "name: one").as_str());
    let two = host.project("two", TWO);
    one.up();
    two.up();
    let pid = two.pid("two-a-1");
    one.sampan(["down", "-v", "-t", "1"]).succeeds();
    assert_eq!(pid, two.pid("two-a-1"));
    two.sampan(["ls"]).succeeds().says("two").does_not_say("one");
    two.down();
}

#[test]
fn down_needs_no_stack_file() {
    let Some(host) = Host::with_busybox() else { return };
    host.project("two", TWO).up();
    host.sampan(["-p", "two", "down", "-v", "-t", "1"]).succeeds();
    host.is_clean();
}

#[test]
fn two_roots_on_one_host_do_not_see_each_other() {
    let Some(host) = Host::with_busybox() else { return };
    let project = host.project("two", TWO);
    project.up();
    let other = project.folder().join("other-root");
    let runtime = project.folder().join("other-run");
    let args = ["--root", other.to_str().unwrap(), "--runtime", runtime.to_str().unwrap()];
    let listed = project.sampan(args.into_iter().chain(["ps", "-a", "--json"])).succeeds().json();
    assert_eq!(listed.as_array().map(Vec::len), Some(0));
    project.sampan(args.into_iter().chain(["-p", "two", "down", "-v"])).succeeds();
    assert_eq!(project.state("two-a-1").as_deref(), Some("running"));
    project.down();
}

/// Whether the kernel lets the processes of a container stand still.
fn is_frozen(host: &Host, pid: u32) -> bool {
    let root = "$(awk '$3 == \"cgroup2\" {print $2; exit}' /proc/self/mounts)";
    let group = format!("$(sed -n 's/^0:://p' /proc/{pid}/cgroup)");
    let events = host.shell(&format!("cat {root}{group}/cgroup.events")).succeeds().stdout;
    events.lines().any(|line| line == "frozen 1")
}

#[test]
fn what_is_paused_stands_still_until_it_goes_on_or_is_stopped() {
    let Some(host) = Host::with_busybox() else { return };
    let project = host.project("two", TWO);
    project.up();
    let (a, b) = (project.pid("two-a-1"), project.pid("two-b-1"));
    project.sampan(["pause", "a"]).succeeds();
    assert!(is_frozen(&host, a) && !is_frozen(&host, b), "only what is named");
    assert_eq!(project.state("two-a-1").as_deref(), Some("paused"));
    project.exec("a", "true").exits(1).says("is paused").says("unpause");
    project.sampan(["up", "-d"]).succeeds().says("up to date");
    project.sampan(["pause"]).succeeds();
    assert!(is_frozen(&host, b));
    project.sampan(["unpause", "b"]).succeeds();
    assert!(is_frozen(&host, a) && !is_frozen(&host, b));
    project.sampan(["unpause"]).succeeds();
    project.exec("a", "echo goes on").succeeds().says("goes on");
    project.sampan(["pause"]).succeeds();
    project.sampan(["stop", "a"]).succeeds();
    assert_eq!(project.state("two-a-1").as_deref(), Some("exited"), "a stop lets it take the signal");
    project.sampan(["kill"]).succeeds();
    project.sampan(["start", "b"]).succeeds();
    assert!(!is_frozen(&host, project.pid("two-b-1")));
    project.sampan(["pause"]).succeeds();
    project.down();
}

#[test]
fn a_new_supervisor_knows_that_its_container_is_paused() {
    let Some(host) = Host::with_busybox() else { return };
    let project = host.project("two", TWO);
    project.sampan(["up", "-d", "a"]).succeeds();
    let pid = project.pid("two-a-1");
    project.sampan(["pause"]).succeeds();
    host.shell(&format!("kill -9 $(awk '/^PPid/ {{print $2}}' /proc/{pid}/status)")).succeeds();
    project.sampan(["start"]).succeeds();
    assert_eq!((project.pid("two-a-1"), project.state("two-a-1").as_deref()), (pid, Some("paused")));
    assert!(is_frozen(&host, pid));
    project.sampan(["unpause"]).succeeds();
    assert!(!is_frozen(&host, pid));
    project.down();
}

#[test]
fn rm_takes_what_has_ended_and_asks_first() {
    let Some(host) = Host::with_busybox() else { return };
    let project = host.project("two", TWO);
    project.up();
    project.sampan(["stop", "a"]).succeeds();
    project.sampan(["rm"]).exits(3).says("two-a-1 will be removed").says("--force");
    project.sampan(["rm", "-f"]).succeeds().says("1 container removed").says("2 containers running");
    assert_eq!(project.state("two-a-1"), None);
    assert_eq!(project.state("two-b-2").as_deref(), Some("running"));
    project.sampan(["rm", "-fs", "b"]).succeeds();
    assert_eq!(project.state("two-b-1"), None);
    project.down();
}
