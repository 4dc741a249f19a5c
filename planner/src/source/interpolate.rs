//! Replaces variables in every value of a document. Keys stay as they are.

use super::environment::Environment;
use super::path::Path;
use super::template::{self, FaultKind, Variables};
use super::tree::{Tree, Value};
use crate::diagnostic::{Diagnostics, Span, small};

/// What all expanded texts of a load may weigh together.
const BUDGET: usize = 32 << 20;

/// The interpolation of one project's files.
pub(crate) struct Interpolation<'a> {
    environment: &'a Environment<'a>,
    /// Whether nobody is told what is not set.
    quiet: bool,
    left: usize,
}

impl<'a> Interpolation<'a> {
    /// Interpolation with the variables of an environment.
    pub(crate) fn new(environment: &'a Environment<'a>) -> Self {
        Self { environment, quiet: false, left: BUDGET }
    }

    /// The same for a look ahead at what will be told later.
    pub(crate) fn quiet(environment: &'a Environment<'a>) -> Self {
        Self { quiet: true, ..Self::new(environment) }
    }

    /// Replaces the variables below a node, in place.
    pub(crate) fn walk(&mut self, tree: &mut Tree, path: &Path<'_>, diagnostics: &mut Diagnostics) {
        match &mut tree.value {
            Value::Text(text) if text.as_bytes().contains(&b'$') => self.text(tree, path, diagnostics),
            Value::List(items) => {
                for (index, item) in items.iter_mut().enumerate() {
                    self.walk(item, &path.index(index), diagnostics);
                }
            }
            Value::Map(map) => {
                for (key, _, value) in map.values_mut() {
                    self.walk(value, &path.key(key), diagnostics);
                }
            }
            _ => {}
        }
    }

    fn text(&mut self, tree: &mut Tree, path: &Path<'_>, diagnostics: &mut Diagnostics) {
        let Value::Text(text) = &tree.value else { return };
        let mut variables = Lookup { environment: self.environment, span: &tree.span, unset: Vec::new() };
        let expanded = template::expand(text, &mut variables);
        for (name, offset) in variables.unset {
            if !self.quiet && self.environment.warn_of(&name) {
                let span = inside(tree, text, offset, name.len() + 1, diagnostics);
                let message = format!("variable `{name}` is not set and becomes empty");
                let hint = format!(
                    "set it, give a default with ${{{name}:-…}}, or write $${name} to keep the dollar"
                );
                diagnostics.warning(&span, path, message).hint(hint);
            }
        }
        match expanded {
            Ok(expanded) if expanded.len() <= self.left => {
                self.left -= expanded.len();
                tree.value = Value::Text(expanded.into());
            }
            Ok(_) => {
                let fault = FaultKind::TooMuch;
                diagnostics.error(&tree.span, path, fault.to_string()).hint(fault.hint());
                tree.spoil();
            }
            Err(fault) => {
                let span = inside(
                    tree,
                    text,
                    fault.offset,
                    extent(text.get(fault.offset..).unwrap_or_default()),
                    diagnostics,
                );
                diagnostics.error(&span, path, fault.kind.to_string()).hint(fault.kind.hint());
                tree.spoil();
            }
        }
    }
}

/// The length of the variable that a text begins with: to its brace, or to the end of the line.
fn extent(text: &str) -> usize {
    let mut depth = 0_usize;
    for (at, c) in text.char_indices().skip(1) {
        match c {
            '{' => depth += 1,
            '}' if depth <= 1 => return at + 1,
            '}' => depth -= 1,
            '\n' => return at,
            _ if depth == 0 => return at,
            _ => {}
        }
    }
    text.len()
}

struct Lookup<'a> {
    environment: &'a Environment<'a>,
    /// Where the text stands.
    span: &'a Span,
    unset: Vec<(String, usize)>,
}

impl Variables for Lookup<'_> {
    fn get(&mut self, name: &str) -> Option<String> {
        self.environment.note_use(name, self.span);
        self.environment.get(name)
    }

    fn unset(&mut self, name: &str, offset: usize) {
        self.unset.push((name.to_owned(), offset));
    }
}

/// The place inside a scalar, when its source text is the value itself, perhaps in quotes;
/// otherwise (escapes, folded lines) that of the whole scalar.
fn inside(tree: &Tree, text: &str, offset: usize, length: usize, diagnostics: &Diagnostics) -> Span {
    let source = diagnostics.text(&tree.span);
    let quote = usize::from(source.starts_with(['"', '\'']));
    let same = source.get(quote..quote + text.len()) == Some(text) && !text.contains('\n');
    let Some(before) = text.get(..offset).filter(|_| same) else { return tree.span.clone() };
    let start = tree.span.start + small(quote + offset);
    Span {
        start,
        end: (start + small(length)).min(tree.span.end),
        column: tree.span.column + small(quote + before.chars().count()),
        ..tree.span.clone()
    }
}
