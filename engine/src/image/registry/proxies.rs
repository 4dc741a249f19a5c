//! Proxies on the way to registries, and who is reached without one.

use ipnet::IpNet;
use std::net::IpAddr;

/// The proxies that the environment names.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Proxies {
    /// For `http://`: `http://proxy:3128`, with `user:password@` where it asks for them.
    pub http: Option<String>,
    /// For `https://`.
    pub https: Option<String>,
    /// Hosts reached without one: `example.com,.internal,10.0.0.0/8,host:5000`, or `*`.
    pub no_proxy: String,
}

impl Proxies {
    /// The proxy for a host, if there is one. This machine is never behind one.
    pub(crate) fn of(&self, is_https: bool, host: &str, port: u16) -> Option<&str> {
        let proxy = if is_https { &self.https } else { &self.http };
        let proxy = proxy.as_deref().filter(|proxy| !proxy.is_empty())?;
        let without = is_loopback(host)
            || self.no_proxy.split([',', ' ']).any(|pattern| matches(pattern.trim(), host, port));
        (!without).then_some(proxy)
    }
}

/// Whether the host is this machine.
pub(crate) fn is_loopback(host: &str) -> bool {
    host.eq_ignore_ascii_case("localhost") || address(host).is_some_and(|address| address.is_loopback())
}

pub(crate) fn address(host: &str) -> Option<IpAddr> {
    host.trim_start_matches('[').trim_end_matches(']').parse().ok()
}

fn matches(pattern: &str, host: &str, port: u16) -> bool {
    let (pattern, wanted) = match pattern.rsplit_once(':') {
        Some((name, digits)) if !name.contains(':') => (name, digits.parse::<u16>().ok()),
        _ => (pattern, None),
    };
    if wanted.is_some_and(|wanted| wanted != port) || pattern.is_empty() {
        return false;
    }
    if pattern == "*" {
        return true;
    }
    if let Some(address) = address(host) {
        let within = |net: IpNet| net.contains(&address);
        return pattern.parse().is_ok_and(within) || self::address(pattern) == Some(address);
    }
    let (host, pattern) = (host.to_ascii_lowercase(), pattern.to_ascii_lowercase());
    let name = pattern.trim_start_matches('*').trim_start_matches('.');
    // `.internal` and `*.internal` mean what lies below, `internal` also itself.
    let is_itself = host == name && !pattern.starts_with(['.', '*']);
    is_itself || host.strip_suffix(name).is_some_and(|rest| rest.ends_with('.'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_proxy_names_hosts_domains_networks_and_ports() {
        let proxies = |no_proxy: &str| Proxies {
            http: Some("http://plain:1".into()),
            https: Some("http://secure:2".into()),
            no_proxy: no_proxy.into(),
        };
        let direct = |no_proxy: &str, host: &str| proxies(no_proxy).of(true, host, 443).is_none();
        for (no_proxy, host, expected) in [
            ("", "example.com", false),
            ("*", "example.com", true),
            ("example.com", "example.com", true),
            ("example.com", "sub.Example.com", true),
            ("example.com", "badexample.com", false),
            (".example.com", "sub.example.com", true),
            (".example.com", "example.com", false),
            ("*.example.com", "sub.example.com", true),
            ("a, example.com", "example.com", true),
            ("example.com:443", "example.com", true),
            ("example.com:5000", "example.com", false),
            ("10.0.0.0/8", "10.1.2.3", true),
            ("10.0.0.0/8", "11.1.2.3", false),
            ("10.1.2.3", "10.1.2.3", true),
            ("fd00::/8", "[fd00::1]", true),
            ("", "localhost", true),
            ("", "127.0.0.1", true),
            ("", "[::1]", true),
        ] {
            assert_eq!(direct(no_proxy, host), expected, "{no_proxy} {host}");
        }
        assert_eq!(proxies("").of(false, "example.com", 80), Some("http://plain:1"));
        assert_eq!(proxies("").of(true, "example.com", 443), Some("http://secure:2"));
        assert_eq!(Proxies::default().of(true, "example.com", 443), None);
    }
}
