//! Published ports.

use super::Extensions;
use crate::desired::Protocol;
use crate::diagnostic::Span;
use serde::{Deserialize, Serialize};
use std::net::IpAddr;

/// One entry of `ports`; ranges are expanded.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Port {
    /// Where it stands.
    #[serde(skip_serializing)]
    pub span: Span,
    /// What it is for.
    pub name: String,
    /// How a cluster publishes it: `ingress`, `host`.
    pub mode: String,
    /// Host address; empty: every address.
    pub host_ip: String,
    /// Container port.
    pub target: u32,
    /// Host port or range; empty: the engine chooses.
    pub published: String,
    /// `tcp`, `udp`, `sctp`; empty: tcp.
    pub protocol: String,
    /// What is spoken there: `http`.
    pub app_protocol: String,
    /// Its `x-…` keys.
    pub extensions: Extensions,
}

impl Port {
    /// The host address; `None` is every address.
    pub fn host_address(&self) -> Option<IpAddr> {
        self.host_ip.parse().ok()
    }

    /// The host port, or the first of those that the engine chooses from; `None` is any free one.
    pub fn host_port(&self) -> Option<u16> {
        let first = self.published.split_once('-').map_or(self.published.as_str(), |(first, _)| first);
        first.parse().ok().filter(|&port| port > 0)
    }

    /// The last host port that the engine chooses from; `None` is no choice.
    pub fn last_host_port(&self) -> Option<u16> {
        self.published.split_once('-')?.1.parse().ok().filter(|&port| port > 0)
    }

    /// The container port.
    pub fn container_port(&self) -> u16 {
        u16::try_from(self.target).unwrap_or_default()
    }

    /// The transport protocol.
    pub fn transport(&self) -> Protocol {
        match self.protocol.as_str() {
            "udp" => Protocol::Udp,
            "sctp" => Protocol::Sctp,
            _ => Protocol::Tcp,
        }
    }
}
