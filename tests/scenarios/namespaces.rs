//! Namespaces of processes, memory, names and control groups that are not a container's own.

use e2e::{Host, eventually};

const OF_HOST: &str = "
name: ns
services:
  a:
    image: busybox
    command: [sh, -c, 'sleep 1001 & exec sleep 1000']
    stop_grace_period: 1s
    pid: host
    ipc: host
    uts: host
    cgroup: host
";

const SHARED: &str = "
name: ns
services:
  app:
    image: busybox
    command: sleep 1000
    init: true
    stop_grace_period: 1s
    ipc: shareable
  side:
    image: busybox
    command: sleep 2000
    stop_grace_period: 1s
    pid: service:app
    ipc: service:app
  third:
    image: busybox
    command: sleep 3000
    stop_grace_period: 1s
    profiles: [third]
    pid: container:ns-app-1
";

fn namespace(host: &Host, pid: u32, kind: &str) -> String {
    host.shell(&format!("readlink /proc/{pid}/ns/{kind}")).succeeds().stdout
}

#[test]
fn a_container_in_namespaces_of_the_host_sees_what_the_host_sees_and_ends_as_a_whole() {
    let Some(host) = Host::with_busybox() else { return };
    let project = host.project("ns", OF_HOST);
    project.up();
    let pid = project.pid("ns-a-1");
    for kind in ["pid", "ipc", "uts", "cgroup"] {
        assert_eq!(namespace(&host, pid, kind), host.shell(&format!("readlink /proc/self/ns/{kind}")).stdout);
    }
    assert_ne!(namespace(&host, pid, "mnt"), namespace(&host, 1, "mnt"));
    let name = host.shell("hostname").succeeds().stdout;
    assert_eq!(project.exec("a", "hostname; echo $HOSTNAME").succeeds().stdout, format!("{name}{name}"));
    project.exec("a", &format!("cat /proc/{pid}/cmdline")).succeeds().says("sleep");
    assert_ne!(project.exec("a", "echo x >/sys/fs/cgroup/memory/x || mkdir /sys/fs/cgroup/x").code, 0);
    host.shell("echo here > /dev/shm/sampan-test-ns").succeeds();
    let seen = project.exec("a", "cat /dev/shm/sampan-test-ns");
    host.shell("rm /dev/shm/sampan-test-ns").succeeds();
    seen.succeeds().says("here");
    // No namespace ends the others with the first one.
    let others = || host.shell("pgrep -fx 'sleep 1001'").stdout;
    assert_ne!(others(), "");
    host.shell(&format!("kill -9 {pid}")).succeeds();
    eventually("it ended", || project.state("ns-a-1").filter(|state| state == "exited"));
    eventually("all of it ended", || others().is_empty().then_some(()));
    project.up();
    let (shim, pid) = (host.processes(), project.pid("ns-a-1"));
    for (shim, _) in shim.iter().filter(|(_, line)| line.contains("shim")) {
        host.shell(&format!("kill -9 {shim}")).succeeds();
    }
    project.up();
    assert_eq!(project.pid("ns-a-1"), pid, "adopted");
    project.down();
    assert_eq!(others(), "");
}

#[test]
fn containers_share_processes_and_memory() {
    let Some(host) = Host::with_busybox() else { return };
    let project = host.project("ns", SHARED);
    project.up();
    let [app, side] = ["ns-app-1", "ns-side-1"].map(|name| project.pid(name));
    for kind in ["pid", "ipc"] {
        assert_eq!(namespace(&host, app, kind), namespace(&host, side, kind), "{kind}");
    }
    assert_ne!(namespace(&host, app, "uts"), namespace(&host, side, "uts"));
    project.exec("side", "ps").succeeds().says("sleep 1000").says("sleep 2000");
    project.exec("app", "echo shared > /dev/shm/a").succeeds();
    project.exec("side", "cat /dev/shm/a && echo back > /dev/shm/b").succeeds().says("shared");
    project.exec("app", "cat /dev/shm/b").succeeds().says("back");
    project.sampan(["--profile", "third", "up", "-d"]).succeeds();
    assert_eq!(namespace(&host, app, "pid"), namespace(&host, project.pid("ns-third-1"), "pid"));
    project.sampan(["plan", "--exit-code"]).exits(0);
    project.down();
}

#[test]
fn who_is_in_a_namespace_of_another_one_follows_it() {
    let Some(host) = Host::with_busybox() else { return };
    let project = host.project("ns", SHARED);
    project.up();
    let same = |what: &str| {
        let [app, side] = ["ns-app-1", "ns-side-1"].map(|name| namespace(&host, project.pid(name), "pid"));
        assert_eq!(app, side, "{what}");
    };
    project.sampan(["restart", "app"]).succeeds();
    same("after a restart of its owner");
    project.edit("command: sleep 1000", "command: sleep 1111");
    project.sampan(["plan"]).succeeds().says("ns-app-1").says("restart container ns-side-1");
    project.up();
    same("after its owner was made anew");
    // The kernel ends all of a pid namespace with its first process.
    host.shell(&format!("kill -9 {}", project.pid("ns-app-1"))).succeeds();
    eventually("both ended", || project.state("ns-side-1").filter(|state| state == "exited"));
    project.sampan(["start"]).succeeds();
    same("after both were started");
    project.sampan(["stop"]).succeeds();
    project.down();
}

#[test]
fn namespaces_that_cannot_be_are_refused() {
    let Some(host) = Host::with_busybox() else { return };
    for (from, to, message) in [
        ("pid: service:app", "pid: service:side", "depend on each other in a circle"),
        ("pid: service:app", "pid: shared", "`shared` is not a namespace"),
        ("ipc: shareable", "ipc: private", "its `ipc` is private"),
        ("pid: service:app", "sysctls: {kernel.shmmax: 1}", "`ipc` is service:app"),
        ("pid: service:app", "uts: host\n    hostname: me", "`hostname` cannot be had"),
        (
            "ipc: shareable",
            "network_mode: host\n    sysctls: {net.core.somaxconn: 1}",
            "`network_mode` is host",
        ),
    ] {
        let project = host.project("ns", SHARED);
        project.edit(from, to);
        project.sampan(["up", "-d"]).exits(15).says(message);
    }
    let project = host.project("ns", SHARED);
    project.edit("pid: service:app\n    ipc: service:app", "pid: container:nobody");
    project
        .sampan(["up", "-d"])
        .exits(1)
        .says("in the pid namespace of container:nobody")
        .says("does not exist");
    project.down();
}
