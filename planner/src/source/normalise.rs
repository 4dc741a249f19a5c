//! What the stack as a whole implies: the default network, names from keys, dependencies that
//! other attributes need.

use super::environment::Environment;
use super::resolve::{clean, is_clean};
use super::tree::{Map, Tree, Value};
use super::visit::visit;
use crate::diagnostic::Span;

/// Fills in what is implied. Without an environment nothing takes its value from a variable.
pub(crate) fn normalise(tree: &mut Tree, stack: &str, environment: Option<&Environment<'_>>) {
    let mut on_default = false;
    if let Some(services) = tree.get_mut("services").and_then(Tree::as_map_mut) {
        for (_, span, service) in services.values_mut() {
            on_default |= networks(service, span);
            build(service, environment);
            if let Some(environment) = environment {
                variables(service, environment);
            }
            dependencies(service);
            pull_policy(service);
            visit(service, "volumes.*.target", &mut without_detours);
        }
    }
    if on_default {
        default_network(tree);
    }
    for section in ["networks", "volumes", "configs", "secrets"] {
        names(tree, section, stack);
    }
}

/// `if_not_present` is an older word for `missing`.
fn pull_policy(service: &mut Tree) {
    if let Some(policy) = service.get_mut("pull_policy")
        && policy.as_text() == Some("if_not_present")
    {
        policy.value = Value::Text("missing".into());
    }
}

/// The target of a mount without `.`, `..` and doubled slashes.
fn without_detours(target: &mut Tree) {
    if let Value::Text(text) = &mut target.value
        && !is_clean(text)
    {
        *text = clean(text).into();
    }
}

/// A service that names no network is on `default`. Whether this one is.
fn networks(service: &mut Tree, span: &Span) -> bool {
    extensions(service);
    if service.get("provider").is_some() || service.get("network_mode").is_some() {
        return false;
    }
    let none = match service.get("networks").map(|networks| &networks.value) {
        None => true,
        Some(Value::Map(networks)) => networks.is_empty(),
        Some(_) => false,
    };
    if let Some(map) = service.as_map_mut().filter(|_| none) {
        let mut networks = Map::default();
        networks.set("default", Tree::new(Value::Null, span));
        map.set("networks", Tree::new(Value::Map(networks), span));
    }
    service.at(&["networks", "default"]).is_some()
}

/// The network `default` exists when a service is on it.
fn default_network(tree: &mut Tree) {
    let top = tree.span.clone();
    let Some(map) = tree.as_map_mut() else { return };
    if map.get("networks").is_none() {
        map.set("networks", Tree::empty_map(&top));
    }
    if let Some(networks) = map.get_mut("networks").and_then(Tree::as_map_mut)
        && networks.get("default").is_none()
    {
        networks.set("default", Tree::new(Value::Null, &top));
    }
}

/// What is below this key in Docker Compose's canonical form: an entry of `networks` that begins
/// with `x-` is an extension, not a network.
pub(crate) const EXTENSIONS: &str = "#extensions";

fn extensions(service: &mut Tree) {
    let Some(networks) = service.get_mut("networks") else { return };
    let span = networks.span.clone();
    let Some(map) = networks.as_map_mut() else { return };
    let is_extension = |key: &str| key.starts_with("x-");
    if map.entries().iter().any(|entry| is_extension(&entry.key)) {
        map.retain(|entry| !is_extension(&entry.key));
        map.set(EXTENSIONS, Tree::empty_map(&span));
    }
}

/// A build knows its Dockerfile; arguments without a value take that of the variable, or are
/// not given.
fn build(service: &mut Tree, environment: Option<&Environment<'_>>) {
    let Some(build) = service.get_mut("build") else { return };
    let span = build.span.clone();
    let Some(map) = build.as_map_mut() else { return };
    if map.get("dockerfile").is_none() && map.get("dockerfile_inline").is_none() {
        map.set("dockerfile", Tree::text("Dockerfile", &span));
    }
    match map.get_mut("args").map(|args| &mut args.value) {
        Some(Value::Map(args)) => {
            if let Some(environment) = environment {
                take_over(args, environment);
            }
            args.retain(|entry| !entry.value.is_null());
        }
        Some(Value::List(args)) => {
            args.retain(|pair| pair.as_text().is_none_or(|text| text.contains('=')));
        }
        _ => {}
    }
}

/// Variables without a value take that of the project's variable.
fn variables(service: &mut Tree, environment: &Environment<'_>) {
    if let Some(variables) = service.get_mut("environment").and_then(Tree::as_map_mut) {
        take_over(variables, environment);
    }
}

/// Variables without a value get the one that the project has for them.
pub(crate) fn take_over(variables: &mut Map, environment: &Environment<'_>) {
    for (key, _, value) in variables.values_mut() {
        if value.is_null()
            && let Some(known) = environment.get(key)
        {
            let was = value.history();
            value.remember(was);
            value.value = Value::Text(known.into());
        }
    }
}

/// Attributes that name another service or container by a prefix.
const NAMESPACES: [&str; 5] = ["network_mode", "ipc", "pid", "uts", "cgroup"];

/// Links, shared namespaces and shared volumes need the other service first.
fn dependencies(service: &mut Tree) {
    let mut needed: Vec<(String, Span, bool)> = Vec::new();
    let texts = |key: &str| {
        let items = service.get(key).map(Tree::items).unwrap_or_default();
        items.iter().filter_map(|item| Some((item.as_text()?, &item.span)))
    };
    for (link, span) in texts("links") {
        // What has more than one colon is no service and its alias.
        let name =
            link.split_once(':').filter(|(_, alias)| !alias.contains(':')).map_or(link, |(name, _)| name);
        needed.push((name.to_owned(), span.clone(), true));
    }
    for key in NAMESPACES {
        let Some(node) = service.get(key) else { continue };
        let shared = node.as_text().and_then(|text| text.strip_prefix("service:"));
        needed.extend(shared.map(|name| (name.to_owned(), node.span.clone(), true)));
    }
    for (volumes, span) in texts("volumes_from").filter(|(text, _)| !text.starts_with("container:")) {
        let name = volumes.split(':').next().unwrap_or(volumes);
        needed.push((name.to_owned(), span.clone(), false));
    }
    let (Some(map), Some((_, first, _))) = (service.as_map_mut(), needed.first()) else { return };
    if map.get("depends_on").is_none() {
        map.set("depends_on", Tree::empty_map(first));
    }
    let Some(known) = map.get_mut("depends_on").and_then(Tree::as_map_mut) else { return };
    for (name, span, restart) in needed {
        if known.get(&name).is_none() {
            known.set(&name, dependency(&span, restart));
        }
    }
}

fn dependency(span: &Span, restart: bool) -> Tree {
    let mut map = Map::with_room(3);
    map.set("condition", Tree::text("service_started", span));
    map.set("restart", Tree::new(Value::Bool(restart), span));
    map.set("required", Tree::new(Value::Bool(true), span));
    Tree::new(Value::Map(map), span)
}

/// What has no name of its own is called after the stack and its key, or only its key when it
/// is somebody else's.
fn names(tree: &mut Tree, section: &str, stack: &str) {
    let Some(resources) = tree.get_mut(section).and_then(Tree::as_map_mut) else { return };
    for (key, _, resource) in resources.values_mut() {
        if resource.is_null() {
            *resource = Tree::empty_map(&resource.span);
        }
        let external = resource.get("external").and_then(Tree::as_bool) == Some(true);
        let name = if external { key.to_owned() } else { format!("{stack}_{key}") };
        let span = resource.span.clone();
        if let Some(map) = resource.as_map_mut()
            && map.get("name").is_none()
        {
            map.set("name", Tree::text(name, &span));
        }
    }
}
