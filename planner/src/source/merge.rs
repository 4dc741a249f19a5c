//! Two versions of a stack to one: what the later one says about a node wins over, adds to or
//! replaces what the earlier one said, as the table has it.

use super::cast::loose;
use super::schema::{Merge, Shape};
use super::tree::{Entry, Map, Tag, Tree, Value};
use std::collections::BTreeMap;
use std::collections::btree_map;

/// How versions become one.
#[derive(Clone, Copy)]
pub(crate) struct How {
    /// What becomes of tags.
    pub(crate) tags: Tags,
    /// Values stay as they are written: what may be a list or a mapping was not made one of them.
    pub(crate) written: bool,
}

/// What becomes of `!reset` and `!override` on the later version.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Tags {
    /// They have done their work with this merge.
    Spent,
    /// They stay, for an even earlier version that is still to come.
    Kept,
}

/// Puts a later version of a node over an earlier one.
pub(crate) fn merge(base: &mut Tree, over: Tree, shape: &Shape, how: How) {
    node(base, over, shape, Merge::Deep, how);
}

fn node(base: &mut Tree, mut over: Tree, shape: &Shape, rule: Merge, how: How) {
    let replaces = match (over.tag, rule) {
        (Some(_), _) | (None, Merge::Replace) => true,
        (None, Merge::IfSame(key)) => differs(base, &over, key),
        (None, Merge::Deep) => base.short && matches!(base.value, Value::List(_)),
        _ => false,
    };
    if replaces {
        *base = arrive(over, shape, rule, how);
        return;
    }
    if how.written && shape.is_late() && joins_as_list(base, &over, rule) {
        reset(base, &over, how);
        list(base);
        list(&mut over);
    }
    match (&mut base.value, over.value, rule) {
        (_, Value::Null, _) => {}
        (Value::Map(map), Value::Map(mut more), rule) if base.short && how.lists(rule) => {
            more.retain(|entry| !(entry.value.tag == Some(Tag::Reset) && stays(map, &entry.key, how)));
            mapping(map, more, shape, rule, how);
            base.short = matches!(rule, Merge::Pairs);
        }
        (Value::Map(map), Value::Map(more), Merge::Pairs) => {
            // Docker Compose makes one list of both.
            base.short = true;
            mapping(map, more, shape, rule, how);
        }
        (Value::Map(map), Value::Map(more), rule) => mapping(map, more, shape, rule, how),
        (Value::List(items), Value::List(more), Merge::Subnets) => *items = subnets(items, &more, how),
        (Value::List(items), Value::List(more), rule) => {
            let more = Tree::new(Value::List(more), &over.span);
            if let Value::List(more) = arrive(more, shape, Merge::Deep, how).value {
                items.extend(more);
            }
            if let Some(identity) = rule.identity() {
                distinct(items, identity);
                base.short = false;
            }
        }
        (_, value, _) => {
            let over = Tree { short: over.short, ..Tree::new(value, &over.span) };
            *base = arrive(over, shape, rule, how);
        }
    }
}

/// A node as it is where there is no earlier version of it.
fn arrive(mut node: Tree, shape: &Shape, rule: Merge, how: How) -> Tree {
    if how.tags == Tags::Spent {
        settle(&mut node, shape, rule);
    }
    node
}

impl How {
    /// Whether a mapping that was written as a list still counts as one: what is extended does, an
    /// earlier document only where Docker Compose makes lists of mappings.
    fn lists(self, rule: Merge) -> bool {
        self.tags == Tags::Kept || matches!(rule, Merge::Pairs)
    }
}

/// Whether `!reset` of a key finds nothing in what was written as a list. What an even earlier
/// document says there goes.
fn stays(map: &mut Map, key: &str, how: How) -> bool {
    let Some(value) = map.get_mut(key) else { return how.tags == Tags::Spent };
    if how.tags == Tags::Kept {
        value.tag = Some(Tag::Override);
    }
    true
}

impl Merge {
    /// What makes two items of a list the same, when there are no two of them.
    pub(crate) fn identity(self) -> Option<fn(&Tree) -> String> {
        match self {
            Merge::Unique(identity) => Some(identity),
            // Only a list when it stays as it is written.
            Merge::Pairs => Some(identity::name),
            _ => None,
        }
    }
}

/// Whether two versions as they are written, of which not both are lists, become one list.
fn joins_as_list(base: &Tree, over: &Tree, rule: Merge) -> bool {
    let [base, over] = [base, over].map(|tree| matches!(tree.value, Value::List(_)));
    rule.identity().is_some() && !(base && over)
}

/// Makes a node the list that Docker Compose makes of it before it puts another one behind it:
/// the entries of a mapping as `KEY=value` in the order of their texts.
fn list(tree: &mut Tree) {
    let items = match std::mem::take(&mut tree.value) {
        Value::List(items) => items,
        Value::Map(map) => {
            let mut items: Vec<Tree> = map.into_entries().into_iter().flat_map(pairs_of).collect();
            items.sort_by(|one, other| one.as_text().cmp(&other.as_text()));
            items
        }
        Value::Text(text) => vec![Tree::text(text, &tree.span)],
        _ => Vec::new(),
    };
    tree.value = Value::List(items);
}

/// An entry of a mapping as `KEY=value`, once for each value of a list.
fn pairs_of(Entry { key, value, .. }: Entry) -> Vec<Tree> {
    let pair = |item: &Tree| Tree::text(format!("{key}={}", loose(&item.value)), &item.span);
    match &value.value {
        Value::Null if value.tag == Some(Tag::Reset) => Vec::new(),
        Value::Null => vec![Tree::text(key, &value.span)],
        Value::List(items) => items.iter().map(pair).collect(),
        _ => vec![pair(&value)],
    }
}

fn mapping(map: &mut Map, more: Map, shape: &Shape, rule: Merge, how: How) {
    let pairs = matches!(rule, Merge::Pairs);
    for Entry { key, key_span, value, .. } in more.into_entries() {
        if value.tag == Some(Tag::Reset) && how.tags == Tags::Spent {
            map.retain(|entry| entry.key != key);
            continue;
        }
        let row = shape.key(&key);
        let (below, rule) = match (row, rule) {
            (Some(row), _) => (row.shape, row.merge),
            (None, Merge::Pairs | Merge::Entries) => (&Shape::Any, Merge::Replace),
            (None, _) => (shape.entry().unwrap_or(&Shape::Any), Merge::Deep),
        };
        match map.get_mut(&key) {
            // What a variable was before is worth remembering; see `explain`.
            Some(earlier) if pairs => {
                let was = earlier.history();
                node(earlier, value, below, rule, how);
                earlier.remember(was);
            }
            Some(earlier) => node(earlier, value, below, rule, how),
            None => map.insert(Entry::new(key, key_span, arrive(value, below, rule, how))),
        }
    }
}

/// Takes the entries out that a later version resets.
fn reset(base: &mut Tree, over: &Tree, how: How) {
    let gone = |key: &str| over.get(key).is_some_and(|value| value.tag == Some(Tag::Reset));
    if let Some(map) = base.as_map_mut().filter(|_| how.tags == Tags::Spent) {
        map.retain(|entry| !gone(&entry.key));
    }
}

/// Whether two mappings have different values below a key.
fn differs(base: &Tree, over: &Tree, key: &str) -> bool {
    match (base.get(key), over.get(key)) {
        (Some(one), Some(other)) => one.value != other.value,
        _ => false,
    }
}

/// Keeps one item of each identity: the last one, at the place of the first.
fn distinct(items: &mut Vec<Tree>, identity: fn(&Tree) -> String) {
    if items.len() < 2 {
        return;
    }
    let mut places: BTreeMap<String, usize> = BTreeMap::new();
    let mut kept: Vec<Tree> = Vec::with_capacity(items.len());
    for item in items.drain(..) {
        if item.is_bad() {
            kept.push(item);
            continue;
        }
        match places.entry(identity(&item)) {
            btree_map::Entry::Occupied(place) => kept[*place.get()] = item,
            btree_map::Entry::Vacant(place) => {
                place.insert(kept.len());
                kept.push(item);
            }
        }
    }
    *items = kept;
}

/// The ranges of the later version, each over the earlier one of its subnet. Earlier ranges that
/// the later version does not name are gone. As in Docker Compose, once every later range is
/// known, an earlier one of another subnet still lends it what it leaves unsaid.
fn subnets(earlier: &[Tree], later: &[Tree], how: How) -> Vec<Tree> {
    let how = How { tags: Tags::Spent, ..how };
    let subnet = |tree: &Tree| field(tree, "subnet");
    let mut all: Vec<Tree> = Vec::new();
    for base in earlier {
        let mut merged = base.clone();
        for over in later {
            let place = |all: &[Tree], of: &Tree| all.iter().position(|one| subnet(one) == subnet(of));
            if subnet(over) != subnet(&merged) && place(&all, over).is_none() {
                all.push(over.clone());
                continue;
            }
            node(&mut merged, over.clone(), &Shape::Any, Merge::Deep, how);
            match place(&all, &merged) {
                Some(known) => all[known] = merged.clone(),
                None => all.push(merged.clone()),
            }
        }
    }
    all
}

/// Takes out what `!reset` removes and duplicates within one version, and the tags.
pub(crate) fn settle(tree: &mut Tree, shape: &Shape, rule: Merge) {
    tree.tag = None;
    match &mut tree.value {
        Value::Map(map) => {
            if map.entries().iter().any(|entry| entry.value.tag == Some(Tag::Reset)) {
                map.retain(|entry| entry.value.tag != Some(Tag::Reset));
            }
            for (key, _, value) in map.values_mut() {
                match shape.key(key) {
                    Some(row) => settle(value, row.shape, row.merge),
                    None => settle(value, shape.entry().unwrap_or(&Shape::Any), Merge::Deep),
                }
            }
        }
        Value::List(items) => {
            items.retain(|item| item.tag != Some(Tag::Reset));
            for item in items.iter_mut() {
                settle(item, shape.item().unwrap_or(&Shape::Any), Merge::Deep);
            }
            if let Some(identity) = rule.identity() {
                distinct(items, identity);
            }
        }
        _ => {}
    }
}

/// Takes out the tags and what `!reset` removes.
pub(crate) fn spend(tree: &mut Tree) {
    settle(tree, &Shape::Any, Merge::Deep);
}

fn field(item: &Tree, key: &str) -> String {
    item.get(key).map_or_else(String::new, |value| loose(&value.value).into_owned())
}

/// What makes two items of a list the same.
pub(crate) mod identity {
    use super::{field, loose};
    use crate::source::tree::Tree;

    /// Their text.
    pub(crate) fn text(item: &Tree) -> String {
        loose(&item.value).into_owned()
    }

    /// Their text up to a `=`.
    pub(crate) fn name(item: &Tree) -> String {
        let mut text = loose(&item.value).into_owned();
        text.truncate(text.find('=').unwrap_or(text.len()));
        text
    }

    /// Their text, and whether it was written in another form.
    pub(crate) fn written(item: &Tree) -> String {
        text(item) + if item.short { "!" } else { "" }
    }

    /// Where they listen and what they lead to; their text as long as that is not known. To Docker
    /// Compose a port of the host that is written as a number is never that of a text.
    pub(crate) fn port(item: &Tree) -> String {
        if item.as_map().is_none() {
            return text(item);
        }
        let published = item.get("published").map_or_else(String::new, written);
        let or = |key: &str, default: &str| match field(item, key) {
            text if text.is_empty() => default.to_owned(),
            text => text,
        };
        let (ip, protocol) = (or("host_ip", "0.0.0.0"), or("protocol", "tcp"));
        format!("{ip}|{published}|{}|{protocol}", field(item, "target"))
    }

    /// Their place in the container.
    pub(crate) fn target(item: &Tree) -> String {
        field(item, "target")
    }

    /// Their place in the container, for secrets.
    pub(crate) fn secret(item: &Tree) -> String {
        file(item, "/run/secrets")
    }

    /// Their place in the container, for configs.
    pub(crate) fn config(item: &Tree) -> String {
        file(item, "")
    }

    fn file(item: &Tree, folder: &str) -> String {
        match field(item, "target") {
            target if target.is_empty() => format!("{folder}/{}", field(item, "source")),
            target => target,
        }
    }

    /// The file they name.
    pub(crate) fn path(item: &Tree) -> String {
        field(item, "path")
    }
}
