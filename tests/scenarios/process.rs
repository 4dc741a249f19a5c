//! What a stack asks of the kernel for a process is what the kernel says of it.

use e2e::{Host, eventually};

const SETTINGS: &str = "
name: proc
services:
  a:
    image: busybox
    command: sleep 1000
    init: true
    user: '1000'
    hostname: web
    domainname: example.org
    group_add: [nogroup, 4321]
    oom_score_adj: 321
    annotations: {note: first}
    sysctls:
      net.core.somaxconn: 77
      kernel.shmmax: '123456'
      net/ipv4/ip_unprivileged_port_start: '80'
";

#[test]
fn names_groups_settings_and_oom_score_are_those_of_the_file() {
    let Some(host) = Host::with_busybox() else { return };
    let project = host.project("proc", SETTINGS);
    project.up();
    let pid = project.pid("proc-a-1");
    let read = |path: &str| project.exec("a", &format!("cat {path}")).succeeds().stdout.trim().to_owned();
    assert_eq!(read("/proc/sys/kernel/domainname"), "example.org");
    assert!(read("/etc/hosts").ends_with("\tweb.example.org web"), "{}", read("/etc/hosts"));
    assert_eq!(read("/proc/sys/net/core/somaxconn"), "77");
    assert_eq!(read("/proc/sys/kernel/shmmax"), "123456");
    assert_eq!(read("/proc/sys/net/ipv4/ip_unprivileged_port_start"), "80");
    let outside = |path: &str| host.shell(&format!("cat {path}")).succeeds().stdout.trim().to_owned();
    assert_ne!(outside("/proc/sys/kernel/domainname"), "example.org", "the host keeps its own");
    assert_eq!(outside(&format!("/proc/{pid}/oom_score_adj")), "321");
    // The program below init, and one more process, have them too.
    let status = "grep -h Groups: /proc/[0-9]*/status | sort -u";
    let groups = project.exec("a", status).succeeds().stdout;
    assert_eq!(groups.split_whitespace().collect::<Vec<_>>(), ["Groups:", "0", "4321", "65534"]);
    assert_eq!(read("/proc/self/oom_score_adj"), "321");
    project.down();
}

#[test]
fn an_annotation_changes_in_place_and_a_group_replaces() {
    let Some(host) = Host::with_busybox() else { return };
    let project = host.project("proc", SETTINGS);
    project.up();
    let pid = project.pid("proc-a-1");
    project.edit("note: first", "note: second");
    project.sampan(["plan"]).succeeds().says("annotations.note: first → second");
    project.up();
    assert_eq!(project.pid("proc-a-1"), pid, "no restart");
    project.sampan(["plan", "--exit-code"]).exits(0);
    project.edit("[nogroup, 4321]", "[4321]");
    project.sampan(["plan", "--exit-code"]).exits(2).says("group_add: 4321, nogroup → 4321");
    project.up();
    assert_ne!(project.pid("proc-a-1"), pid);
    project.down();
}

#[test]
fn settings_of_the_whole_machine_and_groups_that_are_not_there_are_refused() {
    let Some(host) = Host::with_busybox() else { return };
    let project = host.project("proc", SETTINGS);
    project.edit("kernel.shmmax", "vm.overcommit_memory");
    project.sampan(["up", "-d"]).exits(15).says("vm.overcommit_memory").says("whole machine");
    project.edit("vm.overcommit_memory", "net.core.nothing");
    project.sampan(["up", "-d"]).exits(1).says("/proc/sys/net/core/nothing");
    project.edit("net.core.nothing", "kernel.shmmax");
    project.edit("nogroup, ", "nobodys, ");
    project.sampan(["up", "-d"]).exits(1).says("there is no group `nobodys` in the image");
    project.down();
}

#[test]
fn a_container_is_started_again_as_often_and_as_soon_as_the_file_says() {
    let Some(host) = Host::with_busybox() else { return };
    let yaml = "
name: proc
services:
  a:
    image: busybox
    command: echo run
    deploy: {restart_policy: {condition: any, delay: 1ms, max_attempts: 3}}
  slow:
    image: busybox
    command: 'false'
    deploy: {restart_policy: {condition: on-failure, delay: 1h}}
";
    let project = host.project("proc", yaml);
    project.up();
    eventually("its attempts were used up", || project.state("proc-a-1").filter(|state| state == "exited"));
    let logs = project.sampan(["logs", "--no-log-prefix", "a"]).succeeds().stdout;
    assert_eq!(logs.lines().filter(|line| *line == "run").count(), 4, "once, and three times again:\n{logs}");
    eventually("the other one waits", || project.state("proc-slow-1").filter(|state| state == "restarting"));
    project.edit("delay: 1h", "delay: 2h");
    project.sampan(["plan"]).succeeds().says("deploy.restart_policy.delay: 60m → 120m");
    project.down();
}

#[test]
fn a_process_whose_name_is_no_text_is_one_like_any_other() {
    let Some(host) = Host::with_busybox() else { return };
    let yaml = r#"
name: named
services:
  a:
    image: busybox
    command: ['sh', '-c', 'printf "\377) Z 1" > /proc/1/comm; while :; do sleep 1; done']
    stop_signal: KILL
"#;
    let project = host.project("named", yaml);
    project.up();
    let pid = project.pid("named-a-1");
    let look = format!("LC_ALL=C grep -qx '.) Z 1' /proc/{pid}/comm");
    eventually("it has its name", || (host.shell(&look).code == 0).then_some(()));
    assert_eq!(project.state("named-a-1").as_deref(), Some("running"));
    project.sampan(["top"]).succeeds().says("while :");
    project.exec("a", "true").succeeds();
    project.up();
    assert_eq!(project.pid("named-a-1"), pid, "nothing was to be done");
    project.down();
}
