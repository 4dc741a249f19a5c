//! What is allowed and probably not meant.

use super::{Named, Rules};
use crate::desired::RestartPolicy;
use crate::model::{Condition, Service, Stack};
use crate::source::tree::{Entry, Tree};
use std::collections::BTreeSet;

/// What only whoever makes a network can say about it.
const MAKING: [&str; 6] = ["driver", "driver_opts", "ipam", "internal", "attachable", "labels"];

impl Rules<'_> {
    pub(super) fn services_exist(&mut self, stack: &Stack) {
        // With other errors this one is most likely a consequence.
        if stack.services.is_empty() && stack.disabled.is_empty() && !self.diagnostics.has_errors() {
            self.diagnostics.warning(&self.tree.span, "services", "the stack has no services".to_owned());
        } else if stack.services.is_empty() && !stack.disabled.is_empty() {
            let services = stack.disabled.values();
            let profiles: BTreeSet<&str> =
                services.flat_map(|service| service.profiles.iter().map(String::as_str)).collect();
            let message = "no service is in an active profile".to_owned();
            let hint = format!("choose with --profile: {}", Vec::from_iter(profiles).join(", "));
            self.diagnostics.warning(&self.tree.span, "services", message).hint(hint);
        }
    }

    /// What nobody can write to stays as it is made: empty.
    pub(super) fn empty_volumes(&mut self, service: Named<'_>) {
        for mount in service.model.volumes.iter().filter(|mount| mount.is_anonymous() && mount.read_only) {
            let message = "an anonymous volume that is read-only stays empty".to_owned();
            let path = format!("services.{}.volumes", service.name);
            self.diagnostics.warning(&mount.span, path, message);
        }
    }

    /// What completes and restarts is only complete for a moment.
    pub(super) fn restarted(&mut self, service: Named<'_>, stack: &Stack) {
        for (target, edge) in &service.model.depends_on {
            let policy = stack.services.get(target).map(Service::restart_policy);
            let again = matches!(policy, Some(RestartPolicy::Always | RestartPolicy::UnlessStopped));
            if again && edge.condition == Condition::ServiceCompletedSuccessfully {
                let message = format!(
                    "`{target}` does not stay completed: its restart policy starts it again and again"
                );
                let hint = format!("give `{target}` `restart: on-failure` or no restart policy");
                let path = format!("services.{}.depends_on.{target}", service.name);
                self.diagnostics.warning(&edge.span, path, message).hint(hint);
            }
        }
    }

    /// A network that somebody else made is as it is. (For volumes this is an error.)
    pub(super) fn external(&mut self, stack: &Stack) {
        for key in stack.networks.iter().filter(|(_, network)| network.external).map(|(key, _)| key) {
            let entries = self.tree.at(&["networks", key]).map_or(&[][..], Tree::entries);
            for entry in entries.iter().filter(|entry| MAKING.contains(&entry.key.as_str()) && says(entry)) {
                let name = &entry.key;
                let message = format!("`{name}` has no effect on something external");
                let path = format!("networks.{key}.{name}");
                self.diagnostics.warning(&entry.key_span, path, message).hint("take it out, or `external`");
            }
        }
    }
}

/// Whether an entry asks for anything.
fn says(entry: &Entry) -> bool {
    entry.value.as_bool() != Some(false) && !entry.value.as_map().is_some_and(|map| map.is_empty())
}
