//! The clock of the machine is set while containers run.

use e2e::{Host, Project, eventually, skip};

/// Set where the whole machine is the test's own.
const OWN: &str = "SAMPAN_TEST_OWN_MACHINE";

const YAML: &str = "
name: clock
services:
  probed:
    image: busybox
    command: sleep 100000
    init: true
    healthcheck: {test: 'echo >> /dev/shm/probes', interval: 1s, timeout: 10m, retries: 1}
  again:
    image: busybox
    command: echo again
    deploy: {restart_policy: {condition: any, delay: 1s}}
";

/// Probes of the one, runs of the other.
fn counts(project: &Project<'_>) -> [usize; 2] {
    let probes = project.exec("probed", "wc -l < /dev/shm/probes").stdout.trim().parse().unwrap_or(0);
    let runs = project.sampan(["logs", "--no-log-prefix", "again"]).succeeds().stdout.lines().count();
    [probes, runs]
}

#[test]
fn setting_the_clock_hurries_nothing_and_holds_nothing_up() {
    let Some(host) = Host::with_busybox() else { return };
    if std::env::var_os(OWN).is_none() {
        return skip("the clock is that of others too");
    }
    let project = host.project("clock", YAML);
    project.up();
    let pid = project.pid("clock-probed-1");
    for jump in ["+2 days", "-4 days", "+2 days"] {
        let before = counts(&project);
        host.shell(&format!("date -s '{jump}'")).succeeds();
        let after = counts(&project);
        let hurried = before.iter().zip(after).any(|(before, after)| after > before + 600);
        assert!(!hurried, "{before:?} and at once {after:?}");
        eventually("both go on", || {
            counts(&project).iter().zip(after).all(|(now, then)| *now > then + 2).then_some(())
        });
        project.sampan(["ps"]).succeeds().says("healthy");
        project.sampan(["up", "-d", "--wait", "probed"]).succeeds();
        assert_eq!(project.pid("clock-probed-1"), pid, "nothing was to be done");
    }
    project.sampan(["down", "-t", "0"]).succeeds();
    host.is_clean();
}
