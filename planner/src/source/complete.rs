//! The walk over merged documents that finds what none of them added: keys that must be there,
//! values that stayed empty, items that stand twice.

use super::advice;
use super::check::Context;
use super::path::Path;
use super::schema::Shape;
use super::tree::{Entry, Tree, Value};
use crate::diagnostic::{Diagnostics, Span};
use std::collections::HashMap;

/// Checks everything below a node that a document, which has just joined it, spoke of; without
/// one, all of it. As for Docker Compose, no later document mends what an earlier one left empty.
pub(crate) fn complete(
    tree: &mut Tree,
    joined: Option<&Tree>,
    path: &Path<'_>,
    shape: &Shape,
    context: &mut Context<'_>,
) {
    let span = tree.span.clone();
    walk(tree, (joined, &span), path, shape, context);
}

/// `at` is where a node without a value of its own stands: its key.
fn walk(
    tree: &mut Tree,
    (joined, at): (Option<&Tree>, &Span),
    path: &Path<'_>,
    shape: &Shape,
    context: &mut Context<'_>,
) {
    if tree.is_null() && !shape.nullable() {
        let message =
            path.name().map_or_else(|| "this is empty".to_owned(), |key| format!("`{key}` is empty"));
        context.diagnostics.error(at, path, message).hint(advice::for_nothing(shape));
        return tree.spoil();
    }
    if tree.short
        && let Shape::Short(form, _) = shape
        && form.is_only_over()
    {
        return context.refuse(
            tree,
            path,
            "must be a list, not text",
            &advice::for_list(tree, context.diagnostics),
        );
    }
    if context.variables && shape.is_late() {
        return;
    }
    match &mut tree.value {
        Value::Map(map) => {
            let required = shape.keys().unwrap_or_default().iter().filter(|key| key.required);
            for key in required.filter(|key| map.get(key.name).is_none()) {
                let message = format!("`{}` is missing", key.name);
                context.diagnostics.error(at, path, message).hint(advice::for_missing(key));
            }
            let below = |key: &str| shape.key(key).map(|row| row.shape).or_else(|| shape.entry());
            if let Some(joined) = joined.and_then(Tree::as_map) {
                for Entry { key, key_span, value: spoken, .. } in joined.entries() {
                    if let Some((value, below)) = map.get_mut(key).zip(below(key)) {
                        walk(value, (Some(spoken), key_span), &path.key(key), below, context);
                    }
                }
                return;
            }
            for (key, key_span, value) in map.values_mut() {
                let Some(below) = below(key) else { continue };
                walk(value, (None, key_span), &path.key(key), below, context);
            }
        }
        Value::List(items) => {
            let Some(below) = shape.item() else { return };
            for (index, item) in items.iter_mut().enumerate() {
                let span = item.span.clone();
                walk(item, (None, &span), &path.index(index), below, context);
            }
            if matches!(shape.long(), Shape::Set(_)) {
                twice(items, path, context.diagnostics);
            }
        }
        _ => {}
    }
}

/// A list with no more items is quickly compared each with each.
const FEW: usize = 16;

/// Reports items that are equal to an earlier one. As in Docker Compose a number is another item than
/// its text, but only when it stands before it.
fn twice(items: &[Tree], path: &Path<'_>, diagnostics: &mut Diagnostics) {
    let equal = |earlier: &Tree, item: &Tree| {
        earlier.same(item) || (is_number(item) && !earlier.short && earlier.value == item.value)
    };
    let known = |index: usize| items[..index].iter().any(|earlier| equal(earlier, &items[index]));
    if items.len() <= FEW && !(1..items.len()).any(known) {
        return;
    }
    let mut seen: HashMap<String, usize> = HashMap::with_capacity(items.len());
    for (index, item) in items.iter().enumerate() {
        let text = told(item);
        let as_text =
            text.strip_suffix(NUMBER).filter(|_| is_number(item)).is_some_and(|text| seen.contains_key(text));
        if (seen.contains_key(&text) || as_text) && !item.is_bad() {
            let what =
                item.as_text().map_or_else(|| "this".to_owned(), |text| format!("`{}`", text.escape_debug()));
            let message = format!("{what} is listed twice");
            diagnostics.error(&item.span, path.index(index), message).hint("keep one of them");
        }
        seen.entry(text).or_insert(index);
    }
}

/// Whether a text was written as a number.
fn is_number(item: &Tree) -> bool {
    item.short && item.as_text().is_some_and(|text| text.parse::<i64>().is_ok())
}

/// Marks the text of what was written as a number.
const NUMBER: char = '!';

/// A text that is the same for equal nodes only.
fn told(tree: &Tree) -> String {
    match &tree.value {
        Value::List(items) => items.iter().map(told).fold("[".to_owned(), |all, item| all + &item + ","),
        Value::Map(map) => {
            let mut entries: Vec<String> = map.entries().iter().map(entry).collect();
            entries.sort_unstable();
            format!("{{{}}}", entries.join(","))
        }
        value => format!("{value:?}{}", if tree.short { NUMBER.to_string() } else { String::new() }),
    }
}

fn entry(entry: &Entry) -> String {
    format!("{:?}:{}", entry.key, told(&entry.value))
}
