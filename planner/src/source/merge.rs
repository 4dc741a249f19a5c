//! Several documents to one: what a later one says about a node wins over, adds to or replaces
//! what an earlier one said.

use super::cast::loose;
use super::path::Path;
use super::tree::{Entry, Tag, Tree, Value};
use std::collections::HashMap;

/// How two versions of a node become one. Mappings merge and lists append where no rule is.
enum MergeRule {
    /// The later one counts, even when it is null.
    Replace,
    /// A list whose items have an identity: an item replaces the earlier one of its identity.
    Unique(fn(&Tree) -> String),
    /// As `Unique`, but items of one identity, which are mappings, merge.
    MergeBy(fn(&Tree) -> String),
}

const RULES: &[(&str, MergeRule)] = &[
    ("services.*.command", MergeRule::Replace),
    ("services.*.entrypoint", MergeRule::Replace),
    ("services.*.healthcheck.test", MergeRule::Replace),
    ("services.*.ulimits.*", MergeRule::Replace),
    ("services.*.ports", MergeRule::Unique(port_identity)),
    ("services.*.volumes", MergeRule::Unique(target)),
    ("services.*.env_file", MergeRule::Unique(file)),
    ("services.*.tmpfs", MergeRule::Unique(text)),
    ("services.*.cap_add", MergeRule::Unique(text)),
    ("services.*.cap_drop", MergeRule::Unique(text)),
    ("services.*.expose", MergeRule::Unique(text)),
    ("services.*.links", MergeRule::Unique(text)),
    ("services.*.profiles", MergeRule::Unique(text)),
    ("services.*.security_opt", MergeRule::Unique(text)),
    ("services.*.networks.*.aliases", MergeRule::Unique(text)),
    ("networks.*.ipam.config", MergeRule::MergeBy(subnet)),
];

/// Lists that have no duplicates even within one document.
const DISTINCT: &[&str] = &[
    "services.*.ports",
    "services.*.env_file",
    "services.*.cap_add",
    "services.*.cap_drop",
    "services.*.expose",
    "services.*.links",
    "services.*.profiles",
    "services.*.networks.*.aliases",
];

/// All documents in one, the later ones over the earlier ones.
pub(crate) fn merge(documents: Vec<Tree>) -> Tree {
    let mut documents = documents.into_iter();
    let mut merged = documents.next().unwrap_or_default();
    for document in documents {
        node(&mut merged, document, &Path::TOP);
    }
    settle(&mut merged, &Path::TOP);
    merged
}

fn rule(path: &Path<'_>) -> Option<&'static MergeRule> {
    RULES.iter().find(|(pattern, _)| path.matches(pattern)).map(|(_, rule)| rule)
}

fn node(base: &mut Tree, over: Tree, path: &Path<'_>) {
    if over.tag.is_some() {
        *base = over;
        return;
    }
    let rule = rule(path);
    match (&mut base.value, over.value, rule) {
        (_, value, Some(MergeRule::Replace)) => *base = Tree { value, span: over.span, tag: None },
        (_, Value::Null, _) => {}
        (Value::List(items), Value::List(more), Some(MergeRule::Unique(identity))) => {
            items.extend(more);
            distinct(items, *identity, |earlier, later| *earlier = later);
        }
        (Value::List(items), Value::List(more), Some(MergeRule::MergeBy(identity))) => {
            items.extend(more);
            distinct(items, *identity, |earlier, later| node(earlier, later, &path.index(0)));
        }
        (Value::List(items), Value::List(more), _) => items.extend(more),
        (Value::Map(map), Value::Map(more), _) => {
            for Entry { key, key_span, value } in more.into_entries() {
                match map.get_mut(&key) {
                    Some(earlier) => node(earlier, value, &path.key(&key)),
                    None => map.insert(Entry { key, key_span, value }),
                }
            }
        }
        (_, value, _) => *base = Tree { value, span: over.span, tag: None },
    }
}

/// Keeps one item of each identity, at the place of the first.
fn distinct(items: &mut Vec<Tree>, identity: fn(&Tree) -> String, mut join: impl FnMut(&mut Tree, Tree)) {
    let mut places: HashMap<String, usize> = HashMap::new();
    let mut kept: Vec<Tree> = Vec::with_capacity(items.len());
    for item in items.drain(..) {
        if item.value == Value::Bad {
            kept.push(item);
            continue;
        }
        match places.entry(identity(&item)) {
            std::collections::hash_map::Entry::Occupied(place) => join(&mut kept[*place.get()], item),
            std::collections::hash_map::Entry::Vacant(place) => {
                place.insert(kept.len());
                kept.push(item);
            }
        }
    }
    *items = kept;
}

/// Takes out what `!reset` removes, and duplicates.
fn settle(tree: &mut Tree, path: &Path<'_>) {
    tree.tag = None;
    match &mut tree.value {
        Value::Map(map) => {
            map.retain(|entry| entry.value.tag != Some(Tag::Reset));
            for (key, _, value) in map.values_mut() {
                settle(value, &path.key(key));
            }
        }
        Value::List(items) => {
            items.retain(|item| item.tag != Some(Tag::Reset));
            for (index, item) in items.iter_mut().enumerate() {
                settle(item, &path.index(index));
            }
            if DISTINCT.iter().any(|pattern| path.matches(pattern))
                && let Some(MergeRule::Unique(identity)) = rule(path)
            {
                distinct(items, *identity, |earlier, later| *earlier = later);
            }
        }
        _ => {}
    }
}

fn text(item: &Tree) -> String {
    loose(&item.value)
}

fn field(item: &Tree, key: &str) -> String {
    item.get(key).map_or_else(String::new, text)
}

fn port_identity(item: &Tree) -> String {
    ["host_ip", "published", "target", "protocol"].map(|key| field(item, key)).join("|")
}

fn target(item: &Tree) -> String {
    field(item, "target")
}

fn file(item: &Tree) -> String {
    field(item, "path")
}

fn subnet(item: &Tree) -> String {
    field(item, "subnet")
}
