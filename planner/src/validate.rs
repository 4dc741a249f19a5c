//! Rules that types cannot say, each a function from the stack to diagnostics. Places come from
//! the tree that the stack was made of.
//!
//! There are three kinds: what Docker Compose calls inconsistent makes loading fail; what this
//! engine cannot run is refused by commands that run something; the rest is worth a warning.

mod agreement;
mod consistency;
mod engine;
mod limits;
mod mounts;
mod ports;
mod references;
mod remarks;

use crate::diagnostic::{Diagnostics, Span};
use crate::graph::DependencyGraph;
use crate::model::{Service, Stack};
use crate::source::tree::{Tree, Value};

/// Reports what contradicts itself or names what is not there. As in Docker Compose, only
/// services that are on count.
pub(crate) fn consistency(stack: &Stack, tree: &Tree, diagnostics: &mut Diagnostics) {
    let mut rules = Rules { tree, diagnostics };
    for (name, service) in &stack.services {
        let service = (name.as_str(), service);
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
    for (name, service) in stack.services.iter().chain(&stack.disabled) {
        let service = (name.as_str(), service);
        rules.memory(service);
        rules.process_limits(service);
        rules.health(service);
        rules.unprobed(service, stack);
        rules.targets(service, mounts::cleaned);
    }
    rules.cycle(stack, &DependencyGraph::of_stack(stack));
    rules.published_twice(stack);
    rules.address_ranges(stack);
}

/// Reports what is probably not meant.
pub(crate) fn remarks(stack: &Stack, tree: &Tree, diagnostics: &mut Diagnostics) {
    let mut rules = Rules { tree, diagnostics };
    rules.services_exist(stack);
    for (name, service) in &stack.services {
        let service = (name.as_str(), service);
        rules.empty_volumes(service);
        rules.restarted(service, stack);
        rules.links(service, stack);
    }
    rules.published_by_two(stack);
    rules.external(stack);
}

/// A service and its name.
type Named<'a> = (&'a str, &'a Service);

struct Rules<'a> {
    tree: &'a Tree,
    diagnostics: &'a mut Diagnostics,
}

impl<'a> Rules<'a> {
    /// The node of a service's key.
    fn node(&self, service: &str, keys: &[&str]) -> Option<&'a Tree> {
        self.tree.at(&["services", service])?.at(keys)
    }

    /// Whether a node was wrong and is reported, so that nothing follows from it.
    fn spoilt(&self, service: &str, keys: &[&str]) -> bool {
        self.node(service, keys).is_some_and(|node| node.value == Value::Bad)
    }

    /// The place of a service's key, or of the service when it has no such key.
    fn place(&self, service: Named<'_>, keys: &[&str]) -> Span {
        let node = self.node(service.0, keys).filter(|node| node.span != Span::default());
        node.map_or_else(|| service.1.span.clone(), |node| node.span.clone())
    }

    /// Reports something about a service's key.
    fn error(&mut self, service: Named<'_>, keys: &[&str], message: String, hint: &str) {
        let span = self.place(service, keys);
        let path = format!("services.{}.{}", service.0, keys.join("."));
        let diagnostic = self.diagnostics.error(&span, path.trim_end_matches('.'), message);
        if !hint.is_empty() {
            diagnostic.hint(hint);
        }
    }
}
