//! What one service or one secret says about itself must go together.

use super::{Named, Rules};
use crate::graph::DependencyGraph;
use crate::model::{Service, Stack, WatchAction};
use crate::source::tree::Tree;
use std::collections::HashMap;

impl Rules<'_> {
    /// What a service runs comes from somewhere.
    pub(super) fn origin(&mut self, service: Named<'_>) {
        let Named { name, model: Service { image, build, provider, .. }, tree } = service;
        let reported = tree.is_none_or(|node| node.is_bad())
            || ["image", "build", "provider"].iter().any(|key| service.spoilt(&[key]));
        if image.is_empty() && build.is_none() && provider.is_none() && !reported {
            let message = format!("service `{name}` has no image");
            self.error(service, &[], message, "add `image: …`");
        }
    }

    /// Two containers cannot have one name.
    pub(super) fn container_names(&mut self, stack: &Stack) {
        let mut known = HashMap::new();
        for service in &stack.services {
            let (name, chosen) = (service.0, service.1.container_name.as_str());
            if chosen.is_empty() {
                continue;
            }
            if let Some(first) = known.insert(chosen, name) {
                let message = format!("service `{first}` has the container name `{chosen}` already");
                self.error(self.named(service), &["container_name"], message, "choose another one");
            }
        }
    }

    pub(super) fn build(&mut self, service: Named<'_>, stack: &Stack) {
        let Some(build) = &service.model.build else { return };
        if !build.dockerfile.is_empty() && !build.dockerfile_inline.is_empty() {
            let message = "`dockerfile` and `dockerfile_inline` contradict each other".to_owned();
            self.error(service, &["build", "dockerfile_inline"], message, "keep one of them");
        }
        let platform = &service.model.platform;
        if !build.platforms.is_empty() && !platform.is_empty() && !build.platforms.contains(platform) {
            let message = format!("the image is not built for the platform `{}`", platform.escape_debug());
            self.error(service, &["build", "platforms"], message, "add it, or take `platform` out");
        }
        for (context, place) in &build.additional_contexts {
            let Some(target) = place.strip_prefix("service:") else { continue };
            let keys = ["build", "additional_contexts", context];
            match stack.services.get(target) {
                None => {
                    let message = format!("service `{}` is not defined", target.escape_debug());
                    self.error(service, &keys, message, "define it below `services`");
                }
                Some(other) if other.build.is_none() => {
                    let message = format!("service `{target}` has no `build` whose result could be used");
                    self.error(service, &keys, message, "name a service with `build`, or an image");
                }
                Some(_) => {}
            }
        }
    }

    /// The first word of a test says how the rest is run.
    pub(super) fn health_test(&mut self, service: Named<'_>) {
        let Some(first) = service.model.healthcheck.as_ref().and_then(|check| check.test.first()) else {
            return;
        };
        if !["CMD", "CMD-SHELL", "NONE"].contains(&first.as_str()) {
            let message =
                format!("a test begins with CMD, CMD-SHELL or NONE, not `{}`", first.escape_debug());
            let hint = "begin with CMD for a program, CMD-SHELL for a shell line, NONE for no check";
            self.error(service, &["healthcheck", "test"], message, hint);
        }
    }

    /// What is copied goes somewhere.
    pub(super) fn watched(&mut self, service: Named<'_>) {
        let rules = service.model.develop.iter().flat_map(|develop| &develop.watch);
        for (index, rule) in rules.enumerate() {
            let copies = !matches!(rule.action, WatchAction::Rebuild | WatchAction::Restart);
            let nodes = service.node(&["develop", "watch"]).and_then(|rules| rules.items().get(index));
            let Some(node) = nodes.filter(|_| copies && rule.target.is_empty()) else { continue };
            if node.get("action").is_some_and(|action| !action.is_bad()) {
                let message = "a `target` is needed to copy files to".to_owned();
                let path = format!("services.{}.develop.watch.{index}", service.name);
                let hint = "only `rebuild` and `restart` go without";
                self.diagnostics.error(&node.span, path, message).hint(hint);
            }
        }
    }

    /// A secret has content, unless somebody else made it.
    pub(super) fn contents(&mut self, stack: &Stack) {
        for (name, secret) in &stack.secrets {
            // Those without anything were reported when the files were put together.
            let file = self.tree.at(&["secrets", name, "file"]).and_then(Tree::as_text);
            let known = !secret.driver.is_empty() || file == Some("");
            if !secret.external && secret.file.is_empty() && secret.environment.is_empty() && known {
                let message = format!("`{name}` has no content");
                let hint = "give one of file, environment";
                self.diagnostics.error(&secret.span, format!("secrets.{name}"), message).hint(hint);
            }
        }
    }

    /// Services do not wait for each other.
    pub(super) fn cycle(&mut self, stack: &Stack, graph: &DependencyGraph) {
        let Some(cycle) = graph.cycle() else { return };
        let Some([first, second, ..]) = cycle.0.get(..) else { return };
        let service = stack.services.get(first).or_else(|| stack.disabled.get(first));
        let Some(edge) = service.and_then(|service| service.depends_on.get(second)) else { return };
        let path = format!("services.{first}.depends_on.{second}");
        let message = format!("services depend on each other in a circle: {cycle}");
        self.diagnostics.error(&edge.span, path, message).hint("take one of these dependencies out");
    }
}
