//! What containers print is kept, ordered and followed.

use e2e::Host;
use std::io::Read;
use std::process::Stdio;

const TALK: &str = "
name: talk
services:
  a: {image: busybox, command: 'sh -c \"echo one; sleep 0.2; echo three >&2; sleep 0.2; echo five\"'}
  b: {image: busybox, command: 'sh -c \"sleep 0.1; echo two; sleep 0.2; echo four\"'}
";

#[test]
fn lines_of_all_services_come_in_the_order_of_time() {
    let Some(host) = Host::with_busybox() else { return };
    let project = host.project("talk", TALK);
    project.up();
    let text = project.sampan(["logs", "-f", "-t"]).succeeds().stdout;
    let words: Vec<&str> = text.lines().filter_map(|line| line.split_whitespace().last()).collect();
    let mut times: Vec<&str> =
        text.lines().filter_map(|line| line.split_whitespace().find(|word| word.ends_with('Z'))).collect();
    assert_eq!(words.len(), 5, "{text}");
    let shown = times.clone();
    times.sort_unstable();
    assert_eq!(shown, times, "sorted by time");
    let tail = project.sampan(["logs", "--tail", "1", "a"]).succeeds();
    tail.says("five").does_not_say("three");
    project.sampan(["logs", "b"]).succeeds().says("two").does_not_say("one");
    project.down();
}

#[test]
fn attached_up_shows_the_logs_and_stops_on_interrupt() {
    let Some(host) = Host::with_busybox() else { return };
    let yaml = "
name: att
services:
  a: {image: busybox, command: 'sh -c \"echo ahoy; sleep 1000\"', init: true}
";
    let project = host.project("att", yaml);
    let mut command = host.sampan_command(project.folder());
    let mut child =
        command.arg("up").stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("start up");
    let mut stdout = child.stdout.take().expect("piped");
    let mut seen = String::new();
    let mut buffer = [0; 1024];
    while !seen.contains("ahoy") {
        let read = stdout.read(&mut buffer).expect("read");
        assert_ne!(read, 0, "up ended early: {seen}");
        seen.push_str(&String::from_utf8_lossy(&buffer[..read]));
    }
    interrupt(child.id());
    std::thread::spawn(move || std::io::copy(&mut stdout, &mut std::io::sink()));
    let status = child.wait().expect("wait for up");
    assert_eq!(status.code(), Some(130));
    assert_eq!(project.state("att-a-1").as_deref(), Some("exited"));
    project.down();
}

/// Sends SIGINT to the program that nsenter became.
fn interrupt(pid: u32) {
    use nix::sys::signal::{Signal, kill};
    use nix::unistd::Pid;
    let children = std::fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).unwrap_or_default();
    let target = children.split_whitespace().next().and_then(|pid| pid.parse().ok()).unwrap_or(pid);
    kill(Pid::from_raw(i32::try_from(target).expect("a pid")), Signal::SIGINT).expect("send SIGINT");
}

#[test]
fn a_lot_of_output_loses_no_line() {
    let Some(host) = Host::with_busybox() else { return };
    let yaml = "
name: lot
services:
  a: {image: busybox, command: 'seq 1 50000'}
";
    let project = host.project("lot", yaml);
    project.up();
    let text = project.sampan(["logs", "-f", "--no-log-prefix"]).succeeds().stdout;
    assert_eq!(text.lines().count(), 50_000);
    assert_eq!(text.lines().last(), Some("50000"));
    project.down();
}
