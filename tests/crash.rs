//! Whatever is killed, whenever: the next `up` converges and `down -v` leaves nothing.

use e2e::{Host, Project};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use std::process::Stdio;
use std::time::Duration;

const STACK: &str = "
name: crash
services:
  web:
    image: busybox
    command: httpd -f -p 80 -h /etc
    init: true
    ports: ['8080:80']
    networks: [front, default]
    depends_on: {store: {condition: service_healthy}, once: {condition: service_completed_successfully}}
  store:
    image: busybox
    command: sleep 1000
    init: true
    volumes: ['goods:/goods']
    healthcheck: {test: 'true', interval: 20ms}
    mem_limit: 16M
  once:
    image: busybox
    command: 'sh -c \"echo tea >> /goods/list\"'
    volumes: ['goods:/goods']
networks: {front: }
volumes: {goods: }
";

/// Kills of the cli, as many as the engine promises to survive.
const KILLS: u64 = 200;

#[test]
fn the_cli_may_be_killed_at_any_moment_of_up_and_down() {
    let Some(host) = Host::with_busybox() else { return };
    let project = host.project("crash", STACK);
    let mut random = 0x2545_f491_4f6c_dd1d_u64;
    for round in 0..KILLS {
        let verb: &[&str] = if round % 2 == 0 { &["up", "-d"] } else { &["down", "-t", "0"] };
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        run_and_kill(&host, &project, verb, Duration::from_micros((random >> 33) % 120_000));
        if round % 20 == 19 {
            project.sampan(["up", "-d", "--wait"]).succeeds();
            project.sampan(["plan", "--exit-code"]).exits(0);
            project.exec("store", "cat /goods/list").succeeds().says("tea");
        }
    }
    project.down();
}

fn run_and_kill(host: &Host, project: &Project<'_>, verb: &[&str], after: Duration) {
    let mut command = host.sampan_command(project.folder());
    let mut child =
        command.args(verb).stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("start sampan");
    std::thread::sleep(after);
    let path = format!("/proc/{0}/task/{0}/children", child.id());
    let inner = std::fs::read_to_string(path).unwrap_or_default();
    for pid in inner.split_whitespace().filter_map(|pid| pid.parse().ok()).chain([child.id() as i32]) {
        let _ = kill(Pid::from_raw(pid), Signal::SIGKILL);
    }
    child.wait().expect("reap sampan");
}

/// The supervisor of a container: the parent of its first process.
fn shim(host: &Host, pid: u32) -> u32 {
    let status = host.shell(&format!("awk '/^PPid/ {{print $2}}' /proc/{pid}/status")).succeeds().stdout;
    status.trim().parse().expect("a parent pid")
}

#[test]
fn a_container_survives_its_supervisor_and_is_adopted() {
    let Some(host) = Host::with_busybox() else { return };
    let project = host.project("crash", STACK);
    project.sampan(["up", "-d", "--wait"]).succeeds();
    let pid = project.pid("crash-store-1");
    host.shell(&format!("kill -9 {}", shim(&host, pid))).succeeds();
    host.shell(&format!("kill -0 {pid}")).succeeds();
    project.up();
    assert_eq!(project.pid("crash-store-1"), pid, "adopted, not restarted");
    project.sampan(["plan", "--exit-code"]).exits(0);
    project.down();
}

#[test]
fn down_works_when_every_supervisor_was_killed() {
    let Some(host) = Host::with_busybox() else { return };
    let project = host.project("crash", STACK);
    project.sampan(["up", "-d", "--wait"]).succeeds();
    for container in ["crash-store-1", "crash-web-1"] {
        let pid = project.pid(container);
        host.shell(&format!("kill -9 {}", shim(&host, pid))).succeeds();
    }
    project.down();
}

#[test]
fn a_wiped_runtime_folder_is_made_again() {
    let Some(host) = Host::with_busybox() else { return };
    let project = host.project("crash", STACK);
    project.sampan(["up", "-d", "--wait"]).succeeds();
    project.exec("store", "echo silk >> /goods/list").succeeds();
    host.shell(&format!("umount -l {0}/netns/* 2>/dev/null; rm -rf {0}", host.runtime().display()))
        .succeeds();
    project.sampan(["up", "-d", "--wait"]).succeeds();
    project.exec("store", "cat /goods/list").succeeds().says("silk");
    host.shell("curl -sS --max-time 3 http://127.0.0.1:8080/hostname").succeeds();
    project.down();
}
