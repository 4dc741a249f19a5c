//! Firewalls of others that stop what our networks pass on. We never touch them: acceptance in our
//! table does not overrule them, so the user is told, and what to do.

use super::legacy;
use super::netlink::{Message, Reply, with_netfilter};
use super::nft::list;
use crate::error::Result;

/// A chain of somebody else that stops forwarded packets that it does not know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Firewall {
    /// Family and name of its table: `ip filter`.
    pub table: String,
    /// Its name.
    pub chain: String,
    /// The chain of the table that is meant for rules of others, or its own.
    pub open: String,
    /// Whom to tell.
    pub tool: Tool,
}

/// With what a firewall is changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tool {
    /// `nft`.
    Nft,
    /// `firewall-cmd`: it makes its rules anew and knows zones.
    Firewalld,
    /// `iptables-legacy`, or what this name is for IPv6: nf_tables does not show what it did.
    Legacy(&'static str),
}

impl Firewall {
    /// What is wrong, in one sentence, and what to do.
    pub fn advice(&self) -> String {
        let Self { table, chain, .. } = self;
        format!(
            "the firewall of this host drops what containers send and get ({chain} of table {table}); to let them: {}",
            self.commands().join("; ")
        )
    }

    /// What lets our packets pass.
    pub fn commands(&self) -> [String; 2] {
        let Self { table, open, .. } = self;
        match self.tool {
            Tool::Nft => ["iifname", "oifname"].map(|side| {
                format!("nft insert rule {table} {open} {side} \"sp*\" accept comment \"sampan\"")
            }),
            Tool::Firewalld => [
                "firewall-cmd --permanent --zone=trusted --add-interface=sp+".to_owned(),
                "firewall-cmd --reload".to_owned(),
            ],
            Tool::Legacy(program) => {
                ["-i", "-o"].map(|side| format!("{program} -I {open} {side} sp+ -j ACCEPT"))
            }
        }
    }
}

/// What marks rules that let our packets pass: a comment, the names of our bridges as an attribute of
/// a rule, or in an old table.
const MARKS: [&[u8]; 3] = [b"sampan", &[6, 0, 1, 0, b's', b'p'], b"sp+"];
/// Where docker wants the rules of others.
const FOR_OTHERS: &str = "DOCKER-USER";

/// The chains that stop our packets, those of IPv6 only where there are such. One that has our mark
/// was told to let them pass.
pub fn stopping(six: bool) -> Result<Vec<Firewall>> {
    let mut found = of_nftables(six)?;
    found.extend(of_iptables(false));
    found.extend(six.then(|| of_iptables(true)).flatten());
    Ok(found)
}

fn of_nftables(six: bool) -> Result<Vec<Firewall>> {
    let chains = dump(&list::chains())?;
    let chains: Vec<list::Chain> = chains.iter().filter_map(list::chain).collect();
    let mut found = Vec::new();
    let concerns = |chain: &&list::Chain| six || list::word(chain.family) != "ip6";
    let foreign = |chain: &&list::Chain| chain.forwards && !chain.table.starts_with("sampan-");
    for chain in chains.iter().filter(concerns).filter(foreign) {
        let rules = dump(&list::rules(chain.family, &chain.table))?;
        let last = rules.iter().rfind(|rule| list::is_of(rule, &chain.name));
        let stops = chain.drops || last.is_some_and(list::stops_all);
        if !stops || rules.iter().any(|rule| MARKS.iter().any(|mark| rule.has(mark))) {
            continue;
        }
        let same = |other: &&list::Chain| other.family == chain.family && other.table == chain.table;
        let open = chains.iter().filter(same).find(|other| other.name == FOR_OTHERS).unwrap_or(chain);
        found.push(Firewall {
            table: format!("{} {}", list::word(chain.family), chain.table),
            chain: chain.name.clone(),
            open: open.name.clone(),
            tool: if chain.table == "firewalld" { Tool::Firewalld } else { Tool::Nft },
        });
    }
    Ok(found)
}

fn of_iptables(six: bool) -> Option<Firewall> {
    let entries = legacy::dropping(six)?;
    let has = |bytes: &[u8]| entries.windows(bytes.len()).any(|part| part == bytes);
    if MARKS.iter().any(|mark| has(mark)) {
        return None;
    }
    let open = if has(FOR_OTHERS.as_bytes()) { FOR_OTHERS } else { "FORWARD" };
    Some(Firewall {
        table: if six { "ip6 filter" } else { "ip filter" }.to_owned(),
        chain: "FORWARD".to_owned(),
        open: open.to_owned(),
        tool: Tool::Legacy(if six { "ip6tables-legacy" } else { "iptables-legacy" }),
    })
}

fn dump(message: &Message) -> Result<Vec<Reply>> {
    with_netfilter(|socket| socket.dump(message))
}
