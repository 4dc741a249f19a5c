//! Rules as nf_tables messages (linux/netfilter/nf_tables.h). Attribute numbers are named by
//! what they hold; each block says which enumeration of the header it is from.

use super::{Action, Chain, Family, Match, Rule, Ruleset};
use crate::net::netlink::{Attrs, Message};
use ipnet::IpNet;
use planner::desired::Protocol;
use std::net::IpAddr;

/// Size of `struct nfgenmsg`.
pub(super) const HEADER: usize = 4;
/// `NFNL_SUBSYS_NFTABLES`, the upper byte of each message type.
const SUBSYSTEM: u16 = 10;
const BATCH_BEGIN: u16 = 0x10;
const BATCH_END: u16 = 0x11;

// enum nf_tables_msg_types
const NEW_TABLE: u16 = SUBSYSTEM << 8;
const GET_TABLE: u16 = SUBSYSTEM << 8 | 1;
const DELETE_TABLE: u16 = SUBSYSTEM << 8 | 2;
const NEW_CHAIN: u16 = SUBSYSTEM << 8 | 3;
const NEW_RULE: u16 = SUBSYSTEM << 8 | 6;
const GET_RULE: u16 = SUBSYSTEM << 8 | 7;
const DELETE_RULE: u16 = SUBSYSTEM << 8 | 8;

// enum nft_table_attributes
const TABLE_NAME: u16 = 1;

// enum nft_chain_attributes, nft_hook_attributes
const CHAIN_TABLE: u16 = 1;
const CHAIN_NAME: u16 = 3;
const CHAIN_HOOK: u16 = 4;
const CHAIN_POLICY: u16 = 5;
const CHAIN_TYPE: u16 = 7;
const HOOK_NUMBER: u16 = 1;
const HOOK_PRIORITY: u16 = 2;

// enum nft_rule_attributes, nft_list_attributes, nft_expr_attributes
const RULE_TABLE: u16 = 1;
const RULE_CHAIN: u16 = 2;
const RULE_EXPRESSIONS: u16 = 4;
const RULE_USERDATA: u16 = 7;
/// A comment is record 0 of the user data of a rule (libnftnl/udata.h).
const COMMENT: u8 = 0;
const LIST_ELEMENT: u16 = 1;
const EXPRESSION_NAME: u16 = 1;
const EXPRESSION_DATA: u16 = 2;

// enum nft_data_attributes, nft_verdict_attributes
const DATA_VALUE: u16 = 1;
const DATA_VERDICT: u16 = 2;
const VERDICT_CODE: u16 = 1;
const VERDICT_CHAIN: u16 = 2;
const VERDICT_DROP: u32 = 0;
const VERDICT_ACCEPT: u32 = 1;
const VERDICT_JUMP: u32 = (-3i32).cast_unsigned();
const VERDICT_RETURN: u32 = (-5i32).cast_unsigned();

// enum nft_registers
const VERDICT: u32 = 0;
const FIRST: u32 = 1;
const SECOND: u32 = 2;

// enum nft_meta_keys
const META_IN_NAME: u32 = 6;
const META_OUT_NAME: u32 = 7;
const META_PROTOCOL: u32 = 16;

// enum nft_ct_keys, ip_conntrack_status; states are bits 1 << (state + 1)
const CT_STATE: u32 = 0;
const CT_STATUS: u32 = 2;
const ESTABLISHED_OR_RELATED: u32 = 2 | 4;
const DESTINATION_NAT: u32 = 1 << 5;

// enum nft_payload_bases; offsets in the IPv4, IPv6 and transport headers
const NETWORK: u32 = 1;
const TRANSPORT: u32 = 2;
const SOURCE_ADDRESS: u32 = 12;
const DESTINATION_ADDRESS: u32 = 16;
const SOURCE_ADDRESS_SIX: u32 = 8;
const DESTINATION_ADDRESS_SIX: u32 = 24;
const DESTINATION_PORT: u32 = 2;

// enum nft_fib_result, nft_fib_flags; linux/rtnetlink.h
const FIB_ADDRESS_TYPE: u32 = 3;
const FIB_OF_DESTINATION: u32 = 2;
const LOCAL: u32 = libc::RTN_LOCAL as u32;

// enum nft_cmp_ops
const EQUAL: u32 = 0;
const NOT_EQUAL: u32 = 1;

/// Chain that holds the fingerprint.
const MARK: &str = "fingerprint";

/// Length of an interface name in a register.
const NAME: usize = 16;

fn message(family: Family, kind: u16, flags: i32, doing: String) -> Message {
    Message::new(kind, flags, doing).raw(&[number(family) as u8, 0, 0, 0])
}

/// The kernel's number of a family.
fn number(family: Family) -> i32 {
    match family {
        Family::Four => libc::AF_INET,
        Family::Six => libc::AF_INET6,
    }
}

/// The messages that begin and end a batch.
pub(super) fn frame() -> (Message, Message) {
    let edge = |kind, doing: &str| Message::new(kind, 0, doing).raw(&[0, 0, 0, SUBSYSTEM as u8]);
    (edge(BATCH_BEGIN, "begin a firewall transaction"), edge(BATCH_END, "commit firewall rules"))
}

/// Asks for a table.
pub(super) fn get_table(family: Family, table: &str) -> Message {
    message(family, GET_TABLE, 0, format!("look up firewall table {table}")).text(TABLE_NAME, table)
}

/// Asks for the rules of the chain that holds the fingerprint.
pub(super) fn get_mark(family: Family, table: &str) -> Message {
    message(family, GET_RULE, 0, format!("look up the fingerprint of firewall table {table}"))
        .text(RULE_TABLE, table)
        .text(RULE_CHAIN, MARK)
}

/// The comment of a rule, without its NUL.
pub(super) fn comment(attrs: Attrs<'_>) -> Option<&[u8]> {
    let data = attrs.get(RULE_USERDATA)?;
    let (kind, length) = (*data.first()?, usize::from(*data.get(1)?));
    (kind == COMMENT).then_some(data.get(2..2 + length)?.strip_suffix(&[0])?)
}

/// Deletes a table, whether or not it exists.
pub(super) fn removal(family: Family, table: &str) -> Vec<Message> {
    let doing = || format!("remove firewall table {table}");
    let add = message(family, NEW_TABLE, libc::NLM_F_CREATE, doing()).text(TABLE_NAME, table);
    vec![add, message(family, DELETE_TABLE, 0, doing()).text(TABLE_NAME, table)]
}

/// Replaces all rules of a table. Its chains stay: taking one out of the way of packets waits
/// until the last packet has left it, milliseconds for each.
pub(super) fn replacement(rules: &Ruleset, fingerprint: &str) -> Vec<Message> {
    let (family, table) = (rules.family, &rules.table);
    let create = message(family, NEW_TABLE, libc::NLM_F_CREATE, format!("create firewall table {table}"));
    let flush = message(family, DELETE_RULE, 0, format!("replace the rules of firewall table {table}"));
    let mark = Chain { name: MARK, hook: None, rules: Vec::new() };
    let mut batch = vec![create.text(TABLE_NAME, table)];
    batch.extend(std::iter::once(&mark).chain(&rules.chains).map(|chain| new_chain((family, table), chain)));
    batch.extend([flush.text(RULE_TABLE, table), new_mark((family, table), fingerprint)]);
    for chain in &rules.chains {
        batch.extend(chain.rules.iter().map(|rule| new_rule((family, table), chain.name, rule)));
    }
    batch
}

/// A rule that no packet ever meets, whose comment is the fingerprint.
fn new_mark(table: (Family, &str), fingerprint: &str) -> Message {
    let mut comment = fingerprint.as_bytes().to_vec();
    comment.push(0);
    comment.splice(..0, [COMMENT, comment.len() as u8]);
    let nothing = Rule { matches: Vec::new(), action: Action::Accept };
    new_rule(table, MARK, &nothing).attr(RULE_USERDATA, &comment)
}

fn new_chain((family, table): (Family, &str), chain: &Chain) -> Message {
    let doing = format!("create firewall chain {}", chain.name);
    let message = message(family, NEW_CHAIN, libc::NLM_F_CREATE, doing)
        .text(CHAIN_TABLE, table)
        .text(CHAIN_NAME, chain.name);
    let Some(hook) = chain.hook else { return message };
    message
        .nest(CHAIN_HOOK, |nest| {
            nest.be32(HOOK_NUMBER, hook.point as u32).be32(HOOK_PRIORITY, hook.priority.cast_unsigned())
        })
        .be32(CHAIN_POLICY, VERDICT_ACCEPT)
        .text(CHAIN_TYPE, hook.kind)
}

fn new_rule((family, table): (Family, &str), chain: &str, rule: &Rule) -> Message {
    let flags = libc::NLM_F_CREATE | libc::NLM_F_APPEND;
    message(family, NEW_RULE, flags, format!("add firewall rule `{rule}`"))
        .text(RULE_TABLE, table)
        .text(RULE_CHAIN, chain)
        .nest(RULE_EXPRESSIONS, |list| action(rule.matches.iter().fold(list, condition), &rule.action))
}

fn expression(list: Message, name: &str, data: impl FnOnce(Message) -> Message) -> Message {
    list.nest(LIST_ELEMENT, |element| element.text(EXPRESSION_NAME, name).nest(EXPRESSION_DATA, data))
}

fn condition(list: Message, one: &Match) -> Message {
    match one {
        Match::From(name) => interface(list, META_IN_NAME, EQUAL, name),
        Match::NotFrom(name) => interface(list, META_IN_NAME, NOT_EQUAL, name),
        Match::To(name) => interface(list, META_OUT_NAME, EQUAL, name),
        Match::NotTo(name) => interface(list, META_OUT_NAME, NOT_EQUAL, name),
        Match::Source(net) => address(list, false, *net),
        Match::Destination(net) => address(list, true, *net),
        Match::DestinationLocal => {
            let list = expression(list, "fib", |data| {
                data.be32(1, FIRST).be32(2, FIB_ADDRESS_TYPE).be32(3, FIB_OF_DESTINATION)
            });
            compare(list, EQUAL, &LOCAL.to_ne_bytes())
        }
        Match::Port(protocol, port) => {
            let number = match protocol {
                Protocol::Tcp => libc::IPPROTO_TCP,
                Protocol::Udp => libc::IPPROTO_UDP,
                Protocol::Sctp => libc::IPPROTO_SCTP,
            };
            let list = compare(meta(list, META_PROTOCOL), EQUAL, &[number as u8]);
            compare(payload(list, TRANSPORT, DESTINATION_PORT, 2), EQUAL, &port.to_be_bytes())
        }
        Match::Established => tracked(list, CT_STATE, ESTABLISHED_OR_RELATED),
        Match::Redirected => tracked(list, CT_STATUS, DESTINATION_NAT),
        Match::OneOf(count) => {
            let list = expression(list, "numgen", |data| data.be32(1, FIRST).be32(2, *count).be32(3, 0));
            compare(list, EQUAL, &0u32.to_ne_bytes())
        }
    }
}

fn action(list: Message, action: &Action) -> Message {
    match action {
        Action::Accept => verdict(list, VERDICT_ACCEPT, None),
        Action::Drop => verdict(list, VERDICT_DROP, None),
        Action::Return => verdict(list, VERDICT_RETURN, None),
        Action::Jump(chain) => verdict(list, VERDICT_JUMP, Some(chain)),
        Action::Redirect(address, port) => {
            let (family, bytes) = bytes(*address);
            let list = immediate(list, FIRST, &bytes);
            let list = immediate(list, SECOND, &port.to_be_bytes());
            let (destination, family) = (1, number(family) as u32);
            expression(list, "nat", |data| {
                data.be32(1, destination).be32(2, family).be32(3, FIRST).be32(5, SECOND)
            })
        }
        Action::Masquerade => expression(list, "masq", |data| data),
    }
}

fn meta(list: Message, key: u32) -> Message {
    expression(list, "meta", |data| data.be32(1, FIRST).be32(2, key))
}

fn payload(list: Message, base: u32, offset: u32, length: u32) -> Message {
    expression(list, "payload", |data| data.be32(1, FIRST).be32(2, base).be32(3, offset).be32(4, length))
}

fn compare(list: Message, operator: u32, value: &[u8]) -> Message {
    expression(list, "cmp", |data| {
        data.be32(1, FIRST).be32(2, operator).nest(3, |data| data.attr(DATA_VALUE, value))
    })
}

/// Keeps the bits of `mask` in the first register. An IPv6 address takes all four parts of it.
fn masked(list: Message, mask: &[u8]) -> Message {
    expression(list, "bitwise", |data| {
        data.be32(1, FIRST)
            .be32(2, FIRST)
            .be32(3, mask.len() as u32)
            .nest(4, |data| data.attr(DATA_VALUE, mask))
            .nest(5, |data| data.attr(DATA_VALUE, &vec![0; mask.len()]))
    })
}

fn interface(list: Message, key: u32, operator: u32, name: &str) -> Message {
    let mut padded = [0; NAME];
    let length = name.len().min(NAME - 1);
    padded[..length].copy_from_slice(&name.as_bytes()[..length]);
    compare(meta(list, key), operator, &padded)
}

fn address(list: Message, destination: bool, net: IpNet) -> Message {
    let (family, network) = bytes(net.network());
    let offset = match (family, destination) {
        (Family::Four, false) => SOURCE_ADDRESS,
        (Family::Four, true) => DESTINATION_ADDRESS,
        (Family::Six, false) => SOURCE_ADDRESS_SIX,
        (Family::Six, true) => DESTINATION_ADDRESS_SIX,
    };
    let list = payload(list, NETWORK, offset, network.len() as u32);
    let list = masked(list, &bytes(net.netmask()).1);
    compare(list, EQUAL, &network)
}

/// The family and the bytes of an address.
fn bytes(address: IpAddr) -> (Family, Vec<u8>) {
    match address {
        IpAddr::V4(address) => (Family::Four, address.octets().to_vec()),
        IpAddr::V6(address) => (Family::Six, address.octets().to_vec()),
    }
}

fn tracked(list: Message, key: u32, bits: u32) -> Message {
    let list = expression(list, "ct", |data| data.be32(2, key).be32(1, FIRST));
    compare(masked(list, &bits.to_ne_bytes()), NOT_EQUAL, &0u32.to_ne_bytes())
}

fn immediate(list: Message, register: u32, value: &[u8]) -> Message {
    expression(list, "immediate", |data| data.be32(1, register).nest(2, |data| data.attr(DATA_VALUE, value)))
}

fn verdict(list: Message, code: u32, chain: Option<&str>) -> Message {
    expression(list, "immediate", |data| {
        data.be32(1, VERDICT).nest(2, |data| {
            data.nest(DATA_VERDICT, |verdict| {
                let verdict = verdict.be32(VERDICT_CODE, code);
                match chain {
                    Some(chain) => verdict.text(VERDICT_CHAIN, chain),
                    None => verdict,
                }
            })
        })
    })
}
