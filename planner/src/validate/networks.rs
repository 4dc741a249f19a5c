//! Networks, addresses and names that could never be as they are written.

use super::{Named, Rules};
use crate::model::{Network, Service, ServiceNetwork, Stack, Subnet};
use crate::source::tree::Tree;
use ipnet::IpNet;
use std::collections::{HashMap, HashSet};
use std::net::IpAddr;

impl Rules<'_> {
    /// Whose network a service is in decides what it can have of its own.
    pub(super) fn network_mode(&mut self, service: Named<'_>) {
        let Service { network_mode, ports, .. } = service.model;
        let mode = network_mode.as_str();
        let (whose, names) = match mode.split_once(':') {
            Some(_) => ("that network belongs to another container", true),
            None if mode == "host" => ("that network is the host's", false),
            None if mode == "none" => ("there is no network", false),
            None => return,
        };
        if !ports.is_empty() && mode != "host" {
            let message = "no port can be published".to_owned();
            let hint =
                if names { "publish it with the service whose network it is" } else { "take `ports` out" };
            self.error(service, &["ports"], format!("{message}: {whose}"), hint);
        }
        let own: &[&str] = if names {
            &["mac_address", "dns", "dns_search", "dns_opt", "extra_hosts", "links"]
        } else {
            &["mac_address", "links"]
        };
        for key in own.iter().filter(|key| service.node(&[key]).is_some_and(says)) {
            self.error(service, &[key], format!("`{key}` cannot be had: {whose}"), "take it out");
        }
        if network_mode.strip_prefix("service:") == Some(service.name) {
            let message = "a service cannot be in the network of itself".to_owned();
            self.error(service, &["network_mode"], message, "name another one");
        }
        if mode == "none"
            && service.model.extra_hosts.0.values().flatten().any(|address| address == "host-gateway")
        {
            let message = format!("`host-gateway` means nothing: {whose}");
            self.error(service, &["extra_hosts"], message, "take it out");
        }
    }

    /// In the network of the host every port is open as it is.
    pub(super) fn ports_of_host(&mut self, service: Named<'_>) {
        if service.model.network_mode == "host" && !service.model.ports.is_empty() {
            let path = format!("services.{}.ports", service.name);
            let message = "`ports` has no effect: the network is the host's".to_owned();
            self.diagnostics.warning(&service.place(&["ports"]), path, message).hint("take it out");
        }
    }

    /// One container can have an address, several cannot.
    pub(super) fn fixed_addresses(&mut self, service: Named<'_>) {
        let one = service.model.replicas() <= 1;
        let own = (!service.model.mac_address.is_empty()).then_some(("mac_address", vec!["mac_address"]));
        let fixed = service.model.networks.iter().filter_map(|(key, presence)| {
            let keys = [
                ("ipv4_address", &presence.as_ref()?.ipv4_address),
                ("ipv6_address", &presence.as_ref()?.ipv6_address),
                ("mac_address", &presence.as_ref()?.mac_address),
            ];
            let (name, _) = keys.into_iter().find(|(_, text)| !text.is_empty())?;
            Some((name, vec!["networks", key.as_str(), name]))
        });
        let found: Vec<_> = own.into_iter().chain(fixed).filter(|_| !one).collect();
        for (name, keys) in found {
            let message = format!("{} containers cannot have one `{name}`", service.model.replicas());
            self.error(service, &keys, message, "take it out, or run one container");
        }
    }

    /// No two interfaces of a container have one name.
    pub(super) fn interface_names(&mut self, service: Named<'_>) {
        let mut seen = HashSet::new();
        let presences = service.model.networks.iter().filter_map(|(key, one)| Some((key, one.as_ref()?)));
        for (key, presence) in presences.filter(|(_, presence)| !presence.interface_name.is_empty()) {
            if !seen.insert(&presence.interface_name) {
                let message =
                    format!("two interfaces are called `{}`", presence.interface_name.escape_debug());
                self.error(
                    service,
                    &["networks", key, "interface_name"],
                    message,
                    "give one of them another name",
                );
            }
        }
    }

    /// Fixed addresses are free addresses of a range that the file knows.
    pub(super) fn addresses_in_range(&mut self, service: Named<'_>, stack: &Stack) {
        for (key, presence) in
            service.model.networks.iter().filter_map(|(key, one)| Some((key, one.as_ref()?)))
        {
            let Some(network) = stack.networks.get(key).filter(|network| !network.external) else { continue };
            let Some(problem) = misplaced(presence, network) else { continue };
            self.error(service, &["networks", key, problem.0], problem.1, problem.2);
        }
    }

    /// No two services have the same fixed address on one network.
    pub(super) fn addresses_twice(&mut self, stack: &Stack) {
        let mut holders: HashMap<(&str, &str), &str> = HashMap::new();
        for (name, service) in &stack.services {
            for (key, presence) in service.networks.iter().filter_map(|(key, one)| Some((key, one.as_ref()?)))
            {
                for (word, text) in
                    [("ipv4_address", &presence.ipv4_address), ("ipv6_address", &presence.ipv6_address)]
                {
                    if text.is_empty() {
                        continue;
                    }
                    if let Some(holder) = holders.insert((key, text), name) {
                        let message = format!("service `{holder}` has the address {text} already");
                        let named = self.tree.at(&["services", name]);
                        let service = Named { name, model: service, tree: named };
                        self.error(
                            service,
                            &["networks", key, word],
                            message,
                            "give one of them another address",
                        );
                    }
                }
            }
        }
    }

    /// A link leads to a service on the same network.
    pub(super) fn links(&mut self, service: Named<'_>, stack: &Stack) {
        let links = service.node(&["links"]).map_or(&[][..], Tree::items);
        for link in links {
            let Some(text) = link.as_text() else { continue };
            let target = text.split_once(':').map_or(text, |(target, _)| target);
            let Some(other) = stack.services.get(target) else { continue };
            let shared = service.model.networks.keys().any(|key| other.networks.contains_key(key));
            if !shared {
                let message = format!(
                    "`{}` cannot be reached: it is on no network of this service",
                    target.escape_debug()
                );
                let path = format!("services.{}.links", service.name);
                self.diagnostics.warning(&link.span, path, message).hint("put both on one network");
            }
        }
    }

    /// A network has one range of addresses of each family, no two networks share any, and what is
    /// said of a range is in there.
    pub(super) fn address_ranges(&mut self, stack: &Stack) {
        let mut known: Vec<(&str, IpNet)> = Vec::new();
        for (key, network) in stack.networks.iter().filter(|(_, network)| !network.external) {
            let mut own: Vec<IpNet> = Vec::new();
            for (index, range) in network.ipam.config.iter().enumerate() {
                let subnet = range.subnet.parse::<IpNet>().ok();
                let others = subnet.and_then(|subnet| overlapping(&known, subnet));
                let other = others
                    .map(|(name, other)| format!("{} overlaps {other} of network `{name}`", range.subnet));
                let problem = misfit(network, range).or(other).or_else(|| second(&own, subnet?));
                own.extend(subnet);
                let node = self.tree.at(&["networks", key, "ipam", "config"]);
                let span = node.and_then(|node| node.items().get(index)).map(|node| node.span.clone());
                if let Some(problem) = problem {
                    let path = format!("networks.{key}.ipam.config");
                    self.diagnostics.error(&span.unwrap_or_default(), path, problem);
                }
            }
            known.extend(own.into_iter().map(|subnet| (key.as_str(), subnet)));
        }
    }
}

/// A network before this one that has addresses of the subnet.
fn overlapping<'a>(known: &[(&'a str, IpNet)], subnet: IpNet) -> Option<(&'a str, IpNet)> {
    known.iter().find(|(_, other)| other.contains(&subnet) || subnet.contains(other)).copied()
}

fn second(own: &[IpNet], subnet: IpNet) -> Option<String> {
    let (one, version) = match subnet {
        IpNet::V4(_) => (own.iter().any(|other| matches!(other, IpNet::V4(_))), "IPv4"),
        IpNet::V6(_) => (own.iter().any(|other| matches!(other, IpNet::V6(_))), "IPv6"),
    };
    one.then(|| format!("a network has one {version} subnet"))
}

/// What is wrong with one range by itself.
fn misfit(network: &Network, range: &Subnet) -> Option<String> {
    let Ok(subnet) = range.subnet.parse::<IpNet>() else {
        let keys = [("gateway", &range.gateway), ("ip_range", &range.ip_range)];
        let aux = (!range.aux_addresses.is_empty()).then_some("aux_addresses");
        let alone = keys.into_iter().find(|(_, text)| !text.is_empty()).map(|(key, _)| key).or(aux);
        return alone.filter(|_| range.subnet.is_empty()).map(|key| format!("`{key}` needs a `subnet`"));
    };
    if matches!(subnet, IpNet::V6(_)) && network.enable_ipv6 != Some(true) {
        return Some(format!("{subnet} needs `enable_ipv6: true`"));
    }
    if matches!(subnet, IpNet::V4(_)) && network.enable_ipv4 == Some(false) {
        return Some(format!("{subnet} is of IPv4, which `enable_ipv4: false` takes away"));
    }
    let gateway = range.gateway.parse::<IpAddr>().ok();
    if let Some(gateway) = gateway.filter(|gateway| !has_host(subnet, *gateway)) {
        return Some(format!("the gateway {gateway} is not an address of {subnet}"));
    }
    let part = range.ip_range.parse::<IpNet>().ok();
    if let Some(part) = part.filter(|part| !subnet.contains(part)) {
        return Some(format!("the `ip_range` {part} is not part of {subnet}"));
    }
    let reserved = range.aux_addresses.iter().filter_map(|(name, text)| Some((name, text.parse().ok()?)));
    for (name, address) in reserved {
        if !has_host(subnet, address) {
            return Some(format!("`{name}` has {address}, which is not an address of {subnet}"));
        }
        if gateway_of(range, subnet) == Some(address) {
            return Some(format!("`{name}` has {address}, which is the gateway"));
        }
    }
    None
}

/// The gateway that is written, or the first address.
fn gateway_of(range: &Subnet, subnet: IpNet) -> Option<IpAddr> {
    range.gateway.parse().ok().or_else(|| subnet.hosts().find(|address| has_host(subnet, *address)))
}

/// Which fixed address is out of place, why, and what to do.
fn misplaced(presence: &ServiceNetwork, network: &Network) -> Option<(&'static str, String, &'static str)> {
    let range = network.range().map(|(range, subnet)| (range, subnet.into()));
    let range6 = network.range6().map(|(range, subnet)| (range, subnet.into()));
    let addresses =
        [("ipv4_address", &presence.ipv4_address, range), ("ipv6_address", &presence.ipv6_address, range6)];
    addresses.into_iter().find_map(|(key, text, range)| {
        let address: IpAddr = text.parse().ok()?;
        let Some((range, subnet)) = range else {
            let message = format!("{address} can be promised only where the network has a `subnet`");
            return Some((key, message, "write it below `ipam.config` of the network"));
        };
        if !has_host(subnet, address) {
            let message = format!("{address} is not an address of {subnet}");
            return Some((key, message, "take one of the network's subnet"));
        }
        if gateway_of(range, subnet) == Some(address) {
            return Some((key, format!("{address} is the gateway of the network"), "take another one"));
        }
        let (name, _) = network.reserved().find(|(_, reserved)| *reserved == address)?;
        Some((key, format!("{address} is reserved for `{name}`"), "take another one"))
    })
}

/// Whether a node asks for anything.
fn says(node: &Tree) -> bool {
    !node.items().is_empty()
        || !node.entries().is_empty()
        || node.as_text().is_some_and(|text| !text.is_empty())
}

/// Whether a host of the subnet can have this address.
fn has_host(subnet: IpNet, address: IpAddr) -> bool {
    let is_broadcast = matches!(subnet, IpNet::V4(_)) && address == subnet.broadcast();
    subnet.contains(&address) && address != subnet.network() && !is_broadcast
}
