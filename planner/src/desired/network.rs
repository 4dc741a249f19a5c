//! Networks and volumes that should exist.

use super::{BridgeOptions, DirectSpec};
use ipnet::{Ipv4Net, Ipv6Net};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// One network.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct NetworkSpec {
    /// The real name, such as `shop_default`.
    pub name: String,
    /// The stack that owns it; `None` when external.
    pub stack: Option<String>,
    /// Made by somebody else: must exist, is never created or removed.
    pub external: bool,
    /// No route to the outside.
    pub internal: bool,
    /// The subnet that the file asks for; otherwise the engine takes a free one from its pool.
    pub subnet: Option<Ipv4Net>,
    /// The gateway that the file asks for; otherwise the first address.
    pub gateway: Option<Ipv4Addr>,
    /// Part of the subnet from which containers get addresses; otherwise all of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ip_range: Option<Ipv4Net>,
    /// IPv6 beside IPv4.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ipv6: Option<Ipv6Spec>,
    /// Addresses that nobody gets, by the name of who has them.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub aux_addresses: BTreeMap<String, IpAddr>,
    /// No IPv4 addresses.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub without_ipv4: bool,
    /// It is a wire of the host; `None` is a bridge.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub direct: Option<DirectSpec>,
    /// What the bridge is like.
    #[serde(skip_serializing_if = "is_plain")]
    pub options: BridgeOptions,
    /// User labels.
    pub labels: BTreeMap<String, String>,
}

impl NetworkSpec {
    /// What `driver_opts` sets, in the words of a stack file.
    pub fn shown_options(&self) -> BTreeMap<String, String> {
        let direct = self.direct.iter().flat_map(DirectSpec::shown);
        self.options.shown().into_iter().chain(direct).collect()
    }
}

fn is_plain(options: &BridgeOptions) -> bool {
    *options == BridgeOptions::default()
}

/// The IPv6 addresses of a network.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Ipv6Spec {
    /// The subnet that the file asks for; otherwise a unique local one (RFC 4193).
    pub subnet: Option<Ipv6Net>,
    /// The gateway that the file asks for; otherwise the first address.
    pub gateway: Option<Ipv6Addr>,
    /// Part of the subnet from which containers get addresses; otherwise all of it.
    pub ip_range: Option<Ipv6Net>,
}

/// One volume of the local driver.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct VolumeSpec {
    /// The real name, such as `shop_data`.
    pub name: String,
    /// The stack that owns it; `None` when external.
    pub stack: Option<String>,
    /// Made by somebody else: must exist, is never created or removed.
    pub external: bool,
    /// Made for one slot (`VOLUME` of the image, or a target without a source); its name is
    /// derived from the slot and target, so that each generation of the slot finds it again.
    pub anonymous: bool,
    /// What is mounted as it, by [`VolumeMount`](super::VolumeMount); empty is a folder.
    #[serde(default)]
    pub driver_opts: BTreeMap<String, String>,
    /// User labels.
    pub labels: BTreeMap<String, String>,
}
