//! What this engine does with the keys that a stack uses: a walk over the finished tree by the
//! [table](super::schema).

use super::cast::{Refused, loose};
use super::path::Path;
use super::schema::{EngineCheck, Key, Shape, Support};
use super::tree::{Entry, Tree, Value};
use crate::diagnostic::{Diagnostics, Span};

/// A known key that a file spells out, and what becomes of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Use {
    /// Where the key stands.
    pub span: Span,
    /// Which key, as `services.web.ports`.
    pub path: String,
    /// What the engine does with it.
    pub fate: Fate,
}

/// What the engine does with a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fate {
    /// What it says is done.
    Enforced,
    /// It has no effect; the text says why.
    PassedOn(String),
    /// The stack is not run with it; the text says why and what to do.
    Refused(String),
}

/// Reports what `up` cannot do as errors, and what has no effect as warnings. What of that no engine
/// could do is a warning to everybody. With `details` the result tells what becomes of each key, by
/// place.
pub(crate) fn judge(
    tree: &Tree,
    shape: &Shape,
    details: bool,
    (everybody, diagnostics): (&mut Diagnostics, &mut Diagnostics),
) -> Vec<Use> {
    let mut walk = Walk { everybody, top: tree.span.clone(), diagnostics, details, uses: Vec::new() };
    walk.node(tree, &Path::TOP, shape);
    walk.uses
}

/// What becomes of keys of a mapping that are gone once loading has done what they say.
pub(crate) fn used_up(tree: &Tree, path: &Path<'_>, shape: &Shape, keys: &[&str]) -> Vec<Use> {
    let gone = tree.entries().iter().filter(|entry| keys.contains(&entry.key.as_str()));
    let used = |entry: &Entry| {
        let fate = match shape.key(&entry.key)?.support {
            Support::PassedOn(why) => Fate::PassedOn(why.to_owned()),
            _ => Fate::Enforced,
        };
        Some(Use { span: entry.key_span.clone(), path: path.key(&entry.key).to_string(), fate })
    };
    gone.filter_map(used).collect()
}

/// Whether a value asks for nothing.
fn says_nothing(value: &Value) -> bool {
    match value {
        Value::Null | Value::Bad | Value::Bool(false) => true,
        // What can be a truth value or a text has been made a text.
        Value::Text(text) => text.is_empty() || text == "false",
        Value::List(items) => items.is_empty(),
        Value::Map(map) => map.is_empty(),
        Value::Bool(true) | Value::Int(_) | Value::Float(_) => false,
    }
}

struct Walk<'a> {
    everybody: &'a mut Diagnostics,
    /// Where the whole file stands, and what it only implies.
    top: Span,
    diagnostics: &'a mut Diagnostics,
    details: bool,
    uses: Vec<Use>,
}

impl Walk<'_> {
    fn node(&mut self, tree: &Tree, path: &Path<'_>, shape: &Shape) {
        for entry in tree.entries() {
            let path = path.key(&entry.key);
            match shape.key(&entry.key) {
                Some(key) => {
                    let fate = self.key(key, entry, &path);
                    self.used(entry, &path, fate);
                }
                None if entry.key == "x-sampan" => {
                    let message = "`x-sampan` is not supported yet".to_owned();
                    self.diagnostics.error(&entry.key_span, path, message);
                }
                None => self.node(&entry.value, &path, shape.entry().unwrap_or(&Shape::Any)),
            }
        }
        for (index, item) in tree.items().iter().enumerate() {
            self.node(item, &path.index(index), shape.item().unwrap_or(&Shape::Any));
        }
    }

    /// Remembers a key. One that stands where its value stands is implied, or part of a short form:
    /// worth telling when it is not enforced.
    fn used(&mut self, entry: &Entry, path: &Path<'_>, fate: Fate) {
        if self.details && (entry.key_span != entry.value.span || fate != Fate::Enforced) {
            self.uses.push(Use { span: entry.key_span.clone(), path: path.to_string(), fate });
        }
    }

    /// What is done with a key that stands in the file.
    fn key(&mut self, key: &Key, entry: &Entry, path: &Path<'_>) -> Fate {
        let value = &entry.value;
        match key.support {
            Support::Enforced => {
                self.node(value, path, key.shape);
                Fate::Enforced
            }
            Support::Checked(check) => {
                let mut fate = self.checked(check, value, path);
                for (index, item) in value.items().iter().enumerate() {
                    fate = fate.or(self.checked(check, item, &path.index(index)));
                }
                fate.map_or(Fate::Enforced, Fate::Refused)
            }
            Support::CheckedWhole(fault) => {
                let known = !matches!(value.value, Value::Null | Value::Bad);
                let fault = known.then(|| fault(value)).flatten();
                fault.map_or(Fate::Enforced, |refused| Fate::Refused(self.report(refused, value, path)))
            }
            _ if says_nothing(&value.value) => Fate::Enforced,
            Support::PassedOn(why) => {
                let message = format!("`{}` has no effect: {why}", key.name);
                self.diagnostics.warning(&entry.key_span, path, message);
                Fate::PassedOn(why.to_owned())
            }
            Support::Refused(hint) => {
                let message = format!("`{}` is not supported yet", key.name);
                let diagnostic = self.diagnostics.error(&entry.key_span, path, message);
                if hint.is_empty() {
                    diagnostic.hint("leave it out to go without it");
                    return Fate::Refused("not supported yet".to_owned());
                }
                diagnostic.hint(hint);
                Fate::Refused(hint.to_owned())
            }
        }
    }

    /// Why a single value is refused, after it has been reported.
    fn checked(&mut self, check: EngineCheck, node: &Tree, path: &Path<'_>) -> Option<String> {
        if matches!(node.value, Value::List(_) | Value::Map(_) | Value::Null | Value::Bad) {
            return None;
        }
        check(&loose(&node.value)).err().map(|refused| self.report(refused, node, path))
    }

    /// Reports why a node is refused; the same in one line.
    fn report(&mut self, refused: Refused, node: &Tree, path: &Path<'_>) -> String {
        if !refused.not_yet && node.span != self.top && !self.everybody.is_told(&node.span) {
            let warning = self.everybody.warning(&node.span, path, refused.message.clone());
            warning.hint = Some(refused.hint.clone()).filter(|hint| !hint.is_empty());
        }
        let diagnostic = self.diagnostics.error(&node.span, path, refused.message.clone());
        if refused.hint.is_empty() {
            return refused.message;
        }
        diagnostic.hint(refused.hint.clone());
        format!("{}: {}", refused.message, refused.hint)
    }
}
