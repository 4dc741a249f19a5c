//! How a container is on the network: in whose namespace, on which networks, with which names.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Whose network namespace a container is in.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum NetworkMode {
    /// Its own, with an interface for each of its networks.
    #[default]
    Own,
    /// That of the host.
    Host,
    /// That of the first container of a service of the stack.
    Service(String),
    /// That of a container of this machine, by name.
    Container(String),
}

/// Presence on one network.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Attachment {
    /// The network's real name.
    pub network: String,
    /// Names that resolve to this container on the network, besides its own: the service
    /// name comes first, then the aliases as written.
    pub aliases: Vec<String>,
    /// Fixed IPv4 address; `None` takes a free one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ipv4: Option<Ipv4Addr>,
    /// Fixed IPv6 address; `None` takes a free one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ipv6: Option<Ipv6Addr>,
    /// More addresses of the interface.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub link_local: Vec<IpAddr>,
    /// Hardware address; `None` is made of the address.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mac: Option<Mac>,
    /// Name of the interface; `None` is `eth` and its place.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub interface: Option<String>,
    /// Settings of the kernel for the interface, with `IFNAME` where its name belongs.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub sysctls: BTreeMap<String, String>,
}

/// Whom and what a container knows by name beyond its networks.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct NameSpec {
    /// Servers that are asked for names of the outside; empty: those of the host.
    pub servers: Vec<IpAddr>,
    /// Domains in which short names are looked for; `None`: those of the host.
    pub search: Option<Vec<String>>,
    /// Options of the resolver; empty: those of the host.
    pub options: Vec<String>,
    /// Entries of the hosts file, in the order in which they are written.
    pub hosts: Vec<HostEntry>,
    /// Other names of services and containers: what is asked for, and whom it means.
    pub links: BTreeMap<String, String>,
}

/// One entry of the hosts file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HostEntry {
    /// The name.
    pub name: String,
    /// Its address; `None` is the host as the container sees it.
    pub address: Option<IpAddr>,
}

/// A hardware address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Mac(pub [u8; 6]);

impl Mac {
    /// Six bytes in hexadecimal digits, with `:` or `-` between; not one of a group.
    pub fn parse(text: &str) -> Option<Self> {
        let mut bytes = [0; 6];
        let mut parts = text.split([':', '-']);
        for byte in &mut bytes {
            let part = parts.next().filter(|part| part.len() == 2)?;
            *byte = u8::from_str_radix(part, 16).ok()?;
        }
        (parts.next().is_none() && bytes[0] & 1 == 0 && bytes != [0; 6]).then_some(Self(bytes))
    }
}

impl fmt::Display for Mac {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [a, b, c, d, e, g] = self.0;
        write!(f, "{a:02x}:{b:02x}:{c:02x}:{d:02x}:{e:02x}:{g:02x}")
    }
}

impl TryFrom<String> for Mac {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        Self::parse(&text).ok_or_else(|| format!("`{text}` is not a hardware address"))
    }
}

impl From<Mac> for String {
    fn from(mac: Mac) -> Self {
        mac.to_string()
    }
}

impl NetworkMode {
    /// Whether the namespace is made for this container and goes with it.
    pub fn is_own(&self) -> bool {
        *self == Self::Own
    }

    /// Whether it is that of another container.
    pub fn is_shared(&self) -> bool {
        matches!(self, Self::Service(_) | Self::Container(_))
    }
}

impl fmt::Display for NetworkMode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Own => f.write_str("its own"),
            Self::Host => f.write_str("host"),
            Self::Service(name) => write!(f, "service:{name}"),
            Self::Container(name) => write!(f, "container:{name}"),
        }
    }
}

impl fmt::Display for HostEntry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.address {
            Some(address) => write!(f, "{}={address}", self.name),
            None => write!(f, "{}=host-gateway", self.name),
        }
    }
}

impl HostEntry {
    /// Reads `name=address` or `name:address`; an IPv6 address may stand in brackets.
    pub fn parse(text: &str) -> Option<Self> {
        let (name, address) = text.split_once('=').or_else(|| text.split_once(':'))?;
        Self::of(name, address)
    }

    /// The entry of a name and an address as it is written.
    pub fn of(name: &str, address: &str) -> Option<Self> {
        let is_name = !name.is_empty() && !name.contains(char::is_whitespace) && !name.contains('#');
        if !is_name {
            return None;
        }
        let bare = address.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(address);
        let address = match bare {
            "host-gateway" => None,
            bare => Some(bare.parse().ok()?),
        };
        Some(Self { name: name.to_owned(), address })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hardware_addresses_are_read_in_both_forms_and_printed_in_one() {
        assert_eq!(
            Mac::parse("02-42-AC-11-00-02").map(|mac| mac.to_string()).as_deref(),
            Some("02:42:ac:11:00:02")
        );
        for wrong in [
            "02:42:ac:11:00",
            "02:42:ac:11:00:02:03",
            "01:00:5e:00:00:01",
            "2:4:a:1:0:2",
            "zz:42:ac:11:00:02",
            "00:00:00:00:00:00",
        ] {
            assert_eq!(Mac::parse(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn entries_of_the_hosts_file_are_read_in_all_their_forms() {
        let read = |text: &str| HostEntry::parse(text).map(|entry| entry.to_string());
        assert_eq!(read("db=10.0.0.1").as_deref(), Some("db=10.0.0.1"));
        assert_eq!(read("db:10.0.0.1").as_deref(), Some("db=10.0.0.1"));
        assert_eq!(read("six=[::1]").as_deref(), Some("six=::1"));
        assert_eq!(read("six:::1").as_deref(), Some("six=::1"));
        assert_eq!(
            read("host.docker.internal:host-gateway").as_deref(),
            Some("host.docker.internal=host-gateway")
        );
        for wrong in ["db", "=10.0.0.1", "a b=10.0.0.1", "db=localhost", "db="] {
            assert_eq!(read(wrong), None, "{wrong}");
        }
    }
}
