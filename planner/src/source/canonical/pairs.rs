//! Lists of `KEY=value` that mean mappings.

use super::super::check::Context;
use super::super::path::Path;
use super::super::tree::{Entry, Map, Tag, Tree, Value};
use smol_str::SmolStr;

/// `environment`, `args`: `[K=V, K]` means `{K: V, K: null}`; null takes the value from outside.
pub(crate) fn environment(tree: &mut Tree, path: &Path<'_>, context: &mut Context<'_>) {
    if let Value::List(items) = &mut tree.value {
        for (index, item) in items.iter_mut().enumerate() {
            trailing_blank(item, &path.index(index), context);
        }
    }
    pairs(tree, path, context, Some(&Value::Null));
}

/// A variable cannot be called `K `; as likely a blank was typed before the `=`.
fn trailing_blank(item: &mut Tree, path: &Path<'_>, context: &mut Context<'_>) {
    let Some(text) = item.as_text() else { return };
    let key = text.split_once('=').map_or(text, |(key, _)| key);
    let name = key.trim_end();
    if name.len() < key.len() {
        let message = format!("the variable `{}` has a blank behind its name", name.escape_debug());
        let hint = format!("write `{}`", text.replacen(key, name, 1).escape_debug());
        let span = context.diagnostics.part(&item.span, text, 0..key.len());
        context.diagnostics.error(&span, path, message).hint(hint);
        item.spoil();
    }
}

/// `labels`, `annotations`, `sysctls`, options: `[K=V, K]` means `{K: V, K: ""}`, and null is empty.
pub(crate) fn labels(tree: &mut Tree, path: &Path<'_>, context: &mut Context<'_>) {
    pairs(tree, path, context, Some(&Value::Text(SmolStr::default())));
    empty_for_null(tree, path, context);
}

/// Null values of a mapping are empty texts.
pub(crate) fn empty_for_null(tree: &mut Tree, _: &Path<'_>, _: &mut Context<'_>) {
    let Some(map) = tree.as_map_mut() else { return };
    for (_, _, value) in map.values_mut() {
        if value.is_null() && value.tag.is_none() {
            value.value = Value::Text(SmolStr::default());
        }
    }
}

/// `additional_contexts`: `[K=V]` means `{K: V}`, and there is no `K` alone.
pub(crate) fn complete_pairs(tree: &mut Tree, path: &Path<'_>, context: &mut Context<'_>) {
    pairs(tree, path, context, None);
    empty_for_null(tree, path, context);
}

/// The `options` of a provider: every value is a list of texts, and one without any is none.
pub(crate) fn repeatable(tree: &mut Tree, _: &Path<'_>, _: &mut Context<'_>) {
    let Some(map) = tree.as_map_mut() else { return };
    for (_, _, value) in map.values_mut() {
        if matches!(value.value, Value::Text(_) | Value::Int(_) | Value::Float(_) | Value::Bool(_)) {
            let one = Tree::new(std::mem::take(&mut value.value), &value.span);
            value.value = Value::List(vec![one]);
            value.short = true;
        }
    }
    map.retain(|entry| entry.value.value != Value::List(Vec::new()));
}

/// A list of `K=V` texts to a mapping. The last of several with one key wins. `missing` is the
/// value of a key alone, which is refused without.
fn pairs(tree: &mut Tree, path: &Path<'_>, context: &mut Context<'_>, missing: Option<&Value>) {
    let Value::List(items) = &mut tree.value else { return };
    let mut map = Map::with_room(items.len());
    for (index, item) in items.iter_mut().enumerate() {
        if item.tag == Some(Tag::Reset) || item.is_bad() {
            continue;
        }
        match pair(item, missing) {
            Ok((key, value)) => {
                let value = Tree::new(value, &item.span);
                map.insert(Entry::new(key, item.span.clone(), value));
            }
            Err((message, hint)) => context.refuse(item, &path.index(index), message, &hint),
        }
    }
    tree.value = Value::Map(map);
    tree.short = true;
}

/// Key and value of an item, or else message and hint.
fn pair(item: &Tree, missing: Option<&Value>) -> Result<(SmolStr, Value), (String, String)> {
    let Value::Text(text) = &item.value else {
        let hint = match item.entries() {
            [only] => format!("write `{}=value`, or drop the `-` of every line", only.key.escape_debug()),
            _ => String::new(),
        };
        return Err((format!("must be `KEY=value`, not {}", item.noun()), hint));
    };
    match (text.split_once('='), missing) {
        (Some((key, value)), _) => Ok((key.into(), Value::Text(value.into()))),
        (None, Some(missing)) => Ok((text.clone(), missing.clone())),
        (None, None) => {
            Err((format!("`{}` has no value", text.escape_debug()), "write `name=value`".to_owned()))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::long;
    use super::*;

    #[test]
    fn a_list_of_pairs_becomes_a_mapping() {
        for (form, written, expected) in [
            (
                environment as crate::source::schema::ShortForm,
                "[A=b, B, C=, D=e=f]",
                "{A: b, B: null, C: '', D: e=f}",
            ),
            (environment, "[A=1, A=2]", "{A: 2}"),
            (environment, "{A: null, B: 5}", "{A: null, B: 5}"),
            (labels, "[a=b, c]", "{a: b, c: ''}"),
            (labels, "{a: null, b: true}", "{a: '', b: true}"),
            (complete_pairs, "[a=b]", "{a: b}"),
            (repeatable, "{a: 1, b: [x, y], c: true}", "{a: [1], b: [x, y], c: [true]}"),
        ] {
            assert_eq!(long(form, written).unwrap(), expected);
        }
    }

    #[test]
    fn what_is_no_pair_is_told_at_its_place() {
        for (form, written, expected) in [
            (
                environment as crate::source::schema::ShortForm,
                "[A: b]",
                "must be `KEY=value`, not a mapping | A: b | write `A=value`, or drop the `-` of every line",
            ),
            (environment, "[5]", "must be `KEY=value`, not a number | 5 | "),
            (environment, "['A =b']", "the variable `A` has a blank behind its name | A  | write `A=b`"),
            (complete_pairs, "[a]", "`a` has no value | a | write `name=value`"),
        ] {
            assert_eq!(long(form, written).unwrap_err(), expected);
        }
    }
}
