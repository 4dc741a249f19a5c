//! `build` and the short forms below it.

use super::super::cast::{loose, refuse};
use super::super::check::Context;
use super::super::path::Path;
use super::super::tree::{Entry, Map, Tree, Value};
use super::super::words::refused;
use super::wrap;

/// `build: x` means `{context: x}`.
pub(crate) fn build(tree: &mut Tree, _: &Path<'_>, _: &mut Context<'_>) {
    wrap(tree, "context");
}

/// `ssh`: `[default, id=path]` means `{default: null, id: path}`.
pub(crate) fn ssh(tree: &mut Tree, path: &Path<'_>, context: &mut Context<'_>) {
    let Value::List(items) = &mut tree.value else { return };
    let mut map = Map::default();
    for (index, item) in items.iter_mut().enumerate() {
        let path = path.index(index);
        let Some(text) = item.as_text() else {
            if item.is_bad() {
                continue;
            }
            let message = format!("must be `id=path` or `default`, not {}", item.noun());
            context.refuse(item, &path, message, "write `default`, or `id=path`");
            continue;
        };
        let (key, value) = match text.split_once('=') {
            Some((key, value)) => (key, Value::Text(value.into())),
            None if text == "default" => (text, Value::Null),
            None => {
                let message = format!("the key `{}` has no path", text.escape_debug());
                refuse(
                    item,
                    &path,
                    &refused(message, "only `default` stands alone: write `id=path`"),
                    context,
                );
                continue;
            }
        };
        let value = Tree::new(value, &item.span);
        map.insert(Entry::new(key, item.span.clone(), value));
    }
    tree.value = Value::Map(map);
    tree.short = true;
}

/// `provenance`, `sbom`: a truth value is text too.
pub(crate) fn truth_as_text(tree: &mut Tree, _: &Path<'_>, _: &mut Context<'_>) {
    if tree.as_bool().is_some() {
        tree.value = Value::Text(loose(&tree.value).into());
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::long;
    use super::*;
    use crate::source::schema::ShortForm;

    #[test]
    fn short_forms_of_a_build() {
        for (form, written, expected) in [
            (build as ShortForm, "./app", "{context: ./app}"),
            (build, "{context: .}", "{context: .}"),
            (ssh, "[default]", "{default: null}"),
            (ssh, "[default=/run/agent, k=~/.ssh/id]", "{default: /run/agent, k: ~/.ssh/id}"),
            (ssh, "{default: null}", "{default: null}"),
            (truth_as_text, "true", "true"),
            (truth_as_text, "mode=max", "mode=max"),
        ] {
            assert_eq!(long(form, written).unwrap(), expected);
        }
        let fault = "the key `id` has no path | id | only `default` stands alone: write `id=path`";
        assert_eq!(long(ssh, "[id]").unwrap_err(), fault);
    }
}
