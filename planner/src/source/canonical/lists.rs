//! One value where a list may stand.

use super::super::check::Context;
use super::super::path::Path;
use super::super::tree::{Tree, Value};

/// `x` means `[x]`.
pub(crate) fn list_of_one(tree: &mut Tree, _: &Path<'_>, _: &mut Context<'_>) {
    if matches!(tree.value, Value::Text(_)) {
        let one = Tree::new(std::mem::take(&mut tree.value), &tree.span);
        tree.value = Value::List(vec![one]);
    }
}

/// `dns_opt`: `x` means `[x]`, but only over what an earlier document says.
pub(crate) fn list_over_list(tree: &mut Tree, path: &Path<'_>, context: &mut Context<'_>) {
    tree.short = tree.as_text().is_some();
    list_of_one(tree, path, context);
}

/// `dns`: `x` means `[x]`, and an empty entry is none.
pub(crate) fn name_servers(tree: &mut Tree, path: &Path<'_>, context: &mut Context<'_>) {
    list_of_one(tree, path, context);
    if let Value::List(items) = &mut tree.value {
        items.retain(|item| item.as_text() != Some(""));
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::long;
    use super::*;

    #[test]
    fn one_text_becomes_a_list_and_all_else_stays() {
        for (written, expected) in
            [("8.8.8.8", "[8.8.8.8]"), ("[a, b]", "[a, b]"), ("''", "['']"), ("{a: b}", "{a: b}"), ("5", "5")]
        {
            assert_eq!(long(list_of_one, written).unwrap(), expected);
        }
    }

    #[test]
    fn empty_name_servers_are_none() {
        for (written, expected) in [("''", "[]"), ("['', 1.1.1.1]", "[1.1.1.1]"), ("1.1.1.1", "[1.1.1.1]")] {
            assert_eq!(long(name_servers, written).unwrap(), expected);
        }
    }
}
