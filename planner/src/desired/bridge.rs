//! What `driver_opts` of a network may say to a bridge.

use crate::source::nets;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};

/// Options of a bridge; what is not set is as the engine has it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct BridgeOptions {
    /// Name of the interface.
    pub name: Option<String>,
    /// Largest packet in bytes.
    pub mtu: Option<u32>,
    /// Containers on it do not reach each other.
    pub isolated: bool,
    /// Packets go out with the addresses of the containers.
    pub unmasked: bool,
    /// Where ports are published that say no address.
    pub host_binding: Option<Ipv4Addr>,
}

const NAME: &str = "com.docker.network.bridge.name";
const MTU: &str = "com.docker.network.driver.mtu";
const ICC: &str = "com.docker.network.bridge.enable_icc";
const MASQUERADE: &str = "com.docker.network.bridge.enable_ip_masquerade";
const BINDING: &str = "com.docker.network.bridge.host_binding_ipv4";

/// Why an option is none, and what to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BridgeFault {
    /// What is wrong.
    pub message: String,
    /// What to do.
    pub hint: String,
}

impl BridgeOptions {
    /// Reads options as they are written.
    pub fn read(options: &BTreeMap<String, String>) -> Result<Self, BridgeFault> {
        let mut read = Self::default();
        options.iter().try_for_each(|(key, value)| read.set(key, value))?;
        Ok(read)
    }

    /// Whether this is the name of the option about the largest packet.
    pub(super) fn is_mtu(key: &str) -> bool {
        [MTU, "mtu"].contains(&key)
    }

    fn set(&mut self, key: &str, value: &str) -> Result<(), BridgeFault> {
        let shown = value.escape_debug();
        let wrong = |hint: &str| fault(format!("`{shown}` is no value for `{key}`"), hint);
        match key {
            NAME => {
                let name = nets::interface_name(value).map_err(|_| wrong("at most 15 letters and digits"))?;
                self.name = Some(name);
            }
            MTU | "mtu" => {
                let mtu = value.parse().ok().filter(|mtu| (68..=65_535).contains(mtu));
                self.mtu = Some(mtu.ok_or_else(|| wrong("a number of bytes, for example 1400"))?);
            }
            ICC => self.isolated = !truth(value).ok_or_else(|| wrong("true or false"))?,
            MASQUERADE => self.unmasked = !truth(value).ok_or_else(|| wrong("true or false"))?,
            BINDING => {
                let address = value.parse().map_err(|_| wrong("an IPv4 address of the host"))?;
                self.host_binding = Some(address);
            }
            _ => {
                let known = [NAME, MTU, ICC, MASQUERADE, BINDING].join(", ");
                let message = format!("`{}` is not an option of a bridge", key.escape_debug());
                return Err(fault(message, &format!("possible are {known}")));
            }
        }
        Ok(())
    }

    /// Where ports are published that say no address.
    pub fn binding(&self) -> Option<IpAddr> {
        self.host_binding.filter(|address| !address.is_unspecified()).map(IpAddr::V4)
    }

    /// What is set, in the words of a stack file.
    pub fn shown(&self) -> BTreeMap<String, String> {
        let set = [
            (NAME, self.name.clone()),
            (MTU, self.mtu.map(|mtu| mtu.to_string())),
            (ICC, self.isolated.then(|| "false".to_owned())),
            (MASQUERADE, self.unmasked.then(|| "false".to_owned())),
            (BINDING, self.host_binding.map(|address| address.to_string())),
        ];
        set.into_iter().filter_map(|(key, value)| Some((key.to_owned(), value?))).collect()
    }
}

fn truth(text: &str) -> Option<bool> {
    match text.to_ascii_lowercase().as_str() {
        "true" | "t" | "1" => Some(true),
        "false" | "f" | "0" => Some(false),
        _ => None,
    }
}

fn fault(message: String, hint: &str) -> BridgeFault {
    BridgeFault { message, hint: hint.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(pairs: &[(&str, &str)]) -> Result<BridgeOptions, BridgeFault> {
        let pair = |(key, value): &(&str, &str)| ((*key).to_owned(), (*value).to_owned());
        BridgeOptions::read(&pairs.iter().map(pair).collect())
    }

    #[test]
    fn options_are_read_and_shown_again() {
        let written =
            [(NAME, "br-shop"), (MTU, "1400"), (ICC, "false"), (MASQUERADE, "false"), (BINDING, "127.0.0.1")];
        let options = read(&written).unwrap();
        assert_eq!((options.mtu, options.isolated, options.unmasked), (Some(1400), true, true));
        assert_eq!(options.shown().len(), written.len());
        assert_eq!(read(&[(ICC, "true"), (MASQUERADE, "1")]), Ok(BridgeOptions::default()));
        assert_eq!(read(&[("mtu", "9000")]).unwrap().mtu, Some(9000));
    }

    #[test]
    fn what_is_no_option_or_no_value_is_told() {
        for wrong in [
            ("mtu", "many"),
            ("mtu", "12"),
            (NAME, "a/b"),
            (ICC, "perhaps"),
            (BINDING, "::1"),
            ("colour", "red"),
        ] {
            assert!(read(&[wrong]).is_err(), "{wrong:?}");
        }
    }
}
