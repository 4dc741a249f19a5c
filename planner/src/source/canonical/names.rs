//! Lists of names that mean mappings: `networks`, `models`, `depends_on`.

use super::super::check::Context;
use super::super::path::Path;
use super::super::tree::{Entry, Map, Tree, Value};
use super::mapping;
use crate::diagnostic::Span;

/// `[a, b]` means `{a: null, b: null}`.
pub(crate) fn map_of_names(tree: &mut Tree, path: &Path<'_>, context: &mut Context<'_>) {
    names(tree, path, context, |span| Tree::new(Value::Null, span));
}

/// `[a]` means `{a: {condition: service_started, required: true}}`.
pub(crate) fn depends_on(tree: &mut Tree, path: &Path<'_>, context: &mut Context<'_>) {
    names(tree, path, context, started);
}

/// A dependency that only has to be started.
fn started(span: &Span) -> Tree {
    let condition = Value::Text("service_started".into());
    mapping(span, [("condition", condition), ("required", Value::Bool(true))])
}

fn names(tree: &mut Tree, path: &Path<'_>, context: &mut Context<'_>, value: impl Fn(&Span) -> Tree) {
    let Value::List(items) = &mut tree.value else { return };
    let mut map = Map::with_room(items.len());
    for (index, item) in items.iter_mut().enumerate() {
        let Some(name) = item.as_text().map(str::to_owned) else {
            if !item.is_bad() {
                let message = format!("must be a name, not {}", item.noun());
                context.refuse(item, &path.index(index), message, "write the name as a text");
            }
            continue;
        };
        if map.get(&name).is_some() {
            let message = format!("`{}` is listed twice", name.escape_debug());
            context.diagnostics.error(&item.span, path.index(index), message).hint("keep one of them");
            continue;
        }
        map.insert(Entry::new(name, item.span.clone(), value(&item.span)));
    }
    tree.value = Value::Map(map);
    tree.short = true;
}

#[cfg(test)]
mod tests {
    use super::super::testing::long;
    use super::*;

    #[test]
    fn a_list_of_names_becomes_a_mapping() {
        assert_eq!(long(map_of_names, "[a, b]").unwrap(), "{a: null, b: null}");
        assert_eq!(long(map_of_names, "{a: {x: 1}}").unwrap(), "{a: {x: 1}}");
        assert_eq!(long(depends_on, "[db]").unwrap(), "{db: {condition: service_started, required: true}}");
        assert_eq!(long(depends_on, "{db: {condition: c}}").unwrap(), "{db: {condition: c}}");
    }

    #[test]
    fn only_different_names_can_be_listed() {
        for (written, expected) in [
            ("[a, a]", "`a` is listed twice | a | keep one of them"),
            ("[5]", "must be a name, not a number | 5 | write the name as a text"),
            ("[{a: b}]", "must be a name, not a mapping | {a: b} | write the name as a text"),
        ] {
            assert_eq!(long(map_of_names, written).unwrap_err(), expected);
        }
    }
}
