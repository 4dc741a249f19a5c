//! What an attribute means when it is left out, where that does not depend on the rest of the
//! stack.

use super::tree::{Tree, Value};
use super::visit::visit;
use smol_str::SmolStr;

/// Keys that are set when they are missing: where in a service, key, value.
const DEFAULTS: &[(&str, &str, Default)] = &[
    ("depends_on.*", "condition", Default::Text("service_started")),
    ("depends_on.*", "required", Default::True),
    ("env_file.*", "required", Default::True),
    ("build", "context", Default::Text(".")),
    ("ports.*", "protocol", Default::Text("tcp")),
    ("ports.*", "mode", Default::Text("ingress")),
];

#[derive(Clone, Copy)]
enum Default {
    True,
    Text(&'static str),
}

/// Fills in what the files leave out; `written` as it would be written, not as it is held.
pub(crate) fn fill(tree: &mut Tree, written: bool) {
    let all = if written { Value::Text("all".into()) } else { Value::Int(-1) };
    visit(tree, "services.*", &mut |service| {
        for (place, key, value) in DEFAULTS {
            visit(service, place, &mut |node| set(node, key, value.get()));
        }
        visit(service, "secrets.*", &mut secret);
        for place in ["deploy.resources.reservations.devices.*", "gpus.*"] {
            visit(service, place, &mut |request| device_request(request, all.clone()));
        }
    });
}

impl Default {
    fn get(self) -> Value {
        match self {
            Default::True => Value::Bool(true),
            Default::Text(text) => Value::Text(SmolStr::new_static(text)),
        }
    }
}

fn set(node: &mut Tree, key: &str, value: Value) {
    let span = node.span.clone();
    if let Some(map) = node.as_map_mut()
        && map.get(key).is_none()
    {
        map.set(key, Tree::new(value, &span));
    }
}

/// A secret lies in `/run/secrets` under its own name.
fn secret(node: &mut Tree) {
    let Some(source) = node.get("source").and_then(Tree::as_text) else { return };
    let target = format!("/run/secrets/{source}");
    set(node, "target", Value::Text(target.into()));
}

/// All devices that there are, when neither a number nor names are asked for.
fn device_request(node: &mut Tree, all: Value) {
    if node.get("device_ids").is_none() {
        set(node, "count", all);
    }
}
