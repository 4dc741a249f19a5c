//! Networks, and services' presence on them.

use super::shapes::{BOOL, LABELS, NAMES, OPTIONS, TEXT};
use super::top::EXTERNAL;
use super::{Merge, Shape, forms, key, like};
use crate::source::cast::Kind;
use crate::source::merge::identity;
use crate::source::{nets, words};

pub(super) const NETWORK: Shape = Shape::Short(
    forms::EXTERNAL,
    &Shape::Object(&[
        key("name", &TEXT)
            .about("Real name of the network; by default the stack's name, `_` and the key.")
            .checked(words::real_name),
        key("driver", &TEXT).about("Kind of network: `bridge`, `macvlan` or `ipvlan`; by default `bridge`.").checked(nets::network_driver),
        key("driver_opts", &OPTIONS)
            .about("Options of the driver. Of a bridge: its name, MTU, whether containers reach each other, masquerade, where ports are published. Of the others: `parent`, `macvlan_mode`, `ipvlan_mode`, `ipvlan_flag`, MTU.")
            .checked_whole(nets::network_options),
        key("ipam", &IPAM).about("Addresses of the network."),
        key("external", &EXTERNAL).about("Somebody else makes and removes it; it must exist."),
        key("internal", &BOOL).about("No way out of the network; by default false."),
        key("enable_ipv4", &BOOL)
            .about("Whether it has IPv4 addresses; by default true."),
        key("enable_ipv6", &BOOL).about("Whether it has IPv6 addresses, of a unique local range unless `ipam` says one; by default false."),
        key("attachable", &BOOL)
            .about("Containers from outside of the stack may join; by default false.")
            .passed_on("it only means something to a cluster"),
        key("labels", &LABELS).about("Labels of the network.").merge(Merge::Pairs),
    ]),
);

const IPAM: Shape = Shape::Object(&[
    key("driver", &TEXT)
        .about("What hands out addresses; by default `default`.")
        .checked(nets::address_driver),
    key("config", &Shape::List(&RANGE))
        .about("Ranges of addresses; by default a free one is chosen.")
        .merge(Merge::Subnets),
    key("options", &Shape::Map(&TEXT))
        .about("Options of the driver.")
        .passed_on("Docker Compose leaves them out too"),
]);

const RANGE: Shape = Shape::Object(&[
    key("subnet", &like::SUBNET)
        .about("Range as address and prefix length, for example 10.9.0.0/24.")
        .checked(nets::subnet),
    key("ip_range", &like::SUBNET)
        .about("Part of the range from which containers get addresses.")
        .checked(nets::range),
    key("gateway", &like::ADDRESS)
        .about("Address of the host in the network; by default the first of the range.")
        .checked(nets::ip_address),
    key("aux_addresses", &Shape::Map(&TEXT))
        .about("Addresses that are taken, by the name of who has them.")
        .checked_whole(nets::addresses),
]);

/// A service's networks.
pub(super) const ATTACHMENTS: Shape =
    Shape::Short(forms::MAP_OF_NAMES, &Shape::Map(&Shape::Nullable(&ATTACHMENT)));

const ATTACHMENT: Shape = Shape::Object(&[
    key("aliases", &NAMES)
        .about("More names of the service on this network.")
        .merge(Merge::Unique(identity::name)),
    key("interface_name", &TEXT)
        .about("Name of the interface in the container; by default `eth` and a number.")
        .checked(nets::interface_name),
    key("ipv4_address", &like::ADDRESS)
        .about("Fixed IPv4 address in a range that the network's `ipam` says.")
        .checked(nets::ipv4_address),
    key("ipv6_address", &like::ADDRESS)
        .about("Fixed IPv6 address in a range that the network's `ipam` says.")
        .checked(nets::ipv6_address),
    key("link_local_ips", &NAMES)
        .about("Further addresses, link-local ones.")
        .merge(Merge::Unique(identity::name))
        .checked(nets::link_local),
    key("mac_address", &like::MAC_ADDRESS).about("MAC address of the interface.").checked(nets::mac_address),
    key("driver_opts", &OPTIONS)
        .about("Settings of the kernel for this interface, as `com.docker.network.endpoint.sysctls`.")
        .checked_whole(nets::interface_options),
    key("priority", &PRIORITY).about("The network with the highest number is joined first; by default 0."),
    key("gw_priority", &PRIORITY)
        .about("The network with the highest number has the default route; by default 0."),
]);

/// A published port.
pub(super) const PORT: Shape = Shape::Object(&[
    key("name", &TEXT).about("A name for people.").passed_on("it is a note for people"),
    key("mode", &like::PORT_MODE)
        .about("Where a cluster publishes it: `ingress` everywhere, `host` on the machine of the container."),
    key("host_ip", &like::ADDRESS)
        .about("Address of the host that listens; by default all of them.")
        .checked(nets::ip_address),
    key("target", &Shape::One(Kind::Int(0, u32::MAX as i64)))
        .about("Port in the container.")
        .required()
        .checked(words::target_port),
    key("published", &Shape::One(Kind::TextOrInt))
        .about("Port of the host; by default a free one is chosen.")
        .checked(words::published_port),
    key("protocol", &TEXT).about("`tcp`, `udp` or `sctp`; by default tcp.").checked(words::protocol),
    key("app_protocol", &TEXT)
        .about("What is spoken there, for people: `http`, …")
        .passed_on("it is a note for people"),
]);

/// Of several networks of a service, the highest counts.
const PRIORITY: Shape = Shape::One(Kind::PlainCut(i64::MIN, i64::MAX));
