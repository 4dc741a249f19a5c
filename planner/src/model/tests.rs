//! The canonical forms, seen from a tree that has everything.

use super::{Stack, decode};
use crate::diagnostic::Span;
use crate::source::tree::{Entry, Map, Tree, Value};
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
        Json::String(text) => Value::Text(text.replace("$$", "$")),
        Json::Array(items) => Value::List(items.iter().map(tree).collect()),
        Json::Object(entries) => {
            let entry = |(key, value): (&String, &Json)| Entry {
                key: key.replace("$$", "$"),
                key_span: span.clone(),
                value: tree(value),
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
