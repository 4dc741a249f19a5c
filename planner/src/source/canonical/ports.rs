//! `ports`: `[host_ip:][published:]target[/protocol]`, ranges included, to one mapping per port.

use super::super::cast::{Refused, loose, refuse};
use super::super::check::Context;
use super::super::merge::{identity, settle};
use super::super::path::Path;
use super::super::plain::is_sexagesimal;
use super::super::schema::{Merge, Shape};
use super::super::tree::{Map, Tag, Tree, Value};
use super::super::words::refused;
use crate::diagnostic::Diagnostics;
use std::net::IpAddr;

/// Makes every short entry of the list a long one; a range becomes several.
pub(crate) fn ports(tree: &mut Tree, path: &Path<'_>, context: &mut Context<'_>) {
    let Value::List(items) = &mut tree.value else { return };
    let mut long = Vec::with_capacity(items.len());
    for (index, mut item) in std::mem::take(items).into_iter().enumerate() {
        let short = matches!(item.value, Value::Text(_) | Value::Int(_)) && !context.unknowable(&item);
        if !short || item.tag == Some(Tag::Reset) {
            long.push(item);
            continue;
        }
        let text = loose(&item.value);
        let read = Short::read(&text).and_then(|short| short.fits(context.ports_left).map(|()| short));
        match read {
            Ok(short) => {
                warn_of_base_60(&item, &text, &path.index(index), context);
                context.ports_left -= short.targets.len();
                long.extend(short.long(&item));
            }
            Err(fault) => refuse(&mut item, &path.index(index), &fault, context),
        }
    }
    *items = long;
}

/// Makes a list long whose variables stay as they are written, if it says the ports without them.
pub(crate) fn known_ports(tree: &mut Tree, context: &mut Context<'_>) {
    let mut copy = tree.clone();
    let mut faults = Diagnostics::default();
    let mut trial = Context { diagnostics: &mut faults, variables: false, ..*context };
    ports(&mut copy, &Path::TOP, &mut trial);
    let left = trial.ports_left;
    if !faults.has_errors() {
        context.ports_left = left;
        *tree = copy;
        settle(tree, &Shape::Any, Merge::Unique(identity::port));
    }
}

/// Readers of YAML 1.1 take an unquoted `22:22` for a number of base 60.
fn warn_of_base_60(item: &Tree, text: &str, path: &Path<'_>, context: &mut Context<'_>) {
    if is_sexagesimal(text) && context.diagnostics.text(&item.span) == text {
        let message = format!("`{text}` is a number of base 60 to older readers of YAML");
        context.diagnostics.warning(&item.span, path, message).hint(format!("write \"{text}\""));
    }
}

const FORM: &str = "the form is [host_ip:][published:]target[/protocol]";

/// Ports from the first to the last.
#[derive(Clone, Copy)]
struct Ports {
    first: u16,
    last: u16,
}

/// What a short entry says.
struct Short<'a> {
    host_ip: &'a str,
    published: Option<Ports>,
    targets: Ports,
    protocol: String,
}

impl<'a> Short<'a> {
    fn read(text: &'a str) -> Result<Self, Refused> {
        let (rest, target) = text.rsplit_once(':').unwrap_or(("", text));
        let (host_ip, published) = rest.rsplit_once(':').unwrap_or(("", rest));
        let (target, protocol) = protocol(text, target)?;
        let host_ip = address(text, host_ip)?;
        if target.is_empty() {
            return Err(refused(format!("`{}` has no container port", text.escape_debug()), FORM));
        }
        let targets = Ports::read(text, target)?;
        if targets.first == 0 {
            return Err(refused("0 is not a container port", "the least is 1").at(text, target));
        }
        let published = match published {
            "" => None,
            published => Some(Ports::read(text, published)?),
        };
        let differ = published.is_some_and(|published| published.len() != targets.len());
        if differ && targets.len() > 1 {
            let count = published.map_or(0, Ports::len);
            let message = format!("{count} published ports cannot serve {} container ports", targets.len());
            return Err(refused(message, "give ranges of the same length, or a single container port"));
        }
        Ok(Self { host_ip, published, targets, protocol })
    }

    fn fits(&self, at_most: usize) -> Result<(), Refused> {
        if self.targets.len() > at_most {
            return Err(refused("the ranges of this stack mean too many ports", "publish smaller ranges"));
        }
        Ok(())
    }

    /// One mapping per container port, in the order of their numbers as text.
    fn long(&self, item: &Tree) -> Vec<Tree> {
        let mut targets: Vec<String> =
            (self.targets.first..=self.targets.last).map(|port| port.to_string()).collect();
        targets.sort_unstable();
        let number = |target: String| target.parse().unwrap_or(self.targets.first);
        targets.into_iter().map(|target| self.one(item, number(target))).collect()
    }

    fn one(&self, item: &Tree, target: u16) -> Tree {
        let text = |text: String| Tree::text(text, &item.span);
        let mut map = Map::with_room(5);
        map.set("mode", text("ingress".into()));
        if !self.host_ip.is_empty() {
            map.set("host_ip", text(self.host_ip.into()));
        }
        map.set("target", Tree::new(Value::Int(i64::from(target)), &item.span));
        if let Some(published) = self.published {
            map.set("published", text(self.publish(published, target)));
        }
        map.set("protocol", text(self.protocol.clone()));
        Tree { tag: item.tag, ..Tree::new(Value::Map(map), &item.span) }
    }

    /// A range published for a single port leaves the choice.
    fn publish(&self, published: Ports, target: u16) -> String {
        if self.targets.len() == 1 && published.len() > 1 {
            return format!("{}-{}", published.first, published.last);
        }
        (published.first + (target - self.targets.first)).to_string()
    }
}

impl Ports {
    /// Reads `80` or `80-90`, a slice of `whole`.
    fn read(whole: &str, text: &str) -> Result<Self, Refused> {
        let mut ends = text.split('-');
        let first = ends.next().unwrap_or_default();
        let last = ends.next().unwrap_or(first);
        let range = Self {
            first: port(first).map_err(|f| f.at(whole, text))?,
            last: port(last).map_err(|f| f.at(whole, text))?,
        };
        if range.first > range.last {
            let hint = format!("write {}-{}", range.last, range.first);
            return Err(refused(format!("the range {text} runs backwards"), hint).at(whole, text));
        }
        Ok(range)
    }

    fn len(self) -> usize {
        usize::from(self.last - self.first) + 1
    }
}

/// A port number. As a published port, 0 leaves the choice.
fn port(text: &str) -> Result<u16, Refused> {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    match text.parse() {
        Ok(port) if digits => Ok(port),
        _ if digits => Err(refused(format!("port {text} is larger than 65535"), "ports go from 1 to 65535")),
        _ => Err(refused(format!("`{}` is not a port", text.escape_debug()), FORM)),
    }
}

/// Splits `80/udp`; what follows a second slash says nothing.
fn protocol<'a>(whole: &str, target: &'a str) -> Result<(&'a str, String), Refused> {
    let mut parts = target.split('/');
    let (port, name) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
    match name.to_ascii_lowercase().as_str() {
        "" => Ok((port, "tcp".to_owned())),
        known @ ("tcp" | "udp" | "sctp") => Ok((port, known.to_owned())),
        _ => {
            let message = format!("`{}` is not a protocol", name.escape_debug());
            Err(refused(message, "use tcp, udp or sctp").at(whole, name))
        }
    }
}

/// An address of the host as written, without brackets; IPv6 must have them.
fn address<'a>(whole: &str, text: &'a str) -> Result<&'a str, Refused> {
    let inner = text.strip_prefix('[').and_then(|text| text.strip_suffix(']'));
    let bare = inner.unwrap_or(text);
    match bare.parse::<IpAddr>() {
        _ if bare.is_empty() => Ok(bare),
        Ok(IpAddr::V4(_)) => Ok(bare),
        Ok(IpAddr::V6(_)) if inner.is_some() => Ok(bare),
        Ok(IpAddr::V6(_)) => {
            let message = format!("the IPv6 address `{text}` needs brackets");
            Err(refused(message, format!("write [{text}]")).at(whole, text))
        }
        Err(_) => {
            let hint = if text == "localhost" { "write 127.0.0.1" } else { FORM };
            Err(refused(format!("`{}` is not an IP address", text.escape_debug()), hint).at(whole, text))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::long;
    use super::*;

    /// `host_ip:published:target/protocol` of each port.
    fn brief(written: &str) -> Result<String, String> {
        long(ports, &format!("[{written}]")).map(|long| {
            let long = long.replace("mode: ingress, ", "");
            long.replace("host_ip: ", "")
                .replace("target: ", "")
                .replace("published: ", "<")
                .replace("protocol: ", "")
        })
    }

    #[test]
    fn a_short_port_becomes_a_long_one() {
        let whole = "[{mode: ingress, host_ip: ::1, target: 80, published: 8080, protocol: tcp}]";
        assert_eq!(long(ports, "['[::1]:8080:80']").unwrap(), whole);
        for (written, expected) in [
            ("80", "[{80, tcp}]"),
            ("'080'", "[{80, tcp}]"),
            ("'8080:80'", "[{80, <8080, tcp}]"),
            ("'8080:80/udp'", "[{80, <8080, udp}]"),
            ("'80/SCTP'", "[{80, sctp}]"),
            ("'80/tcp/x'", "[{80, tcp}]"),
            ("'80/'", "[{80, tcp}]"),
            ("':80'", "[{80, tcp}]"),
            ("'0:80'", "[{80, <0, tcp}]"),
            ("'127.0.0.1:8080:80'", "[{127.0.0.1, 80, <8080, tcp}]"),
            ("'127.0.0.1::80'", "[{127.0.0.1, 80, tcp}]"),
            ("'[127.0.0.1]::80'", "[{127.0.0.1, 80, tcp}]"),
            ("'8-10'", "[{10, tcp}, {8, tcp}, {9, tcp}]"),
            ("'9090-9091:80-81/udp'", "[{80, <9090, udp}, {81, <9091, udp}]"),
            ("'3000-3005:80'", "[{80, <3000-3005, tcp}]"),
            ("'80-81-90'", "[{80, tcp}, {81, tcp}]"),
            ("{target: 80}", "[{80}]"),
        ] {
            assert_eq!(brief(written).unwrap(), expected, "{written}");
        }
    }

    #[test]
    fn a_fault_is_shown_where_it_is() {
        for (written, expected) in [
            ("'80:'", "`80:` has no container port | '80:' | FORM"),
            ("''", "`` has no container port | '' | FORM"),
            ("'/tcp'", "`/tcp` has no container port | '/tcp' | FORM"),
            ("'a:80'", "`a` is not a port | a | FORM"),
            ("'+80'", "`+80` is not a port | +80 | FORM"),
            ("-5", "`` is not a port | -5 | FORM"),
            ("'80:70000'", "port 70000 is larger than 65535 | 70000 | ports go from 1 to 65535"),
            ("'8080:90-80'", "the range 90-80 runs backwards | 90-80 | write 80-90"),
            ("0", "0 is not a container port | 0 | the least is 1"),
            ("'8080:0-1'", "0 is not a container port | 0-1 | the least is 1"),
            ("'80/icmp'", "`icmp` is not a protocol | icmp | use tcp, udp or sctp"),
            ("'localhost:80:80'", "`localhost` is not an IP address | localhost | write 127.0.0.1"),
            ("'1.2.3.4:80'", "`1.2.3.4` is not a port | 1.2.3.4 | FORM"),
            ("'::1:80:80'", "the IPv6 address `::1` needs brackets | ::1 | write [::1]"),
            ("'[fe80::1%eth0]:80:80'", "`[fe80::1%eth0]` is not an IP address | [fe80::1%eth0] | FORM"),
            (
                "'3000-3005:80-81'",
                "6 published ports cannot serve 2 container ports | '3000-3005:80-81' | give ranges of the same length, or a single container port",
            ),
            ("'1-200'", "the ranges of this stack mean too many ports | '1-200' | publish smaller ranges"),
        ] {
            assert_eq!(brief(written).unwrap_err(), expected.replace("FORM", FORM), "{written}");
        }
    }
}
