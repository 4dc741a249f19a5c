//! Chains and rules of any table, as far as we look at those of others (linux/netfilter/nf_tables.h).

use super::encode::HEADER;
use crate::net::netlink::{Message, Reply};

const GET_CHAIN: u16 = 10 << 8 | 4;
const GET_RULE: u16 = 10 << 8 | 7;
// enum nft_chain_attributes, nft_hook_attributes, nft_rule_attributes
const TABLE: u16 = 1;
const NAME: u16 = 3;
const HOOK: u16 = 4;
const POLICY: u16 = 5;
const HOOK_NUMBER: u16 = 1;
/// `NF_INET_FORWARD`, and the verdict `NF_DROP`, in network byte order.
const FORWARD: [u8; 4] = [0, 0, 0, 2];
const DROP: [u8; 4] = [0; 4];

/// A chain of some table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Chain {
    /// Number of its family.
    pub(crate) family: u8,
    pub(crate) table: String,
    pub(crate) name: String,
    /// It stands in the way of forwarded packets and drops what no rule accepts.
    pub(crate) drops_forwarded: bool,
}

/// Asks for all chains of all families.
pub(crate) fn chains() -> Message {
    Message::new(GET_CHAIN, 0, "list firewall chains").raw(&[0; HEADER])
}

/// Asks for all rules of a table.
pub(crate) fn rules(family: u8, table: &str) -> Message {
    Message::new(GET_RULE, 0, format!("list the rules of firewall table {table}"))
        .raw(&[family, 0, 0, 0])
        .text(TABLE, table)
}

/// Reads a chain; `None` of families that know no routing.
pub(crate) fn chain(reply: &Reply) -> Option<Chain> {
    let family = *reply.fixed(HEADER).first()?;
    let attrs = reply.attrs(HEADER);
    let text = |kind| {
        let bytes = attrs.get(kind)?;
        Some(String::from_utf8_lossy(bytes).trim_end_matches('\0').to_owned())
    };
    let is_forward = attrs.inside(HOOK).get(HOOK_NUMBER) == Some(&FORWARD);
    let drops_forwarded = is_forward && attrs.get(POLICY) == Some(&DROP) && !word(family).is_empty();
    Some(Chain { family, table: text(TABLE)?, name: text(NAME)?, drops_forwarded })
}

/// How nft(8) calls a family of routed packets; empty for others.
pub(crate) fn word(family: u8) -> &'static str {
    match family {
        1 => "inet",
        2 => "ip",
        10 => "ip6",
        _ => "",
    }
}
