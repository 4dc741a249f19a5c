//! The checked tree to the typed model. Types were checked before: what is not there or was
//! reported takes its default here.

use super::{Network, Stack, Volume, decode_service};
use crate::source::tree::{Entry, Tree};
use std::collections::BTreeMap;

/// The stack that a canonical tree says.
pub(crate) fn stack(tree: &Tree, name: &str) -> Stack {
    let section = |name| tree.get(name).map_or(&[][..], Tree::entries);
    Stack {
        name: name.to_owned(),
        services: section("services").iter().map(decode_service::service).collect(),
        networks: section("networks").iter().map(network).collect(),
        volumes: section("volumes").iter().map(volume).collect(),
        ..Stack::default()
    }
}

fn network(entry: &Entry) -> (String, Network) {
    let tree = &entry.value;
    let first = tree.at(&["ipam", "config"]).and_then(|config| config.items().first());
    let address = |key: &str| first.and_then(|first| first.get(key)).and_then(Tree::as_text);
    let network = Network {
        name: text(tree, "name").unwrap_or_default(),
        external: flag(tree, "external"),
        internal: flag(tree, "internal"),
        subnet: address("subnet").and_then(|subnet| subnet.parse().ok()),
        gateway: address("gateway").and_then(|gateway| gateway.parse().ok()),
        labels: labels(tree),
        span: Some(entry.key_span.clone()),
    };
    (entry.key.clone(), network)
}

fn volume(entry: &Entry) -> (String, Volume) {
    let tree = &entry.value;
    let volume = Volume {
        name: text(tree, "name").unwrap_or_default(),
        external: flag(tree, "external"),
        labels: labels(tree),
        span: Some(entry.key_span.clone()),
    };
    (entry.key.clone(), volume)
}

pub(super) fn text(tree: &Tree, key: &str) -> Option<String> {
    tree.get(key)?.as_text().map(str::to_owned)
}

pub(super) fn flag(tree: &Tree, key: &str) -> bool {
    tree.get(key).and_then(Tree::as_bool).unwrap_or_default()
}

pub(super) fn texts(tree: &Tree, key: &str) -> Option<Vec<String>> {
    let node = tree.get(key)?;
    matches!(node.value, crate::source::tree::Value::List(_))
        .then(|| node.items().iter().filter_map(Tree::as_text).map(str::to_owned).collect())
}

pub(super) fn labels(tree: &Tree) -> BTreeMap<String, String> {
    let entries = tree.get("labels").map_or(&[][..], Tree::entries);
    entries.iter().filter_map(|entry| Some((entry.key.clone(), entry.value.as_text()?.to_owned()))).collect()
}
