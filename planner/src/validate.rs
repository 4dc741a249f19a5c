//! Rules that types cannot say, each a function from the stack to diagnostics. Places come from
//! the tree that the stack was made of.
//!
//! There are three kinds: what Docker Compose calls inconsistent makes loading fail; what this
//! engine cannot run is refused by commands that run something; the rest is worth a warning.

mod agreement;
mod consistency;
mod drivers;
mod engine;
mod hooks;
mod limits;
mod mounts;
mod namespaces;
mod networks;
mod ports;
mod references;
mod remarks;

use crate::diagnostic::{Diagnostics, Span};
use crate::graph::DependencyGraph;
use crate::model::{Service, Stack};
use crate::source::tree::Tree;

/// Reports what contradicts itself or names what is not there. As in Docker Compose, only
/// services that are on count.
pub(crate) fn consistency(stack: &Stack, tree: &Tree, diagnostics: &mut Diagnostics) {
    let mut rules = Rules { tree, diagnostics };
    for service in &stack.services {
        let service = rules.named(service);
        rules.origin(service);
        rules.build(service, stack);
        rules.references(service, stack);
        rules.dependencies(service, stack);
        rules.shared_network(service, stack);
        rules.agreement(service);
        rules.health_test(service);
        rules.watched(service);
        rules.targets(service, mounts::as_written);
    }
    rules.contents(stack);
    rules.container_names(stack);
    rules.cycle(stack, &DependencyGraph::of_enabled(stack));
}

/// Reports what nothing that runs containers could do.
pub(crate) fn engine(stack: &Stack, tree: &Tree, refusals: &mut Diagnostics) {
    let mut rules = Rules { tree, diagnostics: refusals };
    for service in stack.services.iter().chain(&stack.disabled) {
        let service = rules.named(service);
        rules.memory(service);
        rules.process_limits(service);
        rules.health(service);
        rules.unprobed(service, stack);
        rules.network_mode(service);
        rules.shared_memory(service, stack);
        rules.foreign_settings(service);
        rules.fixed_addresses(service);
        rules.interface_names(service);
        rules.beside_the_host(service, stack);
        rules.addresses_in_range(service, stack);
        rules.targets(service, mounts::cleaned);
        rules.mount_options(service);
        rules.files(service);
        rules.hooks(service, stack);
    }
    // Circles of services that are on are inconsistent anyway.
    if !stack.disabled.is_empty() {
        rules.cycle(stack, &DependencyGraph::of_stack(stack));
    }
    rules.published_twice(stack);
    rules.drivers(stack);
    rules.address_ranges(stack);
    rules.addresses_twice(stack);
}

/// Reports what is probably not meant.
pub(crate) fn remarks(stack: &Stack, tree: &Tree, diagnostics: &mut Diagnostics) {
    let mut rules = Rules { tree, diagnostics };
    rules.services_exist(stack);
    for service in &stack.services {
        let service = rules.named(service);
        rules.empty_volumes(service);
        rules.restarted(service, stack);
        rules.links(service, stack);
        rules.ports_of_host(service);
    }
    rules.published_again(stack);
    rules.external(stack);
}

/// A service, its name and the node that it was made of.
#[derive(Clone, Copy)]
struct Named<'a> {
    name: &'a str,
    model: &'a Service,
    tree: Option<&'a Tree>,
}

impl<'a> Named<'a> {
    /// The node of a key.
    fn node(self, keys: &[&str]) -> Option<&'a Tree> {
        self.tree?.at(keys)
    }

    /// Whether a node was wrong and is reported, so that nothing follows from it.
    fn spoilt(self, keys: &[&str]) -> bool {
        self.node(keys).is_some_and(|node| node.is_bad())
    }

    /// The place of a key, or of the service when it has no such key.
    fn place(self, keys: &[&str]) -> Span {
        let node = self.node(keys).filter(|node| node.span != Span::default());
        node.map_or_else(|| self.model.span.clone(), |node| node.span.clone())
    }
}

struct Rules<'a> {
    tree: &'a Tree,
    diagnostics: &'a mut Diagnostics,
}

impl<'a> Rules<'a> {
    /// A service as rules look at it.
    fn named(&self, (name, model): (&'a String, &'a Service)) -> Named<'a> {
        Named { name, model, tree: self.tree.at(&["services", name]) }
    }

    /// Reports something about a service's key.
    fn error(&mut self, service: Named<'_>, keys: &[&str], message: String, hint: &str) {
        let path = format!("services.{}.{}", service.name, keys.join("."));
        let diagnostic = self.diagnostics.error(&service.place(keys), path.trim_end_matches('.'), message);
        if !hint.is_empty() {
            diagnostic.hint(hint);
        }
    }
}
