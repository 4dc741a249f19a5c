//! Chains and rules of any table, as far as we look at those of others (linux/netfilter/nf_tables.h).

use super::encode::HEADER;
use crate::net::netlink::{Attrs, Message, Reply};

const GET_CHAIN: u16 = 10 << 8 | 4;
const GET_RULE: u16 = 10 << 8 | 7;
// enum nft_chain_attributes, nft_hook_attributes, nft_rule_attributes
const TABLE: u16 = 1;
const NAME: u16 = 3;
const HOOK: u16 = 4;
const POLICY: u16 = 5;
const HOOK_NUMBER: u16 = 1;
const RULE_CHAIN: u16 = 2;
const EXPRESSIONS: u16 = 4;
// enum nft_expr_attributes, nft_immediate_attributes, nft_data_attributes, nft_verdict_attributes
const EXPRESSION_NAME: u16 = 1;
const EXPRESSION_DATA: u16 = 2;
const IMMEDIATE_DATA: u16 = 2;
const DATA_VERDICT: u16 = 2;
const VERDICT_CODE: u16 = 1;
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
    /// It stands in the way of forwarded packets.
    pub(crate) forwards: bool,
    /// It drops what no rule accepts.
    pub(crate) drops: bool,
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
    let forwards = is_forward && !word(family).is_empty();
    let drops = attrs.get(POLICY) == Some(&DROP);
    Some(Chain { family, table: text(TABLE)?, name: text(NAME)?, forwards, drops })
}

/// Whether a rule is of a chain of this name.
pub(crate) fn is_of(rule: &Reply, chain: &str) -> bool {
    let name = rule.attrs(HEADER).get(RULE_CHAIN).unwrap_or_default();
    name.strip_suffix(&[0]).unwrap_or(name) == chain.as_bytes()
}

/// Whether no packet gets past a rule: it asks for nothing, and drops or rejects.
pub(crate) fn stops_all(rule: &Reply) -> bool {
    let mut stops = false;
    for (_, expression) in rule.attrs(HEADER).inside(EXPRESSIONS) {
        let expression = Attrs(expression);
        let data = expression.inside(EXPRESSION_DATA);
        match expression.get(EXPRESSION_NAME) {
            Some(b"reject\0") => stops = true,
            Some(b"immediate\0") => {
                let verdict = data.inside(IMMEDIATE_DATA).inside(DATA_VERDICT);
                stops |= verdict.get(VERDICT_CODE) == Some(&DROP);
            }
            Some(b"counter\0" | b"log\0") => {}
            _ => return false,
        }
    }
    stops
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
