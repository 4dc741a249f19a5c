//! `sampan test`: a private copy, a command against it, and nothing left.

use e2e::{Host, Project, eventually};
use std::fs;
use std::process::{Child, Stdio};

const SHOP: &str = "
name: shop
services:
  web:
    image: busybox
    container_name: site
    command: httpd -f -p 80 -h /etc
    init: true
    ports: ['127.0.0.1:8080:80']
    volumes: ['data:/data']
    healthcheck: {test: wget -q -O /dev/null http://127.0.0.1/hostname, interval: 100ms}
  check:
    image: busybox
    profiles: [check]
    command: [sh, -c, 'echo looking; wget -q -O - http://site/hostname && exit 5']
    init: true
networks:
  default: {name: shop_fixed, ipam: {config: [{subnet: 10.77.0.0/24}]}}
volumes: {data: }
";

/// The names of all stacks that there are.
fn stacks(host: &Host) -> Vec<String> {
    let list = host.sampan(["ls", "-a", "--format", "json"]).succeeds().json();
    let name = |stack: &serde_json::Value| stack["Name"].as_str().expect("a name").to_owned();
    list.as_array().expect("a list").iter().map(name).collect()
}

fn begin(host: &Host, project: &Project, command: &[&str]) -> Child {
    let mut test = host.sampan_command(project.folder());
    test.arg("test").args(command).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    test.spawn().expect("begin a test")
}

#[test]
fn a_command_tests_a_private_copy_beside_the_stack_itself() {
    let Some(host) = Host::with_busybox() else { return };
    let project = host.project("shop", SHOP);
    project.sampan(["up", "-d", "--wait"]).succeeds();
    let site = project.pid("site");
    let script =
        "curl -sS $SAMPAN_URL_WEB_80/hostname && echo at $SAMPAN_ADDRESS_WEB_80 of $COMPOSE_PROJECT_NAME";
    let test = project.sampan(["test", "--", "sh", "-c", script]).succeeds();
    assert!(
        test.stdout.contains("at 127.0.0.1:") && test.stdout.contains("of shop-test-"),
        "{}",
        test.stdout
    );
    assert!(!test.stdout.contains(":8080"), "a port of its own: {}", test.stdout);
    assert_eq!(stacks(&host), ["shop"]);
    assert_eq!(project.pid("site"), site, "the stack itself is left alone");
    assert!(!project.folder().join("sampan-test").exists(), "only failures are explained");
    project.sampan(["down", "-v"]).succeeds();
    host.is_clean();
}

#[test]
fn a_failure_is_explained_and_has_the_exit_code_of_the_command() {
    let Some(host) = Host::with_busybox() else { return };
    let project = host.project("shop", SHOP);
    let script = "curl -sS $SAMPAN_URL_WEB_80/nothing; exit 3";
    project.sampan(["test", "--junit", "result.xml", "--", "sh", "-c", script]).exits(3).says("sampan-test");
    let read = |name: &str| fs::read_to_string(project.folder().join(name)).expect(name);
    assert!(read("result.xml").contains("exit code 3"));
    assert!(read("sampan-test/containers.json").contains("\"last_probe\""));
    assert!(read("sampan-test/events.jsonl").contains("\"start\""));
    assert!(stacks(&host).is_empty());
    project.sampan(["test", "--", "/no/such/program"]).exits(127).says("cannot run");
    project.edit("http://127.0.0.1/hostname", "http://127.0.0.1/nothing");
    project.edit("interval: 100ms", "interval: 100ms, retries: 1");
    project.sampan(["test", "--", "true"]).exits(1).says("unhealthy");
    assert!(stacks(&host).is_empty());
    host.is_clean();
}

#[test]
fn a_service_can_be_the_test() {
    let Some(host) = Host::with_busybox() else { return };
    let project = host.project("shop", SHOP);
    project.sampan(["--profile", "check", "test", "--service", "check"]).exits(5).says("looking");
    project.sampan(["test", "--service", "nobody"]).exits(1).says("there are: web");
    assert!(stacks(&host).is_empty());
    host.is_clean();
}

#[test]
fn tests_at_once_do_not_meet() {
    let Some(host) = Host::with_busybox() else { return };
    let project = host.project("shop", SHOP);
    let script = "curl -sS $SAMPAN_URL_WEB_80/hostname";
    let tests: Vec<Child> = (0..6).map(|_| begin(&host, &project, &["--", "sh", "-c", script])).collect();
    for mut test in tests {
        assert!(test.wait().expect("wait").success());
    }
    assert!(stacks(&host).is_empty());
    host.is_clean();
}

/// The processes whose command line has this word.
fn with_word(host: &Host, word: &str) -> Vec<u32> {
    let is_it = |line: &str| line.split_whitespace().any(|part| part == word);
    host.processes().into_iter().filter(|(_, line)| is_it(line)).map(|(pid, _)| pid).collect()
}

#[test]
fn a_test_that_is_killed_leaves_nothing_either() {
    let Some(host) = Host::with_busybox() else { return };
    let project = host.project("shop", SHOP);
    for also_reaper in [false, true] {
        let mut test = begin(&host, &project, &["--", "sh", "-c", "touch begun; exec sleep 1000"]);
        let begun = project.folder().join("begun");
        eventually("the command runs", || begun.exists().then_some(()));
        fs::remove_file(begun).expect("remove");
        // All of them are what a machine takes along when it goes down.
        let words: &[&str] = if also_reaper { &["reap", "test", "sleep"] } else { &["test"] };
        let mut doomed: Vec<String> = Vec::new();
        for pid in words.iter().flat_map(|word| with_word(&host, word)).map(|pid| pid.to_string()) {
            if !doomed.contains(&pid) {
                doomed.push(pid);
            }
        }
        assert!(doomed.len() >= words.len(), "{doomed:?}");
        host.shell(&format!("kill -9 {}", doomed.join(" "))).succeeds();
        test.wait().expect("it ends");
        if also_reaper {
            assert_eq!(stacks(&host).len(), 1);
            project.sampan(["test", "--", "true"]).succeeds().says("which a killed test left");
        }
        eventually("it is taken down", || stacks(&host).is_empty().then_some(()));
    }
    eventually("the other process is gone", || with_word(&host, "reap").is_empty().then_some(()));
    host.is_clean();
}

#[test]
fn ctrl_c_ends_the_test_and_takes_everything_down() {
    let Some(host) = Host::with_busybox() else { return };
    let project = host.project("shop", SHOP);
    let script = "touch begun; exec sleep 1000";
    let mut terminal = host.terminal(project.folder(), ["test", "--", "sh", "-c", script]);
    let begun = project.folder().join("begun");
    eventually("the command runs", || begun.exists().then_some(()));
    terminal.types("\x03");
    let (code, seen) = terminal.ends();
    assert_eq!(code, Some(130), "{seen}");
    assert!(stacks(&host).is_empty());
    host.is_clean();
}
