//! Which rules our networks and published ports need. Pure but for [`refresh`].
//!
//! What the rules promise:
//! - Containers of one network reach each other; nobody else reaches a container, but answers
//!   to what it asked and connections through a published port.
//! - An internal network has no way out and no way in.
//! - Other networks go out with the address of the host.
//! - A published port is reached from outside, from the host (also as 127.0.0.1), and from
//!   containers, also from the very one that serves it; several targets take turns.
//!
//! Another table that drops what it does not know (docker's policy, ufw) still drops it:
//! acceptance in one table does not overrule another.

use super::nft::{self, Action, Chain, Family, Hook, Match, Point, Rule, Ruleset};
use super::{NetworkRecord, Published, record};
use crate::error::Result;
use crate::store::{self, Store};
use ipnet::IpNet;
use planner::ContainerId;
use planner::desired::Protocol;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Before connections are tracked, as `raw` of iptables.
const RAW: i32 = -300;
/// Where destinations are translated.
const DESTINATION: i32 = -100;
/// Where packets are filtered.
const FILTER: i32 = 0;
/// Where sources are translated.
const SOURCE: i32 = 100;
/// Chain with one rule for each target of a published port.
const PORTS: &str = "ports";

/// What is published for one container, on disk.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Mapping {
    /// Where connections go, if the container has such an address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) address: Option<Ipv4Addr>,
    /// Where those of IPv6 go, if the container has such an address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) six: Option<Ipv6Addr>,
    /// The ports.
    pub(crate) ports: Vec<Published>,
}

/// Name of a store's table.
pub(crate) fn table(store: &Store) -> String {
    format!("sampan-{}", store.tag())
}

/// Brings the table in line with the records. The caller holds the lock `net`.
pub(crate) fn refresh(store: &Store) -> Result<()> {
    bring(store, &[])
}

/// Like [`refresh`], as if nothing were published for these containers.
pub(crate) fn refresh_without(store: &Store, ids: &[ContainerId]) -> Result<()> {
    bring(store, ids)
}

fn bring(store: &Store, without: &[ContainerId]) -> Result<()> {
    let (networks, mappings) = (record::all(store)?, mappings(store, without)?);
    let table = table(store);
    let by_family = [
        four(&table, &networks, &mappings).ok_or(Family::Four),
        six(&table, &networks, &mappings).ok_or(Family::Six),
    ];
    by_family.into_iter().try_for_each(|rules| match rules {
        Ok(rules) => nft::replace(&rules),
        Err(family) => nft::remove(family, &table),
    })
}

fn mappings(store: &Store, without: &[ContainerId]) -> Result<Vec<Mapping>> {
    let ids = record::ids_in(&store.ports())?;
    let read = |id: &_| store::read_whole(&store.published(id)).transpose();
    let kept = ids.iter().filter(|id| !without.contains(id));
    kept.filter_map(read).collect()
}

/// The rules for IPv4 that the records ask for.
#[cfg(test)]
pub(crate) fn wanted(store: &Store) -> Result<Option<Ruleset>> {
    Ok(four(&table(store), &record::all(store)?, &mappings(store, &[])?))
}

/// The rules for IPv4 that these records ask for; none without a network.
fn four(table: &str, networks: &[NetworkRecord], mappings: &[Mapping]) -> Option<Ruleset> {
    let targets =
        mappings.iter().filter_map(|mapping| Some((IpAddr::V4(mapping.address?), &mapping.ports[..])));
    let of = |network| Some(Range::of(network, network.four?.subnet.into()));
    let ranges: Vec<Range<'_>> = bridges(networks).filter_map(of).collect();
    (!ranges.is_empty()).then(|| ruleset(Family::Four, table, &ranges, &targets.collect::<Vec<_>>()))
}

/// Packets of the others do not pass the host.
fn bridges(networks: &[NetworkRecord]) -> impl Iterator<Item = &NetworkRecord> {
    networks.iter().filter(|network| !network.is_direct())
}

/// The rules for IPv6; none without a network that has it.
fn six(table: &str, networks: &[NetworkRecord], mappings: &[Mapping]) -> Option<Ruleset> {
    let targets = mappings.iter().filter_map(|mapping| Some((IpAddr::V6(mapping.six?), &mapping.ports[..])));
    let of = |network| Some(Range::of(network, network.six?.subnet.into()));
    let ranges: Vec<Range<'_>> = bridges(networks).filter_map(of).collect();
    (!ranges.is_empty()).then(|| ruleset(Family::Six, table, &ranges, &targets.collect::<Vec<_>>()))
}

/// A network as one family of packets sees it.
struct Range<'a> {
    bridge: &'a str,
    subnet: IpNet,
    internal: bool,
    /// Packets go out with their own addresses.
    unmasked: bool,
}

impl<'a> Range<'a> {
    fn of(network: &'a NetworkRecord, subnet: IpNet) -> Self {
        Self {
            bridge: &network.bridge,
            subnet,
            internal: network.spec.internal,
            unmasked: network.spec.options.unmasked,
        }
    }
}

/// An address that serves published ports, and which.
type Target<'a> = (IpAddr, &'a [Published]);

fn ruleset(family: Family, table: &str, networks: &[Range<'_>], targets: &[Target<'_>]) -> Ruleset {
    let hook = |kind, point, priority| Some(Hook { kind, point, priority });
    let to_ports = || vec![rule([Match::DestinationLocal], Action::Jump(PORTS))];
    let chain = |name, hook, rules| Chain { name, hook, rules };
    let mut chains = Vec::new();
    if family == Family::Four {
        chains.push(chain("raw", hook("filter", Point::Prerouting, RAW), guard(networks)));
    }
    chains.extend([
        chain("forward", hook("filter", Point::Forward, FILTER), forward(networks)),
        chain("postrouting", hook("nat", Point::Postrouting, SOURCE), postrouting(networks)),
    ]);
    // Each chain on the way of packets costs time to make and to remove.
    if !targets.is_empty() {
        chains.extend([
            chain(PORTS, None, ports(family, targets)),
            chain("prerouting", hook("nat", Point::Prerouting, DESTINATION), to_ports()),
            chain("output", hook("nat", Point::Output, DESTINATION), to_ports()),
        ]);
    }
    Ruleset { family, table: table.to_owned(), chains }
}

fn rule<const N: usize>(matches: [Match; N], action: Action) -> Rule {
    Rule { matches: matches.into(), action }
}

fn loopback() -> IpNet {
    IpNet::new_assert(Ipv4Addr::new(127, 0, 0, 0).into(), 8)
}

/// No route leads from these to a container: the supervisor answers there.
fn unroutable() -> [IpNet; 2] {
    let link = Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 0);
    [IpNet::from(IpAddr::V6(Ipv6Addr::LOCALHOST)), IpNet::new_assert(link.into(), 10)]
}

/// On which addresses of the host of this family a port is published: none for all of them.
fn host_address(family: Family, port: &Published) -> Option<Option<IpAddr>> {
    match (port.host_ip, family) {
        (None, _) => Some(None),
        (Some(host @ IpAddr::V4(_)), Family::Four) | (Some(host @ IpAddr::V6(_)), Family::Six) => {
            Some((!host.is_unspecified()).then_some(host))
        }
        _ => None,
    }
}

/// Published ports, those on one host address first. Of n targets the first takes one of n
/// connections, the second one of the n-1 left, and so on: they take turns.
fn ports(family: Family, mappings: &[Target<'_>]) -> Vec<Rule> {
    type Key = (bool, Option<IpAddr>, Protocol, u16);
    let mut targets = BTreeMap::<Key, Vec<(IpAddr, u16)>>::new();
    for (address, ports) in mappings {
        for port in *ports {
            let Some(host) = host_address(family, port) else { continue };
            let key = (host.is_none(), host, port.protocol, port.published);
            targets.entry(key).or_default().push((*address, port.target));
        }
    }
    let rules = |((_, host, protocol, port), mut targets): (Key, Vec<_>)| {
        targets.sort_unstable();
        targets.dedup();
        let count = targets.len();
        let one = move |(at, (address, target))| {
            let host = host.map(|host| Match::Destination(IpNet::from(host)));
            let turn = (count - at > 1).then(|| Match::OneOf((count - at) as u32));
            let matches = host.into_iter().chain([Match::Port(protocol, port)]).chain(turn).collect();
            Rule { matches, action: Action::Redirect(address, target) }
        };
        targets.into_iter().enumerate().map(one).collect::<Vec<_>>()
    };
    let kept = (family == Family::Six).then(unroutable).into_iter().flatten();
    let kept = kept.map(|net| rule([Match::Destination(net)], Action::Return));
    kept.chain(targets.into_iter().flat_map(rules)).collect()
}

/// Our bridges route 127.0.0.0/8 so that the host reaches published ports there; containers
/// must not reach the loopback services of the host that way.
fn guard(networks: &[Range<'_>]) -> Vec<Rule> {
    let one = |network: &Range<'_>| {
        rule([Match::From(network.bridge.to_owned()), Match::Destination(loopback())], Action::Drop)
    };
    networks.iter().map(one).collect()
}

fn forward(networks: &[Range<'_>]) -> Vec<Rule> {
    let from = |network: &Range<'_>| Match::From(network.bridge.to_owned());
    let to = |network: &Range<'_>| Match::To(network.bridge.to_owned());
    let not_from = |network: &Range<'_>| Match::NotFrom(network.bridge.to_owned());
    let not_to = |network: &Range<'_>| Match::NotTo(network.bridge.to_owned());
    let internal = networks.iter().filter(|network| network.internal);
    let mut rules: Vec<_> = internal
        .flat_map(|network| {
            [
                rule([from(network), not_to(network)], Action::Drop),
                rule([not_from(network), to(network)], Action::Drop),
            ]
        })
        .collect();
    rules.push(rule([Match::Established], Action::Accept));
    rules.push(rule([Match::Redirected], Action::Accept));
    let open = networks.iter().filter(|network| !network.internal);
    rules.extend(open.map(|network| rule([not_from(network), to(network)], Action::Drop)));
    rules
}

fn postrouting(networks: &[Range<'_>]) -> Vec<Rule> {
    let one = |network: &Range<'_>| {
        let to = || Match::To(network.bridge.to_owned());
        let source = || Match::Source(network.subnet);
        let out = rule([source(), Match::NotTo(network.bridge.to_owned())], Action::Masquerade);
        let out = (!network.internal && !network.unmasked).then_some(out);
        // No container could answer to 127.0.0.1.
        let local = rule([Match::Source(loopback()), to()], Action::Masquerade);
        let local = matches!(network.subnet, IpNet::V4(_)).then_some(local);
        // Answers to a neighbour would go to it directly, past the translation.
        let back = rule([source(), to(), Match::Redirected], Action::Masquerade);
        out.into_iter().chain([back]).chain(local)
    };
    networks.iter().flat_map(one).collect()
}

#[cfg(test)]
mod tests {
    use super::super::Four;
    use super::*;
    use planner::NetworkSpec;

    fn network(name: &str, bridge: &str, subnet: &str, internal: bool) -> NetworkRecord {
        let subnet: ipnet::Ipv4Net = subnet.parse().unwrap();
        NetworkRecord {
            spec: NetworkSpec { name: name.into(), internal, ..Default::default() },
            bridge: bridge.into(),
            four: Some(Four { subnet, gateway: subnet.hosts().next().unwrap() }),
            six: None,
            leases: BTreeMap::new(),
        }
    }

    fn mapping(address: [u8; 4], host_ip: Option<&str>, published: u16, protocol: Protocol) -> Mapping {
        let host_ip = host_ip.map(|host| host.parse().unwrap());
        Mapping {
            address: Some(address.into()),
            six: None,
            ports: vec![Published { host_ip, published, target: 80, protocol }],
        }
    }

    fn to_ports(mappings: &[Mapping]) -> Vec<String> {
        let targets: Vec<Target<'_>> =
            mappings.iter().map(|one| (one.address.unwrap().into(), &one.ports[..])).collect();
        ports(Family::Four, &targets).iter().map(Rule::to_string).collect()
    }

    #[test]
    fn the_whole_table_of_an_open_and_an_internal_network_reads_as_promised() {
        let networks = [
            network("shop_back", "spbbbbbbbb", "10.201.1.0/24", true),
            network("shop_front", "spffffffff", "10.201.0.0/24", false),
        ];
        let mappings = [mapping([10, 201, 0, 2], None, 8080, Protocol::Tcp)];
        let text = four("sampan-00112233", &networks, &mappings).unwrap().to_string();
        assert_eq!(
            text,
            r#"table ip sampan-00112233 {
  chain raw {
    type filter hook prerouting priority -300; policy accept;
    iifname "spbbbbbbbb" ip daddr 127.0.0.0/8 drop
    iifname "spffffffff" ip daddr 127.0.0.0/8 drop
  }
  chain forward {
    type filter hook forward priority 0; policy accept;
    iifname "spbbbbbbbb" oifname != "spbbbbbbbb" drop
    iifname != "spbbbbbbbb" oifname "spbbbbbbbb" drop
    ct state established,related accept
    ct status dnat accept
    iifname != "spffffffff" oifname "spffffffff" drop
  }
  chain postrouting {
    type nat hook postrouting priority 100; policy accept;
    ip saddr 10.201.1.0/24 oifname "spbbbbbbbb" ct status dnat masquerade
    ip saddr 127.0.0.0/8 oifname "spbbbbbbbb" masquerade
    ip saddr 10.201.0.0/24 oifname != "spffffffff" masquerade
    ip saddr 10.201.0.0/24 oifname "spffffffff" ct status dnat masquerade
    ip saddr 127.0.0.0/8 oifname "spffffffff" masquerade
  }
  chain ports {
    tcp dport 8080 dnat to 10.201.0.2:80
  }
  chain prerouting {
    type nat hook prerouting priority -100; policy accept;
    fib daddr type local jump ports
  }
  chain output {
    type nat hook output priority -100; policy accept;
    fib daddr type local jump ports
  }
}
"#
        );
    }

    #[test]
    fn replicas_that_publish_the_same_port_take_turns() {
        let mappings = [
            mapping([10, 201, 0, 4], None, 53, Protocol::Udp),
            mapping([10, 201, 0, 2], None, 53, Protocol::Udp),
            mapping([10, 201, 0, 3], None, 53, Protocol::Udp),
        ];
        let text = to_ports(&mappings);
        assert_eq!(
            text,
            [
                "udp dport 53 numgen inc mod 3 0 dnat to 10.201.0.2:80",
                "udp dport 53 numgen inc mod 2 0 dnat to 10.201.0.3:80",
                "udp dport 53 dnat to 10.201.0.4:80",
            ]
        );
    }

    #[test]
    fn a_port_on_one_host_address_comes_before_the_same_port_on_all() {
        let mappings = [
            mapping([10, 201, 0, 2], Some("0.0.0.0"), 80, Protocol::Tcp),
            mapping([10, 201, 0, 3], Some("127.0.0.1"), 80, Protocol::Tcp),
        ];
        let text = to_ports(&mappings);
        assert_eq!(
            text,
            ["ip daddr 127.0.0.1 tcp dport 80 dnat to 10.201.0.3:80", "tcp dport 80 dnat to 10.201.0.2:80",]
        );
    }
}
