//! Networks and volumes that should exist.

use ipnet::Ipv4Net;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::net::Ipv4Addr;

/// One bridge network.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
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
    /// User labels.
    pub labels: BTreeMap<String, String>,
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
    /// User labels.
    pub labels: BTreeMap<String, String>,
}
