//! Short forms to long ones, one topic a file.
//!
//! Each function rewrites a node in place when it is a short form, and leaves alone what is not:
//! whether the long form is right is for the table to say. What no short form allows is reported
//! and spoilt. Keys that a short form does not mention are set only where Docker Compose sets
//! them before files are merged; all other defaults come after merging.

mod build;
mod commands;
mod devices;
mod external;
mod files;
mod hosts;
mod lists;
mod names;
mod pairs;
mod ports;
mod volumes;

pub(crate) use build::{build, ssh, truth_as_text};
pub(crate) use commands::{command, health_fault, health_test};
pub(crate) use devices::{device, gpus};
pub(crate) use external::external;
pub(crate) use files::{env_files, extends, file_reference, include};
pub(crate) use hosts::extra_hosts;
pub(crate) use lists::{list_of_one, list_over_list, name_servers};
pub(crate) use names::{depends_on, map_of_names};
pub(crate) use pairs::{complete_pairs, empty_for_null, environment, labels, repeatable};
pub(crate) use ports::{known_ports, ports};
pub(crate) use volumes::volume;

use super::tree::{Map, Tree, Value};
use crate::diagnostic::Span;

/// A mapping of these keys; all of it stands at `span`.
fn mapping<const N: usize>(span: &Span, entries: [(&str, Value); N]) -> Tree {
    let mut map = Map::with_room(N);
    for (key, value) in entries {
        map.set(key, Tree::new(value, span));
    }
    Tree::new(Value::Map(map), span)
}

/// What is long in Docker Compose too once its document is read, so that how it was written does
/// not matter any more.
const LONG: [&[&str]; 6] = [
    &["networks"],
    &["models"],
    &["depends_on"],
    &["gpus"],
    &["build", "ssh"],
    &["build", "additional_contexts"],
];

/// Forgets how things in a document were written that is read.
pub(crate) fn forget_forms(document: &mut Tree) {
    let Some(services) = document.get_mut("services").and_then(Tree::as_map_mut) else { return };
    for (_, _, service) in services.values_mut() {
        for keys in LONG {
            let node = keys.iter().try_fold(&mut *service, |tree, key| tree.get_mut(key));
            let Some(node) = node else { continue };
            node.short = false;
            if let Value::List(items) = &mut node.value {
                items.iter_mut().for_each(|item| item.short = false);
            }
        }
    }
}

/// Replaces a text by a mapping that has it below `key`.
fn wrap(tree: &mut Tree, key: &str) {
    if tree.as_text().is_some() {
        let text = Tree::new(std::mem::take(&mut tree.value), &tree.span);
        let mut map = Map::default();
        map.set(key, text);
        tree.value = Value::Map(map);
    }
}

/// What the tests of the short forms share.
#[cfg(test)]
mod testing {
    use super::super::check::Context;
    use super::super::path::Path;
    use super::super::schema::ShortForm;
    use super::super::tree::{Tree, Value};
    use super::super::yaml;
    use crate::diagnostic::Diagnostics;

    /// The long form of a value in YAML as compact JSON-like text, or else what is said about it:
    /// `message | text it points at | hint`.
    pub(super) fn long(form: ShortForm, written: &str) -> Result<String, String> {
        let (tree, diagnostics) = apply(form, written);
        match diagnostics.items.first() {
            None => Ok(show(&tree)),
            Some(item) => {
                let at = item.span.as_ref().map(|span| diagnostics.text(span)).unwrap_or_default();
                Err(format!("{} | {at} | {}", item.message, item.hint.as_deref().unwrap_or_default()))
            }
        }
    }

    /// The rewritten node and everything that was said.
    pub(super) fn apply(form: ShortForm, written: &str) -> (Tree, Diagnostics) {
        let mut diagnostics = Diagnostics::default();
        let text = format!("v: {written}\n");
        let file = diagnostics.add_file("compose.yaml", &text);
        let mut documents = yaml::parse(file, &text, &mut diagnostics).unwrap_or_default();
        let mut tree = documents.remove(0).get("v").cloned().unwrap_or_default();
        let path = Path::TOP;
        let mut context = Context { diagnostics: &mut diagnostics, ports_left: 100, variables: false };
        form(&mut tree, &path.key("v"), &mut context);
        (tree, diagnostics)
    }

    /// A tree in the flow style of YAML, texts bare.
    pub(super) fn show(tree: &Tree) -> String {
        let join = |parts: Vec<String>| parts.join(", ");
        match &tree.value {
            Value::Map(map) => {
                let entries = map.entries().iter();
                let entry =
                    |entry: &super::super::tree::Entry| format!("{}: {}", entry.key, show(&entry.value));
                format!("{{{}}}", join(entries.map(entry).collect()))
            }
            Value::List(items) => format!("[{}]", join(items.iter().map(show).collect())),
            Value::Null => "null".into(),
            Value::Bad => "bad".into(),
            Value::Text(text) if text.is_empty() => "''".into(),
            other => super::super::cast::loose(other).into_owned(),
        }
    }
}
