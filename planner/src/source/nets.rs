//! Words of networks, interfaces and addresses: what each may be for this engine.

use super::cast::{Refused, loose};
use super::tree::{Entry, Tree};
use super::words::{refused, unsupported};
use crate::desired::{DirectSpec, Mac, interface_settings};
use ipnet::IpNet;
use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

type Word = Result<String, Refused>;

pub(crate) fn mac_address(text: &str) -> Word {
    match Mac::parse(text) {
        Some(mac) => Ok(mac.to_string()),
        None => {
            let message = format!("`{}` is not the address of one interface", text.escape_debug());
            Err(refused(message, "for example 02:42:ac:11:00:02; the first byte is even"))
        }
    }
}

pub(crate) fn ip_address(text: &str) -> Word {
    let bare = text.strip_prefix('[').and_then(|text| text.strip_suffix(']')).unwrap_or(text);
    if bare.parse::<IpAddr>().is_ok() {
        return Ok(bare.to_owned());
    }
    let message = format!("`{}` is not an IP address", text.escape_debug());
    Err(refused(message, if text == "localhost" { "write 127.0.0.1" } else { "for example 127.0.0.1" }))
}

pub(crate) fn ipv4_address(text: &str) -> Word {
    match text.parse::<Ipv4Addr>() {
        Ok(_) => Ok(text.to_owned()),
        Err(_) => {
            Err(refused(format!("`{}` is not an IPv4 address", text.escape_debug()), "for example 10.9.0.5"))
        }
    }
}

pub(crate) fn ipv6_address(text: &str) -> Word {
    match text.parse::<Ipv6Addr>() {
        Ok(_) => Ok(text.to_owned()),
        Err(_) => {
            Err(refused(format!("`{}` is not an IPv6 address", text.escape_debug()), "for example fd00:9::5"))
        }
    }
}

/// An address that means something on one link only.
pub(crate) fn link_local(text: &str) -> Word {
    let is_local = match text.parse() {
        Ok(IpAddr::V4(address)) => address.is_link_local(),
        Ok(IpAddr::V6(address)) => address.is_unicast_link_local(),
        Err(_) => false,
    };
    if is_local {
        return Ok(text.to_owned());
    }
    let hint = "for example 169.254.8.8 or fe80::8";
    Err(refused(format!("`{}` is not a link-local address", text.escape_debug()), hint))
}

/// Names of things and their addresses.
pub(crate) fn addresses(tree: &Tree) -> Option<Refused> {
    let texts = tree.entries().iter().filter_map(|entry| entry.value.as_text());
    texts.filter_map(|text| ip_address(text).err()).next()
}

/// Options of some network; whether they are those of its driver is for [`crate::validate`].
pub(crate) fn network_options(tree: &Tree) -> Option<Refused> {
    let by_driver = options(tree).into_iter().map(|(key, value)| {
        let driver = DirectSpec::knows(&key).unwrap_or("bridge");
        DirectSpec::read(driver, &[(key, value)].into())
    });
    by_driver.filter_map(Result::err).next().map(|fault| refused(fault.message, fault.hint))
}

/// Options of an interface in a container.
pub(crate) fn interface_options(tree: &Tree) -> Option<Refused> {
    interface_settings(&options(tree)).err().map(|fault| refused(fault.message, fault.hint))
}

fn options(tree: &Tree) -> BTreeMap<String, String> {
    let pair = |entry: &Entry| (entry.key.to_string(), loose(&entry.value.value).into_owned());
    let known = |entry: &&Entry| !entry.value.is_bad();
    tree.entries().iter().filter(known).map(pair).collect()
}

/// The name of a network interface.
pub(crate) fn interface_name(text: &str) -> Word {
    let fits = (1..=15).contains(&text.len()) && !["lo", ".", ".."].contains(&text);
    if fits && text.bytes().all(|byte| byte.is_ascii_graphic() && !b"/:%".contains(&byte)) {
        return Ok(text.to_owned());
    }
    let hint = "at most 15 letters, digits, `.`, `_` and `-`";
    Err(refused(format!("`{}` is not the name of an interface", text.escape_debug()), hint))
}

/// A range of addresses that has room for a gateway and a container.
pub(crate) fn subnet(text: &str) -> Word {
    let net = net(text)?;
    if net.prefix_len() + 2 > net.max_prefix_len() {
        let hint = format!("use a prefix of at most /{}", net.max_prefix_len() - 2);
        return Err(refused(format!("`{text}` has no room for containers"), hint));
    }
    Ok(text.to_owned())
}

/// A range of addresses.
pub(crate) fn range(text: &str) -> Word {
    net(text).map(|_| text.to_owned())
}

fn net(text: &str) -> Result<IpNet, Refused> {
    match text.parse::<IpNet>() {
        Ok(net) if net.addr() != net.network() => {
            Err(refused(format!("`{text}` has bits set behind its prefix"), format!("write {}", net.trunc())))
        }
        Ok(net) => Ok(net),
        Err(_) => {
            Err(refused(format!("`{}` is not a subnet", text.escape_debug()), "for example 10.9.0.0/24"))
        }
    }
}

pub(crate) fn network_driver(text: &str) -> Word {
    match text {
        "bridge" => Ok(text.to_owned()),
        "" | "default" => Ok("bridge".to_owned()),
        "macvlan" | "ipvlan" => Ok(text.to_owned()),
        "host" | "none" | "overlay" => {
            Err(unsupported(&format!("network driver `{text}`"), "use bridge, macvlan or ipvlan"))
        }
        _ => {
            let message = format!("`{}` is not a network driver", text.escape_debug());
            Err(refused(message, "use bridge, macvlan or ipvlan"))
        }
    }
}

/// What hands out the addresses of a network.
pub(crate) fn address_driver(text: &str) -> Word {
    match text {
        "" | "default" => Ok(text.to_owned()),
        _ => Err(unsupported(&format!("address driver `{}`", text.escape_debug()), "use default")),
    }
}
