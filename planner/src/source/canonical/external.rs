//! `external` of a network, volume, secret or config.

use super::super::check::Context;
use super::super::path::Path;
use super::super::tree::{Entry, Tree, Value};

/// `external: {name: x}` means `external: true` with `name: x`. For the whole resource.
pub(crate) fn external(tree: &mut Tree, path: &Path<'_>, context: &mut Context<'_>) {
    let Some(resource) = tree.as_map_mut() else { return };
    let Some(long) = resource.get_mut("external").filter(|external| external.as_map().is_some()) else {
        return;
    };
    let mapping = std::mem::replace(&mut long.value, Value::Bool(true));
    let Value::Map(mapping) = mapping else { return };
    // Docker Compose looks at the keys of all but secrets.
    let other = |entry: &&Entry| entry.key != "name" && !entry.key.starts_with("x-");
    for entry in mapping.entries().iter().filter(other).filter(|_| !path.matches("secrets.*")) {
        let path = path.key("external");
        let message = format!("unknown key `{}`", entry.key.escape_debug());
        context
            .diagnostics
            .error(&entry.key_span, path.key(&entry.key), message)
            .hint("the only key here is name");
    }
    long.short = true;
    let Some(entry) = mapping.entry("name") else { return };
    let path = path.key("external");
    let path = path.key("name");
    context
        .diagnostics
        .warning(&entry.key_span, path, "`external.name` is deprecated".to_owned())
        .hint("write `external: true` and put `name` beside it");
    match resource.get("name") {
        None => resource.insert(entry.clone()),
        Some(name) if name.value == entry.value.value => {}
        Some(name) => {
            let message = "`external.name` and `name` say different things".to_owned();
            context.diagnostics.error(&name.span, path, message).hint("keep `name` only");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{apply, long, show};
    use super::*;

    #[test]
    fn the_name_moves_beside_external() {
        let (tree, diagnostics) = apply(external, "{external: {name: shared}}");
        assert_eq!(show(&tree), "{external: true, name: shared}");
        assert!(!diagnostics.has_errors());
        let said = "`external.name` is deprecated | name | write `external: true` and put `name` beside it";
        assert_eq!(long(external, "{external: {name: shared}}").unwrap_err(), said);
        assert_eq!(show(&apply(external, "{name: x, external: {name: x}}").0), "{name: x, external: true}");
    }

    #[test]
    fn all_else_stays() {
        for (written, expected) in [
            ("null", "null"),
            ("{external: true, name: x}", "{external: true, name: x}"),
            ("{external: {}}", "{external: true}"),
            ("{driver: d}", "{driver: d}"),
        ] {
            assert_eq!(long(external, written).unwrap(), expected);
        }
    }

    #[test]
    fn there_is_no_other_key() {
        let said = "unknown key `nam` | nam | the only key here is name";
        assert_eq!(long(external, "{external: {nam: x}}").unwrap_err(), said);
    }

    #[test]
    fn two_names_are_refused() {
        let (_, diagnostics) = apply(external, "{name: a, external: {name: b}}");
        let error = diagnostics.items.last().unwrap();
        assert_eq!(error.message, "`external.name` and `name` say different things");
        assert_eq!(diagnostics.text(error.span.as_ref().unwrap()), "a");
    }
}
