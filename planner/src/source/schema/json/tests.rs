//! The schema that is checked in is that of the table, and takes what loading takes.

use super::*;
use crate::diagnostic::Diagnostics;
use crate::source::tree::{Tree, Value as Node};
use crate::source::yaml;
use std::path::Path;

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
    ] {
        assert_eq!(web(lines), [at], "{lines}");
    }
}

/// Where a stack file does not fit the schema.
fn faults(text: &str) -> Vec<String> {
    let schema: Value = serde_json::from_str(&stack_schema()).unwrap();
    let documents = yaml::parse(0, text, &mut Diagnostics::default()).unwrap();
    documents.iter().flat_map(|tree| check(&plain(tree), &schema, "")).collect()
}

fn plain(tree: &Tree) -> Value {
    match &tree.value {
        Node::Null | Node::Bad => Value::Null,
        Node::Bool(truth) => json!(truth),
        Node::Int(number) => json!(number),
        Node::Float(number) => json!(number),
        Node::Text(text) => json!(text),
        Node::List(items) => items.iter().map(plain).collect(),
        Node::Map(map) => {
            map.entries().iter().map(|entry| (entry.key.clone(), plain(&entry.value))).collect()
        }
    }
}

/// The places below `at` that do not fit; as much of JSON schema as is generated.
fn check(value: &Value, schema: &Value, at: &str) -> Vec<String> {
    let here = || vec![at.to_owned()];
    if let Some(of) = schema["anyOf"].as_array() {
        let faults: Vec<Vec<String>> = of.iter().map(|one| check(value, one, at)).collect();
        // Of several mistakes the deepest one says most.
        return faults
            .into_iter()
            .min_by_key(|faults| match &faults[..] {
                [] => 0,
                [first, ..] => usize::MAX - first.len(),
            })
            .unwrap_or_default();
    }
    if !schema["enum"].is_null() {
        return if schema["enum"].as_array().unwrap().contains(value) { Vec::new() } else { here() };
    }
    let types = schema["type"].as_array().cloned().unwrap_or_else(|| vec![schema["type"].clone()]);
    if !schema["type"].is_null() && !types.iter().any(|noun| is(value, noun.as_str().unwrap())) {
        return here();
    }
    let number = value.as_f64().unwrap_or_default();
    let low = schema["minimum"].as_f64().is_some_and(|least| number < least);
    let high = schema["maximum"].as_f64().is_some_and(|most| number > most);
    let plain = schema["pattern"] == "\\$" && !value.as_str().unwrap_or("$").contains('$');
    match value {
        _ if low || high || plain => here(),
        Value::Array(items) => {
            let twice = items.iter().enumerate().any(|(index, item)| items[..index].contains(item));
            if twice && schema["uniqueItems"] == true {
                return here();
            }
            let below = |(index, item)| check(item, &schema["items"], &format!("{at}/{index}"));
            items.iter().enumerate().flat_map(below).collect()
        }
        Value::Object(map) => {
            let required = schema["required"].as_array().cloned().unwrap_or_default();
            if required.iter().any(|key| !map.contains_key(key.as_str().unwrap())) {
                return here();
            }
            map.iter().flat_map(|(key, value)| entry((key, value), schema, &format!("{at}/{key}"))).collect()
        }
        _ => Vec::new(),
    }
}

/// As [`check`], for an entry of a mapping.
fn entry((key, value): (&str, &Value), schema: &Value, at: &str) -> Vec<String> {
    let patterns = &schema["patternProperties"];
    if let Some(known) = schema["properties"].get(key) {
        check(value, known, at)
    } else if key.starts_with("x-") && patterns.get(EXTENSION).is_some() {
        Vec::new()
    } else if let Some(named) = patterns.get(NAME) {
        check(value, named, at)
    } else if schema["additionalProperties"] == false {
        vec![at.to_owned()]
    } else {
        check(value, &schema["additionalProperties"], at)
    }
}

fn is(value: &Value, noun: &str) -> bool {
    match noun {
        "string" => value.is_string(),
        "integer" => value.is_i64(),
        "number" => value.is_number(),
        "boolean" => value.is_boolean(),
        "null" => value.is_null(),
        "array" => value.is_array(),
        _ => value.is_object(),
    }
}
