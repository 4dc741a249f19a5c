//! Short forms to long ones: lists to mappings, one to a list, lines to words.

use super::check::Context;
use super::path::Path;
use super::tree::{Entry, Map, Tag, Tree, Value};
use crate::diagnostic::Span;
use crate::model::words;

/// `x` means `[x]`.
pub(crate) fn list_of_one(tree: &mut Tree, _: &Path<'_>, _: &mut Context<'_>) {
    if !matches!(tree.value, Value::List(_) | Value::Null | Value::Bad) {
        let one = Tree::new(std::mem::take(&mut tree.value), &tree.span);
        tree.value = Value::List(vec![one]);
    }
}

/// A command line is split into words; no shell runs it.
pub(crate) fn command(tree: &mut Tree, path: &Path<'_>, context: &mut Context<'_>) {
    let Value::Text(line) = &tree.value else { return };
    match words::split(line) {
        Ok(words) => {
            tree.value = Value::List(words.into_iter().map(|word| Tree::text(word, &tree.span)).collect());
        }
        Err(message) => context.refuse(tree, path, message, "a list of words needs no quoting: [a, b]"),
    }
}

/// `[K=V, K]` means `{K: V, K: null}`.
pub(crate) fn environment(tree: &mut Tree, path: &Path<'_>, context: &mut Context<'_>) {
    pairs(tree, path, context, &Value::Null);
    for entry in tree.entries() {
        if entry.key.is_empty() || entry.key.contains(['=', '\0']) {
            let message = format!("`{}` cannot name a variable", entry.key.escape_debug());
            context.diagnostics.error(&entry.key_span, path.key(&entry.key), message);
        }
    }
}

/// `[K=V, K]` means `{K: V, K: ""}`, and null is empty.
pub(crate) fn labels(tree: &mut Tree, path: &Path<'_>, context: &mut Context<'_>) {
    let empty = Value::Text(String::new());
    pairs(tree, path, context, &empty);
    let Some(map) = tree.as_map_mut() else { return };
    for (_, _, value) in map.values_mut() {
        if value.value == Value::Null {
            value.value = empty.clone();
        }
    }
}

/// A list of `K=V` texts to a mapping. The last of several with one key wins.
fn pairs(tree: &mut Tree, path: &Path<'_>, context: &mut Context<'_>, missing: &Value) {
    let Value::List(items) = &mut tree.value else { return };
    let mut map = Map::default();
    for (index, item) in items.iter_mut().enumerate() {
        let Value::Text(text) = &item.value else {
            if item.tag != Some(Tag::Reset) && item.value != Value::Bad {
                let message = format!("must be `KEY=value`, not {}", item.noun());
                context.refuse(item, &path.index(index), message, "");
            }
            continue;
        };
        let (key, value) = match text.split_once('=') {
            Some((key, value)) => (key, Value::Text(value.to_owned())),
            None => (text.as_str(), missing.clone()),
        };
        let value = Tree::new(value, &item.span);
        map.insert(Entry { key: key.to_owned(), key_span: item.span.clone(), value });
    }
    tree.value = Value::Map(map);
}

/// `[a, b]` means `{a: null, b: null}`.
pub(crate) fn map_of_names(tree: &mut Tree, path: &Path<'_>, context: &mut Context<'_>) {
    names(tree, path, context, |span| Tree::new(Value::Null, span));
}

/// `[a]` means `{a: {condition: service_started, required: true}}`.
pub(crate) fn depends_on(tree: &mut Tree, path: &Path<'_>, context: &mut Context<'_>) {
    names(tree, path, context, started);
    let Some(map) = tree.as_map_mut() else { return };
    for (_, _, value) in map.values_mut() {
        if value.value == Value::Null && value.tag.is_none() {
            *value = started(&value.span);
        }
    }
}

/// A dependency that only has to be started.
fn started(span: &Span) -> Tree {
    let mut long = Tree::empty_map(span);
    long.as_map_mut().into_iter().for_each(|map| {
        map.set("condition", Tree::text("service_started", span));
        map.set("required", Tree::new(Value::Bool(true), span));
    });
    long
}

fn names(tree: &mut Tree, path: &Path<'_>, context: &mut Context<'_>, value: impl Fn(&Span) -> Tree) {
    let Value::List(items) = &mut tree.value else { return };
    let mut map = Map::default();
    for (index, item) in items.iter_mut().enumerate() {
        let Some(name) = item.as_text().map(str::to_owned) else {
            if item.value != Value::Bad {
                let message = format!("must be a name, not {}", item.noun());
                context.refuse(item, &path.index(index), message, "");
            }
            continue;
        };
        if map.get(&name).is_some() {
            let message = format!("`{}` is listed twice", name.escape_debug());
            context.diagnostics.error(&item.span, path.index(index), message).hint("keep one of them");
            continue;
        }
        map.insert(Entry { key: name, key_span: item.span.clone(), value: value(&item.span) });
    }
    tree.value = Value::Map(map);
}

/// `a.env` means `[{path: a.env, required: true}]`.
pub(crate) fn env_files(tree: &mut Tree, path: &Path<'_>, context: &mut Context<'_>) {
    list_of_one(tree, path, context);
    if let Value::Map(_) = &tree.value {
        tree.value = Value::List(vec![tree.clone()]);
    }
    let Value::List(items) = &mut tree.value else { return };
    for item in items {
        if item.as_text().is_some() {
            let file = std::mem::take(item);
            *item = Tree::empty_map(&file.span);
            item.as_map_mut().into_iter().for_each(|map| map.set("path", file.clone()));
        }
        let (span, missing) = (item.span.clone(), item.get("path").is_none());
        if let Some(map) = item.as_map_mut() {
            if missing {
                context.diagnostics.error(&span, path, "an env_file needs a `path`".to_owned());
            }
            if map.get("required").is_none() {
                map.set("required", Tree::new(Value::Bool(true), &span));
            }
        }
    }
}

/// `curl x` means `[CMD-SHELL, curl x]`; a list says how it is meant.
pub(crate) fn health_test(tree: &mut Tree, path: &Path<'_>, context: &mut Context<'_>) {
    const HINT: &str = "begin with CMD for a program, CMD-SHELL for a shell line, NONE for no check";
    if tree.as_text().is_some() {
        let line = Tree::new(std::mem::take(&mut tree.value), &tree.span);
        tree.value = Value::List(vec![Tree::text("CMD-SHELL", &tree.span), line]);
    }
    let Value::List(items) = &tree.value else { return };
    match (items.first().and_then(Tree::as_text), items.len()) {
        (Some("NONE"), 1) | (Some("CMD"), 2..) | (Some("CMD-SHELL"), 2) => {}
        (Some("CMD-SHELL"), 3..) => {
            context.refuse(tree, path, "CMD-SHELL takes one line", "for several words use CMD");
        }
        (Some(word @ ("CMD" | "CMD-SHELL")), _) => {
            let message = format!("nothing follows {word}");
            context.refuse(tree, path, message, "say what to run");
        }
        (Some("NONE"), _) => context.refuse(tree, path, "nothing may follow NONE", ""),
        (Some(word), _) => {
            let message = format!("a test begins with CMD, CMD-SHELL or NONE, not `{}`", word.escape_debug());
            context.refuse(tree, path, message, HINT);
        }
        (None, _) => context.refuse(tree, path, "the test is empty", HINT),
    }
}
