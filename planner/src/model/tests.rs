//! The canonical forms, seen from a tree that has everything.

use super::{Form, Plain, Stack, decode};
use crate::diagnostic::{Diagnostics, Span};
use crate::source::cast::Kind;
use crate::source::schema::{self, Shape};
use crate::source::tree::{Entry, Map, Tree, Value};
use crate::source::yaml;
use serde_json::Value as Json;

/// A tree of something that was printed.
fn tree(json: &Json) -> Tree {
    let span = Span::default();
    let value = match json {
        Json::Null => Value::Null,
        Json::Bool(truth) => Value::Bool(*truth),
        Json::Number(number) => {
            number.as_i64().map_or_else(|| Value::Float(number.as_f64().unwrap_or_default()), Value::Int)
        }
        Json::String(text) => Value::Text(text.replace("$$", "$").into()),
        Json::Array(items) => Value::List(items.iter().map(tree).collect()),
        Json::Object(entries) => {
            let entry = |(key, value): (&String, &Json)| {
                Entry::new(key.replace("$$", "$"), span.clone(), tree(value))
            };
            Value::Map(entries.iter().map(entry).collect::<Map>())
        }
    };
    Tree::new(value, &span)
}

fn stack(tree: &Tree) -> Stack {
    let name = tree.get("name").and_then(Tree::as_text).unwrap_or_default();
    let (stack, misfits) = decode::stack(tree, name);
    assert_eq!(misfits, []);
    stack
}

/// What Docker Compose printed is read and printed again: the same must come out. That needs a
/// corpus; without one there is nothing to compare.
#[test]
fn what_compose_prints_is_printed_again() {
    let Some(corpus) = std::env::var_os("SAMPAN_CORPUS") else { return };
    let folder = std::path::Path::new(&corpus).join("expected");
    let mut wrong = Vec::new();
    for file in std::fs::read_dir(folder).unwrap() {
        let path = file.unwrap().path();
        let Ok(expected) = serde_json::from_str::<Json>(&std::fs::read_to_string(&path).unwrap()) else {
            continue;
        };
        if normal(&stack(&tree(&expected)).to_json()) != normal(&expected) {
            wrong.push(path);
        }
    }
    assert_eq!(wrong, Vec::<std::path::PathBuf>::new());
}

/// Numbers that are the same, written in one way.
fn normal(json: &Json) -> Json {
    match json {
        Json::Number(number) => number.as_f64().map_or(Json::Null, Json::from),
        Json::Array(items) => items.iter().map(normal).collect(),
        Json::Object(entries) => entries.iter().map(|(key, value)| (key.clone(), normal(value))).collect(),
        other => other.clone(),
    }
}

fn parsed(text: &str) -> Tree {
    let mut diagnostics = Diagnostics::default();
    let file = diagnostics.add_file("compose.yaml", text);
    yaml::parse(file, text, &mut diagnostics).unwrap().remove(0)
}

fn printed(stack: &Stack, form: Form) -> String {
    serde_json::to_string(&stack.canonical(form)).unwrap()
}

/// What a service says, and how it is printed as YAML and as JSON, both in one line.
const SERVICES: &[[&str; 3]] = &[
    ["{}", "{}", r#"{"command":null,"entrypoint":null}"#],
    [
        "{command: [], image: a}",
        r#"{"command":[],"image":"a"}"#,
        r#"{"command":[],"entrypoint":null,"image":"a"}"#,
    ],
    [
        "{tty: false, init: false, attach: false, scale: 0, labels: {}, mem_limit: '0', hostname: ''}",
        r#"{"attach":false,"init":false,"scale":0}"#,
        r#"{"attach":false,"command":null,"entrypoint":null,"init":false,"scale":0}"#,
    ],
    [
        "{environment: {A: , B: '$x'}, networks: {b: , a: {priority: 0}}}",
        r#"{"environment":{"A":null,"B":"$$x"},"networks":{"a":{},"b":null}}"#,
        r#"{"command":null,"entrypoint":null,"environment":{"A":null,"B":"$$x"},"networks":{"a":{},"b":null}}"#,
    ],
    [
        "{deploy: {x-a: 1}, healthcheck: {}}",
        r#"{"deploy":{"x-a":1},"healthcheck":{}}"#,
        r#"{"command":null,"deploy":{"resources":{},"placement":{}},"entrypoint":null,"healthcheck":{}}"#,
    ],
    [
        "{mem_limit: '1024', mem_swappiness: 60, memswap_limit: '-1', pids_limit: -1, stop_grace_period: 1m30s}",
        r#"{"mem_limit":"1024","memswap_limit":"-1","mem_swappiness":"60","pids_limit":-1,"stop_grace_period":"1m30s"}"#,
        r#"{"command":null,"entrypoint":null,"mem_limit":"1024","memswap_limit":"-1","mem_swappiness":"60","pids_limit":-1,"stop_grace_period":"1m30s"}"#,
    ],
    [
        "{cpus: 0.1234567891, secrets: [{source: s, mode: '0440'}], depends_on: {d: {required: false}}}",
        r#"{"cpus":0.12345679,"depends_on":{"d":{"condition":"service_started","required":false}},"secrets":[{"source":"s","mode":"0440"}]}"#,
        r#"{"cpus":0.12345679,"command":null,"depends_on":{"d":{"condition":"service_started","required":false}},"entrypoint":null,"secrets":[{"source":"s","mode":"0440"}]}"#,
    ],
    [
        "{ulimits: {core: 0, nproc: 5, nofile: {hard: 2}}, extra_hosts: {b: [2.2.2.2, 1.1.1.1], a: 3.3.3.3}}",
        r#"{"extra_hosts":["a=3.3.3.3","b=1.1.1.1","b=2.2.2.2"],"ulimits":{"core":{"soft":0,"hard":0},"nofile":{"soft":0,"hard":2},"nproc":5}}"#,
        r#"{"command":null,"entrypoint":null,"extra_hosts":["a=3.3.3.3","b=1.1.1.1","b=2.2.2.2"],"ulimits":{"core":{},"nofile":{"hard":2},"nproc":5}}"#,
    ],
    [
        "{blkio_config: {device_read_bps: [{path: /dev/a, rate: '0'}]}, build: {ssh: {k: /a, default: }}}",
        r#"{"build":{"ssh":["default","k: /a"]},"blkio_config":{"device_read_bps":[{"path":"/dev/a","rate":"0"}]}}"#,
        r#"{"build":{"ssh":["default","k=/a"]},"blkio_config":{"device_read_bps":[{"Path":"/dev/a","Rate":"0"}]},"command":null,"entrypoint":null}"#,
    ],
    [
        "{develop: {watch: [{path: /a, action: sync+restart, target: /b}]}, post_start: [{user: a}]}",
        r#"{"develop":{"watch":[{"path":"/a","action":"sync+restart","target":"/b"}]},"post_start":[{"user":"a"}]}"#,
        r#"{"develop":{"watch":[{"path":"/a","action":"sync+restart","target":"/b","exec":{"command":null}}]},"command":null,"entrypoint":null,"post_start":[{"command":null,"user":"a"}]}"#,
    ],
    [
        "{env_file: [{path: a, required: true}, {path: b, required: false, format: raw}]}",
        r#"{"env_file":["a",{"path":"b","required":false}]}"#,
        r#"{"command":null,"entrypoint":null,"env_file":["a",{"path":"b","required":false,"format":"raw"}]}"#,
    ],
];

#[test]
fn both_forms_leave_out_and_keep_what_compose_does() {
    for [given, yaml, json] in SERVICES {
        let stack = stack(&parsed(&format!("services: {{s: {given}}}")));
        let service = |body: &str| format!(r#"{{"services":{{"s":{body}}}}}"#);
        assert_eq!(printed(&stack, Form::Yaml), service(yaml), "{given}");
        assert_eq!(printed(&stack, Form::Json), service(json), "{given}");
    }
}

#[test]
fn the_top_level_has_its_own_order_in_each_form() {
    let stack = stack(&parsed(
        "{name: s, x-b: {z: 1.0, x-c: 1}, x-a10: 1, x-a2: 2, services: {web10: , web2: {x-c: 1}}, \
         models: {m: {model: a}}, networks: {n: {ipam: {options: {a: b}}, x-c: 1}}, \
         secrets: {t: {environment: T, content: hidden}}, \
         configs: {c: {environment: C, content: known}, d: {content: $x}}}",
    ));
    assert_eq!(
        printed(&stack, Form::Yaml),
        r#"{"name":"s","services":{"web2":{"x-c":1},"web10":{}},"networks":{"n":{"x-c":1}},"secrets":{"t":{"environment":"T"}},"configs":{"c":{"environment":"C"},"d":{"content":"$$x"}},"models":{"m":{"model":"a"}},"x-a2":2,"x-a10":1,"x-b":{"x-c":1,"z":1.0}}"#
    );
    let empty = r#"{"command":null,"entrypoint":null}"#;
    assert_eq!(
        printed(&stack, Form::Json),
        format!(
            r#"{{"configs":{{"c":{{"environment":"C"}},"d":{{"content":"$$x"}}}},"name":"s","networks":{{"n":{{"ipam":{{}}}}}},"secrets":{{"t":{{"environment":"T"}}}},"services":{{"web10":{empty},"web2":{empty}}},"x-a10":1,"x-a2":2,"x-b":{{"x-c":1,"z":1}}}}"#
        )
    );
}

#[test]
fn what_was_reported_as_wrong_is_as_if_it_were_not_written() {
    let mut tree = parsed(
        "{services: {a: {image: a, tty: x, deploy: x, environment: {A: x}, ports: [{target: 1}, x], ulimits: {core: x}}, b: x}}",
    );
    spoil(&mut tree);
    let stack = stack(&tree);
    assert_eq!(
        printed(&stack, Form::Yaml),
        r#"{"services":{"a":{"environment":{"A":null},"image":"a","ports":[{"target":1}],"ulimits":{"core":{"soft":0,"hard":0}}},"b":{}}}"#
    );
    assert_eq!(stack.services["a"].span.column, 13);
    assert_eq!(stack.services["a"].ports[0].span.column, 75);
}

/// Makes every `x` a mistake that has been reported.
fn spoil(tree: &mut Tree) {
    match &mut tree.value {
        Value::Text(text) if text == "x" => tree.spoil(),
        Value::List(items) => items.iter_mut().for_each(spoil),
        Value::Map(map) => map.values_mut().for_each(|(_, _, value)| spoil(value)),
        _ => {}
    }
}

#[test]
fn what_does_not_fit_its_type_is_told_with_its_place_and_harms_nothing_else() {
    let tree = parsed("{services: {a: {image: a, tty: [1]}, b: {image: b}}}");
    let (stack, misfits) = decode::stack(&tree, "");
    assert_eq!(stack.services["a"].image, "");
    assert_eq!(stack.services["b"].image, "b");
    let [misfit] = &misfits[..] else { panic!("{misfits:?}") };
    assert_eq!(misfit.span.as_ref().map(|span| span.column), Some(32));
}

#[test]
fn without_types_what_was_said_is_printed_sorted_and_as_written() {
    let tree = parsed("{services: {b10: {tty: $T, image: a}, b2: {x-a: 1}}, name: other}");
    let stack = Stack { untyped: Some(decode::untyped(&tree, Some("s"))), ..Stack::default() };
    assert_eq!(
        printed(&stack, Form::Yaml),
        r#"{"name":"s","services":{"b2":{"x-a":1},"b10":{"image":"a","tty":"$T"}}}"#
    );
    assert_eq!(
        printed(&stack, Form::Json),
        r#"{"name":"s","services":{"b10":{"image":"a","tty":"$T"},"b2":{"x-a":1}}}"#
    );
}

/// A tree in which every key of a shape is given.
fn everything(shape: &Shape) -> Tree {
    let map = |entries: &mut dyn Iterator<Item = (&str, Tree)>| {
        let mut map = Map::default();
        entries.for_each(|(key, value)| map.set(key, value));
        Value::Map(map)
    };
    let value = match shape.long() {
        Shape::One(kind) => example(kind),
        Shape::List(item) | Shape::Set(item) => Value::List(vec![everything(item)]),
        Shape::Map(entry) | Shape::Named(entry) => map(&mut std::iter::once(("a", everything(entry)))),
        Shape::Object(keys) | Shape::Closed(keys) => {
            map(&mut keys.iter().map(|key| (key.name, everything(key.shape))))
        }
        // `external` has a name in old files only.
        Shape::OneOr(kind @ (Kind::Bool | Kind::Truth), _) => example(kind),
        Shape::OneOr(_, inner) => return everything(inner),
        _ => Value::Text("a".into()),
    };
    Tree::new(value, &Span::default())
}

/// A value that is neither empty nor zero.
fn example(kind: &Kind) -> Value {
    match kind {
        Kind::Bool | Kind::Truth => Value::Bool(true),
        Kind::Duration => Value::Text("1s".into()),
        Kind::Word(words) => Value::Text(words[0].into()),
        Kind::Text | Kind::Loose | Kind::TextOrNumber | Kind::TextOrInt => Value::Text("1".into()),
        Kind::Like(_) | Kind::Parsed(..) => Value::Text("1".into()),
        _ => Value::Int(1),
    }
}

/// Keys that are used up by loading, or that Compose does not print.
const UNPRINTED: &[&str] = &[
    "version",
    "include",
    "services.a.pull_refresh_after",
    "networks.a.ipam.options",
    // Its variable is printed.
    "configs.a.content",
];

/// Keys below which the printed form is another one.
const RESHAPED: &[&str] = &["services.a.env_file", "services.a.build.ssh"];

#[test]
fn every_known_key_is_in_the_model() {
    let tree = everything(&schema::TOP);
    let printed = stack(&tree).canonical(Form::Yaml);
    let mut missing = Vec::new();
    look(&tree, Some(&printed), "", &mut missing);
    assert_eq!(missing, Vec::<String>::new());
}

/// Notes the paths of keys that are not printed.
fn look(tree: &Tree, printed: Option<&Plain>, path: &str, missing: &mut Vec<String>) {
    if UNPRINTED.contains(&path) {
        return;
    }
    let Some(printed) = printed else { return missing.push(path.to_owned()) };
    if RESHAPED.contains(&path) {
        return;
    }
    for entry in tree.entries() {
        let path = format!("{path}.{}", entry.key);
        look(&entry.value, printed.get(&entry.key), path.trim_start_matches('.'), missing);
    }
    if let ([item], Plain::List(items)) = (tree.items(), printed) {
        look(item, items.first(), path, missing);
    }
}
