//! Bridge networks, addresses, published ports, names.
//!
//! A network is a bridge with a gateway address; a container is a network namespace, held by
//! a bind mount, with one veth pair for each network. Leases are files beside
//! the network's record and stay with the container until [`forget`]. Firewall rules are computed as a whole
//! from the records and replaced in one transaction, in a table of our own.
//!
//! Everything here can be made again from the records: after a reboot or with a wiped runtime
//! folder [`connect`] makes the bridge and the table that are missing.

mod aside;
mod bridge;
mod conntrack;
mod culprit;
mod direct;
pub mod dns;
mod endpoint;
mod files;
mod firewall;
pub mod foreign;
mod forward;
mod ipam;
mod lease;
mod legacy;
mod link;
pub mod manage;
mod mode;
mod netlink;
mod netns;
mod nft;
mod ports;
mod proxy;
mod proxy_link;
mod publish;
mod ranges;
mod reconnect;
mod record;
mod repair;
mod tune;

pub(crate) use files::hosts as hosts_file;
pub(crate) use mode::is_of_host;
pub(crate) use netns::{is_held, isolate};

pub use aside::{is_aside, set_aside, switch, withdraw};
pub use bridge::{create, list, remove, sweep, update};
pub use endpoint::{connect, declare, disconnect, endpoints, ensure_present, forget, reserve_fixed};
pub(crate) use lease::{sweep_leases, void_leases};
pub use ports::hold_ports;
pub use proxy::Proxy;
pub use publish::{open_doors, publish, publish_held, published, published_address, unpublish};
pub use reconnect::{is_concerned, reconnect};
pub use record::sweep_records;
pub use repair::{damaged, repair};

use ipnet::{Ipv4Net, Ipv6Net};
use planner::desired::Protocol;
use planner::{ContainerId, NetworkSpec};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::os::fd::OwnedFd;
use std::path::PathBuf;

/// A network that exists, as recorded.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NetworkRecord {
    /// What was asked for.
    pub spec: NetworkSpec,
    /// Name of the bridge, `sp` and 8 hex digits; of one that is a wire of the host, the interface
    /// there.
    pub bridge: String,
    /// Its IPv4 addresses, if it has some.
    #[serde(flatten)]
    pub four: Option<Four>,
    /// Its IPv6 addresses, if it has some.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub six: Option<Six>,
    /// Addresses given out; they stay with a container until it is removed.
    #[serde(skip)]
    pub leases: BTreeMap<IpAddr, ContainerId>,
}

/// The IPv4 addresses of a network.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Four {
    /// The subnet.
    pub subnet: Ipv4Net,
    /// The bridge's own address, or that of the router outside.
    pub gateway: Ipv4Addr,
}

/// The IPv6 addresses of a network.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Six {
    /// The subnet.
    pub subnet: Ipv6Net,
    /// The bridge's own address, or that of the router outside.
    pub gateway: Ipv6Addr,
}

/// A container's presence on one network.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Endpoint {
    /// The network's real name.
    pub network: String,
    /// What it has there of IPv4, if the network has it.
    #[serde(flatten)]
    pub four: Option<FourEndpoint>,
    /// The same of IPv6.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub six: Option<SixEndpoint>,
    /// Further addresses.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub link_local: Vec<IpAddr>,
    /// Hardware address, `02:…`.
    pub mac: String,
    /// Interface inside the container: `eth0`, `eth1`, … in the order of the spec.
    pub interface: String,
}

/// A container's IPv4 presence on one network.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FourEndpoint {
    /// Its address there.
    pub address: Ipv4Addr,
    /// Length of the network prefix.
    pub prefix: u8,
    /// The network's gateway.
    pub gateway: Ipv4Addr,
}

/// A container's IPv6 presence on one network.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SixEndpoint {
    /// Its address there.
    pub address: Ipv6Addr,
    /// Length of the network prefix.
    pub prefix: u8,
    /// The network's gateway.
    pub gateway: Ipv6Addr,
}

impl NetworkRecord {
    /// Whether it is a wire of the host, and no bridge.
    pub fn is_direct(&self) -> bool {
        self.spec.direct.is_some()
    }
}

impl Endpoint {
    /// Its address, of IPv4 if it has one.
    pub fn address(&self) -> Option<IpAddr> {
        self.four.map(|four| four.address.into()).or(self.six.map(|six| six.address.into()))
    }

    /// The gateway of that address.
    pub fn gateway(&self) -> Option<IpAddr> {
        self.four.map(|four| four.gateway.into()).or(self.six.map(|six| six.gateway.into()))
    }
}

/// A container's network, ready for its first process.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Connected {
    /// Bind mount that holds the network namespace.
    pub netns: PathBuf,
    /// In the order of the spec; the first has the default route.
    pub endpoints: Vec<Endpoint>,
    /// Host name of the container.
    pub hostname: String,
    /// Text of /etc/hosts.
    pub hosts: String,
    /// Text of /etc/resolv.conf.
    pub resolv_conf: String,
}

/// A port that is published on the host.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Published {
    /// Host address; `None` is every address.
    pub host_ip: Option<IpAddr>,
    /// Host port.
    pub published: u16,
    /// Container port.
    pub target: u16,
    /// Transport protocol.
    pub protocol: Protocol,
}

/// A host port that nobody else can take while this value lives.
#[derive(Debug)]
pub struct HeldPort {
    /// What may now be published.
    pub published: Published,
    /// Bound sockets; nothing is received on them.
    pub sockets: Vec<OwnedFd>,
}

#[cfg(test)]
mod host_tests;
