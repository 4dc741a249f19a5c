//! Firewall rules as values, as text, and as one atomic nf_tables transaction.
//!
//! A rule is a list of matches and an action; `text` prints it as nft(8) does, `encode` turns
//! it into nf_tables expressions. A rule set replaces all rules of its table. The table carries
//! a fingerprint of its rules, so that an unchanged rule set costs one question.

mod encode;
pub(crate) mod list;
mod text;

use super::netlink::{Socket, with_netfilter};
use crate::error::Result;
use crate::store::fnv1a;
use ipnet::IpNet;
use planner::desired::Protocol;
use std::net::IpAddr;

/// All rules of one table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Ruleset {
    /// Which packets it is about.
    pub(crate) family: Family,
    /// Name of the table.
    pub(crate) table: String,
    /// In an order in which a chain comes before those that jump to it.
    pub(crate) chains: Vec<Chain>,
}

/// Families of packets: each has tables of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Family {
    /// IPv4: `ip`.
    Four,
    /// IPv6: `ip6`.
    Six,
}

/// Rules that are tried in order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Chain {
    /// Its name.
    pub(crate) name: &'static str,
    /// Where packets come from; none: only from jumps.
    pub(crate) hook: Option<Hook>,
    /// The rules.
    pub(crate) rules: Vec<Rule>,
}

/// Where in the way of a packet a chain stands. What no rule decides is accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Hook {
    /// `filter` or `nat`.
    pub(crate) kind: &'static str,
    /// The place.
    pub(crate) point: Point,
    /// Lower ones come first.
    pub(crate) priority: i32,
}

/// Places in the way of a packet, with the kernel's numbers (linux/netfilter.h).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Point {
    /// Before routing, of what comes in.
    Prerouting = 0,
    /// Of what passes through.
    Forward = 2,
    /// Of what the host sends.
    Output = 3,
    /// After routing, of what goes out.
    Postrouting = 4,
}

/// If all match, act.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Rule {
    /// All must hold.
    pub(crate) matches: Vec<Match>,
    /// What is done then.
    pub(crate) action: Action,
}

/// One condition on a packet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Match {
    /// It came in through this interface.
    From(String),
    /// It did not.
    NotFrom(String),
    /// It leaves through this interface.
    To(String),
    /// It does not.
    NotTo(String),
    /// Its source is in this subnet.
    Source(IpNet),
    /// Its destination is in this subnet.
    Destination(IpNet),
    /// Its destination is an address of this host.
    DestinationLocal,
    /// Its protocol and destination port.
    Port(Protocol, u16),
    /// It belongs to a connection that is known, or to its errors.
    Established,
    /// Its connection goes through a published port.
    Redirected,
    /// The first of every so many that come here.
    OneOf(u32),
}

/// What is done with a packet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Action {
    /// Let it pass this table.
    Accept,
    /// Drop it.
    Drop,
    /// Go back to where the chain was jumped to from.
    Return,
    /// Go on in another chain, and come back.
    Jump(&'static str),
    /// Send its connection to this address and port.
    Redirect(IpAddr, u16),
    /// Let its connection come from the address of the interface that it leaves through.
    Masquerade,
}

impl Ruleset {
    /// Short text that differs when rules differ.
    fn fingerprint(&self) -> String {
        let text = self.to_string();
        format!("sampan {:08x}-{:x}", fnv1a(text.as_bytes()), text.len())
    }
}

/// Makes the rules of the table be exactly these; does nothing when they already are.
pub(crate) fn replace(rules: &Ruleset) -> Result<()> {
    let fingerprint = rules.fingerprint();
    with_netfilter(|socket| {
        if mark(socket, rules.family, &rules.table)?.as_deref() == Some(fingerprint.as_bytes()) {
            return Ok(());
        }
        let (begin, end) = encode::frame();
        socket.transact(&begin, &encode::replacement(rules, &fingerprint), &end)
    })
}

/// Whether the table exists.
pub(crate) fn exists(family: Family, table: &str) -> Result<bool> {
    with_netfilter(|socket| Ok(socket.get(&encode::get_table(family, table))?.is_some()))
}

/// Removes the table with all its rules. Idempotent.
pub(crate) fn remove(family: Family, table: &str) -> Result<()> {
    if !exists(family, table)? {
        return Ok(());
    }
    let (begin, end) = encode::frame();
    with_netfilter(|socket| socket.transact(&begin, &encode::removal(family, table), &end))
}

/// The fingerprint that the table carries; `None` when there is none.
fn mark(socket: &mut Socket, family: Family, table: &str) -> Result<Option<Vec<u8>>> {
    if socket.get(&encode::get_table(family, table))?.is_none() {
        return Ok(None);
    }
    let rules = socket.dump(&encode::get_mark(family, table))?;
    let comment = rules.first().and_then(|rule| encode::comment(rule.attrs(encode::HEADER)));
    Ok(comment.map(<[u8]>::to_vec))
}
