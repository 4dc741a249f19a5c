//! The registries file: mirrors, insecure registries and certificates, by host.
//!
//! ```json
//! {
//!   "registries": {
//!     "docker.io":          { "mirrors": ["https://mirror.example.com"] },
//!     "reg.internal:5000":  { "ca": ["/etc/ssl/internal.pem"] },
//!     "10.0.0.0/8":         { "insecure": true }
//!   }
//! }
//! ```

use super::proxies::{address, is_loopback};
use crate::error::{Error, Kind, Result};
use ipnet::IpNet;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::path::PathBuf;

/// What is particular about registries.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// By `host:port`, `host` with any port, or network such as `10.0.0.0/8`.
    #[serde(default)]
    pub registries: BTreeMap<String, Registry>,
    /// Folders that hold `<host:port>/*.crt`, certificates of authorities to trust for that
    /// host, as Docker has them in `/etc/docker/certs.d`.
    #[serde(skip)]
    pub certificates: Vec<PathBuf>,
    /// Files of certificates to trust for every host instead of those of the system.
    #[serde(skip)]
    pub roots: Vec<PathBuf>,
}

/// What is particular about one registry.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Registry {
    /// Where to pull from first, in this order: `host:port` or `https://host/path`.
    #[serde(default)]
    pub mirrors: Vec<String>,
    /// Plain HTTP and certificates that nobody vouches for are taken.
    #[serde(default)]
    pub insecure: Option<bool>,
    /// PEM files of certificates to trust for this host, besides those of the system.
    #[serde(default)]
    pub ca: Vec<PathBuf>,
}

impl Settings {
    /// Reads the registries file; `name` is for messages.
    pub fn parse(json: &str, name: &str) -> Result<Self> {
        serde_json::from_str(json).map_err(|error| {
            Error::new(Kind::Unsupported, format!("the registries file {name} cannot be read"))
                .hint("it is JSON: {\"registries\": {\"HOST\": {\"mirrors\": […], \"insecure\": true, \"ca\": […]}}}")
                .because(error)
        })
    }

    /// What is particular about this host, `name:port` or `name`: the exact entry, else the one
    /// for any port, else the smallest network around its address.
    pub(crate) fn of(&self, host: &str) -> Option<&Registry> {
        let host = if host == "registry-1.docker.io" { "docker.io" } else { host };
        let name = without_port(host);
        self.registries.get(host).or_else(|| self.registries.get(name)).or_else(|| {
            let address = address(name)?;
            let networks =
                self.registries.iter().filter_map(|(key, one)| Some((key.parse::<IpNet>().ok()?, one)));
            let around = networks.filter(|(network, _)| network.contains(&address));
            around.max_by_key(|(network, _)| network.prefix_len()).map(|(_, one)| one)
        })
    }

    /// Whether plain HTTP and unknown certificates are taken from this host. This machine is
    /// insecure unless the file says otherwise, as in Docker.
    pub(crate) fn is_insecure(&self, host: &str) -> bool {
        let said = self.of(host).and_then(|registry| registry.insecure);
        said.unwrap_or_else(|| is_loopback(without_port(host)))
    }
}

/// The name of a host without its port.
pub(crate) fn without_port(host: &str) -> &str {
    match host.rsplit_once(':') {
        Some((name, port)) if !port.ends_with(']') && !name.is_empty() => name,
        _ => host,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_entry_counts() {
        let json = r#"{"registries": {
            "reg:5000": {"insecure": true},
            "reg": {"mirrors": ["m1", "m2"]},
            "10.0.0.0/8": {"insecure": true},
            "10.1.0.0/16": {"insecure": false},
            "localhost:1": {"insecure": false}
        }}"#;
        let settings = Settings::parse(json, "f").unwrap();
        for (host, insecure) in [
            ("reg:5000", true),
            ("reg:5001", false),
            ("reg", false),
            ("10.2.0.1:5000", true),
            ("10.1.0.1", false),
            ("localhost:1", false),
            ("localhost:2", true),
            ("127.0.0.5:80", true),
            ("[::1]:80", true),
            ("[::1]", true),
            ("docker.io", false),
        ] {
            assert_eq!(settings.is_insecure(host), insecure, "{host}");
        }
        assert_eq!(settings.of("reg:5001").unwrap().mirrors, ["m1", "m2"]);
    }

    #[test]
    fn a_slip_in_the_file_is_told() {
        for json in ["{", r#"{"registry": {}}"#, r#"{"registries": {"a": {"mirror": []}}}"#] {
            let error = Settings::parse(json, "/etc/r.json").unwrap_err();
            assert!(error.doing.contains("/etc/r.json") && error.source.is_some(), "{error:?}");
        }
    }
}
