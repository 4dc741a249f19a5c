//! Networks whose containers are on a wire of the host, beside it and not behind it: `macvlan` and
//! `ipvlan`.

use super::{BridgeFault, BridgeOptions};
use crate::source::nets;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt;

/// What such a network is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DirectSpec {
    /// How its interfaces come about.
    pub kind: DirectKind,
    /// The interface of the host whose wire it is; `None` is a wire of its own that leads nowhere.
    /// `eth0.10` is made when it is missing: packets of VLAN 10 on eth0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent: Option<String>,
}

/// How interfaces come about, and who of them reaches whom.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum DirectKind {
    /// Each has a hardware address of its own.
    Macvlan(MacvlanMode),
    /// All have that of the parent.
    Ipvlan(IpvlanMode, IpvlanFlag),
}

/// Who reaches whom on one parent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum MacvlanMode {
    /// Nobody.
    Private,
    /// Everybody whom the switch outside sends packets back to.
    Vepa,
    /// Everybody.
    #[default]
    Bridge,
    /// There is only one, which has the parent for itself.
    Passthru,
}

/// Whether the parent is a switch or a router.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum IpvlanMode {
    /// A switch.
    #[default]
    L2,
    /// A router: no broadcasts, and no gateway is asked.
    L3,
    /// A router whose packets pass the host's firewall.
    L3s,
}

/// Who reaches whom on one parent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum IpvlanFlag {
    /// Everybody.
    #[default]
    Bridge,
    /// Nobody.
    Private,
    /// Everybody whom the switch outside sends packets back to.
    Vepa,
}

const PARENT: &str = "parent";
const MACVLAN_MODE: &str = "macvlan_mode";
const IPVLAN_MODE: &str = "ipvlan_mode";
const IPVLAN_FLAG: &str = "ipvlan_flag";

const MACVLAN_MODES: [(&str, MacvlanMode); 4] = [
    ("bridge", MacvlanMode::Bridge),
    ("private", MacvlanMode::Private),
    ("vepa", MacvlanMode::Vepa),
    ("passthru", MacvlanMode::Passthru),
];
const IPVLAN_MODES: [(&str, IpvlanMode); 3] =
    [("l2", IpvlanMode::L2), ("l3", IpvlanMode::L3), ("l3s", IpvlanMode::L3s)];
const IPVLAN_FLAGS: [(&str, IpvlanFlag); 3] =
    [("bridge", IpvlanFlag::Bridge), ("private", IpvlanFlag::Private), ("vepa", IpvlanFlag::Vepa)];

impl DirectSpec {
    /// The network of this driver; `None` for one that is a bridge.
    pub fn of_driver(driver: &str) -> Option<Self> {
        let kind = match driver {
            "macvlan" => DirectKind::Macvlan(MacvlanMode::default()),
            "ipvlan" => DirectKind::Ipvlan(IpvlanMode::default(), IpvlanFlag::default()),
            _ => return None,
        };
        Some(Self { kind, parent: None })
    }

    /// Reads `driver_opts` of a network of this driver: what they say of such a network, if it is
    /// one, and the rest.
    pub fn read(
        driver: &str,
        options: &BTreeMap<String, String>,
    ) -> Result<(Option<Self>, BridgeOptions), BridgeFault> {
        let Some(mut direct) = Self::of_driver(driver) else {
            return BridgeOptions::read(options).map(|bridge| (None, bridge));
        };
        let mut rest = BTreeMap::new();
        for (key, value) in options {
            if BridgeOptions::is_mtu(key) {
                rest.insert(key.clone(), value.clone());
            } else {
                direct.set(driver, key, value)?;
            }
        }
        Ok((Some(direct), BridgeOptions::read(&rest)?))
    }

    fn set(&mut self, driver: &str, key: &str, value: &str) -> Result<(), BridgeFault> {
        match (key, &mut self.kind) {
            (PARENT, _) if value.is_empty() => {}
            (PARENT, _) => {
                let name = nets::interface_name(value);
                let fault = |refused: crate::source::cast::Refused| BridgeFault {
                    message: refused.message,
                    hint: refused.hint,
                };
                self.parent = Some(name.map_err(fault)?);
            }
            (MACVLAN_MODE, DirectKind::Macvlan(mode)) => *mode = choose(key, value, &MACVLAN_MODES)?,
            (IPVLAN_MODE, DirectKind::Ipvlan(mode, _)) => *mode = choose(key, value, &IPVLAN_MODES)?,
            (IPVLAN_FLAG, DirectKind::Ipvlan(_, flag)) => *flag = choose(key, value, &IPVLAN_FLAGS)?,
            (_, kind) => {
                let known = match kind {
                    DirectKind::Macvlan(_) => "parent, macvlan_mode",
                    DirectKind::Ipvlan(..) => "parent, ipvlan_mode, ipvlan_flag",
                };
                let message = format!("`{}` is not an option of {driver}", key.escape_debug());
                let hint = format!("possible are {known}, com.docker.network.driver.mtu");
                return Err(BridgeFault { message, hint });
            }
        }
        Ok(())
    }

    /// Whether the name of an option means something to a network of any such driver.
    pub(crate) fn knows(key: &str) -> Option<&'static str> {
        match key {
            PARENT | MACVLAN_MODE => Some("macvlan"),
            IPVLAN_MODE | IPVLAN_FLAG => Some("ipvlan"),
            _ => None,
        }
    }

    /// What is set, in the words of a stack file.
    pub fn shown(&self) -> BTreeMap<String, String> {
        let word = |name: &str, word: &str| Some((name.to_owned(), word.to_owned()));
        let (mode, flag) = match self.kind {
            DirectKind::Macvlan(mode) => (word(MACVLAN_MODE, name_of(&MACVLAN_MODES, mode)), None),
            DirectKind::Ipvlan(mode, flag) => (
                word(IPVLAN_MODE, name_of(&IPVLAN_MODES, mode)),
                word(IPVLAN_FLAG, name_of(&IPVLAN_FLAGS, flag)),
            ),
        };
        let parent = self.parent.as_ref().map(|parent| (PARENT.to_owned(), parent.clone()));
        [parent, mode, flag].into_iter().flatten().collect()
    }

    /// Whether packets to the outside need no gateway: the parent is the router.
    pub fn is_routed(&self) -> bool {
        matches!(self.kind, DirectKind::Ipvlan(IpvlanMode::L3 | IpvlanMode::L3s, _))
    }
}

impl fmt::Display for DirectKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Macvlan(_) => "macvlan",
            Self::Ipvlan(..) => "ipvlan",
        })
    }
}

fn choose<T: Copy>(key: &str, value: &str, known: &[(&str, T)]) -> Result<T, BridgeFault> {
    let found = known.iter().find(|(name, _)| *name == value).map(|(_, meaning)| *meaning);
    found.ok_or_else(|| BridgeFault {
        message: format!("`{}` is no value for `{key}`", value.escape_debug()),
        hint: format!("possible are {}", known.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(", ")),
    })
}

fn name_of<T: PartialEq>(known: &[(&'static str, T)], wanted: T) -> &'static str {
    known.iter().find(|(_, meaning)| *meaning == wanted).map_or("", |(name, _)| name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(
        driver: &str,
        pairs: &[(&str, &str)],
    ) -> Result<(Option<DirectSpec>, BridgeOptions), BridgeFault> {
        let pair = |(key, value): &(&str, &str)| ((*key).to_owned(), (*value).to_owned());
        DirectSpec::read(driver, &pairs.iter().map(pair).collect())
    }

    #[test]
    fn options_of_each_driver_are_read_and_shown_again() {
        let (direct, rest) = read("macvlan", &[("parent", "eth0.10"), ("mtu", "1400")]).unwrap();
        let direct = direct.unwrap();
        assert_eq!((direct.parent.as_deref(), rest.mtu), (Some("eth0.10"), Some(1400)));
        assert_eq!(direct.shown()["macvlan_mode"], "bridge");
        let (direct, _) = read("ipvlan", &[("ipvlan_mode", "l3"), ("ipvlan_flag", "private")]).unwrap();
        let direct = direct.unwrap();
        assert!(direct.is_routed() && direct.parent.is_none());
        assert_eq!(direct.shown()["ipvlan_flag"], "private");
        assert_eq!(read("bridge", &[("mtu", "1400")]).unwrap().0, None);
    }

    #[test]
    fn options_of_another_driver_are_told() {
        for (driver, wrong) in [
            ("macvlan", ("macvlan_mode", "l2")),
            ("macvlan", ("ipvlan_mode", "l2")),
            ("macvlan", ("com.docker.network.bridge.enable_icc", "false")),
            ("ipvlan", ("parent", "a/b")),
            ("bridge", ("parent", "eth0")),
        ] {
            assert!(read(driver, &[wrong]).is_err(), "{driver} {wrong:?}");
        }
    }
}
