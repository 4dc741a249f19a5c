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

const SHARED: &str = "
name: lim
services:
  a:
    image: busybox
    command: [sh, -c, 'sleep 1000 & sleep 1000']
    init: true
";

/// On a disk of this machine; `None` where it has none.
fn disk(host: &Host) -> Option<(String, String)> {
    let list = host.shell("lsblk -dnpo NAME,MAJ:MIN,SIZE,TYPE | awk '$3 != \"0B\" && $4 == \"disk\"'").stdout;
    let mut words = list.lines().next()?.split_whitespace().map(str::to_owned);
    Some((words.next()?, words.next()?))
}

#[test]
fn shares_quotas_reservations_and_cpus_come_and_go_while_it_runs() {
    let Some(host) = Host::with_busybox() else { return };
    let project = host.project("lim", SHARED);
    project.up();
    let pid = project.pid("lim-a-1");
    let limits = "init: true
    cpu_shares: 2048
    cpu_quota: 30000
    cpu_period: 50000
    cpuset: '0'
    mem_reservation: 16M";
    project.edit("init: true", limits);
    project.sampan(["plan"]).succeeds().says("cpu_shares: (none) → 2048").says("cpuset: (none) → 0");
    project.up();
    assert_eq!(project.pid("lim-a-1"), pid, "no restart");
    project.sampan(["plan", "--exit-code"]).exits(0);
    let kept = project.cgroup(pid, "memory", "memory.soft_limit_in_bytes", "memory.low");
    assert_eq!(kept, (16 << 20).to_string());
    let shares = project.cgroup(pid, "cpu", "cpu.shares", "cpu.weight");
    assert!(["2048", "79"].contains(&&*shares), "{shares}");
    let quota = project.cgroup(pid, "cpu", "cpu.cfs_quota_us", "cpu.max");
    assert!(["30000", "30000 50000"].contains(&&*quota), "{quota}");
    let allowed = "grep -h Cpus_allowed_list /proc/[0-9]*/status | sort -u";
    assert_eq!(project.exec("a", allowed).succeeds().stdout.trim(), "Cpus_allowed_list:\t0");
    // A container that starts with it has the same, and one that loses it has all CPUs again.
    project.sampan(["restart", "-t", "1"]).succeeds();
    assert_eq!(project.exec("a", allowed).succeeds().stdout.trim(), "Cpus_allowed_list:\t0");
    let pid = project.pid("lim-a-1");
    project.edit(limits, "init: true");
    project.up();
    assert_eq!(project.pid("lim-a-1"), pid, "no restart");
    let mine = host.shell("grep -h Cpus_allowed_list /proc/1/status").succeeds().stdout;
    assert_eq!(project.exec("a", allowed).succeeds().stdout, mine);
    let shares = project.cgroup(pid, "cpu", "cpu.shares", "cpu.weight");
    assert!(["1024", "100"].contains(&&*shares), "{shares}");
    project.down();
}

#[test]
fn disks_are_limited_by_device_and_lines_go_with_the_file() {
    let Some(host) = Host::with_busybox() else { return };
    let Some((path, number)) = disk(&host) else { return e2e::skip("this machine has no disk") };
    let project = host.project("lim", SHARED);
    let config = format!(
        "init: true
    blkio_config:
      device_read_bps: [{{path: {path}, rate: 1mb}}]
      device_write_iops: [{{path: {path}, rate: 70}}]"
    );
    project.edit("init: true", &config);
    project.up();
    let pid = project.pid("lim-a-1");
    let read = || project.cgroup(pid, "blkio", "blkio.throttle.read_bps_device", "io.max");
    let version1 = format!("{number} 1048576");
    let version2 = format!("{number} rbps=1048576 wbps=max riops=max wiops=70");
    assert!([version1, version2].contains(&read()), "{}", read());
    let writes = project.cgroup(pid, "blkio", "blkio.throttle.write_iops_device", "io.max");
    assert!(writes.ends_with("70"), "{writes}");
    project.edit("1mb", "2mb");
    project.sampan(["plan"]).succeeds().says(&format!("blkio_config.device_read_bps.{path}: 1M → 2M"));
    project.up();
    assert!(read().contains("2097152"), "{}", read());
    project.edit(&config.replace("1mb", "2mb"), "init: true");
    project.up();
    assert_eq!((project.pid("lim-a-1"), read().as_str()), (pid, ""));
    project.edit("init: true", &config.replace(&path, "/dev/null"));
    project.sampan(["up", "-d"]).exits(1).says("/dev/null is not a disk");
    project.down();
}

#[test]
fn what_only_version_1_has_is_set_there_and_refused_elsewhere() {
    let Some(host) = Host::with_busybox() else { return };
    let project = host.project("lim", SHARED);
    project.edit("init: true", "init: true\n    mem_swappiness: 7\n    oom_kill_disable: true");
    if std::path::Path::new("/sys/fs/cgroup/cgroup.controllers").exists() {
        project.sampan(["up", "-d"]).exits(1).says("memory.swappiness is missing").says("leave it out");
        return project.down();
    }
    project.up();
    let pid = project.pid("lim-a-1");
    assert_eq!(project.cgroup(pid, "memory", "memory.swappiness", ""), "7");
    assert!(project.cgroup(pid, "memory", "memory.oom_control", "").starts_with("oom_kill_disable 1"));
    project.edit("mem_swappiness: 7", "mem_swappiness: 0");
    project.sampan(["plan"]).succeeds().says("mem_swappiness: 7 → 0");
    project.up();
    assert_eq!(project.cgroup(pid, "memory", "memory.swappiness", ""), "0");
    project.edit("\n    mem_swappiness: 0\n    oom_kill_disable: true", "");
    project.up();
    assert_eq!(project.pid("lim-a-1"), pid, "no restart");
    assert_ne!(project.cgroup(pid, "memory", "memory.swappiness", ""), "7");
    assert!(project.cgroup(pid, "memory", "memory.oom_control", "").starts_with("oom_kill_disable 0"));
    project.down();
}

#[test]
fn numbers_that_the_kernel_would_not_take_are_refused_at_their_place() {
    let Some(host) = Host::with_busybox() else { return };
    for (key, message) in [
        ("cpu_shares: 1", "`1` is not a number of CPU shares"),
        ("cpu_quota: 10", "`10` is not a CPU quota"),
        ("cpuset: 3-1", "`3-1` is not a list of CPUs"),
        ("mem_swappiness: 101", "`101` is not a swappiness"),
        ("cpus: 1\n    cpu_quota: 5000", "both limit CPU time"),
        ("mem_limit: 8m\n    mem_reservation: 9m", "more than its limit"),
        ("blkio_config: {weight: 5}", "`5` is not a share of bandwidth"),
        ("blkio_config: {device_read_bps: [{path: vda, rate: 1}]}", "`vda` is not the path of a device"),
        ("cpu_rt_runtime: 400", "only groups of version 1"),
    ] {
        let project = host.project("lim", SHARED);
        project.edit("init: true", &format!("init: true\n    {key}"));
        project.sampan(["up", "-d"]).exits(15).says(message).says("compose.yaml:");
    }
    let project = host.project("lim", SHARED);
    project.edit("init: true", "init: true\n    cpuset: '4000'");
    project.sampan(["up", "-d"]).exits(1).says("set cpuset.cpus").says("cpu/online");
    project.down();
}

#[test]
fn a_container_is_below_the_group_that_the_file_names() {
    let Some(host) = Host::with_busybox() else { return };
    let project = host.project("lim", SHARED);
    let parent = format!("test-{}-parent", host.tag());
    project.edit("init: true", &format!("init: true\n    cgroup_parent: /{parent}\n    pids_limit: 50"));
    project.sampan(["up", "-d"]).exits(1).says(&format!("there is no control group {parent}"));
    let roots = "for g in /sys/fs/cgroup /sys/fs/cgroup/pids /sys/fs/cgroup/cpu /sys/fs/cgroup/memory /sys/fs/cgroup/unified";
    host.shell(&format!("{roots}; do [ -e $g/cgroup.procs ] && mkdir $g/{parent}; done; true")).succeeds();
    project.up();
    let pid = project.pid("lim-a-1");
    host.shell(&format!("cat /proc/{pid}/cgroup")).succeeds().says(&format!("/{parent}/sampan-"));
    assert_eq!(project.cgroup(pid, "pids", "pids.max", "pids.max"), "50");
    project.sampan(["restart", "-t", "1"]).succeeds();
    project.exec("a", "true").succeeds();
    project.sampan(["stats", "--no-stream"]).succeeds().says("lim-a-1");
    project.down();
    // Empty again: only then can it be removed.
    let removed =
        host.shell(&format!("{roots}; do [ ! -d $g/{parent} ] || rmdir $g/{parent} || exit 1; done"));
    removed.succeeds();
}
