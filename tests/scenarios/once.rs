//! Commands that run once, in containers of their own.

use e2e::{Host, eventually};
use std::io::{Read, Write};
use std::process::Stdio;

const SHOP: &str = "
name: shop
services:
  web: {image: busybox, command: 'sh -c \"echo web; sleep 1000\"', init: true, ports: ['18080:80'], depends_on: {db: {condition: service_healthy}}}
  db: {image: busybox, command: sleep 1000, init: true, volumes: [/data], healthcheck: {test: 'true', interval: 1s, start_interval: 50ms, start_period: 5s}}
";

#[test]
fn a_command_runs_once_after_what_it_needs_and_gives_its_exit_code() {
    let Some(host) = Host::with_busybox() else { return };
    let project = host.project("shop", SHOP);
    let run = project.sampan([
        "run",
        "-T",
        "-e",
        "A=$x y",
        "-w",
        "/tmp",
        "-u",
        "nobody",
        "web",
        "sh",
        "-c",
        "echo $A; pwd; id -u; hostname; echo oops >&2; exit 7",
    ]);
    let run = run.exits(7).says("oops");
    let lines: Vec<&str> = run.stdout.lines().collect();
    assert_eq!(lines[..3], ["$x y", "/tmp", "65534"], "{run}");
    assert!(lines[3].starts_with("shop-web-run-"), "{run}");
    assert_eq!(project.state("shop-db-1").as_deref(), Some("running"));
    assert_eq!(project.state("shop-web-1"), None, "not the service itself");
    assert_eq!(project.state(lines[3]).as_deref(), Some("exited"), "without --rm it stays");
    project.sampan(["ps"]).succeeds().does_not_say("-run-");
    project.sampan(["plan", "--exit-code"]).exits(2).does_not_say("-run-");
    project.up();
    project.sampan(["plan", "--exit-code"]).exits(0);
    project.sampan(["run", "--no-deps", "nosuch"]).exits(1).says("no service `nosuch`");
    project.sampan(["run", "--rm", "-T", "--no-deps", "web", "nosuchprogram"]).exits(1).says("nosuchprogram");
    project.down();
}

#[test]
fn what_is_to_go_goes_by_itself_with_its_volumes() {
    let Some(host) = Host::with_busybox() else { return };
    let project = host.project("shop", SHOP);
    project
        .sampan(["run", "--rm", "-T", "--no-deps", "db", "sh", "-c", "echo x > /data/y; cat /data/y"])
        .succeeds()
        .says("x");
    project.sampan(["ps", "-a", "--json"]).succeeds().does_not_say("-run-");
    project.sampan(["volume", "ls"]).succeeds().does_not_say("shop_db");
    let detached = project.sampan(["run", "-d", "--rm", "--no-deps", "web", "sleep", "1000"]).succeeds();
    let name = detached.stdout.trim().to_owned();
    assert_eq!(project.state(&name).as_deref(), Some("running"));
    let pid = project.pid(&name);
    host.shell(&format!("kill -9 {pid}")).succeeds();
    eventually("it is gone", || project.state(&name).is_none().then_some(()));
    project.down();
}

#[test]
fn nothing_that_it_prints_is_lost_and_what_is_piped_in_ends() {
    let Some(host) = Host::with_busybox() else { return };
    let project = host.project("shop", SHOP);
    let command = "seq 1 200000; sleep 0.1; printf end";
    let run = project.sampan(["run", "--rm", "-T", "--no-deps", "web", "sh", "-c", command]).succeeds();
    assert_eq!(run.stdout.lines().count(), 200_001);
    assert!(run.stdout.ends_with("200000\nend"));
    let mut command = host.sampan_command(project.folder());
    command.args(["run", "--rm", "-T", "--no-deps", "web", "wc", "-c"]);
    let mut child =
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().expect("start");
    let mut stdin = child.stdin.take().expect("piped");
    stdin.write_all(&vec![b'x'; 3_000_000]).expect("type");
    drop(stdin);
    let mut text = String::new();
    child.stdout.take().expect("piped").read_to_string(&mut text).expect("read");
    assert_eq!(text.trim(), "3000000");
    assert_eq!(child.wait().expect("wait").code(), Some(0));
    project.down();
}

#[test]
fn ctrl_c_and_a_closed_terminal_end_what_runs_once() {
    let Some(host) = Host::with_busybox() else { return };
    let project = host.project("shop", SHOP);
    let args = ["run", "--rm", "--no-deps", "web", "sh", "-c", "tty; sleep 1000; echo code $?"];
    let mut terminal = host.terminal(project.folder(), args);
    terminal.sees("/dev/pts/0");
    terminal.types("\x03");
    assert_eq!(terminal.ends().0, Some(130));
    let mut terminal = host.terminal(project.folder(), args);
    terminal.sees("/dev/pts/0");
    terminal.closes();
    let left = || project.sampan(["ps", "-a"]).succeeds().stdout.contains("-run-");
    eventually("it has ended and is gone", || (!left()).then_some(()));
    project.down();
}
