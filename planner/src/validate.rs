//! Rules that types cannot say.
//!
//! Each rule is a function from the stack to diagnostics. Places come from the tree that the
//! stack was made of. References are only checked for enabled services, as with Compose.

mod references;
mod resources;

use crate::diagnostic::{Diagnostics, Span};
use crate::graph::DependencyGraph;
use crate::model::units::ULIMITS;
use crate::model::{Port, Service, Stack};
use crate::source::mounts::parse_tmpfs;
use crate::source::suggest::did_you_mean;
use crate::source::tree::{Tree, Value};
use std::collections::BTreeMap;

/// Checks a stack as a whole. Dependencies that need not be there and are not are taken out of it.
pub(crate) fn validate(stack: &mut Stack, tree: &Tree, diagnostics: &mut Diagnostics) {
    let mut rules = Rules { tree, diagnostics };
    rules.services_exist(stack);
    for (name, service) in stack.services.iter().chain(&stack.disabled) {
        rules.image(name, service);
        rules.resources(name, service);
        rules.mounts(name, service);
        rules.process(name, service);
    }
    for (name, service) in &stack.services {
        rules.networks(name, service, stack);
        rules.volumes(name, service, stack);
        rules.dependencies(name, service, stack);
        rules.links(name, stack);
    }
    rules.published_ports(stack);
    rules.declared(stack);
    rules.cycle(stack);
    references::drop_missing(stack);
}

struct Rules<'a> {
    tree: &'a Tree,
    diagnostics: &'a mut Diagnostics,
}

impl Rules<'_> {
    /// The node of a service's key.
    fn node(&self, service: &str, keys: &[&str]) -> Option<&Tree> {
        self.tree.at(&["services", service])?.at(keys)
    }

    /// The place of a service's key, or of the service when it has no such key.
    fn place(&self, service: &str, span: &Span, keys: &[&str]) -> Span {
        let node = self.node(service, keys).filter(|node| node.span != Span::default());
        node.map_or_else(|| span.clone(), |node| node.span.clone())
    }

    /// Reports something about a service's key.
    fn error(&mut self, service: (&str, &Service), keys: &[&str], message: String, hint: &str) {
        let span = self.place(service.0, &service.1.span, keys);
        let path = format!("services.{}.{}", service.0, keys.join("."));
        let diagnostic = self.diagnostics.error(&span, path.trim_end_matches('.'), message);
        if !hint.is_empty() {
            diagnostic.hint(hint);
        }
    }

    fn services_exist(&mut self, stack: &Stack) {
        // With other errors this one is most likely a consequence.
        if stack.services.is_empty() && stack.disabled.is_empty() && !self.diagnostics.has_errors() {
            self.diagnostics.warning(&self.tree.span, "services", "the stack has no services".to_owned());
        } else if stack.services.is_empty() && !stack.disabled.is_empty() {
            let profiles: std::collections::BTreeSet<&str> = stack
                .disabled
                .values()
                .flat_map(|service| service.profiles.iter().map(String::as_str))
                .collect();
            let message = "no service is in an active profile".to_owned();
            let hint = format!("choose with --profile: {}", Vec::from_iter(profiles).join(", "));
            self.diagnostics.warning(&self.tree.span, "services", message).hint(hint);
        }
    }

    fn image(&mut self, name: &str, service: &Service) {
        let spoilt = self.tree.at(&["services", name]).is_none_or(|node| node.value == Value::Bad);
        let reported = self.node(name, &["image"]).is_some_and(|image| image.value == Value::Bad)
            || self.node(name, &["build"]).is_some();
        if service.image.is_empty() && !spoilt && !reported {
            let message = format!("service `{name}` has no image");
            self.error((name, service), &[], message, "add `image: …`");
        }
    }

    fn mounts(&mut self, name: &str, service: &Service) {
        let mut targets = BTreeMap::new();
        for (target, span) in self.targets(name, service) {
            if let Some(first) = targets.insert(target.clone(), span.clone()) {
                let message = format!("two mounts have the target `{target}`");
                let hint = format!("the other one is at line {}, column {}", first.line, first.column);
                let path = format!("services.{name}.volumes");
                self.diagnostics.error(&span, path, message).hint(hint);
            }
        }
        for mount in service.volumes.iter().filter(|mount| mount.is_anonymous() && mount.read_only) {
            let message = "an anonymous volume that is read-only stays empty".to_owned();
            self.diagnostics.warning(&mount.span, format!("services.{name}.volumes"), message);
        }
    }

    /// Where a service has mounts, those of `tmpfs` last.
    fn targets(&self, name: &str, service: &Service) -> Vec<(String, Span)> {
        let volumes = service.volumes.iter().map(|mount| (mount.target.clone(), mount.span.clone()));
        let tmpfs = self.node(name, &["tmpfs"]).map_or(&[][..], Tree::items).iter();
        let tmpfs =
            tmpfs.filter_map(|node| Some((parse_tmpfs(node.as_text()?).ok()?.target, node.span.clone())));
        volumes.chain(tmpfs).collect()
    }

    fn process(&mut self, name: &str, service: &Service) {
        for (limit, values) in &service.ulimits {
            if !ULIMITS.contains(&limit.as_str()) {
                let hint = did_you_mean(limit, ULIMITS)
                    .unwrap_or_else(|| format!("known are {}", ULIMITS.join(", ")));
                let message = format!("`{}` is not a limit of a process", limit.escape_debug());
                self.error((name, service), &["ulimits", limit], message, &hint);
            }
            let unlimited = |value: i64| if value < 0 { i64::MAX } else { value };
            let half = self
                .node(name, &["ulimits", limit])
                .and_then(Tree::as_map)
                .is_some_and(|long| long.get("soft").is_none() || long.get("hard").is_none());
            if half {
                let message = "a limit needs `soft` and `hard`".to_owned();
                self.error((name, service), &["ulimits", limit], message, "");
            } else if unlimited(values.soft()) > unlimited(values.hard()) {
                let message =
                    format!("the soft limit {} is above the hard limit {}", values.soft(), values.hard());
                self.error((name, service), &["ulimits", limit], message, "");
            }
        }
    }

    /// Replicas of one service share a port; two services cannot.
    fn published_ports(&mut self, stack: &Stack) {
        let mut seen: Vec<(&str, &Port)> = Vec::new();
        let mut by_number: BTreeMap<u16, Vec<usize>> = BTreeMap::new();
        for (name, service) in &stack.services {
            for port in &service.ports {
                let Some(number) = port.host_port() else { continue };
                let same = by_number.entry(number).or_default();
                let clash = same.iter().map(|&place| seen[place]).find(|(_, other)| clash(port, other));
                match clash {
                    Some((other, _)) if other == name => {
                        let message = format!("the host port {number} is published twice");
                        self.diagnostics.error(&port.span, format!("services.{name}.ports"), message);
                    }
                    Some((other, _)) => {
                        let message =
                            format!("the host port {number} is also published by service `{other}`");
                        let hint = "only one of them can run";
                        self.diagnostics
                            .warning(&port.span, format!("services.{name}.ports"), message)
                            .hint(hint);
                    }
                    None => {
                        same.push(seen.len());
                        seen.push((name, port));
                    }
                }
            }
        }
    }

    fn cycle(&mut self, stack: &Stack) {
        let Some(cycle) = DependencyGraph::of_stack(stack).cycle() else { return };
        let Some([first, second, ..]) = cycle.0.get(..) else { return };
        let service = stack.services.get(first).or_else(|| stack.disabled.get(first));
        let Some(span) = service.and_then(|service| service.depends_on.get(second)).map(|edge| &edge.span)
        else {
            return;
        };
        let path = format!("services.{first}.depends_on.{second}");
        let message = format!("services depend on each other in a circle: {cycle}");
        self.diagnostics.error(span, path, message).hint("take one of these dependencies out");
    }
}

/// Whether two ports cannot be held at once.
fn clash(a: &Port, b: &Port) -> bool {
    let everywhere = |port: &Port| port.host_address().is_none_or(|ip| ip.is_unspecified());
    a.transport() == b.transport() && (a.host_address() == b.host_address() || everywhere(a) || everywhere(b))
}
