//! Forgets tracked UDP conversations, so that a change of published ports applies to them
//! (linux/netfilter/nfnetlink_conntrack.h).

use super::firewall::Mapping;
use super::netlink::{Attrs, Message, Socket, with_netfilter};
use crate::error::Result;
use planner::desired::Protocol;

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
const PROTOCOL_NUMBER: u16 = 1;
const DESTINATION_PORT: u16 = 3;

fn message(kind: u16) -> Message {
    let doing = if kind == GET { "list tracked connections" } else { "forget a tracked connection" };
    Message::new(kind, 0, doing).raw(&[libc::AF_INET as u8, 0, 0, 0])
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
    let _ = with_netfilter(|socket| delete(socket, mapping, &ports));
}

fn delete(socket: &mut Socket, mapping: &Mapping, ports: &[u16]) -> Result<()> {
    for reply in socket.dump(&message(GET))? {
        let attrs = reply.attrs(HEADER);
        if let Some(tuple) = attrs.get(ORIGINAL)
            && is_concerned(attrs, mapping, ports)
        {
            let _ = socket.request(&[message(DELETE).attr(ORIGINAL | NESTED, tuple)]);
        }
    }
    Ok(())
}

/// Marks an attribute that holds attributes.
const NESTED: u16 = 0x8000;

fn is_concerned(attrs: Attrs<'_>, mapping: &Mapping, ports: &[u16]) -> bool {
    let (asked, answers) = (attrs.inside(ORIGINAL), attrs.inside(REPLY));
    let protocol = asked.inside(TUPLE_PROTOCOL);
    if protocol.get(PROTOCOL_NUMBER) != Some(&[libc::IPPROTO_UDP as u8]) {
        return false;
    }
    let answerer = answers.inside(TUPLE_IP).four(IP_SOURCE);
    let port =
        protocol.get(DESTINATION_PORT).and_then(|port| Some(u16::from_be_bytes(port.try_into().ok()?)));
    let untranslated = answerer == asked.inside(TUPLE_IP).four(IP_DESTINATION);
    answerer == Some(mapping.address.octets())
        || untranslated && port.is_some_and(|port| ports.contains(&port))
}
