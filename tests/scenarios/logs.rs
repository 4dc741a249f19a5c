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
fn logging_says_how_much_is_kept_if_anything() {
    let Some(host) = Host::with_busybox() else { return };
    let yaml = "
name: kept
services:
  a: {image: busybox, command: seq 1 20000, logging: {driver: local, options: {max-size: 100k, max-file: '2'}}}
  b: {image: busybox, command: echo nothing, logging: {driver: none}}
";
    let project = host.project("kept", yaml);
    project.up();
    project.sampan(["wait", "a", "b"]);
    let files = host.shell(&format!("ls {}/containers/kept.a.1.1/", host.root().display())).stdout;
    let files: Vec<&str> = files.lines().filter(|name| name.starts_with("log")).collect();
    assert_eq!(files, ["log", "log.1"]);
    let log = project.sampan(["logs", "--no-log-prefix", "a"]).succeeds().stdout;
    assert_eq!(log.lines().last(), Some("20000"));
    assert!(log.lines().count() < 10_000, "only two files of 100 KiB are kept");
    assert_eq!(project.sampan(["logs", "b"]).succeeds().stdout, "");
    let folder = host.shell(&format!("ls {}/containers/kept.b.1.1/", host.root().display())).stdout;
    assert!(!folder.contains("log"), "{folder}");
    project.edit("driver: none", "driver: syslog");
    project.sampan(["up", "-d"]).exits(15).says("logging driver `syslog` is not supported");
    project.edit("driver: syslog", "driver: local");
    project.sampan(["plan"]).succeeds().says("logging.driver");
    project.down();
}

#[test]
fn lines_of_a_time_and_of_containers_that_come_later() {
    let Some(host) = Host::with_busybox() else { return };
    let project = host.project("talk", TALK);
    project.up();
    project.sampan(["wait", "a", "b"]);
    let text = project.sampan(["logs", "-t", "--no-log-prefix"]).succeeds().stdout;
    let third = text.lines().nth(2).and_then(|line| line.split(' ').next()).expect("five lines").to_owned();
    let since = project.sampan(["logs", "--no-log-prefix", "--since", &third]).succeeds().stdout;
    assert_eq!(since.lines().collect::<Vec<_>>(), ["three", "four", "five"]);
    let until = project.sampan(["logs", "--no-log-prefix", "--until", &third]).succeeds().stdout;
    assert_eq!(until.lines().collect::<Vec<_>>(), ["one", "two", "three"]);
    project.sampan(["logs", "--since", "soon"]).exits(2).says("write a time");
    project.edit("'sh -c \"echo one; sleep 0.2; echo three >&2; sleep 0.2; echo five\"'", "sleep 1000");
    project.sampan(["up", "-d", "a"]).succeeds();
    let mut command = host.sampan_command(project.folder());
    command.args(["logs", "-f", "b", "a"]).stdout(Stdio::piped());
    let mut child = command.spawn().expect("follow");
    project.sampan(["up", "-d", "--no-deps", "--scale", "b=2", "b"]).succeeds();
    let mut stdout = child.stdout.take().expect("piped");
    let mut seen = String::new();
    let mut buffer = [0; 1024];
    while !seen.contains("b-2 | four") {
        let read = stdout.read(&mut buffer).expect("read");
        assert_ne!(read, 0, "the following ended early: {seen}");
        seen.push_str(&String::from_utf8_lossy(&buffer[..read]));
    }
    project.sampan(["kill"]).succeeds();
    assert_eq!(child.wait().expect("wait").code(), Some(0));
    project.down();
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

#[test]
fn of_a_million_lines_none_is_lost() {
    let Some(host) = Host::with_busybox() else { return };
    let yaml = "
name: many
services:
  a:
    image: busybox
    command: [awk, 'BEGIN { for (i = 1; i <= 1000000; i++) printf \"%099d\\n\", i }']
    logging: {driver: local, options: {max-size: 1g}}
";
    let project = host.project("many", yaml);
    project.up();
    project.sampan(["wait", "a"]).succeeds();
    let text = project.sampan(["logs", "--no-log-prefix"]).succeeds().stdout;
    let wrong = text.lines().zip(1..).find(|(line, number)| line.parse() != Ok(*number));
    assert_eq!(wrong, None);
    assert_eq!(text.lines().count(), 1_000_000);
    project.down();
}
