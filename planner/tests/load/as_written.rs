//! Variables left as they are written: only what has to be long to be merged is made long.

use crate::Memory;
use serde_json::{Value, json};

/// What files say as they are written.
fn written(memory: Memory) -> Value {
    let memory = memory.with(|options| options.skip.interpolation = true).with(|options| {
        options.skip.env_resolution = true;
    });
    memory.load().unwrap_or_else(|diagnostics| panic!("{diagnostics}")).stack.to_json()
}

/// A key of the service `web` as it is written.
fn key(lines: &str, name: &str) -> Value {
    written(Memory::stack(&format!("services: {{web: {{{lines}}}}}")))["services"]["web"][name].clone()
}

#[test]
fn values_and_the_forms_of_the_end_stay() {
    for (lines, name, expected) in [
        ("environment: [A=1, B]", "environment", json!(["A=1", "B"])),
        ("environment: {A: 1, B: }", "environment", json!({"A": 1, "B": null})),
        ("labels: [a]", "labels", json!(["a"])),
        ("command: echo $A b", "command", json!("echo $A b")),
        ("entrypoint: [a]", "entrypoint", json!(["a"])),
        ("healthcheck: {test: a, interval: 90s}", "healthcheck", json!({"test": "a", "interval": "90s"})),
        ("tmpfs: /a", "tmpfs", json!("/a")),
        ("dns_search: a", "dns_search", json!("a")),
        ("extra_hosts: {a: 1.1.1.1}", "extra_hosts", json!({"a": "1.1.1.1"})),
        ("mem_limit: 64m", "mem_limit", json!("64m")),
        ("cpu_quota: 50ms", "cpu_quota", json!("50ms")),
        ("command: []", "command", json!(null)),
        ("cap_add: []", "cap_add", json!([])),
        ("extra_hosts: []", "extra_hosts", json!(null)),
        (
            "volumes: [{type: tmpfs, target: /t, tmpfs: {mode: '0777'}}]",
            "volumes",
            json!([{"type": "tmpfs", "target": "/t", "tmpfs": {"mode": "0777"}}]),
        ),
        ("ports: ['$A:80', '$B:81', '9:9']", "ports", json!(["$A:80", "$B:81", "9:9"])),
        ("gpus: [{driver: d}]", "gpus", json!([{"driver": "d", "count": "all"}])),
        ("expose: [80, '$P']", "expose", json!([80, "$P"])),
        ("stop_grace_period: '90'", "stop_grace_period", json!("90")),
        ("blkio_config: {weight: '${W}'}", "blkio_config", json!({"weight": "${W}"})),
        ("tty: '${TTY}'", "tty", json!("${TTY}")),
    ] {
        assert_eq!(key(lines, name), expected, "{lines}");
    }
}

#[test]
fn the_forms_of_merging_become_long_even_with_variables() {
    for (lines, name, expected) in [
        ("build: '${A}'", "build", json!({"context": "/srv/shop/${A}", "dockerfile": "Dockerfile"})),
        (
            "build: {context: /a, args: [A, B=1]}",
            "build",
            json!({"context": "/a", "dockerfile": "Dockerfile", "args": ["B=1"]}),
        ),
        ("dns: $A", "dns", json!(["$A"])),
        ("env_file: $A", "env_file", json!([{"path": "/srv/shop/$A", "required": true}])),
        ("secrets: ['${A}']", "secrets", json!([{"source": "${A}", "target": "/run/secrets/${A}"}])),
        ("networks: [a]", "networks", json!({"a": null})),
        (
            "depends_on: ['${A:-b}']",
            "depends_on",
            json!({"${A:-b}": {"condition": "service_started", "required": true}}),
        ),
        ("devices: ['$A:/b']", "devices", json!([{"source": "$A", "target": "/b", "permissions": "rwm"}])),
        (
            "ports: ['81:81']",
            "ports",
            json!([{"mode": "ingress", "target": 81, "published": "81", "protocol": "tcp"}]),
        ),
    ] {
        assert_eq!(key(lines, name), expected, "{lines}");
    }
}

#[test]
fn what_can_be_no_text_is_told_even_with_a_variable() {
    for (lines, expected) in [
        ("use_api_socket: '${A}'", "`${A}` is neither true nor false"),
        ("networks: {default: {priority: '${A}'}}", "`${A}` is not a number"),
        ("dns_opt: a", "must be a list, not text"),
    ] {
        let memory = Memory::stack(&format!("services: {{web: {{image: x, {lines}}}}}"));
        let told = memory.with(|options| options.skip.interpolation = true).told().to_string();
        assert!(told.contains(expected), "{lines}: {told}");
    }
}

#[test]
fn pairs_of_several_files_become_one_list() {
    for (base, over, name, expected) in [
        ("environment: {B: 1, A: }", "environment: [B=2, C]", "environment", json!(["A", "B=2", "C"])),
        ("environment: [B=1]", "environment: {C: 3, A: 1.50}", "environment", json!(["B=1", "A=1.5", "C=3"])),
        ("labels: {b: x}", "labels: {a: y, b: z}", "labels", json!(["b=z", "a=y"])),
        ("tmpfs: /a", "tmpfs: [/b, /a]", "tmpfs", json!(["/a", "/b"])),
        ("labels: {a: 1, b: x}", "labels: {a: !reset null, c: y}", "labels", json!(["b=x", "c=y"])),
        (
            "extra_hosts: {a: [1.1.1.1, '::1']}",
            "extra_hosts: [b=2.2.2.2]",
            "extra_hosts",
            json!(["a=1.1.1.1", "a=::1", "b=2.2.2.2"]),
        ),
        ("ports: ['80', '$A:9']", "ports: ['80', '8-9']", "ports", json!(["80", "$A:9", "8-9"])),
    ] {
        let memory = Memory::stack(&format!("services: {{web: {{{base}}}}}"))
            .and("over.yaml", &format!("services: {{web: {{{over}}}}}"));
        assert_eq!(written(memory)["services"]["web"][name], expected, "{base} + {over}");
    }
}

#[test]
fn no_variable_is_looked_up() {
    let text =
        "name: '${N}x'\nservices: {web: {image: x, environment: {N: }}}\nconfigs: {c: {environment: N}}\n";
    let said = written(Memory::stack(text).var("N", "one"));
    assert_eq!(said["name"], json!("nx"));
    assert_eq!(said["services"]["web"]["environment"], json!({"N": null}));
    assert_eq!(said["configs"]["c"], json!({"environment": "N", "name": "nx_c"}));
}

#[test]
fn a_list_of_no_labels_is_null_where_docker_compose_looks_for_no_duplicates() {
    let said = written(Memory::stack(
        "services: {web: {image: x}}\nvolumes: {v: {labels: []}}\nnetworks: {n: {labels: []}}\n",
    ));
    assert_eq!(
        (&said["volumes"]["v"]["labels"], &said["networks"]["n"]["labels"]),
        (&json!(null), &json!([]))
    );
}

#[test]
fn without_normalisation_the_name_is_that_of_the_file() {
    let name = |text: &str| {
        written(Memory::stack(text).with(|options| options.skip.normalization = true))["name"].clone()
    };
    assert_eq!(name("name: 'My$N'\nservices: {web: {image: x}}\n"), json!("My$N"));
    assert_eq!(name("services: {web: {image: x}}\n"), json!(null));
}
