//! Networks, and the presence of a service on one.

use super::Extensions;
use crate::diagnostic::Span;
use ipnet::{Ipv4Net, Ipv6Net};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::net::IpAddr;

/// A top-level network.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Network {
    /// Where it stands.
    #[serde(skip_serializing)]
    pub span: Span,
    /// Real name: `name`, else `<stack>_<key>`; for external ones `name`, else the key.
    pub name: String,
    /// The driver; empty: the engine's default, a bridge.
    pub driver: String,
    /// Options of the driver.
    pub driver_opts: BTreeMap<String, String>,
    /// Its addresses.
    pub ipam: Ipam,
    /// Made by somebody else.
    pub external: bool,
    /// No route to the outside.
    pub internal: bool,
    /// Containers outside the stack may join.
    pub attachable: bool,
    /// Labels.
    pub labels: BTreeMap<String, String>,
    /// Whether it has IPv4; unset: it has.
    pub enable_ipv4: Option<bool>,
    /// Whether it has IPv6; unset: it has not.
    pub enable_ipv6: Option<bool>,
    /// Its `x-…` keys.
    pub extensions: Extensions,
}

/// The addresses of a network.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Ipam {
    /// Who gives them out; empty and `default`: the engine.
    pub driver: String,
    /// The subnets.
    pub config: Vec<Subnet>,
    /// Options of the driver.
    pub options: BTreeMap<String, String>,
    /// Its `x-…` keys.
    pub extensions: Extensions,
}

/// One entry of `ipam.config`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Subnet {
    /// The subnet: `10.1.0.0/16`.
    pub subnet: String,
    /// The address of the host on it.
    pub gateway: String,
    /// The part that containers get addresses from.
    pub ip_range: String,
    /// Addresses that nobody gets, by host name.
    pub aux_addresses: BTreeMap<String, String>,
}

/// Presence of a service on one network.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct ServiceNetwork {
    /// Extra names on that network.
    pub aliases: Vec<String>,
    /// Options of the driver for this end.
    pub driver_opts: BTreeMap<String, String>,
    /// The network with the highest one has the default route.
    pub gw_priority: i64,
    /// Name of the interface in the container.
    pub interface_name: String,
    /// Fixed IPv4 address.
    pub ipv4_address: String,
    /// Fixed IPv6 address.
    pub ipv6_address: String,
    /// More addresses, link-local ones.
    pub link_local_ips: Vec<String>,
    /// Fixed MAC address.
    pub mac_address: String,
    /// Networks with a higher one are connected first.
    pub priority: i64,
    /// Its `x-…` keys.
    pub extensions: Extensions,
}

impl Network {
    /// Its IPv4 range.
    pub fn range(&self) -> Option<(&Subnet, Ipv4Net)> {
        self.ipam.config.iter().find_map(|range| Some((range, range.subnet.parse().ok()?)))
    }

    /// Its IPv6 range.
    pub fn range6(&self) -> Option<(&Subnet, Ipv6Net)> {
        self.ipam.config.iter().find_map(|range| Some((range, range.subnet.parse().ok()?)))
    }

    /// Addresses that nobody gets, by host name.
    pub fn reserved(&self) -> impl Iterator<Item = (&String, IpAddr)> {
        let all = self.ipam.config.iter().flat_map(|range| &range.aux_addresses);
        all.filter_map(|(name, address)| Some((name, address.parse().ok()?)))
    }
}
