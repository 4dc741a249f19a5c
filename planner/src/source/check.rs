//! The walk that holds a document against the [schema](super::schema): every key known, every
//! scalar of its kind, every short form made long. What is wrong is reported and marked, so
//! that one mistake is told once.

use super::cast::{self, Kind};
use super::path::Path;
use super::suggest::did_you_mean;
use super::tree::{Entry, Tag, Tree, Value};
use crate::diagnostic::Diagnostics;

/// What a node may look like.
pub(crate) enum Shape {
    /// One value.
    One(Kind),
    /// A list of alike items.
    List(&'static Shape),
    /// A mapping whose keys the user invents.
    Map(&'static Shape),
    /// A mapping whose keys are names of services, networks or volumes.
    Named(&'static Shape),
    /// A mapping with known keys.
    Object(&'static [Key]),
    /// A mapping with known keys, or one value instead.
    OneOr(Kind, &'static Shape),
    /// Null means something of its own.
    Nullable(&'static Shape),
    /// Short forms are rewritten first.
    Short(ShortForm, &'static Shape),
}

/// Rewrites a short form to the long one and leaves a long one as it is.
pub(crate) type ShortForm = fn(&mut Tree, &Path<'_>, &mut Context<'_>);

/// One known key of an object.
pub(crate) struct Key {
    /// The key.
    pub(crate) name: &'static str,
    /// What is done with it.
    pub(crate) rule: Rule,
}

/// What is done with a key.
pub(crate) enum Rule {
    /// Read.
    Supported(&'static Shape),
    /// Accepted without effect; says why when there is something to say. The shape only matters
    /// to what `config` prints.
    Ignored(Option<&'static str>, Option<&'static Shape>),
    /// A valid Compose key whose effect is missing: an error, since leaving it out would change
    /// what the user asked for. The text is the hint, empty for none.
    NotYet(&'static str),
}

/// What the walk carries along.
pub(crate) struct Context<'a> {
    /// Where problems go.
    pub(crate) diagnostics: &'a mut Diagnostics,
    /// How many ports the ranges of all files may still expand to.
    pub(crate) ports_left: usize,
}

impl Context<'_> {
    /// Reports a node and marks it.
    pub(crate) fn refuse(
        &mut self,
        tree: &mut Tree,
        path: &Path<'_>,
        message: impl Into<String>,
        hint: &str,
    ) {
        let diagnostic = self.diagnostics.error(&tree.span, path, message.into());
        if !hint.is_empty() {
            diagnostic.hint(hint);
        }
        tree.spoil();
    }
}

/// Checks a node and everything below it, in place.
pub(crate) fn check(tree: &mut Tree, path: &Path<'_>, shape: &Shape, context: &mut Context<'_>) {
    if tree.tag == Some(Tag::Reset) || tree.value == Value::Bad {
        return;
    }
    match shape {
        Shape::Nullable(_) if tree.value == Value::Null => {}
        Shape::Nullable(shape) => check(tree, path, shape, context),
        Shape::Short(rewrite, shape) => {
            rewrite(tree, path, context);
            check(tree, path, shape, context);
        }
        Shape::One(kind) => cast::cast(tree, path, kind, context),
        Shape::OneOr(_, shape) if tree.as_map().is_some() => check(tree, path, shape, context),
        Shape::OneOr(kind, _) => cast::cast(tree, path, kind, context),
        Shape::List(shape) => list(tree, path, shape, context),
        Shape::Map(shape) => map(tree, path, shape, context),
        Shape::Named(shape) => {
            names(tree, path, context);
            if tree.value != Value::Bad {
                map(tree, path, shape, context);
            }
        }
        Shape::Object(keys) => object(tree, path, keys, context),
    }
}

fn list(tree: &mut Tree, path: &Path<'_>, shape: &Shape, context: &mut Context<'_>) {
    let Value::List(items) = &mut tree.value else {
        let message = format!("must be a list, not {}", tree.noun());
        return context.refuse(tree, path, message, "");
    };
    for (index, item) in items.iter_mut().enumerate() {
        check(item, &path.index(index), shape, context);
    }
}

fn map(tree: &mut Tree, path: &Path<'_>, shape: &Shape, context: &mut Context<'_>) {
    let Value::Map(map) = &mut tree.value else {
        let message = format!("must be a mapping, not {}", tree.noun());
        return context.refuse(tree, path, message, "");
    };
    for (key, key_span, value) in map.values_mut() {
        let path = path.key(key);
        if value.value == Value::Null && !matches!(shape, Shape::Nullable(_)) && value.tag.is_none() {
            context.diagnostics.error(key_span, path, format!("`{key}` is empty"));
            value.spoil();
            continue;
        }
        check(value, &path, shape, context);
    }
}

/// More services, networks or volumes than this are refused.
const MOST_NAMES: usize = 4096;

/// Keys become parts of file, host and link names.
fn names(tree: &mut Tree, path: &Path<'_>, context: &mut Context<'_>) {
    if tree.entries().len() > MOST_NAMES {
        return context.refuse(tree, path, format!("`{path}` has more than {MOST_NAMES} entries"), "");
    }
    for entry in tree.entries() {
        let valid = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
        let starts = entry.key.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '_');
        if !starts || !entry.key.chars().all(valid) || entry.key.len() > 128 {
            let message = format!("`{}` is not a valid name", entry.key.escape_debug());
            let hint = "a name has letters, digits, `.`, `_` and `-`, starts with a letter, digit or `_`, and is at most 128 long";
            context.diagnostics.error(&entry.key_span, path.key(&entry.key), message).hint(hint);
        }
    }
}

fn object(tree: &mut Tree, path: &Path<'_>, keys: &'static [Key], context: &mut Context<'_>) {
    let Value::Map(map) = &mut tree.value else {
        let what = if path.matches("") { "the top level " } else { "" };
        let message = format!("{what}must be a mapping, not {}", tree.noun());
        return context.refuse(tree, path, message, "");
    };
    map.retain(|entry| {
        let path = path.key(&entry.key);
        let Some(known) = keys.iter().find(|known| known.name == entry.key) else {
            return unknown(entry, &path, keys, context);
        };
        match &known.rule {
            Rule::Supported(Shape::Nullable(_)) => {}
            Rule::Supported(_) if entry.value.value == Value::Null => return entry.value.tag.is_some(),
            _ => {}
        }
        match known.rule {
            Rule::Supported(shape) => check(&mut entry.value, &path, shape, context),
            Rule::Ignored(why, shape) => {
                if let Some(why) = why {
                    let message = format!("`{}` has no effect: {why}", entry.key);
                    context.diagnostics.warning(&entry.key_span, path, message);
                }
                if let Some(shape) = shape {
                    check(&mut entry.value, &path, shape, context);
                }
            }
            Rule::NotYet(hint) => {
                let message = format!("`{}` is not supported yet", entry.key);
                let diagnostic = context.diagnostics.error(&entry.key_span, path, message);
                if !hint.is_empty() {
                    diagnostic.hint(hint);
                }
                entry.value.spoil();
            }
        }
        true
    });
}

/// Reports a key that is not known; extensions (`x-…`) stay.
fn unknown(entry: &Entry, path: &Path<'_>, keys: &[Key], context: &mut Context<'_>) -> bool {
    if entry.key == "x-sampan" {
        let message = "`x-sampan` is not supported yet".to_owned();
        context.diagnostics.error(&entry.key_span, path, message);
        return false;
    }
    if entry.key.starts_with("x-") {
        // Compose prints only those of the top level.
        return path.matches("*");
    }
    let message = format!("unknown key `{}`", entry.key.escape_debug());
    let diagnostic = context.diagnostics.error(&entry.key_span, path, message);
    diagnostic.hint = did_you_mean(&entry.key, keys.iter().map(|key| key.name)).or_else(|| {
        let supported = keys.iter().filter(|key| matches!(key.rule, Rule::Supported(_)));
        let names: Vec<_> = supported.map(|key| key.name).collect();
        (names.len() <= 8).then(|| format!("the keys here are {}", names.join(", ")))
    });
    false
}
