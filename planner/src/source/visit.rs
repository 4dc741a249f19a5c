//! Nodes by where they are: `services.*.build.context` in a tree.

use super::tree::{Tree, Value};

/// Calls `act` with every node that the pattern means. A `*` stands for every entry of a mapping
/// and every item of a list.
pub(crate) fn visit(tree: &mut Tree, pattern: &str, act: &mut dyn FnMut(&mut Tree)) {
    if pattern.is_empty() {
        return act(tree);
    }
    let (first, rest) = pattern.split_once('.').unwrap_or((pattern, ""));
    match &mut tree.value {
        Value::Map(map) if first == "*" => map.values_mut().for_each(|(_, _, value)| visit(value, rest, act)),
        Value::Map(map) => {
            if let Some(value) = map.get_mut(first) {
                visit(value, rest, act);
            }
        }
        Value::List(items) if first == "*" => items.iter_mut().for_each(|item| visit(item, rest, act)),
        _ => {}
    }
}
