//! Control groups of version 2 as service managers and containers lay them out around sampan.

use e2e::Host;

const LIMITED: &str = "
name: grp
services:
  a: {image: busybox, command: sleep 1000, init: true, mem_limit: 32M, memswap_limit: 32M}
";

/// A host on a machine that has version 2 only; else `None`, with the reason printed.
#[expect(clippy::print_stderr, reason = "the reason of a skipped test belongs on the test's output")]
fn host() -> Option<Host> {
    if !std::path::Path::new("/sys/fs/cgroup/cgroup.controllers").exists() {
        eprintln!("skipped: control groups of version 1 here; `make test-vm` has a machine with version 2");
        return None;
    }
    Host::with_busybox()
}

/// A group of this test beside those of sampan.
fn own(host: &Host) -> String {
    format!("/sys/fs/cgroup/test-{}.slice", host.tag())
}

/// Removes it with all below.
fn remove(group: &str) {
    for below in std::fs::read_dir(group).into_iter().flatten().flatten() {
        if below.path().is_dir() {
            remove(&below.path().to_string_lossy());
        }
    }
    let _ = std::fs::remove_dir(group);
}

/// Goes into the group `x.service` below, shows it as the root of all groups (as containers do),
/// and runs a script there. `delegated` says whether it may limit memory.
fn inside_a_container(host: &Host, folder: &std::path::Path, delegated: bool, script: &str) -> e2e::Output {
    let own = own(host);
    let hand_down = if delegated {
        format!("for g in /sys/fs/cgroup {own}; do echo +memory >$g/cgroup.subtree_control; done")
    } else {
        ":".to_owned()
    };
    let output = host.script(
        folder,
        &format!(
            "set -e; mkdir -p {own}/x.service; {hand_down}; echo 0 >{own}/x.service/cgroup.procs
             unshare --cgroup --mount sh -c '
                 umount -l /sys/fs/cgroup && mount -t cgroup2 cgroup2 /sys/fs/cgroup
                 {script}
                 $sampan up -d; code=$?
                 cat /sys/fs/cgroup/sampan-*/grp/*/memory.max
                 $sampan down -v -t 1; exit $code
             '"
        ),
    );
    remove(&own);
    output
}

#[test]
fn a_service_of_the_machine_gives_its_containers_groups_outside_its_own() {
    let Some(host) = host() else { return };
    let project = host.project("grp", LIMITED);
    let own = own(&host);
    let join = format!("mkdir -p {own}/x.service; echo 0 >{own}/x.service/cgroup.procs");
    host.script(project.folder(), &format!("{join}; exec $sampan up -d")).succeeds();
    let pid = project.pid("grp-a-1");
    assert_eq!(project.cgroup(pid, "memory", "", "memory.max"), (32 << 20).to_string());
    assert_eq!(project.cgroup(pid, "memory", "", "memory.swap.max"), "0");
    project.down();
    remove(&own);
}

#[test]
fn a_controller_that_was_not_delegated_is_a_clear_refusal_of_the_limit_only() {
    let Some(host) = host() else { return };
    let project = host.project("grp", LIMITED);
    let refused = inside_a_container(&host, project.folder(), false, "");
    refused.exits(1).says("memory cannot be limited here").says("Delegate=yes");
    project.edit(", mem_limit: 32M, memswap_limit: 32M", "");
    inside_a_container(&host, project.folder(), false, "").succeeds();
    host.is_clean();
}

#[test]
fn processes_in_the_way_of_a_controller_are_named_and_once_moved_the_limit_holds() {
    let Some(host) = host() else { return };
    let project = host.project("grp", LIMITED);
    let refused = inside_a_container(&host, project.folder(), true, "");
    refused.exits(1).says("processes are in /sys/fs/cgroup").says("cgroup.procs");
    let moved = "cd /sys/fs/cgroup; mkdir inner; for pid in $(cat cgroup.procs); do
                     echo $pid >inner/cgroup.procs; done 2>&-; cd - >/dev/null";
    inside_a_container(&host, project.folder(), true, moved).succeeds().says("33554432");
    host.is_clean();
}

#[test]
fn a_memory_limit_below_what_is_in_use_is_refused_and_nothing_is_killed() {
    let Some(host) = host() else { return };
    let yaml = "
name: grp
services:
  a:
    image: busybox
    command: [sh, -c, 'dd if=/dev/zero of=/hold/full bs=1M count=20; echo filled; exec sleep 1000']
    init: true
    tmpfs: [/hold]
    mem_limit: 32M
    memswap_limit: 32M
";
    let project = host.project("grp", yaml);
    project.up();
    e2e::eventually("it was filled", || project.sampan(["logs"]).stdout.contains("filled").then_some(()));
    let pid = project.pid("grp-a-1");
    project.edit("mem_limit: 32M\n    memswap_limit: 32M", "mem_limit: 12M\n    memswap_limit: 12M");
    project.sampan(["up", "-d"]).exits(1).says("more is in use");
    assert_eq!(project.pid("grp-a-1"), pid, "it lives on");
    assert_eq!(project.cgroup(pid, "memory", "", "memory.high"), "max");
    project.down();
}

#[test]
fn groups_outside_of_our_own_namespace_are_told_from_a_failing_kernel() {
    let Some(host) = host() else { return };
    let project = host.project("grp", LIMITED);
    let own = own(&host);
    let join = format!("mkdir -p {own}/x.service; echo 0 >{own}/x.service/cgroup.procs");
    let script = format!("{join}; exec unshare --cgroup $sampan up -d");
    let output = host.script(project.folder(), &script);
    // Without the mount option `nsdelegate` the kernel allows it.
    let mounts = std::fs::read_to_string("/proc/self/mounts").expect("read the mounts");
    if mounts.contains("nsdelegate") {
        output.exits(1).says("mount -t cgroup2");
    } else {
        output.succeeds();
    }
    project.down();
    remove(&own);
}
