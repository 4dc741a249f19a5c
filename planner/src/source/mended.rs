//! Mistakes in what a later version of a node replaces: Docker Compose never looks at some of them.

use super::cast::Kind;
use super::schema::Shape;
use super::tree::{Tree, Value};
use crate::diagnostic::{Diagnostic, Severity};

/// Takes mistakes in sizes and times of a document out of those found from an index on: only the last
/// version of these is read.
pub(crate) fn late(
    found: &mut Vec<Diagnostic>,
    from: usize,
    document: &Tree,
    shape: &Shape,
) -> Vec<Diagnostic> {
    let is_late = |item: &mut Diagnostic| {
        let node = node(document, shape, &item.path);
        // A list in place of a size is wrong at once.
        let text = !item.message.starts_with("must be ");
        item.severity == Severity::Error
            && text
            && node.is_some_and(|(node, shape)| node.is_bad() && is_late(shape))
    };
    found.extract_if(from.min(found.len()).., is_late).collect()
}

/// Whether there is a good value now where a mistake was found.
pub(crate) fn is_replaced(tree: &Tree, shape: &Shape, path: &str) -> bool {
    node(tree, shape, path).is_some_and(|(node, _)| is_good(node))
}

fn is_good(tree: &Tree) -> bool {
    !matches!(tree.value, Value::Bad | Value::Null | Value::List(_) | Value::Map(_))
}

fn is_late(shape: &Shape) -> bool {
    match shape.long() {
        Shape::One(kind) => {
            matches!(kind, Kind::Bytes | Kind::WholeBytes(_) | Kind::BytesOrUnlimited | Kind::Duration)
        }
        _ => false,
    }
}

/// The node at a path through mappings. Keys may have dots in them.
fn node<'a>(tree: &'a Tree, shape: &'a Shape, path: &str) -> Option<(&'a Tree, &'a Shape)> {
    if path.is_empty() {
        return Some((tree, shape));
    }
    tree.entries().iter().find_map(|entry| {
        let rest = path.strip_prefix(entry.key.as_str())?;
        let rest = if rest.is_empty() { rest } else { rest.strip_prefix('.')? };
        let below = shape.key(&entry.key).map(|row| row.shape).or_else(|| shape.entry());
        node(&entry.value, below.unwrap_or(&Shape::Any), rest)
    })
}
