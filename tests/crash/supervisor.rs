//! Supervisors are killed.

use super::{Random, answers, converges, shim, up};
use e2e::{Host, eventually, patiently};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use std::fs;
use std::process::Stdio;
use std::time::{Duration, Instant};

const STORE: &str = "crash-store-1";
const WEB: &str = "crash-web-1";

/// From this version on the kernel tells how a process ended that is not our child.
fn kernel_tells() -> bool {
    let version = fs::read_to_string("/proc/sys/kernel/osrelease").expect("read the kernel's version");
    let mut numbers = version.split(['.', '-']).filter_map(|part| part.parse::<u32>().ok());
    (numbers.next(), numbers.next()) >= (Some(6), Some(15))
}

#[test]
fn a_container_survives_its_supervisor_and_is_adopted() {
    let Some(host) = Host::with_busybox() else { return };
    let project = up(&host);
    let pids = [STORE, WEB].map(|name| project.pid(name));
    let old = pids.map(|pid| shim(&host, pid));
    for shim in old {
        host.shell(&format!("kill -9 {shim}")).succeeds();
    }
    for pid in pids {
        host.shell(&format!("kill -0 {pid}")).succeeds();
    }
    assert!(answers(&host), "the published port answers without a supervisor");
    project.sampan(["plan", "--exit-code"]).exits(2).says("without its supervisor");
    converges(&host, &project);
    assert_eq!([STORE, WEB].map(|name| project.pid(name)), pids, "adopted, not restarted");
    project.exec("web", "wget -q -O - http://web/hostname && nslookup store").succeeds();
    let probe = |list: serde_json::Value| list[0]["last_probe"]["at"].as_str().map(str::to_owned);
    let ps = || probe(project.sampan(["ps", "store", "--json"]).succeeds().json());
    let first = ps();
    eventually("health goes on", || ps().filter(|at| Some(at) > first.as_ref()));
    project.down();
}

#[test]
fn no_line_is_lost_and_the_exit_code_is_known_after_an_adoption() {
    let Some(host) = Host::with_busybox() else { return };
    let yaml = "
name: count
services:
  a:
    image: busybox
    command: [sh, -c, 'i=0; until test -e /go; do i=$((i+1)); echo $$i; sleep 0.01; done; exit 7']
";
    let project = host.project("count", &yaml.replace("$((", "$$(("));
    project.up();
    let pid = project.pid("count-a-1");
    for _ in 0..3 {
        let mut processes = host.processes().into_iter();
        let shim = processes.find(|(_, line)| line.contains(" shim ")).expect("it has a supervisor").0;
        host.shell(&format!("kill -9 {shim}")).succeeds();
        std::thread::sleep(Duration::from_millis(50));
        project.up();
    }
    assert_eq!(project.pid("count-a-1"), pid, "adopted, not restarted");
    project.exec("a", "touch /go").succeeds();
    eventually("it ended", || project.state("count-a-1").filter(|state| state == "exited"));
    let code = project.sampan(["ps", "-a", "--json"]).succeeds().json()[0]["exit_code"].as_i64();
    assert_eq!(code, Some(if kernel_tells() { 7 } else { 255 }));
    let log = project.sampan(["logs", "--no-log-prefix", "a"]).succeeds().stdout;
    let numbers: Vec<u32> = log.lines().filter_map(|line| line.trim().parse().ok()).collect();
    assert_eq!(numbers, (1..=numbers.len() as u32).collect::<Vec<_>>(), "no line is lost");
    assert!(numbers.len() > 15, "{log}");
    project.down();
}

#[test]
fn up_waits_for_a_stop_that_a_killed_command_began() {
    let Some(host) = Host::with_busybox() else { return };
    let [long, short] = [700, 300].map(|time| patiently(Duration::from_millis(time)).as_secs_f64());
    let yaml = format!(
        "
name: slow
services:
  a:
    image: busybox
    command: [sh, -c, 'trap \"sleep {long}; exit 3\" TERM; echo up; while :; do sleep 0.02; done']
    stop_grace_period: 5m
"
    );
    let project = host.project("slow", &yaml);
    project.up();
    let pid = project.pid("slow-a-1");
    eventually("it listens", || project.sampan(["logs"]).stdout.contains("up").then_some(()));
    host.shell(&format!(
        "cd {}; SAMPAN_ROOT={} SAMPAN_RUNTIME={} timeout -s KILL {short} {} stop",
        project.folder().display(),
        host.root().display(),
        host.runtime().display(),
        e2e::binary().display()
    ))
    .exits(137);
    project.sampan(["ps"]).succeeds().says("stopping");
    project.sampan(["plan", "--exit-code"]).exits(2).says("is being stopped");
    project.sampan(["up", "-d", "--wait"]).succeeds();
    assert_ne!(project.pid("slow-a-1"), pid, "started again");
    project.down();
}

#[test]
fn down_works_when_every_supervisor_was_killed() {
    let Some(host) = Host::with_busybox() else { return };
    let project = up(&host);
    for container in [STORE, WEB] {
        let pid = project.pid(container);
        host.shell(&format!("kill -9 {}", shim(&host, pid))).succeeds();
    }
    project.down();
}

#[test]
fn a_supervisor_may_be_killed_at_any_moment_of_a_start() {
    let Some(host) = Host::with_busybox() else { return };
    let project = up(&host);
    let mut random = Random(4);
    let mut landed = 0;
    for round in 0..30 {
        project.sampan(["down", "-t", "0"]).succeeds();
        let mut command = host.sampan_command(project.folder());
        command.args(["up", "-d"]).stdout(Stdio::null()).stderr(Stdio::piped());
        let mut command = command.spawn().expect("start sampan");
        // The first or a later one of them, within the time that a start takes.
        let victim = random.below(3) as usize;
        let began = Instant::now();
        let mut seen = Vec::new();
        while began.elapsed() < Duration::from_secs(5) && command.try_wait().expect("look").is_none() {
            seen.extend(shims(&host).into_iter().filter(|pid| !seen.contains(pid)).collect::<Vec<_>>());
            if let Some(pid) = seen.get(victim) {
                std::thread::sleep(Duration::from_micros(random.below(15_000)));
                landed += u32::from(kill(Pid::from_raw(*pid), Signal::SIGKILL).is_ok());
                break;
            }
        }
        let output = command.wait_with_output().expect("reap sampan");
        let told = String::from_utf8_lossy(&output.stderr);
        let expected = matches!(output.status.code(), Some(0 | 1)) && !told.contains("panicked");
        assert!(expected, "round {round}: {}\n{told}", output.status);
        if round % 3 == 0 {
            converges_without_new_data(&project);
        }
    }
    assert!(landed >= 15, "only {landed} kills hit a supervisor");
    converges(&host, &project);
    project.down();
}

/// Process ids, as the machine numbers them, of this host's supervisors.
fn shims(host: &Host) -> Vec<i32> {
    let root = format!("\0shim\0--root\0{}\0", host.root().display());
    let processes = fs::read_dir("/proc").expect("list processes").flatten();
    let pids = processes.filter_map(|entry| entry.file_name().to_str()?.parse::<i32>().ok());
    let is_one = |pid: &i32| {
        let line = fs::read_to_string(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        line.contains(&root)
    };
    pids.filter(is_one).collect()
}

#[track_caller]
fn converges_without_new_data(project: &e2e::Project<'_>) {
    project.sampan(["up", "-d", "--wait"]).succeeds();
    project.sampan(["plan", "--exit-code"]).exits(0);
    project.exec("store", "cat /goods/kept").succeeds().says("silk");
}
