//! Bridge networks, addresses, published ports, names.
//!
//! A network is a bridge with a gateway address; a container is a network namespace, held by
//! a bind mount, with one veth pair for each network. Leases live in the network's record
//! and stay with the container until [`forget`]. Firewall rules are computed as a whole
//! from the records and replaced in one transaction, in a table of our own.
//!
//! Everything here can be made again from the records: after a reboot or with a wiped runtime
//! folder [`connect`] makes the bridge and the table that are missing.

pub mod dns;

use crate::error::{Error, Kind, Result};
use crate::store::Store;
use ipnet::Ipv4Net;
use planner::desired::Protocol;
use planner::{ContainerId, ContainerSpec, NetworkSpec};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};
use std::os::fd::OwnedFd;
use std::path::PathBuf;

/// A network that exists, as recorded.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NetworkRecord {
    /// What was asked for.
    pub spec: NetworkSpec,
    /// Name of the bridge: `sp` and 8 hex digits.
    pub bridge: String,
    /// Its addresses.
    pub subnet: Ipv4Net,
    /// The bridge's own address.
    pub gateway: Ipv4Addr,
    /// Addresses given out; they stay with a container until it is removed.
    pub leases: BTreeMap<ContainerId, Ipv4Addr>,
}

/// A container's presence on one network.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Endpoint {
    /// The network's real name.
    pub network: String,
    /// Its address there.
    pub address: Ipv4Addr,
    /// Length of the network prefix.
    pub prefix: u8,
    /// The bridge's address.
    pub gateway: Ipv4Addr,
    /// Hardware address, `02:…`.
    pub mac: String,
    /// Interface inside the container: `eth0`, `eth1`, … in the order of the spec.
    pub interface: String,
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

fn unsupported<T>(what: &str) -> Result<T> {
    Err(Error::new(Kind::Unsupported, what))
}

/// Makes a network: takes a subnet, makes the bridge. Idempotent.
pub fn create(_store: &Store, _spec: &NetworkSpec) -> Result<NetworkRecord> {
    unsupported("create network")
}

/// Removes a network with its bridge. Idempotent; refuses while a container has a lease.
pub fn remove(_store: &Store, _name: &str) -> Result<()> {
    unsupported("remove network")
}

/// All recorded networks, by name.
pub fn list(_store: &Store) -> Result<Vec<NetworkRecord>> {
    unsupported("list networks")
}

/// Makes a container's names known before it runs: they are then answered with a request to
/// ask again instead of with "no such name". Called when a container is created.
pub fn declare(_store: &Store, _id: &ContainerId, _spec: &ContainerSpec) -> Result<()> {
    unsupported("declare")
}

/// Gives a container's names and leases back. Called when a container is removed. Idempotent.
pub fn forget(_store: &Store, _id: &ContainerId) -> Result<()> {
    unsupported("forget")
}

/// Makes the network namespace and its interfaces, and answers names with its addresses.
/// Idempotent; bridges and firewall rules that are missing are made again.
pub fn connect(_store: &Store, _id: &ContainerId, _spec: &ContainerSpec) -> Result<Connected> {
    unsupported("connect")
}

/// Takes back what [`connect`] and [`publish`] did, but for names and leases. Idempotent.
pub fn disconnect(_store: &Store, _id: &ContainerId) -> Result<()> {
    unsupported("disconnect")
}

/// The interfaces of a connected container; empty when it is not connected.
pub fn endpoints(_store: &Store, _id: &ContainerId) -> Result<Vec<Endpoint>> {
    unsupported("endpoints")
}

/// Binds the host ports of a container; called by its supervisor, which keeps them. A port that
/// somebody else has is a conflict that names who. Replicas of one service share ports.
pub fn hold_ports(_store: &Store, _id: &ContainerId, _spec: &ContainerSpec) -> Result<Vec<HeldPort>> {
    unsupported("hold ports")
}

/// Directs host ports to a connected container. Replaces what was published for it before.
pub fn publish(_store: &Store, _id: &ContainerId, _ports: &[Published]) -> Result<()> {
    unsupported("publish")
}

/// No longer directs host ports to a container. Idempotent.
pub fn unpublish(_store: &Store, _id: &ContainerId) -> Result<()> {
    unsupported("unpublish")
}

/// What is published for a container.
pub fn published(_store: &Store, _id: &ContainerId) -> Result<Vec<Published>> {
    unsupported("published")
}

/// Removes bridges and the firewall table when no network record needs them any more.
pub fn sweep(_store: &Store) -> Result<()> {
    unsupported("sweep")
}
