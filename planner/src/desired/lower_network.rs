//! How services are on the network: their namespace, their networks, their names.

use super::{
    Attachment, BridgeOptions, DirectSpec, HostEntry, Ipv6Spec, Mac, NameSpec, NetworkMode, NetworkSpec,
    Slot, interface_settings,
};
use crate::model::{Network, Service, ServiceNetwork, Stack};
use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::net::IpAddr;

/// What `network_mode` says, when it is no network.
pub(super) fn mode(service: &Service) -> NetworkMode {
    let text = service.network_mode.as_str();
    match text.split_once(':') {
        Some(("service", name)) => NetworkMode::Service(name.to_owned()),
        Some(("container", name)) => NetworkMode::Container(name.to_owned()),
        _ if text == "host" => NetworkMode::Host,
        _ => NetworkMode::Own,
    }
}

/// The network that `network_mode` names in place of `networks`: of the stack, when it is the
/// engine's default one, else one of this machine.
fn named_by_mode(stack: &Stack, service: &Service) -> Option<NetworkSpec> {
    match service.network_mode.as_str() {
        "" | "none" | "host" => None,
        "bridge" | "default" => Some(NetworkSpec {
            name: format!("{}_bridge", stack.name),
            stack: Some(stack.name.clone()),
            ..NetworkSpec::default()
        }),
        name if name.contains(':') => None,
        name => Some(NetworkSpec { name: name.to_owned(), external: true, ..NetworkSpec::default() }),
    }
}

impl Stack {
    /// The real names of the networks that somebody else made and that services use.
    pub fn external_networks(&self) -> impl Iterator<Item = String> {
        let declared = self.networks.values().filter(|network| network.external);
        let services = self.services.values().chain(self.disabled.values());
        let named = services.filter_map(|service| named_by_mode(self, service));
        let named = named.filter(|network| network.external).map(|network| network.name);
        declared.map(|network| network.name.clone()).chain(named)
    }
}

/// The networks that a container is on, in the order of its interfaces.
pub(super) fn attachments(stack: &Stack, slot: &Slot, service: &Service) -> Vec<Attachment> {
    if let Some(network) = named_by_mode(stack, service) {
        let aliases = vec![slot.service.clone()];
        return vec![Attachment { network: network.name, aliases, ..Attachment::default() }];
    }
    let attachment = |(key, presence): (&str, Option<&ServiceNetwork>)| {
        let nothing = ServiceNetwork::default();
        let presence = presence.unwrap_or(&nothing);
        let mut aliases = vec![slot.service.clone()];
        aliases.extend(presence.aliases.iter().filter(|alias| **alias != slot.service).cloned());
        let network = stack.networks.get(key)?.name.clone();
        Some(Attachment { network, aliases, ..fixed(presence) })
    };
    let mut attachments: Vec<_> = service.networks_in_order().into_iter().filter_map(attachment).collect();
    let priority = |(key, presence): (&String, &Option<ServiceNetwork>)| {
        (Reverse(presence.as_ref().map_or(0, |presence| presence.priority)), key.clone())
    };
    let first = service.networks.iter().map(priority).min().and_then(|(_, key)| stack.networks.get(&key));
    if let Some(one) = attachments.iter_mut().find(|one| first.is_some_and(|first| first.name == one.network))
    {
        one.mac = one.mac.or(Mac::parse(&service.mac_address));
    }
    attachments
}

/// What an interface has that others leave to the engine.
fn fixed(presence: &ServiceNetwork) -> Attachment {
    Attachment {
        ipv4: presence.ipv4_address.parse().ok(),
        ipv6: presence.ipv6_address.parse().ok(),
        link_local: presence.link_local_ips.iter().filter_map(|text| text.parse().ok()).collect(),
        mac: Mac::parse(&presence.mac_address),
        interface: Some(presence.interface_name.clone()).filter(|name| !name.is_empty()),
        sysctls: interface_settings(&presence.driver_opts).unwrap_or_default(),
        ..Attachment::default()
    }
}

/// Where the ports of a service are published that say no address.
pub(super) fn host_binding(stack: &Stack, service: &Service) -> Option<IpAddr> {
    let networks = service.networks_in_order().into_iter().filter_map(|(key, _)| stack.networks.get(key));
    let options = networks.filter_map(|network| BridgeOptions::read(&network.driver_opts).ok());
    options.filter_map(|options| options.binding()).next()
}

/// Whom and what the containers of a service know by name.
pub(super) fn names(service: &Service) -> NameSpec {
    let search = service.dns_search.iter().filter(|domain| *domain != ".").cloned().collect();
    let hosts = service.extra_hosts.0.iter();
    let hosts = hosts.flat_map(|(name, addresses)| addresses.iter().map(move |one| (name, one)));
    let link = |text: &String| {
        let (target, name) = text.split_once(':')?;
        (target != name).then(|| (name.to_owned(), target.to_owned()))
    };
    NameSpec {
        servers: service.dns.iter().filter_map(|text| text.parse().ok()).collect(),
        search: (!service.dns_search.is_empty()).then_some(search),
        options: service.dns_opt.clone(),
        hosts: hosts.filter_map(|(name, address)| HostEntry::of(name, address)).collect(),
        links: service.links.iter().chain(&service.external_links).filter_map(link).collect(),
    }
}

fn ipv6(network: &Network) -> Ipv6Spec {
    let range = network.range6();
    Ipv6Spec {
        subnet: range.map(|(_, subnet)| subnet),
        gateway: range.and_then(|(range, _)| range.gateway.parse().ok()),
        ip_range: range.and_then(|(range, _)| range.ip_range.parse().ok()),
    }
}

/// Adds the networks that a service uses.
pub(super) fn networks(stack: &Stack, service: &Service, into: &mut BTreeMap<String, NetworkSpec>) {
    for network in service.networks.keys().filter_map(|key| stack.networks.get(key)) {
        let options = DirectSpec::read(&network.driver, &network.driver_opts).unwrap_or_default();
        let leads_nowhere = options.0.as_ref().is_some_and(|direct| direct.parent.is_none());
        let spec = NetworkSpec {
            name: network.name.clone(),
            stack: (!network.external).then(|| stack.name.clone()),
            external: network.external,
            internal: network.internal || leads_nowhere,
            subnet: network.range().map(|(_, subnet)| subnet),
            gateway: network.range().and_then(|(range, _)| range.gateway.parse().ok()),
            ip_range: network.range().and_then(|(range, _)| range.ip_range.parse().ok()),
            ipv6: network.enable_ipv6.unwrap_or_default().then(|| ipv6(network)),
            aux_addresses: network.reserved().map(|(name, address)| (name.clone(), address)).collect(),
            without_ipv4: network.enable_ipv4 == Some(false),
            direct: options.0,
            options: options.1,
            labels: network.labels.clone(),
        };
        into.insert(network.name.clone(), spec);
    }
    let named = named_by_mode(stack, service);
    into.extend(named.map(|network| (network.name.clone(), network)));
}
