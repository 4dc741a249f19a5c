//! The schema that is checked in is that of the table, and takes what loading takes.

use super::*;
use crate::diagnostic::Diagnostics;
use crate::source::tree::{Tag, Tree, Value as Node};
use crate::source::yaml;
use e2e::schema::misfits;
use std::path::Path;
use std::sync::LazyLock;

#[test]
fn the_schema_that_is_checked_in_is_current() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../schemas/stack.json");
    if std::env::var_os("SAMPAN_UPDATE").is_some() {
        std::fs::write(&file, stack_schema()).unwrap();
    }
    let known = std::fs::read_to_string(&file).unwrap();
    assert!(known == stack_schema(), "the table has changed: run this test with SAMPAN_UPDATE=1");
}

#[test]
fn every_key_is_described() {
    fn walk(shape: &Shape, path: &str) {
        for key in shape.keys().unwrap_or_default() {
            let path = format!("{path}.{}", key.name);
            assert!(key.about.ends_with(['.', '…']), "{path} lacks a sentence: add `.about(…)`");
            walk(key.shape, &path);
        }
        shape.entry().into_iter().chain(shape.item()).for_each(|below| walk(below, path));
    }
    walk(&TOP, "");
}

#[test]
fn the_examples_fit() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples");
    let mut seen = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        let Ok(text) = std::fs::read_to_string(entry.unwrap().path().join("compose.yaml")) else { continue };
        assert_eq!(faults(&text), <[String; 0]>::default());
        seen += 1;
    }
    assert!(seen > 0);
}

#[test]
fn the_stacks_of_golden_plans_fit() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/plans");
    let mut seen = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        let text = std::fs::read_to_string(entry.unwrap().path()).unwrap();
        let sections = text.split("\n== ").filter_map(|section| section.split_once('\n'));
        for (_, stack) in sections.filter(|(title, _)| title.starts_with("up") || *title == "file") {
            assert_eq!(faults(stack), <[String; 0]>::default(), "{stack}");
            seen += 1;
        }
    }
    assert!(seen > 20, "{seen}");
}

/// The reference corpus is no part of this repository; `tests/corpus.rs` tells of it.
#[test]
fn what_docker_compose_takes_fits() {
    let beside = || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/corpus");
    let corpus = std::env::var_os("SAMPAN_CORPUS").map_or_else(beside, Into::into);
    let Ok(cases) = std::fs::read_to_string(corpus.join("cases.jsonl")) else {
        return e2e::skip("no reference corpus: SAMPAN_CORPUS is not set");
    };
    for line in cases.lines() {
        let case: Value = serde_json::from_str(line).unwrap();
        let arguments: Vec<&str> =
            case["args"].as_array().unwrap().iter().filter_map(Value::as_str).collect();
        let files = arguments.windows(2).filter(|pair| pair[0] == "-f").map(|pair| pair[1]);
        for file in files.filter(|_| case["exit"] == 0) {
            let text =
                std::fs::read_to_string(corpus.join(case["dir"].as_str().unwrap()).join(file)).unwrap();
            assert_eq!(faults(&text), <[String; 0]>::default(), "{} {file}", case["id"]);
        }
    }
}

#[test]
fn short_and_long_forms_fit_and_mistakes_do_not() {
    let web = |lines: &str| faults(&format!("services: {{web: {{image: a, {lines}}}}}"));
    for lines in [
        "build: .",
        "build: {context: ., args: [A, B=1], ssh: [default]}",
        "ports: [80, '8080:80/udp', {target: 80, published: '8080'}]",
        "volumes: ['a:/b', {type: bind, source: ., target: /c}]",
        "environment: [A=1, B], env_file: [a, {path: b, required: false}]",
        "environment: {A: 1, B: , C: true}, labels: {a: }",
        "depends_on: [db], networks: [a, b]",
        "depends_on: {db: {condition: service_healthy}}, networks: {a: }",
        "command: , entrypoint: run it, dns: 1.1.1.1, gpus: all",
        "extra_hosts: {a: [1.1.1.1, '::1'], b: 1.1.1.1}",
        "ulimits: {nofile: 5, nproc: {soft: 1, hard: 2}}, scale: '${N}', tty: '${T}'",
        "healthcheck: {test: curl x, retries: 3}, x-mine: {any: thing}",
        "provider: {type: p, options: {a: 1, b: [x, y]}}, cgroup: '${C}'",
        "mem_limit: 1.5 GiB, memswap_limit: '-1', shm_size: 64m, mem_reservation: '${M}m', cpus: '0.5'",
        "stop_grace_period: 1m30s, healthcheck: {interval: '0', timeout: 1.5h, start_period: -1s}, tty: yes",
        "ports: ['[::1]:80:80/tcp', '127.0.0.1::80', '8000-8010:80', '${P}:80', ':80', 65535]",
        "volumes: [/a, './a:/b:ro,z', 'c:\\x:/y', '${A:?:}:/x'], devices: ['/dev/a:/dev/b:rwm', a.b/c=0]",
        "restart: 'on-failure:3', pull_policy: every_12h, container_name: web_1, platform: linux/arm64/v8",
        "ipc: 'service:db', pid: host, cpuset: '0-3,5', mac_address: '02:42:ac:11:00:02', init: 'True'",
        "secrets: [{source: a, mode: '0440'}], gpus: [{count: all}], deploy: {replicas: '2', mode: global}",
        "extra_hosts: ['a:::1', b=host-gateway], links: ['db:x'], expose: ['80-90/udp', 5]",
    ] {
        assert_eq!(web(lines), <[String; 0]>::default(), "{lines}");
    }
    for (lines, at) in [
        ("imgae: b", "/services/web/imgae"),
        ("user: 5", "/services/web/user"),
        ("cgroup: mine", "/services/web/cgroup"),
        ("oom_score_adj: 1001", "/services/web/oom_score_adj"),
        ("cap_add: [A, A]", "/services/web/cap_add"),
        ("blkio_config: {x-mine: 1}", "/services/web/blkio_config/x-mine"),
        ("extends: {file: a}", "/services/web/extends"),
        ("use_api_socket: 'true'", "/services/web/use_api_socket"),
        ("mem_limit: 64 megs", "/services/web/mem_limit"),
        ("mem_limit: '-1'", "/services/web/mem_limit"),
        ("deploy: {resources: {limits: {memory: 64}}}", "/services/web/deploy/resources/limits/memory"),
        ("cpus: one", "/services/web/cpus"),
        ("stop_grace_period: '10'", "/services/web/stop_grace_period"),
        ("stop_grace_period: 10", "/services/web/stop_grace_period"),
        ("healthcheck: {interval: 5 s}", "/services/web/healthcheck/interval"),
        ("ports: ['80:x']", "/services/web/ports/0"),
        ("ports: ['127.0.0.1:80']", "/services/web/ports/0"),
        ("ports: ['localhost:80:80']", "/services/web/ports/0"),
        ("ports: [80, 70000]", "/services/web/ports/1"),
        ("ports: ['80:80/http']", "/services/web/ports/0"),
        ("volumes: ['a::']", "/services/web/volumes/0"),
        ("volumes: ['data:/data:ro:rw']", "/services/web/volumes/0"),
        ("devices: ['a:b:c:d']", "/services/web/devices/0"),
        ("restart: allways", "/services/web/restart"),
        ("restart: 'on-failure:many'", "/services/web/restart"),
        ("pull_policy: sometimes", "/services/web/pull_policy"),
        ("container_name: '-'", "/services/web/container_name"),
        ("tty: maybe", "/services/web/tty"),
        ("scale: three", "/services/web/scale"),
        ("gpus: some", "/services/web/gpus"),
        ("extra_hosts: [nowhere]", "/services/web/extra_hosts/0"),
        ("env_file: {path: a, format: yaml}", "/services/web/env_file"),
        ("mac_address: 02-42", "/services/web/mac_address"),
        ("depends_on: [a b]", "/services/web/depends_on/0"),
    ] {
        assert_eq!(web(lines), [at], "{lines}");
    }
}

/// Where a stack file does not fit the schema.
fn faults(text: &str) -> Vec<String> {
    static SCHEMA: LazyLock<Value> = LazyLock::new(|| serde_json::from_str(&stack_schema()).unwrap());
    let documents = yaml::parse(0, text, &mut Diagnostics::default()).unwrap();
    documents.iter().flat_map(|tree| misfits(&plain(tree), &SCHEMA)).collect()
}

fn plain(tree: &Tree) -> Value {
    match &tree.value {
        Node::Null | Node::Bad => Value::Null,
        Node::Bool(truth) => json!(truth),
        Node::Int(number) => json!(number),
        Node::Float(number) => json!(number),
        Node::Text(text) => json!(text.as_str()),
        Node::List(items) => items.iter().map(plain).collect(),
        Node::Map(map) => {
            let said = map.entries().iter().filter(|entry| entry.value.tag != Some(Tag::Reset));
            said.map(|entry| (entry.key.clone(), plain(&entry.value))).collect()
        }
    }
}
