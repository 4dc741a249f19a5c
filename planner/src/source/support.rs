//! What this engine does with the keys that a stack uses: a walk over the finished tree by the
//! [table](super::schema).

use super::cast::{Refused, loose};
use super::path::Path;
use super::schema::{EngineCheck, Key, Shape, Support};
use super::tree::{Tree, Value};
use crate::diagnostic::{Diagnostics, Span};

/// Reports what `up` cannot do as errors, and what has no effect as warnings.
pub(crate) fn refusals(tree: &Tree, shape: &Shape, diagnostics: &mut Diagnostics) {
    walk(tree, &Path::TOP, shape, diagnostics);
}

fn walk(tree: &Tree, path: &Path<'_>, shape: &Shape, diagnostics: &mut Diagnostics) {
    for entry in tree.entries() {
        let path = path.key(&entry.key);
        match shape.key(&entry.key) {
            Some(key) => used(key, &entry.key_span, &entry.value, &path, diagnostics),
            None if entry.key == "x-sampan" => {
                let message = "`x-sampan` is not supported yet".to_owned();
                diagnostics.error(&entry.key_span, path, message);
            }
            None => walk(&entry.value, &path, shape.entry().unwrap_or(&Shape::Any), diagnostics),
        }
    }
    for (index, item) in tree.items().iter().enumerate() {
        walk(item, &path.index(index), shape.item().unwrap_or(&Shape::Any), diagnostics);
    }
}

/// What is done with a key that stands in the file.
fn used(key: &Key, span: &Span, value: &Tree, path: &Path<'_>, diagnostics: &mut Diagnostics) {
    let idle = matches!(value.value, Value::Null | Value::Bad | Value::Bool(false));
    match key.support {
        Support::Enforced => walk(value, path, key.shape, diagnostics),
        Support::Checked(check) => {
            checked(check, value, path, diagnostics);
            for (index, item) in value.items().iter().enumerate() {
                checked(check, item, &path.index(index), diagnostics);
            }
        }
        _ if idle => {}
        Support::CheckedWhole(fault) => {
            if let Some(refused) = fault(value) {
                report(refused, value, path, diagnostics);
            }
        }
        Support::PassedOn(why) => {
            let message = format!("`{}` has no effect: {why}", key.name);
            diagnostics.warning(span, path, message);
        }
        Support::Refused(hint) => {
            let message = format!("`{}` is not supported yet", key.name);
            let diagnostic = diagnostics.error(span, path, message);
            if !hint.is_empty() {
                diagnostic.hint(hint);
            }
        }
    }
}

fn checked(check: EngineCheck, node: &Tree, path: &Path<'_>, diagnostics: &mut Diagnostics) {
    if matches!(node.value, Value::List(_) | Value::Map(_) | Value::Null | Value::Bad) {
        return;
    }
    if let Err(refused) = check(&loose(&node.value)) {
        report(refused, node, path, diagnostics);
    }
}

fn report(refused: Refused, node: &Tree, path: &Path<'_>, diagnostics: &mut Diagnostics) {
    let diagnostic = diagnostics.error(&node.span, path, refused.message);
    if !refused.hint.is_empty() {
        diagnostic.hint(refused.hint);
    }
}
