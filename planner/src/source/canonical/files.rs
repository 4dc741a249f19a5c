//! References to files and services: `env_file`, `secrets`, `configs`, `extends`, `include`.

use super::super::check::Context;
use super::super::path::Path;
use super::super::tree::{Tree, Value};
use super::lists::list_of_one;
use super::wrap;

/// `a.env` means `[{path: a.env, required: true}]`.
pub(crate) fn env_files(tree: &mut Tree, path: &Path<'_>, context: &mut Context<'_>) {
    list_of_one(tree, path, context);
    let Value::List(items) = &mut tree.value else { return };
    for item in items {
        wrap(item, "path");
        let span = item.span.clone();
        if let Some(map) = item.as_map_mut().filter(|map| map.get("required").is_none()) {
            map.set("required", Tree::new(Value::Bool(true), &span));
        }
    }
}

/// An entry of `secrets` or `configs`: `x` means `{source: x}`.
pub(crate) fn file_reference(tree: &mut Tree, _: &Path<'_>, _: &mut Context<'_>) {
    wrap(tree, "source");
}

/// `extends: x` means `{service: x}`.
pub(crate) fn extends(tree: &mut Tree, _: &Path<'_>, _: &mut Context<'_>) {
    wrap(tree, "service");
}

/// An entry of `include`: `x` means `{path: x}`.
pub(crate) fn include(tree: &mut Tree, _: &Path<'_>, _: &mut Context<'_>) {
    wrap(tree, "path");
}

#[cfg(test)]
mod tests {
    use super::super::testing::long;
    use super::*;
    use crate::source::schema::ShortForm;

    #[test]
    fn a_text_is_the_main_key_of_the_long_form() {
        for (form, written, expected) in [
            (env_files as ShortForm, "a.env", "[{path: a.env, required: true}]"),
            (env_files, "[a, {path: b}]", "[{path: a, required: true}, {path: b, required: true}]"),
            (env_files, "[{path: b, required: false}]", "[{path: b, required: false}]"),
            (env_files, "{path: a}", "{path: a}"),
            (file_reference, "key", "{source: key}"),
            (file_reference, "{source: key, uid: '5'}", "{source: key, uid: 5}"),
            (extends, "base", "{service: base}"),
            (include, "../base.yaml", "{path: ../base.yaml}"),
        ] {
            assert_eq!(long(form, written).unwrap(), expected);
        }
    }
}
