//! A container is told that its memory runs short before the kernel kills.

use e2e::{Host, Project, eventually, have, patiently, skip};
use std::time::Duration;

/// Says that it was told.
const HOLDER: &str = r#"
name: holder
services:
  a:
    image: busybox
    command: [sh, -c, 'trap "echo gave it back" USR1; while :; do sleep 1000 & wait; done']
    mem_limit: 32M
    memswap_limit: 32M
    x-sampan: {memory: {high: 50%, on_pressure: {signal: USR1}}}
"#;

#[test]
fn a_signal_comes_when_much_is_in_use_and_the_log_says_how_much() {
    let Some(host) = Host::with_busybox() else { return };
    let project = host.project("holder", HOLDER);
    project.up();
    // Another program of the container fills 20 of 32 MiB and holds them.
    let fill = "((head -c 20m /dev/zero; sleep 1000) | tail) >/dev/null 2>&1 &";
    project.exec("a", fill).succeeds();
    eventually("the signal came", || {
        let logs = project.sampan(["logs"]).succeeds().stdout;
        (logs.contains("gave it back") && logs.contains("memory runs short")).then_some(())
    });
    project.sampan(["logs"]).says("of 32.0 MiB in use, 16.0 MiB is high; told by signal USR1");
    assert_eq!(project.state("holder-a-1").as_deref(), Some("running"));
    project.down();
}

#[test]
fn a_wish_to_be_told_comes_and_goes_while_it_runs() {
    let Some(host) = Host::with_busybox() else { return };
    let without = HOLDER.replace("    x-sampan:", "    x-other:");
    let project = host.project("holder", &without);
    project.up();
    let pid = project.pid("holder-a-1");
    project.edit("x-other:", "x-sampan:");
    project.sampan(["plan"]).succeeds().says("x-sampan.memory.high").says("16M").says("signal USR1");
    project.up();
    assert_eq!(project.pid("holder-a-1"), pid, "no restart");
    project.exec("a", "((head -c 20m /dev/zero; sleep 1000) | tail) >/dev/null 2>&1 &").succeeds();
    eventually("it was told", || {
        project.sampan(["logs"]).succeeds().stdout.contains("memory runs short").then_some(())
    });
    project.edit("x-sampan:", "x-other:");
    project.up();
    assert_eq!(project.pid("holder-a-1"), pid, "no restart");
    project.sampan(["plan", "--exit-code"]).exits(0);
    project.down();
}

/// Redis of Debian, with the libraries that it needs and busybox.
const IMAGE: &str = r#"
set -e
mkdir -p context/usr/bin context/bin context/tmp
# One program for all: it is what it is called.
cp /usr/bin/redis-check-rdb context/usr/bin/redis-server
cp /bin/busybox context/bin/
ln -s busybox context/bin/sh
ldd /usr/bin/redis-check-rdb | grep -o '/[^ ]*' | sort -u | xargs -I{} cp -L --parents {} context/
printf 'FROM scratch\nCOPY . /\nCMD ["redis-server","--save","","--bind","0.0.0.0","--protected-mode","no"]\n' >context/Dockerfile
"#;

const REDIS: &str = "
name: shed
services:
  cache:
    build: context
    ports: ['127.0.0.1:6379:6379']
    # Huge pages would use up what little there is.
    environment: {MALLOC_CONF: 'thp:never'}
    mem_limit: 10m
    memswap_limit: 10m
";

const SHED: &str = r#"
    x-sampan:
      memory:
        high: 65%
        on_pressure:
          exec: [sh, -c, "busybox printf 'FLUSHALL\\r\\nMEMORY PURGE\\r\\nQUIT\\r\\n' | busybox nc 127.0.0.1 6379"]
"#;

fn answers(host: &Host, project: &Project<'_>) {
    eventually("it answers", || {
        host.script(project.folder(), "redis-cli -p 6379 ping").stdout.contains("PONG").then_some(())
    });
}

/// Writes some 30 MiB into it, piece by piece; a server that is gone makes it fail.
fn load(host: &Host, project: &Project<'_>) -> bool {
    let seconds = patiently(Duration::from_secs(20)).as_secs();
    let piece = format!(
        "timeout {seconds} redis-benchmark -p 6379 -t set -n 1000 -r 1000000 -d 200 -c 1 -q </dev/null"
    );
    let all = format!("for piece in $(seq 120); do {piece} || exit 1; done; redis-cli -p 6379 ping");
    host.script(project.folder(), &all).stdout.contains("PONG")
}

#[test]
fn redis_survives_a_load_that_kills_it_when_it_is_told_to_shed_memory() {
    let Some(host) = Host::with_busybox() else { return };
    if !have(&["redis-check-rdb", "redis-benchmark"]) {
        return skip("redis-tools is not installed");
    }
    let project = host.project("shed", REDIS);
    host.script(project.folder(), IMAGE).succeeds();
    project.up();
    answers(&host, &project);
    assert!(!load(&host, &project));
    eventually("it was killed", || project.state("shed-cache-1").filter(|state| state == "exited"));
    project.sampan(["ps", "-a"]).succeeds().says("(137)").says("memory");

    project.write("compose.yaml", &format!("{REDIS}{SHED}"));
    project.up();
    answers(&host, &project);
    let pid = project.pid("shed-cache-1");
    assert!(load(&host, &project), "{}", project.sampan(["logs", "-t"]).stdout);
    assert_eq!(project.pid("shed-cache-1"), pid);
    project.sampan(["logs"]).succeeds().says("memory runs short").says("told by exec sh");
    project.down();
}
