//! Limits are in the kernel, change in place, and a kill for lack of memory is not silent.

use e2e::{Host, eventually};

const LIMITED: &str = "
name: lim
services:
  a:
    image: busybox
    command: sleep 1000
    init: true
    memswap_limit: 48M
    deploy:
      resources:
        limits: {memory: 32M, cpus: '0.5', pids: 40}
";

#[test]
fn limits_are_what_the_kernel_enforces() {
    let Some(host) = Host::with_busybox() else { return };
    let project = host.project("lim", LIMITED);
    project.up();
    let pid = project.pid("lim-a-1");
    let memory = project.cgroup(pid, "memory", "memory.limit_in_bytes", "memory.max");
    assert_eq!(memory, (32 << 20).to_string());
    assert_eq!(project.cgroup(pid, "pids", "pids.max", "pids.max"), "40");
    let cpu = project.cgroup(pid, "cpu", "cpu.cfs_quota_us", "cpu.max");
    assert!(cpu.starts_with("50000"), "{cpu}");
    project.down();
}

#[test]
fn a_memory_limit_changes_in_place_without_a_restart() {
    let Some(host) = Host::with_busybox() else { return };
    let project = host.project("lim", LIMITED);
    project.up();
    let pid = project.pid("lim-a-1");
    for (from, to, bytes) in
        [("memory: 32M", "memory: 40M", 40 << 20), ("memory: 40M", "memory: 24M", 24 << 20)]
    {
        project.edit(from, to);
        project.sampan(["plan", "--exit-code"]).exits(2).says("deploy.resources.limits.memory");
        project.up();
        assert_eq!(project.pid("lim-a-1"), pid, "no restart");
        let memory = project.cgroup(pid, "memory", "memory.limit_in_bytes", "memory.max");
        assert_eq!(memory, bytes.to_string());
    }
    project.sampan(["plan", "--exit-code"]).exits(0);
    project.down();
}

#[test]
fn a_kill_for_lack_of_memory_names_the_limit() {
    let Some(host) = Host::with_busybox() else { return };
    let yaml = "
name: oom
services:
  a:
    image: busybox
    command: [sh, -c, 'echo filling; tail /dev/zero']
    mem_limit: 8M
    memswap_limit: 8M
";
    let project = host.project("oom", yaml);
    project.up();
    eventually("it was killed", || project.state("oom-a-1").filter(|state| state == "exited"));
    project.sampan(["ps", "-a"]).succeeds().says("(137)").says("memory");
    project.sampan(["logs"]).succeeds().says("filling").says("limit 8");
    project.down();
}

#[test]
fn a_fork_bomb_ends_at_the_limit_of_tasks() {
    let Some(host) = Host::with_busybox() else { return };
    let yaml = "
name: forks
services:
  a: {image: busybox, command: sleep 1000, init: true, pids_limit: 20}
";
    let project = host.project("forks", yaml);
    project.up();
    project.exec("a", "i=0; while [ $i -lt 60 ]; do sleep 5 & i=$((i+1)); done").says("can't fork");
    project.down();
}
