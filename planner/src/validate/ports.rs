//! Ports of the host: replicas of one service share one; two services cannot.

use super::Rules;
use crate::model::{Port, Stack};
use std::collections::BTreeMap;

/// Two claims to one port of the host: the port, the service that has it, and the later claim.
struct Clash<'a> {
    number: u16,
    holder: &'a str,
    service: &'a str,
    port: &'a Port,
}

impl Rules<'_> {
    /// One service cannot publish a port twice.
    pub(super) fn published_twice(&mut self, stack: &Stack) {
        for Clash { number, service, port, .. } in clashes(stack).iter().filter(|c| c.holder == c.service) {
            let message = format!("the host port {number} is published twice");
            self.diagnostics.error(&port.span, format!("services.{service}.ports"), message);
        }
    }

    /// Two services that publish a port may be meant for different times.
    pub(super) fn published_by_two(&mut self, stack: &Stack) {
        for clash in clashes(stack).iter().filter(|clash| clash.holder != clash.service) {
            let Clash { number, holder, service, port } = clash;
            let message = format!("the host port {number} is also published by service `{holder}`");
            let path = format!("services.{service}.ports");
            self.diagnostics.warning(&port.span, path, message).hint("only one of them can run");
        }
    }
}

fn clashes(stack: &Stack) -> Vec<Clash<'_>> {
    let mut found = Vec::new();
    let mut held: BTreeMap<u16, Vec<(&str, &Port)>> = BTreeMap::new();
    for (service, port) in
        stack.services.iter().flat_map(|(name, one)| one.ports.iter().map(move |p| (name, p)))
    {
        let Some(number) = port.host_port() else { continue };
        let same = held.entry(number).or_default();
        match same.iter().find(|(_, other)| clash(port, other)) {
            Some((holder, _)) => found.push(Clash { number, holder, service, port }),
            None => same.push((service, port)),
        }
    }
    found
}

/// Whether two ports cannot be held at once.
fn clash(a: &Port, b: &Port) -> bool {
    let everywhere = |port: &Port| port.host_address().is_none_or(|ip| ip.is_unspecified());
    a.transport() == b.transport() && (a.host_address() == b.host_address() || everywhere(a) || everywhere(b))
}
