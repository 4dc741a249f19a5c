//! Ports of the host: replicas of one service share one; two services cannot.

use super::Rules;
use crate::desired::Protocol;
use crate::model::{Port, Stack};
use std::collections::HashMap;
use std::net::IpAddr;

/// A port of the host that a service wants to publish.
struct Claim<'a> {
    number: u16,
    protocol: Protocol,
    /// The address of the host; none for all.
    address: Option<IpAddr>,
    service: &'a str,
    port: &'a Port,
}

/// Two claims of which only one can be met: who has the port, and the later claim.
struct Clash<'a> {
    holder: &'a str,
    claim: &'a Claim<'a>,
}

impl Rules<'_> {
    /// One service cannot publish a port twice.
    pub(super) fn published_twice(&mut self, stack: &Stack) {
        let claims = claims(stack);
        for Clash { holder, claim } in clashes(&claims) {
            if holder == claim.service {
                let path = format!("services.{holder}.ports");
                self.diagnostics.error(&claim.port.span, path, twice(claim.number));
            }
        }
    }

    /// Two services that publish a port may be meant for different times. What one publishes twice
    /// is refused when it is to run.
    pub(super) fn published_again(&mut self, stack: &Stack) {
        let claims = claims(stack);
        for Clash { holder, claim: Claim { number, service, port, .. } } in clashes(&claims) {
            let path = format!("services.{service}.ports");
            if holder == *service {
                self.diagnostics.warning(&port.span, path, twice(*number));
            } else {
                let message = format!("the host port {number} is also published by service `{holder}`");
                self.diagnostics.warning(&port.span, path, message).hint("only one of them can run");
            }
        }
    }
}

fn twice(number: u16) -> String {
    format!("the host port {number} is published twice")
}

/// All claims, those to one port side by side.
fn claims(stack: &Stack) -> Vec<Claim<'_>> {
    let mut claims = Vec::new();
    for (service, port) in
        stack.services.iter().flat_map(|(name, one)| one.ports.iter().map(move |port| (name, port)))
    {
        let Some(number) = port.host_port().filter(|_| port.last_host_port().is_none()) else { continue };
        let address = port.host_address().filter(|address| !address.is_unspecified());
        claims.push(Claim { number, protocol: port.transport(), address, service, port });
    }
    claims.sort_by_key(|claim| (claim.number, claim.protocol));
    claims
}

/// What cannot be held at once.
fn clashes<'a>(claims: &'a [Claim<'a>]) -> Vec<Clash<'a>> {
    let mut found = Vec::new();
    for same in claims.chunk_by(|a, b| (a.number, a.protocol) == (b.number, b.protocol)) {
        let Some((first, later)) = same.split_first().filter(|(_, later)| !later.is_empty()) else {
            continue;
        };
        let mut holders: HashMap<Option<IpAddr>, &Claim<'_>> = HashMap::from([(first.address, first)]);
        for claim in later {
            let everywhere = first.address.is_none() || claim.address.is_none();
            let holder = if everywhere { Some(first) } else { holders.get(&claim.address).copied() };
            match holder {
                Some(holder) => found.push(Clash { holder: holder.service, claim }),
                None => {
                    holders.insert(claim.address, claim);
                }
            }
        }
    }
    found
}
