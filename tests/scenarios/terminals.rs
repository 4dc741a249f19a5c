//! Services with a terminal or an open input, and those who are attached to them.

use e2e::{Host, eventually};
use std::io::Write;
use std::process::Stdio;

const SHELL: &str = "
name: tty
services:
  a: {image: busybox, command: sh, tty: true, stdin_open: true, environment: {PS1: '> '}}
";

#[test]
fn a_service_with_a_terminal_is_attached_left_and_found_again() {
    let Some(host) = Host::with_busybox() else { return };
    let project = host.project("tty", SHELL);
    project.up();
    let mut terminal = host.terminal(project.folder(), ["attach", "a"]);
    terminal.types("echo $((6 * 7)); tty; stty size; id -u < /dev/console\n");
    terminal.sees("42\r\n");
    terminal.sees("/dev/pts/0\r\n");
    terminal.sees("33 111\r\n");
    terminal.sees("0\r\n");
    // Ctrl-C is the program's, Ctrl-P Ctrl-Q are ours.
    terminal.types("sleep 1000\n");
    terminal.sees("sleep 1000");
    host.shell("until pgrep -x sleep >/dev/null; do sleep 0.02; done").succeeds();
    terminal.types("\x03");
    terminal.types("echo code $?\n");
    terminal.sees("code 130\r\n");
    terminal.types("\x10\x11");
    let (code, rest) = terminal.ends();
    assert_eq!(code, Some(0), "{rest}");
    assert_eq!(project.state("tty-a-1").as_deref(), Some("running"));
    let mut again = host.terminal(project.folder(), ["attach", "--detach-keys", "ctrl-x", "a"]);
    again.types("echo still $((40 + 2)); exit 7\n");
    again.sees("still 42\r\n");
    let (code, rest) = again.ends();
    assert_eq!(code, Some(7), "{rest}");
    let log = project.sampan(["logs", "--no-log-prefix", "a"]).succeeds().stdout;
    assert!(log.lines().any(|line| line == "still 42"), "no carriage returns in {log:?}");
    project.down();
}

#[test]
fn a_program_keeps_its_terminal_and_input_when_its_supervisor_is_killed() {
    let Some(host) = Host::with_busybox() else { return };
    let yaml = SHELL.to_owned() + "  b: {image: busybox, command: cat, stdin_open: true}\n";
    let project = host.project("tty", &yaml);
    project.up();
    let pids = [project.pid("tty-a-1"), project.pid("tty-b-1")];
    let line = |pid: &u32, text: &str| text.contains(" shim ").then_some(*pid);
    let shims: Vec<u32> = host.processes().iter().filter_map(|(pid, text)| line(pid, text)).collect();
    assert_eq!(shims.len(), 2, "{:?}", host.processes());
    shims.iter().for_each(|pid| drop(host.shell(&format!("kill -9 {pid}")).succeeds()));
    let left = || host.processes().iter().any(|(_, text)| text.contains(" shim "));
    eventually("the supervisors have ended", || (!left()).then_some(()));
    project.up();
    assert_eq!(pids, [project.pid("tty-a-1"), project.pid("tty-b-1")], "adopted, not started again");
    let mut terminal = host.terminal(project.folder(), ["attach", "a"]);
    terminal.types("echo alive $((6 * 7))\n");
    terminal.sees("alive 42\r\n");
    terminal.closes();
    let mut attached = host.sampan_command(project.folder());
    let mut child = attached
        .args(["attach", "b"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("start attach");
    child.stdin.take().expect("piped").write_all(b"to and fro\n").expect("type");
    let mut seen = String::new();
    std::io::BufRead::read_line(&mut std::io::BufReader::new(child.stdout.take().expect("piped")), &mut seen)
        .expect("read");
    assert_eq!(seen, "to and fro\n");
    // The first process of a container takes no signal that it does not wait for, but this one.
    project.sampan(["kill", "b"]).succeeds();
    // Kernels before 6.15 tell the exit code to nobody but the parent, and that was killed.
    let code = child.wait().expect("wait for attach").code();
    assert!(matches!(code, Some(137 | 255)), "{code:?}");
    project.down();
}

#[test]
fn what_cannot_be_attached_says_why_and_signals_are_passed_on_or_not() {
    let Some(host) = Host::with_busybox() else { return };
    let yaml = "
name: sig
services:
  a: {image: busybox, command: 'sh -c \"trap \\\"echo caught; exit 5\\\" INT; echo ready; while :; do sleep 0.05; done\"'}
";
    let project = host.project("sig", yaml);
    project.up();
    project.sampan(["attach", "b"]).exits(1).says("no service `b`");
    project.sampan(["attach", "--index", "2", "a"]).exits(1).says("no container 2");
    project.sampan(["attach", "--detach-keys", "strg-p", "a"]).exits(2).says("is no key");
    project.sampan(["pause"]).succeeds();
    project.sampan(["attach", "a"]).exits(1).says("paused");
    project.sampan(["unpause"]).succeeds();
    let mut keeps = host.terminal(project.folder(), ["attach", "--sig-proxy=false", "--no-stdin", "a"]);
    let mut passes = host.terminal(project.folder(), ["attach", "a"]);
    let attached = || host.processes().iter().filter(|(_, line)| line.contains("/sampan attach")).count();
    eventually("both are attached", || (attached() == 2).then_some(()));
    keeps.types("\x03");
    assert_eq!(keeps.ends().0, Some(130));
    assert_eq!(project.state("sig-a-1").as_deref(), Some("running"));
    passes.types("\x03");
    passes.sees("caught\r\n");
    assert_eq!(passes.ends().0, Some(5));
    let list = project.sampan(["ps", "-a", "--json"]).succeeds().json();
    assert_eq!(list[0]["exit_code"], 5, "{list}");
    project.sampan(["attach", "a"]).exits(1).says("does not run");
    project.down();
}
