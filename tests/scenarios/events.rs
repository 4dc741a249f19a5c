//! What happened is told, also when no command was there to see it.

use e2e::{Host, Project, eventually};
use std::io::{BufRead, BufReader};
use std::os::unix::fs::PermissionsExt;
use std::process::Stdio;

const STACK: &str = "
name: shop
services:
  web:
    image: busybox
    command: [sh, -c, 'trap exit TERM; sleep 1000 & wait']
    stop_grace_period: 5s
    labels: {tier: front}
    healthcheck: {test: [CMD, 'true'], interval: 1h, start_period: 10s, start_interval: 50ms}
volumes: {data: {}}
networks: {default: {}}
";

/// The actions that are told of the last hour, with what is asked for beside them.
fn actions(project: &Project<'_>, filters: &[&str]) -> Vec<String> {
    let args = ["events", "--json", "--since", "1h", "--until", "0s"].into_iter();
    let filters = filters.iter().flat_map(|filter| ["--filter", *filter]);
    let told = project.sampan(args.chain(filters)).succeeds().stdout;
    let entries = told.lines().map(|line| serde_json::from_str::<serde_json::Value>(line).expect("JSON"));
    entries.map(|entry| entry["action"].as_str().unwrap_or_default().to_owned()).collect()
}

#[test]
fn the_life_of_a_container_is_told_from_beginning_to_end() {
    let Some(host) = Host::with_busybox() else { return };
    let project = host.project("shop", STACK);
    project.sampan(["up", "-d", "--wait"]).succeeds();
    project.sampan(["pause"]).succeeds();
    project.sampan(["unpause"]).succeeds();
    project.exec("web", "exit 3").exits(3);
    project.sampan(["kill", "-s", "CONT"]).succeeds();
    project.sampan(["rename", "shop-web-1", "site"]).succeeds();
    project.sampan(["network", "create", "side"]).succeeds();
    project.sampan(["network", "connect", "side", "site"]).succeeds();
    project.sampan(["network", "disconnect", "side", "site"]).succeeds();
    project.sampan(["stop"]).succeeds();
    project.sampan(["network", "rm", "side"]).succeeds();
    project.down();

    let life = [
        "create",
        "start",
        "health_status: healthy",
        "pause",
        "unpause",
        "exec_start",
        "exec_die",
        "kill",
        "rename",
        "kill",
        "die",
        "stop",
        "destroy",
    ];
    assert_eq!(actions(&project, &["type=container"]), life);
    assert_eq!(actions(&project, &["label=tier=front", "event=die"]), ["die"]);
    assert_eq!(
        actions(&project, &["network=side"]),
        ["connect", "disconnect"],
        "what is the stack's; the rest is below `system`"
    );
    assert_eq!(actions(&project, &["network=shop_default"]), ["create", "connect", "disconnect", "destroy"]);
    let all = project.sampan(["system", "events", "--since", "1h", "--until", "0s"]).succeeds();
    all.says("image import").says("network destroy side").says("container die shop.web.1.1 (execDuration=");
    let mode = std::fs::metadata(host.root().join("events/journal")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    project.sampan(["events", "--filter", "colour=red"]).exits(2).says("filter `colour=red` is not known");
}

#[test]
fn what_happens_while_no_command_runs_is_told_later() {
    let Some(host) = Host::with_busybox() else { return };
    let project = host.project(
        "oom",
        "
name: oom
services:
  a:
    image: busybox
    command: [sh, -c, 'tail /dev/zero']
    restart: on-failure:1
    mem_limit: 8M
    memswap_limit: 8M
",
    );
    project.up();
    eventually("it ended for good", || project.state("oom-a-1").filter(|state| state == "exited"));
    assert_eq!(
        actions(&project, &["type=container"]),
        ["create", "start", "oom", "die", "start", "oom", "die"]
    );
    project
        .sampan(["events", "--since", "1h", "--until", "0s"])
        .succeeds()
        .says("exitCode=137")
        .says("limit 8");
    project.down();
}

#[test]
fn who_follows_hears_of_it_at_once_and_half_a_line_costs_nothing() {
    let Some(host) = Host::with_busybox() else { return };
    let project = host.project("shop", STACK);
    project.up();
    let mut command = host.sampan_command(project.folder());
    command.args(["events", "--since", "1h", "--filter", "type=container", "web"]).stdout(Stdio::piped());
    let mut follower = command.spawn().expect("start");
    let mut lines = BufReader::new(follower.stdout.take().expect("piped")).lines().map_while(Result::ok);
    assert!(lines.any(|line| line.contains("container start shop.web.1.1")));
    // Somebody was killed in the middle of a word.
    let journal = host.root().join("events/journal");
    let mut whole = std::fs::read(&journal).unwrap();
    whole.extend(b"\n{\"time\":\"20");
    std::fs::write(&journal, whole).unwrap();
    project.sampan(["stop"]).succeeds();
    assert!(lines.any(|line| line.contains("container stop shop.web.1.1")));
    let all = host.processes();
    let (pid, _) = all.iter().find(|(_, line)| line.contains("sampan events")).expect("it follows");
    host.shell(&format!("kill {pid}")).succeeds();
    follower.wait().expect("it ends");
    project.down();
}
