//! The canonical form as JSON, in the shape that `docker compose config --format json` prints.

use super::path::Path;
use super::tree::{Tree, Value};
use crate::model::Stack;
use serde_json::{Map, Value as Json, json};

/// Places that are printed although they are empty.
const PRINTED_EMPTY: &[&str] = &[
    "services",
    "services.*.command",
    "services.*.entrypoint",
    "services.*.volumes.*.volume",
    "services.*.volumes.*.bind",
    "services.*.healthcheck",
    "networks.*.ipam",
];

/// The stack as it is after all stages. Networks and volumes that no enabled service uses are left out.
pub(crate) fn render(tree: &Tree, stack: &Stack) -> Json {
    let mut top = Map::new();
    for entry in tree.entries() {
        let path = Path::TOP.key(&entry.key);
        match entry.key.as_str() {
            "version" | "name" => {}
            "services" => drop(top.insert("services".into(), services(&entry.value, stack, &path))),
            "networks" => {
                section(&mut top, entry.key.as_str(), &entry.value, |key| stack.networks.contains_key(key))
            }
            "volumes" => {
                section(&mut top, entry.key.as_str(), &entry.value, |key| stack.volumes.contains_key(key))
            }
            key => drop(top.insert(escape(key), json(&entry.value, &path))),
        }
    }
    top.entry("services").or_insert_with(|| json!({}));
    top.insert("name".into(), json!(stack.name));
    Json::Object(top)
}

fn services(tree: &Tree, stack: &Stack, path: &Path<'_>) -> Json {
    let enabled = tree.entries().iter().filter(|entry| stack.services.contains_key(&entry.key));
    let services = enabled.map(|entry| {
        let path = path.key(&entry.key);
        let mut service = json(&entry.value, &path);
        if let Json::Object(map) = &mut service {
            for key in ["command", "entrypoint"] {
                map.entry(key).or_insert(Json::Null);
            }
            if let Some(Json::Object(deploy)) = map.get_mut("deploy") {
                for key in ["resources", "placement"] {
                    deploy.entry(key).or_insert_with(|| json!({}));
                }
            }
        }
        (escape(&entry.key), service)
    });
    Json::Object(services.collect())
}

fn section(top: &mut Map<String, Json>, name: &str, tree: &Tree, used: impl Fn(&str) -> bool) {
    let path = Path::TOP.key(name);
    let mut all = Map::new();
    for entry in tree.entries().iter().filter(|entry| used(&entry.key)) {
        let mut resource = json(&entry.value, &path.key(&entry.key));
        if let (Json::Object(map), "networks") = (&mut resource, name) {
            map.entry("ipam").or_insert_with(|| json!({}));
        }
        all.insert(escape(&entry.key), resource);
    }
    if !all.is_empty() {
        top.insert(name.to_owned(), Json::Object(all));
    }
}

fn json(tree: &Tree, path: &Path<'_>) -> Json {
    match &tree.value {
        Value::Null | Value::Bad => Json::Null,
        Value::Bool(truth) => json!(truth),
        Value::Int(number) => json!(number),
        Value::Float(number) => json!(number),
        Value::Text(text) => json!(escape(text)),
        Value::List(items) => Json::Array(
            items.iter().enumerate().map(|(index, item)| json(item, &path.index(index))).collect(),
        ),
        Value::Map(map) => {
            let printed = map.entries().iter().filter_map(|entry| {
                let path = path.key(&entry.key);
                printed(&entry.value, &path).then(|| (escape(&entry.key), json(&entry.value, &path)))
            });
            Json::Object(printed.collect())
        }
    }
}

/// What is empty or false is left out, where nothing else would be meant by it.
fn printed(tree: &Tree, path: &Path<'_>) -> bool {
    let inner =
        || ["services.*.environment.*", "services.*.networks.*"].iter().any(|pattern| path.matches(pattern));
    match &tree.value {
        Value::Bool(false) => {
            path.matches("services.*.init") || path.matches("services.*.depends_on.*.required")
        }
        Value::List(items) => !items.is_empty() || PRINTED_EMPTY.iter().any(|pattern| path.matches(pattern)),
        Value::Map(map) => {
            !map.is_empty() || PRINTED_EMPTY.iter().any(|pattern| path.matches(pattern)) || inner()
        }
        Value::Text(text) => !(text.is_empty() && path.matches("services.*.ports.*.published")),
        _ => true,
    }
}

/// Interpolating the output again gives the same.
fn escape(text: &str) -> String {
    text.replace('$', "$$")
}
