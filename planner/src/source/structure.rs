//! What keys of one object say about each other, where types cannot.

use super::tree::{Entry, Tree};
use crate::diagnostic::{Diagnostics, Span};
use std::net::IpAddr;

/// Checks a project whose files are merged.
pub(crate) fn check(tree: &Tree, diagnostics: &mut Diagnostics) {
    for volume in entries(tree, "volumes") {
        external_volume(volume, diagnostics);
    }
    for (section, sources) in
        [("configs", ["file", "environment", "content"].as_slice()), ("secrets", &["file", "environment"])]
    {
        for object in entries(tree, section) {
            one_source(section, object, sources, diagnostics);
        }
    }
    for service in entries(tree, "services") {
        let (name, node) = (service.key.as_str(), &service.value);
        nothing_shared(name, node, diagnostics);
        items(node, &["volumes"]).for_each(|mount| bind(name, mount, diagnostics));
        items(node, &["ports"]).for_each(|port| address(name, port, diagnostics));
        let requests = items(node, &["deploy", "resources", "reservations", "devices"]);
        requests.chain(items(node, &["gpus"])).for_each(|request| devices(name, request, diagnostics));
        items(node, &["develop", "watch"]).for_each(|rule| watched(name, rule, diagnostics));
    }
}

fn entries<'a>(tree: &'a Tree, section: &str) -> &'a [Entry] {
    tree.get(section).map_or(&[], Tree::entries)
}

fn items<'a>(tree: &'a Tree, keys: &[&str]) -> impl Iterator<Item = &'a Tree> {
    tree.at(keys).map_or(&[][..], Tree::items).iter()
}

/// What somebody else made cannot be described here.
fn external_volume(volume: &Entry, diagnostics: &mut Diagnostics) {
    if volume.value.get("external").and_then(Tree::as_bool) != Some(true) {
        return;
    }
    let allowed = |key: &str| matches!(key, "name" | "external") || key.starts_with("x-");
    for entry in volume.value.entries().iter().filter(|entry| !allowed(&entry.key)) {
        let message = format!("`{}` cannot be given for something external", entry.key);
        let path = format!("volumes.{}.{}", volume.key, entry.key);
        diagnostics.error(&entry.key_span, path, message).hint("take it out, or `external`");
    }
}

/// The content comes from one place.
fn one_source(section: &str, object: &Entry, sources: &[&str], diagnostics: &mut Diagnostics) {
    let given: Vec<&Entry> =
        object.value.entries().iter().filter(|entry| sources.contains(&entry.key.as_str())).collect();
    let path = format!("{section}.{}", object.key);
    let list = sources.join(", ");
    match given[..] {
        [_] => {}
        [] if object.value.is_bad() => {}
        [] if ["driver", "external"].iter().any(|key| object.value.get(key).is_some()) => {}
        [] => {
            let message = format!("`{}` has no content", object.key);
            diagnostics.error(&object.key_span, path, message).hint(format!("give one of {list}"));
        }
        [_, second, ..] => {
            let message = format!("only one of {list} can be given");
            diagnostics.error(&second.key_span, path, message).hint("keep one of them");
        }
    }
}

/// A bind mounts something.
fn bind(service: &str, mount: &Tree, diagnostics: &mut Diagnostics) {
    if mount.get("type").and_then(Tree::as_text) == Some("bind") && mount.get("source").is_none() {
        let message = "a bind mount needs a `source`".to_owned();
        let hint = "`source` is a path of the host";
        diagnostics.error(&mount.span, format!("services.{service}.volumes"), message).hint(hint);
    }
}

/// Docker Compose crashes over it, unless another file fills it in.
fn nothing_shared(service: &str, node: &Tree, diagnostics: &mut Diagnostics) {
    let pid = node.as_map().and_then(|map| map.entry("pid"));
    if let Some(entry) = pid.filter(|entry| entry.value.is_null()) {
        let message = "`pid` is empty".to_owned();
        let path = format!("services.{service}.pid");
        diagnostics.error(&entry.key_span, path, message).hint("give it a value, or leave it out");
    }
}

fn address(service: &str, port: &Tree, diagnostics: &mut Diagnostics) {
    let Some(node) = port.get("host_ip") else { return };
    if let Some(text) = node.as_text().filter(|text| text.parse::<IpAddr>().is_err()) {
        let message = format!("`{}` is not an IP address", text.escape_debug());
        let hint = "for example 127.0.0.1";
        diagnostics.error(&node.span, format!("services.{service}.ports"), message).hint(hint);
    }
}

fn devices(service: &str, request: &Tree, diagnostics: &mut Diagnostics) {
    if request.get("count").is_some() && request.get("device_ids").is_some() {
        let message = "`count` and `device_ids` cannot both be given".to_owned();
        diagnostics.error(&span(request), format!("services.{service}"), message).hint("keep one of them");
    }
}

fn watched(service: &str, rule: &Tree, diagnostics: &mut Diagnostics) {
    let Some(path) = rule.get("path").filter(|path| path.as_text() == Some("")) else { return };
    let message = "the path to watch is empty".to_owned();
    let hint = "name a file or folder";
    diagnostics.error(&path.span, format!("services.{service}.develop.watch"), message).hint(hint);
}

fn span(tree: &Tree) -> Span {
    tree.entries().first().map_or_else(|| tree.span.clone(), |entry| entry.key_span.clone())
}
