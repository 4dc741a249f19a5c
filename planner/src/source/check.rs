//! The walk that holds one document against the [table](super::schema): every key known, every
//! scalar of its kind, every short form made long. What is wrong is reported and marked, so
//! that one mistake is told once. What may still come from another document, such as a key that
//! must be there, is the business of [complete](super::complete).

use super::cast::Kind;
use super::path::Path;
use super::schema::{Key, Shape, row};
use super::suggest::did_you_mean;
use super::tree::{Entry, Tag, Tree, Value};
use super::{advice, cast};
use crate::diagnostic::{Diagnostics, Span};

/// What the walk carries along.
pub(crate) struct Context<'a> {
    /// Where problems go.
    pub(crate) diagnostics: &'a mut Diagnostics,
    /// How many ports the ranges of all files may still expand to.
    pub(crate) ports_left: usize,
    /// Variables were left as they are written, so a text with one may mean anything.
    pub(crate) variables: bool,
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

    /// Whether a node is a text whose variables are not replaced.
    pub(crate) fn unknowable(&self, tree: &Tree) -> bool {
        self.variables && tree.as_text().is_some_and(|text| text.contains('$'))
    }
}

/// Checks a node and everything below it, in place.
pub(crate) fn check(tree: &mut Tree, path: &Path<'_>, shape: &Shape, context: &mut Context<'_>) {
    if tree.tag == Some(Tag::Reset) || matches!(tree.value, Value::Bad | Value::Null) {
        return;
    }
    if context.variables && shape.is_as_written() {
        return as_written(tree, path, shape, context);
    }
    if context.unknowable(tree) && !matches!(shape, Shape::Any) {
        return perhaps_short(tree, path, shape, context);
    }
    rewrite(tree, path, shape, context);
}

/// Judges a node that stays as it is written: what is wrong is told, but nothing is made of it.
fn as_written(tree: &mut Tree, path: &Path<'_>, shape: &Shape, context: &mut Context<'_>) {
    let (any_text, no_text) = match shape {
        Shape::One(kind) => (kind.is_any_text(), kind.is_never_text()),
        Shape::Short(form, _) if form.is_only_over() => {
            tree.short = tree.as_text().is_some();
            (true, false)
        }
        _ => (false, false),
    };
    if (context.unknowable(tree) && !no_text) || (any_text && tree.as_text().is_some()) {
        return;
    }
    let mut copy = tree.clone();
    rewrite(&mut copy, path, shape, context);
    if copy.is_bad() {
        tree.spoil();
    }
}

/// Makes a text with variables in it long if it is a short form whatever they stand for.
fn perhaps_short(tree: &mut Tree, path: &Path<'_>, shape: &Shape, context: &mut Context<'_>) {
    let Shape::Short(form, shape) = shape else { return };
    let mut copy = tree.clone();
    let mut faults = Diagnostics::default();
    let mut trial = Context { diagnostics: &mut faults, ..*context };
    (form.rewrite)(&mut copy, path, &mut trial);
    if !faults.has_errors() {
        *tree = copy;
        check(tree, path, shape, context);
    }
}

fn rewrite(tree: &mut Tree, path: &Path<'_>, shape: &Shape, context: &mut Context<'_>) {
    match shape {
        Shape::Any => {}
        Shape::Nullable(shape) => check(tree, path, shape, context),
        Shape::Short(form, shape) => {
            let before = look(tree);
            (form.rewrite)(tree, path, context);
            tree.rewritten |= look(tree) != before;
            if form.is_list_too() && shape.entry().is_some() && tree.as_text().is_some() {
                let hint = advice::for_list(tree, context.diagnostics);
                return context.refuse(tree, path, "must be a list or a mapping, not text", &hint);
            }
            check(tree, path, shape, context);
        }
        Shape::One(kind) => cast::cast(tree, path, kind, context),
        Shape::OneOr(_, shape) if tree.as_map().is_some() => check(tree, path, shape, context),
        // As in Docker Compose a number with a point is none of these, even when it is whole.
        Shape::OneOr(Kind::Int(..) | Kind::PlainInt(..), _) if matches!(tree.value, Value::Float(_)) => {
            context.refuse(tree, path, "must be a whole number without a point", "for example 1024");
        }
        Shape::OneOr(kind, _) => cast::cast(tree, path, kind, context),
        Shape::List(shape) | Shape::Set(shape) => list(tree, path, shape, context),
        Shape::Map(shape) => map(tree, path, shape, context),
        Shape::Named(shape) => {
            names(tree, path, context);
            map(tree, path, shape, context);
        }
        Shape::Object(keys) => object(tree, path, (keys, true), context),
        Shape::Closed(keys) => object(tree, path, (keys, false), context),
    }
}

/// How a node looks from outside: what it is, and how many of its items are no mappings.
fn look(tree: &Tree) -> (std::mem::Discriminant<Value>, usize) {
    let items = tree.items().iter().filter(|item| item.as_map().is_none());
    (std::mem::discriminant(&tree.value), items.count())
}

fn list(tree: &mut Tree, path: &Path<'_>, shape: &Shape, context: &mut Context<'_>) {
    let Value::List(items) = &mut tree.value else {
        let message = format!("must be a list, not {}", tree.noun());
        let hint = advice::for_list(tree, context.diagnostics);
        return context.refuse(tree, path, message, &hint);
    };
    for (index, item) in items.iter_mut().enumerate() {
        if item.is_null() && item.tag.is_none() && !shape.nullable() {
            context.refuse(
                item,
                &path.index(index),
                "an item of this list is empty",
                "write it, or take its `-` out",
            );
        }
        check(item, &path.index(index), shape, context);
    }
}

fn map(tree: &mut Tree, path: &Path<'_>, shape: &Shape, context: &mut Context<'_>) {
    let listed = tree.short;
    let Value::Map(map) = &mut tree.value else {
        if !tree.is_bad() {
            let message = format!("must be a mapping, not {}", tree.noun());
            let hint = advice::for_map(tree);
            context.refuse(tree, path, message, &hint);
        }
        return;
    };
    for (key, key_span, value) in map.values_mut() {
        if key.is_empty() {
            nameless(listed, key_span, path, context);
        }
        if shape.key(key).is_some() && !matches!(value.value, Value::Map(_) | Value::Null | Value::Bad) {
            let message = format!("`{key}` is taken for a name, which wants a mapping");
            let hint = format!("to be a key of the entry above, indent `{key}` deeper");
            context.refuse(value, &path.key(key), message, &hint);
        }
        check(value, &path.key(key), shape, context);
    }
}

/// An entry without a name is wrong, but in a list it may be a variable without a value.
fn nameless(listed: bool, place: &Span, path: &Path<'_>, context: &mut Context<'_>) {
    if listed {
        let message = "this entry is empty".to_owned();
        context.diagnostics.warning(place, path, message).hint("take it out, or give its variable a value");
    } else {
        let message = "a name is empty".to_owned();
        context.diagnostics.error(place, path, message).hint("write a name before the colon");
    }
}

/// Keys that other places refer to are of few characters.
fn names(tree: &Tree, path: &Path<'_>, context: &mut Context<'_>) {
    for entry in tree.entries() {
        let valid = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
        // What a list has may be a variable yet.
        if context.variables && tree.short && entry.key.contains('$') {
            continue;
        }
        if entry.key.is_empty() || !entry.key.chars().all(valid) {
            let message = format!("`{}` is not a valid name", entry.key.escape_debug());
            let hint = "a name has letters, digits, `.`, `_` and `-`";
            context.diagnostics.error(&entry.key_span, path.key(&entry.key), message).hint(hint);
        }
    }
}

/// `extensible`: `x-…` keys may stand there too.
fn object(
    tree: &mut Tree,
    path: &Path<'_>,
    (keys, extensible): (&'static [Key], bool),
    context: &mut Context<'_>,
) {
    let Value::Map(map) = &mut tree.value else {
        let what = if path.matches("") { "the top level " } else { "" };
        let message = format!("{what}must be a mapping, not {}", tree.noun());
        return context.refuse(tree, path, message, &advice::for_object(keys));
    };
    map.retain(|entry| {
        let path = path.key(&entry.key);
        match row(keys, &entry.key) {
            Some(known) => {
                check(&mut entry.value, &path, known.shape, context);
                true
            }
            // Extensions are the user's own.
            None if extensible && entry.key.starts_with("x-") => true,
            None => {
                unknown(entry, &path, (keys, extensible), context);
                false
            }
        }
    });
}

/// Reports a key that is not known.
fn unknown(entry: &Entry, path: &Path<'_>, (keys, extensible): (&[Key], bool), context: &mut Context<'_>) {
    if context.diagnostics.is_full() {
        return;
    }
    let message = format!("unknown key `{}`", entry.key.escape_debug());
    let diagnostic = context.diagnostics.error(&entry.key_span, path, message);
    diagnostic.hint = did_you_mean(&entry.key, keys.iter().map(|key| key.name))
        .or_else(|| advice::for_unknown(entry, keys, (path.matches("*"), extensible)));
}
