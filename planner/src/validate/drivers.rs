//! What one kind of network can do and another cannot.

use super::{Named, Rules};
use crate::desired::{DirectKind, DirectSpec};
use crate::model::{Network, Stack};

impl Rules<'_> {
    /// Options are those of the driver, and a network has addresses.
    pub(super) fn drivers(&mut self, stack: &Stack) {
        for (key, network) in stack.networks.iter().filter(|(_, network)| !network.external) {
            for (at, message, hint) in misfits(network) {
                let node = self.tree.at(&["networks", key, at]);
                let span = node.map_or_else(|| network.span.clone(), |node| node.span.clone());
                self.diagnostics.error(&span, format!("networks.{key}.{at}"), message).hint(hint);
            }
        }
    }

    /// Containers beside the host are reached at their own addresses, not through it.
    pub(super) fn beside_the_host(&mut self, service: Named<'_>, stack: &Stack) {
        let driver = |key: &String| DirectSpec::of_driver(&stack.networks.get(key)?.driver);
        let known: Vec<_> = service.model.networks.iter().map(|(key, one)| (key, one, driver(key))).collect();
        if !service.model.ports.is_empty()
            && !known.is_empty()
            && known.iter().all(|(_, _, one)| one.is_some())
        {
            let message = "no port can be published: its networks do not pass the host".to_owned();
            self.error(service, &["ports"], message, "put it on a bridge too, or use its own address");
        }
        for (key, presence, driver) in known {
            let is_ipvlan = driver.is_some_and(|one| matches!(one.kind, DirectKind::Ipvlan(..)));
            if is_ipvlan && presence.as_ref().is_some_and(|presence| !presence.mac_address.is_empty()) {
                let message = "`mac_address` cannot be had: ipvlan has that of its parent".to_owned();
                self.error(
                    service,
                    &["networks", key, "mac_address"],
                    message,
                    "take it out, or use macvlan",
                );
            }
        }
    }
}

/// What is wrong with one network: where, why, and what to do.
fn misfits(network: &Network) -> Vec<(&'static str, String, String)> {
    let mut found = Vec::new();
    if network.enable_ipv4 == Some(false) && network.enable_ipv6 != Some(true) {
        let message = "a network without IPv4 needs `enable_ipv6: true`".to_owned();
        found.push(("enable_ipv4", message, "leave `enable_ipv4` out, or add the other".to_owned()));
    }
    match DirectSpec::read(&network.driver, &network.driver_opts) {
        Err(fault) => found.push(("driver_opts", fault.message, fault.hint)),
        Ok((Some(DirectSpec { parent: Some(parent), .. }), _)) if network.internal => {
            let message = format!("an internal network has no parent, and this one has `{parent}`");
            found.push(("internal", message, "take out `internal` or `parent`".to_owned()));
        }
        Ok(_) => {}
    }
    found
}
