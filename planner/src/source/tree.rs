//! A YAML document as a tree with a span on every node.

use crate::diagnostic::Span;
use smol_str::SmolStr;
use std::collections::HashMap;

/// One node.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Tree {
    /// What it holds.
    pub(crate) value: Value,
    /// Where it stands.
    pub(crate) span: Span,
    /// How it wants to be merged.
    pub(crate) tag: Option<Tag>,
    /// Whether it was written in another form than the usual one, such as a mapping as a list, a
    /// list as its only item or a text as a number, where that matters to merging.
    pub(crate) short: bool,
    /// Whether a short form of it, or of items of it, was made long.
    pub(crate) rewritten: bool,
    /// Earlier versions of a variable that this one replaced; nearly all nodes have none.
    #[expect(clippy::box_collection, reason = "nodes are many, and moved often")]
    pub(crate) was: Option<Box<Vec<Tree>>>,
}

/// What a node holds.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) enum Value {
    /// Nothing was written.
    #[default]
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A whole number.
    Int(i64),
    /// Any other number.
    Float(f64),
    /// Text.
    Text(SmolStr),
    /// A sequence.
    List(Vec<Tree>),
    /// A mapping.
    Map(Map),
    /// Something wrong that has been reported: later stages neither use it nor complain that
    /// it is not there.
    Bad,
}

/// A tag that steers merging.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tag {
    /// `!reset`: what stood here before is gone.
    Reset,
    /// `!override`: what stood here before is replaced, not merged.
    Override,
}

/// One key with its value.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Entry {
    /// The key.
    pub(crate) key: SmolStr,
    /// Where the key stands.
    pub(crate) key_span: Span,
    /// The value.
    pub(crate) value: Tree,
    /// What tells its key from most others.
    mark: u32,
}

/// A mapping with fewer keys is searched from its beginning, which is faster than an index.
const SMALL: usize = 32;

/// A mapping in the order of the file, with quick look-up.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Map {
    entries: Vec<Entry>,
    /// Where each key is, once there are as many as [`SMALL`].
    #[expect(clippy::box_collection, reason = "nearly all mappings have none, and nodes are moved often")]
    index: Option<Box<HashMap<SmolStr, usize>>>,
}

impl Tree {
    /// A node that stands at `span`.
    pub(crate) fn new(value: Value, span: &Span) -> Self {
        Self { value, span: span.clone(), tag: None, short: false, rewritten: false, was: None }
    }

    /// A text node.
    pub(crate) fn text(text: impl Into<SmolStr>, span: &Span) -> Self {
        Self::new(Value::Text(text.into()), span)
    }

    /// An empty mapping.
    pub(crate) fn empty_map(span: &Span) -> Self {
        Self::new(Value::Map(Map::default()), span)
    }

    /// Whether nothing is written here.
    pub(crate) fn is_null(&self) -> bool {
        matches!(self.value, Value::Null)
    }

    /// Whether what is here is wrong, and reported.
    pub(crate) fn is_bad(&self) -> bool {
        matches!(self.value, Value::Bad)
    }

    /// The mapping that this is.
    pub(crate) fn as_map(&self) -> Option<&Map> {
        if let Value::Map(map) = &self.value { Some(map) } else { None }
    }

    /// The mapping that this is, to be changed.
    pub(crate) fn as_map_mut(&mut self) -> Option<&mut Map> {
        if let Value::Map(map) = &mut self.value { Some(map) } else { None }
    }

    /// The items, none when this is not a sequence.
    pub(crate) fn items(&self) -> &[Tree] {
        if let Value::List(items) = &self.value { items } else { &[] }
    }

    /// The entries, none when this is not a mapping.
    pub(crate) fn entries(&self) -> &[Entry] {
        self.as_map().map_or(&[], Map::entries)
    }

    /// The text that this is.
    pub(crate) fn as_text(&self) -> Option<&str> {
        if let Value::Text(text) = &self.value { Some(text) } else { None }
    }

    /// The whole number that this is.
    #[cfg(test)]
    pub(crate) fn as_int(&self) -> Option<i64> {
        if let Value::Int(number) = self.value { Some(number) } else { None }
    }

    /// The truth value that this is.
    pub(crate) fn as_bool(&self) -> Option<bool> {
        if let Value::Bool(truth) = self.value { Some(truth) } else { None }
    }

    /// The node below a key, when this is a mapping that has it.
    pub(crate) fn get(&self, key: &str) -> Option<&Tree> {
        self.as_map()?.get(key)
    }

    /// The node that is reached by one key after the other.
    pub(crate) fn at(&self, keys: &[&str]) -> Option<&Tree> {
        keys.iter().try_fold(self, |tree, key| tree.get(key))
    }

    /// The node below a key, to be changed.
    pub(crate) fn get_mut(&mut self, key: &str) -> Option<&mut Tree> {
        self.as_map_mut()?.get_mut(key)
    }

    /// What is here, in the words of a message: `a list`, `text`.
    pub(crate) fn noun(&self) -> &'static str {
        match &self.value {
            Value::Null => "nothing",
            Value::Bool(_) => "a truth value",
            Value::Int(_) | Value::Float(_) => "a number",
            Value::Text(_) => "text",
            Value::List(_) => "a list",
            Value::Map(_) => "a mapping",
            Value::Bad => "something invalid",
        }
    }

    /// Earlier versions of a variable that this one replaced, the first one first.
    pub(crate) fn was(&self) -> &[Tree] {
        self.was.as_ref().map_or(&[], |was| was)
    }

    /// What becomes history when this version is replaced: the versions before it and itself.
    pub(crate) fn history(&mut self) -> Vec<Tree> {
        let mut was = self.was.take().map_or_else(Vec::new, |was| *was);
        was.push(self.clone());
        was
    }

    /// Remembers versions that are earlier than those that are known already.
    pub(crate) fn remember(&mut self, mut earlier: Vec<Tree>) {
        earlier.extend(self.was.take().into_iter().flat_map(|was| *was));
        self.was = Some(Box::new(earlier));
    }

    /// Whether both say the same, wherever they stand and in whatever order. A number that is
    /// held as a text is not the text.
    pub(crate) fn same(&self, other: &Tree) -> bool {
        let lists = matches!(self.value, Value::List(_) | Value::Map(_));
        (lists || self.short == other.short) && self.value.same(&other.value)
    }

    /// Makes this a node that has been reported.
    pub(crate) fn spoil(&mut self) {
        self.value = Value::Bad;
    }
}

impl Entry {
    /// A key with its value; where the key stands.
    pub(crate) fn new(key: impl Into<SmolStr>, key_span: Span, value: Tree) -> Self {
        let key = key.into();
        Self { mark: mark(&key), key, key_span, value }
    }
}

impl Value {
    fn same(&self, other: &Value) -> bool {
        match (self, other) {
            (Value::List(one), Value::List(other)) => {
                one.len() == other.len() && one.iter().zip(other).all(|(a, b)| a.same(b))
            }
            (Value::Map(one), Value::Map(other)) => {
                let known = |entry: &Entry| other.get(&entry.key).is_some_and(|b| entry.value.same(b));
                one.entries().len() == other.entries().len() && one.entries().iter().all(known)
            }
            (one, other) => one == other,
        }
    }
}

impl Map {
    /// An empty mapping with room for so many entries.
    pub(crate) fn with_room(entries: usize) -> Self {
        Self { entries: Vec::with_capacity(entries), index: None }
    }

    /// Moves all entries into a mapping that has room for them only; this one keeps its room.
    pub(crate) fn fitted(&mut self) -> Self {
        Self { entries: fitted(&mut self.entries), index: self.index.take() }
    }

    /// The entries in order.
    pub(crate) fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// The values in order, to be changed.
    pub(crate) fn values_mut(&mut self) -> impl Iterator<Item = (&str, &Span, &mut Tree)> {
        self.entries.iter_mut().map(|entry| (entry.key.as_str(), &entry.key_span, &mut entry.value))
    }

    /// The entry of a key.
    pub(crate) fn entry(&self, key: &str) -> Option<&Entry> {
        self.place(key).map(|place| &self.entries[place])
    }

    /// The value of a key.
    pub(crate) fn get(&self, key: &str) -> Option<&Tree> {
        self.entry(key).map(|entry| &entry.value)
    }

    /// The value of a key, to be changed.
    pub(crate) fn get_mut(&mut self, key: &str) -> Option<&mut Tree> {
        self.place(key).map(|place| &mut self.entries[place].value)
    }

    /// Sets a key; one that exists keeps its place.
    pub(crate) fn insert(&mut self, entry: Entry) {
        match self.place(&entry.key) {
            Some(place) => self.entries[place] = entry,
            None => self.append(entry),
        }
    }

    /// Adds a key that is not there yet.
    pub(crate) fn append(&mut self, entry: Entry) {
        if let Some(index) = &mut self.index {
            index.insert(entry.key.clone(), self.entries.len());
        }
        // Stages add a few keys to many mappings: to double the room of each would be a waste.
        if self.entries.len() == self.entries.capacity() {
            self.entries.reserve_exact(self.entries.len() / 2 + 1);
        }
        self.entries.push(entry);
        if self.entries.len() == SMALL {
            self.index_all();
        }
    }

    fn place(&self, key: &str) -> Option<usize> {
        match &self.index {
            None => {
                let mark = mark(key);
                self.entries.iter().position(|entry| entry.mark == mark && entry.key == key)
            }
            Some(index) => index.get(key).copied(),
        }
    }

    fn index_all(&mut self) {
        let keys = self.entries.iter().map(|entry| entry.key.clone());
        self.index = (self.entries.len() >= SMALL).then(|| Box::new(keys.zip(0..).collect()));
    }

    /// Sets a key that no file spells out; it stands where its value stands.
    pub(crate) fn set(&mut self, key: &str, value: Tree) {
        let key_span = value.span.clone();
        self.insert(Entry::new(key, key_span, value));
    }

    /// Keeps the entries for which `keep` says so.
    pub(crate) fn retain(&mut self, mut keep: impl FnMut(&mut Entry) -> bool) {
        let before = self.entries.len();
        self.entries.retain_mut(|entry| keep(entry));
        if self.entries.len() != before {
            self.index_all();
        }
    }

    /// Takes all entries.
    pub(crate) fn into_entries(self) -> Vec<Entry> {
        self.entries
    }

    /// Whether there is no entry.
    pub(crate) fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }
}

/// Moves all items into a list that has room for them only; the other one keeps its room.
pub(crate) fn fitted<T>(items: &mut Vec<T>) -> Vec<T> {
    let mut fitted = Vec::with_capacity(items.len());
    fitted.append(items);
    fitted
}

/// A number that is the same for equal keys and seldom for others, which is quicker to compare: of
/// a key's length and its first and last letters.
pub(crate) const fn mark(key: &str) -> u32 {
    let length = key.len().to_le_bytes()[0];
    match key.as_bytes() {
        [] => 0,
        [only] => u32::from_le_bytes([*only, 0, 0, 0]),
        [first, last] => u32::from_le_bytes([*first, *last, 0, 0]),
        [first, second, .., last] => u32::from_le_bytes([*first, *second, *last, length]),
    }
}

impl FromIterator<Entry> for Map {
    fn from_iter<I: IntoIterator<Item = Entry>>(entries: I) -> Self {
        let mut map = Self::default();
        entries.into_iter().for_each(|entry| map.insert(entry));
        map
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_found_in_mappings_of_any_size() {
        let mut map = Map::default();
        for n in 0..3 * SMALL {
            map.set(&n.to_string(), Tree::new(Value::Bool(false), &Span::default()));
            map.set(&n.to_string(), Tree::new(Value::Bool(true), &Span::default()));
            assert!(map.entries().len() == n + 1 && map.get(&n.to_string()).unwrap().as_bool().unwrap());
        }
        for left in (0..3 * SMALL).rev() {
            map.retain(|entry| entry.key != left.to_string());
            assert!(map.get(&left.to_string()).is_none() && map.entries().len() == left);
            assert!((0..left).all(|n| map.get(&n.to_string()).is_some()));
        }
    }
}
