//! Each mistake is one clear message with place and hint, and nothing is left half-made.

use e2e::Host;

/// Stack file, exit code, and what the message must hold.
const MISTAKES: &[(&str, i32, &[&str])] = &[
    ("services:\n  a: [\n", 15, &["compose.yaml:"]),
    ("services:\n  a: {image: busybox, comand: x}\n", 15, &["compose.yaml:2:", "comand", "command"]),
    ("services:\n  a: {image: busybox, environment: 3}\n", 15, &["compose.yaml:2:", "environment"]),
    ("services:\n  a: {image: busybox, ports: ['80000:80']}\n", 15, &["compose.yaml:2:", "80000"]),
    ("services:\n  a: {image: busybox, networks: [fornt]}\nnetworks: {front: }\n", 15, &["fornt", "front"]),
    (
        "services:\n  a: {image: busybox, depends_on: [b]}\n  b: {image: busybox, depends_on: [a]}\n",
        15,
        &["a → b → a"],
    ),
    ("services:\n  a: {image: busybox, mem_limit: 1M}\n", 15, &["compose.yaml:2:", "too small", "6m"]),
    ("services:\n  a: {image: busybox, volumes: ['nope:/x']}\n", 15, &["nope"]),
    ("services:\n  a: {image: busybox, depends_on: [bb]}\n  b: {image: busybox}\n", 15, &["bb", "`b`"]),
];

#[test]
fn each_mistake_has_its_place_and_a_hint() {
    let Some(host) = Host::with_busybox() else { return };
    for (yaml, code, texts) in MISTAKES {
        let project = host.project("bad", yaml);
        let output = project.sampan(["up", "-d"]).exits(*code);
        for text in *texts {
            output.clone().says(text);
        }
        assert!(!output.stderr.contains("panicked"), "{output}");
    }
    host.is_clean();
}

#[test]
fn a_missing_file_is_named() {
    let Some(host) = Host::with_busybox() else { return };
    host.sampan(["-f", "nowhere.yaml", "up", "-d"]).exits(14).says("nowhere.yaml");
    host.sampan(["up", "-d"]).exits(14).says("compose.yaml");
}

#[test]
fn all_mistakes_of_a_file_are_told_at_once() {
    let Some(host) = Host::with_busybox() else { return };
    let yaml = "services:\n  a: {image: busybox, comand: x, mem_limit: lots}\n  b: {image: busybox, networks: [nope]}\n";
    let project = host.project("bad", yaml);
    project.sampan(["config"]).exits(15).says("comand").says("lots").says("nope");
}

#[test]
fn a_mistyped_command_gets_a_suggestion() {
    let Some(host) = Host::bare() else { return };
    host.sampan(["pa"]).exits(2).says("similar").says("plan");
}
