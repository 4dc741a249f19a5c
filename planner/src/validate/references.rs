//! Names that must mean something: networks, volumes, services.

use super::Rules;
use crate::desired::HealthTest;
use crate::desired::RestartPolicy;
use crate::model::{Condition, HealthCheck, Network, Service, Stack};
use crate::source::suggest::did_you_mean;
use crate::source::tree::{Tree, Value};
use std::collections::BTreeSet;

impl Rules<'_> {
    /// Whether a top-level section was wrong as a whole, so that nothing in it is known.
    fn unknowable(&self, section: &str) -> bool {
        self.tree.get(section).is_some_and(|section| section.value == Value::Bad)
    }

    pub(super) fn networks(&mut self, name: &str, service: &Service, stack: &Stack) {
        for network in service.networks.keys() {
            if self.diagnostics.is_full() {
                return;
            }
            if stack.networks.contains_key(network) || self.unknowable("networks") {
                continue;
            }
            let key = network.escape_debug();
            let message = format!("network `{key}` is not defined");
            let hint = did_you_mean(network, stack.networks.keys().map(String::as_str).chain(["default"]))
                .unwrap_or_else(|| format!("add `{key}:` to the top-level `networks`"));
            let entry = self.node(name, &["networks"]).and_then(|networks| networks.as_map()?.entry(network));
            let span = entry.map_or_else(|| service.span.clone(), |entry| entry.key_span.clone());
            self.diagnostics.error(&span, format!("services.{name}.networks"), message).hint(hint);
        }
    }

    pub(super) fn volumes(&mut self, name: &str, service: &Service, stack: &Stack) {
        for mount in &service.volumes {
            if self.diagnostics.is_full() {
                return;
            }
            let Some(key) = mount.volume_key() else { continue };
            if stack.volumes.contains_key(key) || self.unknowable("volumes") {
                continue;
            }
            let shown = key.escape_debug();
            let message = format!("volume `{shown}` is not defined");
            let hint = if key.contains('/') {
                format!("for a folder of the host write `./{shown}`")
            } else {
                did_you_mean(key, stack.volumes.keys().map(String::as_str))
                    .unwrap_or_else(|| format!("add `{shown}:` to the top-level `volumes`"))
            };
            self.diagnostics.error(&mount.span, format!("services.{name}.volumes"), message).hint(hint);
        }
    }

    pub(super) fn dependencies(&mut self, name: &str, service: &Service, stack: &Stack) {
        for (target, edge) in &service.depends_on {
            if self.diagnostics.is_full() {
                return;
            }
            let path = format!("services.{name}.depends_on.{target}");
            if let Some(dependency) = stack.services.get(target) {
                let checked = dependency.healthcheck.as_ref().and_then(HealthCheck::test);
                if edge.condition == Condition::ServiceHealthy && checked == Some(HealthTest::Disabled) {
                    let message =
                        format!("`{target}` can never become healthy: its health check is disabled");
                    self.diagnostics
                        .error(&edge.span, path, message)
                        .hint("wait for service_started instead");
                } else if edge.condition == Condition::ServiceCompletedSuccessfully
                    && matches!(
                        dependency.restart_policy(),
                        RestartPolicy::Always | RestartPolicy::UnlessStopped
                    )
                {
                    let message = format!(
                        "`{target}` does not stay completed: its restart policy starts it again and again"
                    );
                    let hint = format!("give `{target}` `restart: on-failure` or no restart policy");
                    self.diagnostics.warning(&edge.span, path, message).hint(hint);
                }
                continue;
            }
            let shown = target.escape_debug();
            if let Some(disabled) = stack.disabled.get(target) {
                if edge.required {
                    let message = format!("service `{shown}` is not in an active profile");
                    let hint =
                        format!("use --profile {}, or say `required: false`", disabled.profiles.join(" or "));
                    self.diagnostics.error(&edge.span, path, message).hint(hint);
                }
                continue;
            }
            let message = format!("service `{shown}` is not defined");
            let all = stack.services.keys().chain(stack.disabled.keys()).map(String::as_str);
            let hint = did_you_mean(target, all.filter(|other| *other != name));
            let diagnostic = if edge.required {
                self.diagnostics.error(&edge.span, path, message)
            } else {
                self.diagnostics.warning(&edge.span, path, message)
            };
            diagnostic.hint = hint;
        }
    }

    /// A link gives the linked service another name, which only aliases do here.
    pub(super) fn links(&mut self, name: &str, stack: &Stack) {
        let links = self.node(name, &["links"]).map(|links| links.items().to_vec()).unwrap_or_default();
        for link in links {
            let Some((target, alias)) = link.as_text().and_then(|link| link.split_once(':')) else {
                continue;
            };
            let known = stack.services.get(target).is_some_and(|service| {
                service
                    .networks
                    .values()
                    .flatten()
                    .any(|network| network.aliases.iter().any(|known| known == alias))
            });
            if alias != target && !known {
                let message = format!("the name `{}` of this link will not resolve", alias.escape_debug());
                let hint = format!("add it to the network aliases of `{}`", target.escape_debug());
                self.diagnostics.warning(&link.span, format!("services.{name}.links"), message).hint(hint);
            }
        }
    }

    pub(super) fn declared(&mut self, stack: &Stack) {
        for (key, network) in &stack.networks {
            self.gateway(key, network);
            self.external("networks", key, network.external, &["internal", "labels"]);
        }
        for (key, volume) in &stack.volumes {
            self.external("volumes", key, volume.external, &["driver", "labels"]);
        }
    }

    fn gateway(&mut self, key: &str, network: &Network) {
        let config = self.tree.at(&["networks", key, "ipam", "config"]);
        let Some(span) = config.map(|config| config.span.clone()) else { return };
        let path = format!("networks.{key}.ipam.config");
        if config.is_some_and(|config| config.items().len() > 1) {
            let message = "more than one subnet is not supported yet".to_owned();
            self.diagnostics.error(&span, &path, message);
        }
        match (network.subnet(), network.gateway()) {
            (Some(subnet), Some(gateway)) if !has_host(&subnet, gateway) => {
                let message = format!("the gateway {gateway} is not an address of {subnet}");
                self.diagnostics.error(&span, &path, message);
            }
            (None, Some(_)) => {
                let message = "a `gateway` needs a `subnet`".to_owned();
                self.diagnostics.error(&span, &path, message);
            }
            _ => {}
        }
    }

    /// What somebody else made cannot be described here.
    fn external(&mut self, section: &str, key: &str, external: bool, keys: &[&str]) {
        let Some(node) = self.tree.at(&[section, key]).filter(|_| external) else { return };
        let said = |name: &&&str| {
            node.get(name).is_some_and(|value| value.as_bool() != Some(false) && !is_empty_map(value))
        };
        for name in keys.iter().filter(said) {
            let span = node.as_map().and_then(|map| map.entry(name)).map(|entry| entry.key_span.clone());
            let message = format!("`{name}` cannot be given for something external");
            let path = format!("{section}.{key}.{name}");
            self.diagnostics
                .error(&span.unwrap_or_default(), path, message)
                .hint("take it out, or `external`");
        }
    }
}

/// Whether a host of the subnet can have this address.
fn has_host(subnet: &ipnet::Ipv4Net, address: std::net::Ipv4Addr) -> bool {
    subnet.contains(&address) && address != subnet.network() && address != subnet.broadcast()
}

fn is_empty_map(tree: &Tree) -> bool {
    tree.as_map().is_some_and(|map| map.is_empty())
}

/// Takes out dependencies that are not there and need not be.
pub(super) fn drop_missing(stack: &mut Stack) {
    let enabled: BTreeSet<String> = stack.services.keys().cloned().collect();
    for service in stack.services.values_mut() {
        service.depends_on.retain(|target, edge| edge.required || enabled.contains(target));
    }
}
