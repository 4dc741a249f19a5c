//! Networks, and services' presence on them.

use super::shapes::{BOOL, LABELS, NAMES, OPTIONS, TEXT};
use super::top::EXTERNAL;
use super::{Merge, Shape, key};
use crate::source::canonical as short;
use crate::source::cast::Kind;
use crate::source::merge::identity;
use crate::source::words;

pub(super) const NETWORK: Shape = Shape::Short(
    short::external,
    &Shape::Object(&[
        key("name", &TEXT).checked(words::real_name),
        key("driver", &TEXT).checked(words::network_driver),
        key("driver_opts", &OPTIONS).refused(""),
        key("ipam", &IPAM),
        key("external", &EXTERNAL),
        key("internal", &BOOL),
        key("enable_ipv4", &BOOL).refused(""),
        key("enable_ipv6", &BOOL).refused(""),
        key("attachable", &BOOL),
        key("labels", &LABELS).merge(Merge::Pairs),
    ]),
);

const IPAM: Shape = Shape::Object(&[
    key("driver", &TEXT),
    key("config", &Shape::List(&RANGE)).merge(Merge::Subnets),
    key("options", &Shape::Map(&TEXT)),
]);

const RANGE: Shape = Shape::Object(&[
    key("subnet", &TEXT).checked(words::subnet),
    key("ip_range", &TEXT).refused(""),
    key("gateway", &TEXT).checked(words::ipv4_address),
    key("aux_addresses", &Shape::Map(&TEXT)).refused(""),
]);

/// A service's networks.
pub(super) const ATTACHMENTS: Shape =
    Shape::Short(short::map_of_names, &Shape::Map(&Shape::Nullable(&ATTACHMENT)));

const ATTACHMENT: Shape = Shape::Object(&[
    key("aliases", &NAMES).merge(Merge::Unique(identity::name)),
    key("interface_name", &TEXT).refused(""),
    key("ipv4_address", &TEXT).refused(""),
    key("ipv6_address", &TEXT).refused(""),
    key("link_local_ips", &NAMES).merge(Merge::Unique(identity::name)).refused(""),
    key("mac_address", &TEXT).refused(""),
    key("driver_opts", &OPTIONS).refused(""),
    key("priority", &PRIORITY).refused(""),
    key("gw_priority", &PRIORITY).refused(""),
]);

/// A published port.
pub(super) const PORT: Shape = Shape::Object(&[
    key("name", &TEXT),
    key("mode", &TEXT),
    key("host_ip", &TEXT).checked(words::ip_address),
    key("target", &Shape::One(Kind::Int(0, u32::MAX as i64))).required().checked(words::target_port),
    key("published", &Shape::One(Kind::TextOrInt)).checked(words::published_port),
    key("protocol", &TEXT).checked(words::protocol),
    key("app_protocol", &TEXT),
]);

/// Of several networks of a service, the highest counts.
const PRIORITY: Shape = Shape::One(Kind::PlainCut(i64::MIN, i64::MAX));
