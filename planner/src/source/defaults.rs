//! What holds when nothing is written: the default network, dependencies that links imply.

use super::tree::{Tree, Value};
use crate::diagnostic::Span;

/// Fills in what the file leaves out.
pub(crate) fn fill(tree: &mut Tree) {
    let mut default_network = None;
    let top = tree.span.clone();
    let Some(services) = tree.get_mut("services").and_then(Tree::as_map_mut) else { return };
    for (_, span, service) in services.values_mut() {
        networks(service, span);
        links(service);
        dependencies(service);
        if service.at(&["networks", "default"]).is_some() {
            default_network = Some(span.clone());
        }
    }
    let Some(map) = tree.as_map_mut().filter(|_| default_network.is_some()) else { return };
    if map.get("networks").is_none() {
        map.set("networks", Tree::empty_map(&top));
    }
    if let Some(networks) = map.get_mut("networks").and_then(Tree::as_map_mut)
        && networks.get("default").is_none()
    {
        networks.set("default", Tree::empty_map(&top));
    }
}

/// A service that names no network is on `default`.
fn networks(service: &mut Tree, span: &Span) {
    let none = match service.get("networks").map(|networks| &networks.value) {
        None => true,
        Some(Value::Map(networks)) => networks.is_empty(),
        Some(_) => false,
    };
    if let Some(map) = service.as_map_mut().filter(|_| none) {
        let mut networks = Tree::empty_map(span);
        networks.as_map_mut().into_iter().for_each(|map| map.set("default", Tree::new(Value::Null, span)));
        map.set("networks", networks);
    }
}

/// A link means that the linked service comes first, and that this one restarts with it.
fn links(service: &mut Tree) {
    let links: Vec<Tree> = service.get("links").map(|links| links.items().to_vec()).unwrap_or_default();
    let Some(map) = service.as_map_mut().filter(|_| !links.is_empty()) else { return };
    if map.get("depends_on").is_none() {
        map.set("depends_on", Tree::empty_map(&links[0].span));
    }
    let Some(dependencies) = map.get_mut("depends_on").and_then(Tree::as_map_mut) else { return };
    for link in &links {
        let Some(name) = link.as_text().and_then(|link| link.split(':').next()) else { continue };
        if dependencies.get(name).is_some() {
            continue;
        }
        let mut dependency = Tree::empty_map(&link.span);
        if let Some(long) = dependency.as_map_mut() {
            long.set("condition", Tree::text("service_started", &link.span));
            long.set("restart", Tree::new(Value::Bool(true), &link.span));
            long.set("required", Tree::new(Value::Bool(true), &link.span));
        }
        dependencies.set(name, dependency);
    }
}

/// What a long entry of `depends_on` leaves out. Only known once all files are merged.
fn dependencies(service: &mut Tree) {
    let Some(dependencies) = service.get_mut("depends_on").and_then(Tree::as_map_mut) else { return };
    for (_, span, dependency) in dependencies.values_mut() {
        let Some(long) = dependency.as_map_mut() else { continue };
        for (key, default) in
            [("condition", Value::Text("service_started".into())), ("required", Value::Bool(true))]
        {
            if long.get(key).is_none() {
                long.set(key, Tree::new(default, span));
            }
        }
    }
}
