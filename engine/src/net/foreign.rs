//! Firewalls of others that stop what our networks pass on. We never touch them: acceptance in our
//! table does not overrule them, so the user is told, and what to do.

use super::netlink::{Message, Reply, with_netfilter};
use super::nft::list;
use crate::error::Result;

/// A chain of somebody else that drops forwarded packets that it does not know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Firewall {
    /// Family and name of its table: `ip filter`.
    pub table: String,
    /// Its name.
    pub chain: String,
    /// The chain of the table that is meant for rules of others, or its own.
    pub open: String,
}

impl Firewall {
    /// What is wrong, in one sentence, and what to do.
    pub fn advice(&self) -> String {
        let Self { table, chain, open } = self;
        let rule =
            |side: &str| format!("nft insert rule {table} {open} {side} \"sp*\" accept comment \"sampan\"");
        format!(
            "the firewall of this host drops what containers send and get ({chain} of table {table}); to let them: {}; {}",
            rule("iifname"),
            rule("oifname")
        )
    }
}

/// What marks rules that let our packets pass.
const MARK: &[u8] = b"sampan";
/// Where docker wants the rules of others.
const FOR_OTHERS: &str = "DOCKER-USER";

/// The chains that stop our packets, those of IPv6 only where there are such. One with our mark in
/// its table was told to let them pass.
pub fn stopping(six: bool) -> Result<Vec<Firewall>> {
    let chains = dump(&list::chains())?;
    let chains: Vec<list::Chain> = chains.iter().filter_map(list::chain).collect();
    let mut found = Vec::new();
    let concerns = |chain: &&list::Chain| six || list::word(chain.family) != "ip6";
    let foreign = |chain: &&list::Chain| chain.drops_forwarded && !chain.table.starts_with("sampan-");
    for chain in chains.iter().filter(concerns).filter(foreign) {
        let rules = dump(&list::rules(chain.family, &chain.table))?;
        if rules.iter().any(|rule| rule.has(MARK)) {
            continue;
        }
        let same = |other: &&list::Chain| other.family == chain.family && other.table == chain.table;
        let open = chains.iter().filter(same).find(|other| other.name == FOR_OTHERS).unwrap_or(chain);
        found.push(Firewall {
            table: format!("{} {}", list::word(chain.family), chain.table),
            chain: chain.name.clone(),
            open: open.name.clone(),
        });
    }
    Ok(found)
}

fn dump(message: &Message) -> Result<Vec<Reply>> {
    with_netfilter(|socket| socket.dump(message))
}
