//! What the user wrote, typed: the result of [`load`](crate::load).

pub(crate) mod decode;
mod decode_service;
mod service;
pub(crate) mod units;
pub(crate) mod words;

pub use service::{
    Condition, Dependency, HealthCheck, MountSource, Port, Resources, Restart, Service, ServiceNetwork,
    VolumeMount,
};

use crate::diagnostic::Span;
use ipnet::Ipv4Net;
use std::collections::BTreeMap;
use std::net::Ipv4Addr;

/// A whole stack: every file merged, interpolated, canonical, valid.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Stack {
    /// The stack's name: lower-case letters, digits, `-` and `_`.
    pub name: String,
    /// The services of active profiles.
    pub services: BTreeMap<String, Service>,
    /// Services that no active profile selects; they exist for the file but are not started.
    pub disabled: BTreeMap<String, Service>,
    /// Networks by key: those that an enabled service is on.
    pub networks: BTreeMap<String, Network>,
    /// Volumes by key: those that an enabled service mounts.
    pub volumes: BTreeMap<String, Volume>,
    /// The canonical form, as `config` prints it.
    pub canonical: serde_json::Value,
}

/// A top-level network.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Network {
    /// Real name: `name`, else `<stack>_<key>`; for external ones `name`, else the key.
    pub name: String,
    /// Made by somebody else.
    pub external: bool,
    /// No route to the outside.
    pub internal: bool,
    /// First `ipam.config[].subnet`.
    pub subnet: Option<Ipv4Net>,
    /// First `ipam.config[].gateway`.
    pub gateway: Option<Ipv4Addr>,
    /// Labels.
    pub labels: BTreeMap<String, String>,
    /// Where it stands; `None` for the implicit `default`.
    pub span: Option<Span>,
}

/// A top-level volume.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Volume {
    /// Real name: `name`, else `<stack>_<key>`; for external ones `name`, else the key.
    pub name: String,
    /// Made by somebody else.
    pub external: bool,
    /// Labels.
    pub labels: BTreeMap<String, String>,
    /// Where it stands.
    pub span: Option<Span>,
}
