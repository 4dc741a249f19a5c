//! Names and paths made whole: real names of networks and volumes, absolute host paths.

use super::environment::Environment;
use super::path::Path;
use super::tree::{Tree, Value};
use crate::diagnostic::Diagnostics;

/// A path seen from a directory, without `.` and `..`.
pub(crate) fn join(directory: &str, path: &str) -> String {
    if path.starts_with('/') { clean(path) } else { clean(&format!("{directory}/{path}")) }
}

/// A path without `.`, `..`, doubled and trailing slashes. Only the text is looked at.
pub(crate) fn clean(path: &str) -> String {
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." if parts.last().is_some_and(|last| *last != "..") => {
                parts.pop();
            }
            ".." if path.starts_with('/') => {}
            part => parts.push(part),
        }
    }
    let root = if path.starts_with('/') { "/" } else { "" };
    format!("{root}{}", parts.join("/"))
}

/// Gives every network and volume its real name and makes `external` a truth value.
pub(crate) fn names(tree: &mut Tree, stack: &str, diagnostics: &mut Diagnostics) {
    for section in ["networks", "volumes"] {
        let Some(resources) = tree.get_mut(section).and_then(Tree::as_map_mut) else { continue };
        for (key, _, resource) in resources.values_mut() {
            let path = Path::TOP.key(section);
            let path = path.key(key);
            if resource.value == Value::Null {
                *resource = Tree::empty_map(&resource.span);
            }
            external(resource, &path, diagnostics);
            let is_external = resource.get("external").and_then(Tree::as_bool) == Some(true);
            let name = if is_external { key.to_owned() } else { format!("{stack}_{key}") };
            let span = resource.span.clone();
            let unnamed = resource.get("name").is_none();
            if let Some(map) = resource.as_map_mut().filter(|_| unnamed) {
                map.set("name", Tree::text(name, &span));
            }
        }
    }
}

/// `external: {name: x}` is an old form of `external: true` with `name: x`.
fn external(resource: &mut Tree, path: &Path<'_>, diagnostics: &mut Diagnostics) {
    let Some(old) = resource.get("external").filter(|external| external.as_map().is_some()).cloned() else {
        return;
    };
    let message = "`external.name` is obsolete".to_owned();
    let hint = "write `external: true` and beside it `name`";
    diagnostics.warning(&old.span, path, message).hint(hint);
    let (old_name, has_name) = (old.get("name").cloned(), resource.get("name").is_some());
    let Some(map) = resource.as_map_mut() else { return };
    map.set("external", Tree::new(Value::Bool(true), &old.span));
    match old_name {
        Some(name) if has_name => {
            let message = "`name` and `external.name` are both given".to_owned();
            diagnostics.error(&name.span, path, message).hint("keep `name`");
        }
        Some(name) => map.set("name", name),
        None => {}
    }
}

/// Makes the host paths of binds absolute.
pub(crate) fn paths(
    tree: &mut Tree,
    directory: &str,
    environment: &Environment<'_>,
    diagnostics: &mut Diagnostics,
) {
    let Some(services) = tree.get_mut("services").and_then(Tree::as_map_mut) else { return };
    for (service, _, node) in services.values_mut() {
        let Some(Value::List(mounts)) = node.get_mut("volumes").map(|mounts| &mut mounts.value) else {
            continue;
        };
        for mount in mounts.iter_mut() {
            if mount.get("type").and_then(Tree::as_text) != Some("bind") {
                continue;
            }
            let Some(source) = mount.get_mut("source") else { continue };
            let Some(text) = source.as_text() else { continue };
            let whole = match (text.strip_prefix('~'), environment.get("HOME")) {
                (Some(rest), Some(home)) if rest.is_empty() || rest.starts_with('/') => {
                    format!("{home}{rest}")
                }
                (Some(_), None) => {
                    let message = "`~` needs HOME, which is not set".to_owned();
                    diagnostics.error(&source.span, format!("services.{service}.volumes"), message);
                    continue;
                }
                _ => text.to_owned(),
            };
            source.value = Value::Text(join(directory, &whole));
        }
    }
}
