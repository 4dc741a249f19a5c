//! Forgets tracked UDP conversations, so that a change of published ports applies to them
//! (linux/netfilter/nfnetlink_conntrack.h).

use super::firewall::Mapping;
use super::netlink::{Attrs, Message, Socket, with_netfilter};
use super::nft::Family;
use crate::error::Result;
use planner::desired::Protocol;
use std::net::IpAddr;

/// Size of `struct nfgenmsg`.
const HEADER: usize = 4;
/// `NFNL_SUBSYS_CTNETLINK` with `IPCTNL_MSG_CT_GET` and `IPCTNL_MSG_CT_DELETE`.
const GET: u16 = 1 << 8 | 1;
const DELETE: u16 = 1 << 8 | 2;
// enum ctattr_type, ctattr_tuple, ctattr_ip, ctattr_l4proto
const ORIGINAL: u16 = 1;
const REPLY: u16 = 2;
const TUPLE_IP: u16 = 1;
const TUPLE_PROTOCOL: u16 = 2;
const IP_SOURCE: u16 = 1;
const IP_DESTINATION: u16 = 2;
const IP6_SOURCE: u16 = 3;
const IP6_DESTINATION: u16 = 4;
const PROTOCOL_NUMBER: u16 = 1;
const DESTINATION_PORT: u16 = 3;

fn message(kind: u16, family: Family) -> Message {
    let doing = if kind == GET { "list tracked connections" } else { "forget a tracked connection" };
    let number = if family == Family::Four { libc::AF_INET } else { libc::AF_INET6 };
    Message::new(kind, 0, doing).raw(&[number as u8, 0, 0, 0])
}

/// Forgets UDP conversations with the container of this mapping, and those to its published
/// ports that were tracked as going to the host itself. Only UDP: a TCP connection ends with
/// its ends, but a UDP client that keeps talking would follow the old translation for ever.
pub(crate) fn forget(mapping: &Mapping) {
    let is_udp = |port: &&super::Published| port.protocol == Protocol::Udp;
    let ports: Vec<_> = mapping.ports.iter().filter(is_udp).map(|port| port.published).collect();
    if ports.is_empty() {
        return;
    }
    // A kernel that cannot list them lets them time out, after 30 to 180 s of silence; one that
    // is gone by the time it is deleted had ended by itself.
    let targets =
        [(Family::Four, mapping.address.map(IpAddr::V4)), (Family::Six, mapping.six.map(IpAddr::V6))];
    for (family, target) in targets {
        let _ = target.map(|target| with_netfilter(|socket| delete(socket, family, target, &ports)));
    }
}

fn delete(socket: &mut Socket, family: Family, target: IpAddr, ports: &[u16]) -> Result<()> {
    for reply in socket.dump(&message(GET, family))? {
        let attrs = reply.attrs(HEADER);
        if let Some(tuple) = attrs.get(ORIGINAL)
            && is_concerned(attrs, target, ports)
        {
            let _ = socket.request(&[message(DELETE, family).attr(ORIGINAL | NESTED, tuple)]);
        }
    }
    Ok(())
}

/// Marks an attribute that holds attributes.
const NESTED: u16 = 0x8000;

fn is_concerned(attrs: Attrs<'_>, target: IpAddr, ports: &[u16]) -> bool {
    let (asked, answers) = (attrs.inside(ORIGINAL), attrs.inside(REPLY));
    let protocol = asked.inside(TUPLE_PROTOCOL);
    if protocol.get(PROTOCOL_NUMBER) != Some(&[libc::IPPROTO_UDP as u8]) {
        return false;
    }
    let answerer = address(answers.inside(TUPLE_IP), [IP_SOURCE, IP6_SOURCE]);
    let port =
        protocol.get(DESTINATION_PORT).and_then(|port| Some(u16::from_be_bytes(port.try_into().ok()?)));
    let untranslated = answerer == address(asked.inside(TUPLE_IP), [IP_DESTINATION, IP6_DESTINATION]);
    answerer == Some(target) || untranslated && port.is_some_and(|port| ports.contains(&port))
}

/// The address in a tuple, under one of its names: that of IPv4, that of IPv6.
fn address(tuple: Attrs<'_>, [four, six]: [u16; 2]) -> Option<IpAddr> {
    let six = tuple.get(six).and_then(|bytes| Some(<[u8; 16]>::try_from(bytes).ok()?.into()));
    tuple.four(four).map(IpAddr::from).or(six)
}
