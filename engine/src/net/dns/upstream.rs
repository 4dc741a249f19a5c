//! The resolvers of the host: what resolv.conf(5) says.

use std::fs;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::Path;
use std::time::SystemTime;

/// Where the host says whom to ask.
const FILE: &str = "/etc/resolv.conf";
/// Where DNS servers listen.
const PORT: u16 = 53;
/// How many servers are asked, as resolvers do (`MAXNS`).
const SERVERS: usize = 3;

/// What resolv.conf says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Config {
    /// Whom to ask, in this order.
    pub(crate) servers: Vec<SocketAddr>,
    /// Domains tried behind a short name.
    pub(crate) search: Vec<String>,
    /// Options, as written.
    pub(crate) options: Vec<String>,
}

impl Config {
    /// What the host's file says now.
    pub(crate) fn of_the_host() -> Self {
        Self::parse(&fs::read_to_string(FILE).unwrap_or_default())
    }

    /// Reads the text; lines that make no sense are left out, as resolvers do. Without servers
    /// it is the one on this machine.
    pub(crate) fn parse(text: &str) -> Self {
        let mut config = Self::default();
        for line in text.lines() {
            let mut words = line.split_whitespace();
            match words.next() {
                Some("nameserver") => config.servers.extend(words.next().and_then(server)),
                Some("search" | "domain") => config.search = words.map(str::to_owned).collect(),
                Some("options") => config.options.extend(words.map(str::to_owned)),
                _ => {}
            }
        }
        config.search.retain(|domain| domain != ".");
        if config.servers.is_empty() {
            config.servers.push(SocketAddr::new(Ipv4Addr::LOCALHOST.into(), PORT));
        }
        config.servers.truncate(SERVERS);
        config
    }
}

/// An address; link-local ones with the number of an interface behind `%` are left out.
fn server(text: &str) -> Option<SocketAddr> {
    Some(SocketAddr::new(text.parse::<IpAddr>().ok()?, PORT))
}

/// Whom to ask: the servers of the spec, or those of the host, read again when the file changes: a laptop that moves to another
/// network goes on.
#[derive(Debug)]
pub(super) struct Servers {
    seen: Option<SystemTime>,
    list: Vec<SocketAddr>,
    is_fixed: bool,
}

impl Servers {
    /// These; without any those of the host.
    pub(super) fn of(list: &[IpAddr]) -> Self {
        let list: Vec<_> = list.iter().map(|address| SocketAddr::new(*address, PORT)).collect();
        Self { seen: None, is_fixed: !list.is_empty(), list }
    }

    /// These, whatever their ports.
    #[cfg(test)]
    pub(super) fn fixed(list: Vec<SocketAddr>) -> Self {
        Self { seen: None, list, is_fixed: true }
    }

    /// The one to be asked at this turn.
    pub(super) fn at(&mut self, turn: usize) -> Option<SocketAddr> {
        if !self.is_fixed && turn == 0 {
            self.refresh();
        }
        self.list.get(turn).copied()
    }

    fn refresh(&mut self) {
        let changed = fs::metadata(Path::new(FILE)).and_then(|file| file.modified()).ok();
        if changed != self.seen || self.list.is_empty() {
            self.list = Config::of_the_host().servers;
            self.seen = changed;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn servers_search_and_options_are_read_and_the_rest_is_left_out() {
        let text = "# made by hand\nnameserver 127.0.0.53\nnameserver fe80::1%eth0\nnameserver ::1\n\
                    search a.example .\noptions edns0 trust-ad\nsortlist 1.2.3.4\n";
        let config = Config::parse(text);
        assert_eq!(config.servers, ["127.0.0.53:53".parse().unwrap(), "[::1]:53".parse().unwrap()]);
        assert_eq!(config.search, ["a.example"]);
        assert_eq!(config.options, ["edns0", "trust-ad"]);
    }

    #[test]
    fn without_servers_it_is_the_one_on_this_machine_and_three_are_enough() {
        assert_eq!(Config::parse("").servers, ["127.0.0.1:53".parse().unwrap()]);
        assert_eq!(Config::parse(&"nameserver 9.9.9.9\n".repeat(5)).servers.len(), 3);
    }
}
