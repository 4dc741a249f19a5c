//! Whatever is killed, wiped or damaged, whenever: the next `up` converges and `down -v`
//! leaves nothing.

mod command;
mod damaged;
mod images;
mod load;
mod rollouts;
mod running;
mod supervisor;
mod together;
mod wiped;

use e2e::{Host, Project, eventually};

/// A stack with all that can be left behind: networks, a published port, a volume, limits,
/// health, a container that completes.
const STACK: &str = "
name: crash
services:
  web:
    image: busybox
    command: httpd -f -p 80 -h /etc
    init: true
    environment: {MODE: '${MODE:-a}'}
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

/// A host with the stack up and a line of data in its volume.
fn up(host: &Host) -> Project<'_> {
    let project = host.project("crash", STACK);
    project.sampan(["up", "-d", "--wait"]).succeeds();
    project.exec("store", "echo silk > /goods/kept").succeeds();
    project
}

/// Expects that `up` makes everything right again, with the data that [`up`] wrote.
#[track_caller]
fn converges(host: &Host, project: &Project<'_>) {
    project.sampan(["up", "-d", "--wait"]).succeeds();
    project.sampan(["plan", "--exit-code"]).exits(0);
    project.exec("store", "cat /goods/list /goods/kept").succeeds().says("tea").says("silk");
    assert!(answers(host), "the published port answers");
    for command in ["httpd -f -p 80 -h /etc", "sleep 1000"] {
        // The web server has a process of the same name for each connection, for a moment.
        eventually("nothing of the old world runs on", || {
            let processes = host.processes();
            (processes.iter().filter(|(_, line)| line == command).count() == 1).then_some(())
        });
    }
}

/// Whether the web server answers on its published port.
fn answers(host: &Host) -> bool {
    host.shell("curl -sS --max-time 3 http://127.0.0.1:8080/hostname").code == 0
}

/// The supervisor of a container: the parent of its first process.
fn shim(host: &Host, pid: u32) -> u32 {
    let status = host.shell(&format!("awk '/^PPid/ {{print $2}}' /proc/{pid}/status")).succeeds().stdout;
    status.trim().parse().expect("a parent pid")
}

/// Numbers that look random and are the same in every run.
struct Random(u64);

impl Random {
    /// A number below `end`.
    fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % end.max(1)
    }
}
