//! Rules as nft(8) writes them.

use super::{Action, Chain, Family, Hook, Match, Point, Rule, Ruleset};
use ipnet::IpNet;
use planner::desired::Protocol;
use std::fmt::{Display, Formatter, Result};
use std::net::SocketAddr;

impl Display for Ruleset {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        let family = if self.family == Family::Six { "ip6" } else { "ip" };
        writeln!(f, "table {family} {} {{", self.table)?;
        self.chains.iter().try_for_each(|chain| chain.fmt(f))?;
        writeln!(f, "}}")
    }
}

impl Display for Chain {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        writeln!(f, "  chain {} {{", self.name)?;
        if let Some(hook) = &self.hook {
            writeln!(f, "    {hook}")?;
        }
        self.rules.iter().try_for_each(|rule| writeln!(f, "    {rule}"))?;
        writeln!(f, "  }}")
    }
}

impl Display for Hook {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        let point = match self.point {
            Point::Prerouting => "prerouting",
            Point::Forward => "forward",
            Point::Output => "output",
            Point::Postrouting => "postrouting",
        };
        write!(f, "type {} hook {point} priority {}; policy accept;", self.kind, self.priority)
    }
}

impl Display for Rule {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        self.matches.iter().try_for_each(|one| write!(f, "{one} "))?;
        self.action.fmt(f)
    }
}

impl Display for Match {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        match self {
            Self::From(name) => write!(f, "iifname \"{name}\""),
            Self::NotFrom(name) => write!(f, "iifname != \"{name}\""),
            Self::To(name) => write!(f, "oifname \"{name}\""),
            Self::NotTo(name) => write!(f, "oifname != \"{name}\""),
            Self::Source(net) => write!(f, "{} saddr {net}", word(net)),
            Self::Destination(net) if net.prefix_len() == net.max_prefix_len() => {
                write!(f, "{} daddr {}", word(net), net.addr())
            }
            Self::Destination(net) => write!(f, "{} daddr {net}", word(net)),
            Self::DestinationLocal => f.write_str("fib daddr type local"),
            Self::Port(Protocol::Tcp, port) => write!(f, "tcp dport {port}"),
            Self::Port(Protocol::Udp, port) => write!(f, "udp dport {port}"),
            Self::Port(Protocol::Sctp, port) => write!(f, "sctp dport {port}"),
            Self::Established => f.write_str("ct state established,related"),
            Self::Redirected => f.write_str("ct status dnat"),
            Self::OneOf(count) => write!(f, "numgen inc mod {count} 0"),
        }
    }
}

impl Display for Action {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        match self {
            Self::Accept => f.write_str("accept"),
            Self::Drop => f.write_str("drop"),
            Self::Return => f.write_str("return"),
            Self::Jump(chain) => write!(f, "jump {chain}"),
            Self::Redirect(address, port) => write!(f, "dnat to {}", SocketAddr::new(*address, *port)),
            Self::Masquerade => f.write_str("masquerade"),
        }
    }
}

/// The header that an address is in.
fn word(net: &IpNet) -> &'static str {
    match net {
        IpNet::V4(_) => "ip",
        IpNet::V6(_) => "ip6",
    }
}
