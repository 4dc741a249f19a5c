//! The checked tree to the typed model.

use super::from_tree::{self, Misfit};
use super::{Contents, Extensions, Plain, Stack};
use crate::source::tree::{Entry, Tree};
use serde::de::DeserializeOwned;
use std::collections::BTreeMap;

/// The stack that a canonical tree says, and what of it could not be understood although it was
/// checked: that is as if it were not written.
pub(crate) fn stack(tree: &Tree, name: &str) -> (Stack, Vec<Misfit>) {
    let mut decoder = Decoder { tree, misfits: Vec::new() };
    let stack = Stack {
        name: name.to_owned(),
        services: decoder.section("services"),
        disabled: BTreeMap::new(),
        networks: decoder.section("networks"),
        volumes: decoder.section("volumes"),
        secrets: decoder.section("secrets"),
        configs: decoder.section("configs"),
        models: decoder.section("models"),
        extensions: decoder.extensions(),
        contents: Contents::default(),
        untyped: None,
    };
    (stack, decoder.misfits)
}

/// What a tree says, with the name of the stack when that is to be filled in.
pub(crate) fn untyped(tree: &Tree, name: Option<&str>) -> Plain {
    let mut said = from_tree::read(tree, &tree.span).unwrap_or_default();
    if let (Plain::Map(entries), Some(name)) = (&mut said, name) {
        entries.retain(|(key, _)| key != "name");
        entries.push(("name".into(), Plain::Text(name.to_owned())));
    }
    said
}

struct Decoder<'a> {
    tree: &'a Tree,
    misfits: Vec<Misfit>,
}

impl Decoder<'_> {
    /// A top-level mapping. One entry that does not fit does not take the others along.
    fn section<T: DeserializeOwned + Default>(&mut self, name: &str) -> BTreeMap<String, T> {
        let mut entries: Vec<&Entry> = self.tree.get(name).map_or(&[][..], Tree::entries).iter().collect();
        // Services are large: a map that is built in order moves none of them again.
        entries.sort_unstable_by_key(|entry| &entry.key);
        entries.iter().map(|entry| (entry.key.to_string(), self.entry(entry))).collect()
    }

    fn entry<T: DeserializeOwned + Default>(&mut self, entry: &Entry) -> T {
        from_tree::read(&entry.value, &entry.key_span).unwrap_or_else(|misfit| {
            self.misfits.push(misfit);
            T::default()
        })
    }

    fn extensions(&mut self) -> Extensions {
        let tree = self.tree;
        let entries = tree.entries().iter().filter(|entry| entry.key.starts_with("x-"));
        Extensions(entries.map(|entry| (entry.key.to_string(), self.entry(entry))).collect())
    }
}
