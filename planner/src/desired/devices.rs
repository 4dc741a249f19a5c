//! Devices that a container gets.

use crate::model::{DeviceRequest, Service};
use serde::{Deserialize, Serialize};
use std::fmt;

/// Devices that a container gets.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Devices {
    /// Nodes of the host, or folders of nodes.
    pub nodes: Vec<DeviceSpec>,
    /// More devices that it may use, by number.
    pub rules: Vec<DeviceRule>,
    /// Devices by the names that their vendors gave them: `vendor.com/class=name`, or `class=name`
    /// for any vendor's.
    pub named: Vec<String>,
}

/// A device of the host.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct DeviceSpec {
    /// Absolute path on the host.
    pub source: String,
    /// Absolute path in the container.
    pub target: String,
    /// What it may do with it.
    pub access: Access,
}

/// What may be done with a device.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Access {
    /// Read from it.
    pub read: bool,
    /// Write to it.
    pub write: bool,
    /// Make a node for it.
    pub make: bool,
}

impl Access {
    /// Everything.
    pub const ALL: Self = Self { read: true, write: true, make: true };

    /// Some of `rwm`, at least one.
    pub fn parse(text: &str) -> Option<Self> {
        let known = !text.is_empty() && text.chars().all(|c| "rwm".contains(c));
        let has = |c| text.contains(c);
        known.then(|| Self { read: has('r'), write: has('w'), make: has('m') })
    }
}

impl fmt::Display for Access {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let letters = [(self.read, "r"), (self.write, "w"), (self.make, "m")];
        letters.iter().filter(|(may, _)| *may).try_for_each(|(_, letter)| f.write_str(letter))
    }
}

/// A kind of device.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum DeviceKind {
    /// Either.
    Any,
    /// One with blocks, such as a disk.
    Block,
    /// One with characters, such as a terminal.
    Char,
}

/// Devices that may be used, by number: `c 1:3 rw`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeviceRule {
    /// Of this kind.
    pub kind: DeviceKind,
    /// Of this driver; `None` is any.
    pub major: Option<u32>,
    /// This one of the driver's; `None` is any.
    pub minor: Option<u32>,
    /// What may be done with them.
    pub access: Access,
}

impl DeviceRule {
    /// `kind major:minor access`, with `a`, `b` or `c` for the kind and `*` for any number.
    pub fn parse(text: &str) -> Option<Self> {
        let mut words = text.split_whitespace();
        let kind = match words.next()? {
            "a" => DeviceKind::Any,
            "b" => DeviceKind::Block,
            "c" => DeviceKind::Char,
            _ => return None,
        };
        let (major, minor) = words.next()?.split_once(':')?;
        let number = |text: &str| match text {
            "*" => Some(None),
            _ => text.parse::<u32>().ok().filter(|number| *number < 1 << 20).map(Some),
        };
        let access = Access::parse(words.next()?)?;
        let rule = Self { kind, major: number(major)?, minor: number(minor)?, access };
        words.next().is_none().then_some(rule)
    }
}

impl fmt::Display for DeviceRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = match self.kind {
            DeviceKind::Any => "a",
            DeviceKind::Block => "b",
            DeviceKind::Char => "c",
        };
        let number = |number: Option<u32>| number.map_or_else(|| "*".to_owned(), |number| number.to_string());
        write!(f, "{kind} {}:{} {}", number(self.major), number(self.minor), self.access)
    }
}

/// Whether a device is named by its vendor: `vendor.com/class=name`.
pub(crate) fn is_named(source: &str) -> bool {
    let parts = source.split_once('=').and_then(|(kind, name)| Some((kind.split_once('/')?, name)));
    parts.is_some_and(|((vendor, class), name)| ![vendor, class, name].contains(&"") && !class.contains('/'))
}

impl Service {
    /// The devices that its containers get.
    pub(super) fn all_devices(&self) -> Devices {
        let (named, nodes): (Vec<_>, Vec<_>) =
            self.devices.iter().partition(|device| is_named(&device.source));
        let node = |device: &&crate::model::DeviceMapping| DeviceSpec {
            source: device.source.clone(),
            target: if device.target.is_empty() { &device.source } else { &device.target }.clone(),
            access: Access::parse(&device.permissions).unwrap_or(Access::ALL),
        };
        let reserved = self.deploy.as_ref().and_then(|deploy| deploy.resources.reservations.as_ref());
        let requests = reserved.into_iter().flat_map(|amounts| &amounts.devices).chain(&self.gpus);
        Devices {
            nodes: nodes.iter().map(node).collect(),
            rules: self.device_cgroup_rules.iter().filter_map(|text| DeviceRule::parse(text)).collect(),
            named: named.iter().map(|device| device.source.clone()).chain(requests.flat_map(names)).collect(),
        }
    }
}

/// A request for devices by what they can do, as names.
fn names(request: &DeviceRequest) -> Vec<String> {
    if request.driver == "cdi" {
        return request.device_ids.clone();
    }
    // `compute`, `utility` and the like are of a GPU.
    let classes = ["tpu", "npu"];
    let class =
        request.capabilities.iter().map(String::as_str).find(|one| classes.contains(one)).unwrap_or("gpu");
    let kind = match request.driver.as_str() {
        "" => class.to_owned(),
        "nvidia" | "amd" | "intel" => format!("{}.com/{class}", request.driver),
        vendor => format!("{vendor}/{class}"),
    };
    match (&request.device_ids[..], u32::try_from(request.count.0)) {
        ([], Ok(count)) if count > 0 => {
            (0..count.min(1024)).map(|number| format!("{kind}={number}")).collect()
        }
        ([], _) => vec![format!("{kind}=all")],
        (ids, _) => ids.iter().map(|id| format!("{kind}={id}")).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::DeviceCount;

    #[test]
    fn a_rule_is_read_and_written() {
        for text in ["c 1:3 rw", "a *:* rwm", "b 254:* m", "c *:5 r"] {
            assert_eq!(DeviceRule::parse(text).unwrap().to_string(), text);
        }
        assert_eq!(DeviceRule::parse("c 1:3 mr").unwrap().to_string(), "c 1:3 rm");
        for text in
            ["", "c", "c 1:3", "c 1:3 x", "d 1:3 r", "c 1 r", "c 1:3 r more", "c -1:3 r", "c 1:9999999 r"]
        {
            assert_eq!(DeviceRule::parse(text), None, "{text}");
        }
    }

    #[test]
    fn vendors_have_names_for_devices() {
        assert!(is_named("nvidia.com/gpu=0") && is_named("vendor.com/net=all"));
        for text in ["/dev/a=b", "/dev/fuse", "gpu=0", "vendor.com/a/b=c", "vendor.com/gpu="] {
            assert!(!is_named(text), "{text}");
        }
    }

    #[test]
    fn requests_become_names() {
        let request = |driver: &str, count, ids: &[&str]| DeviceRequest {
            driver: driver.into(),
            count: DeviceCount(count),
            device_ids: ids.iter().map(|id| (*id).to_owned()).collect(),
            ..DeviceRequest::default()
        };
        assert_eq!(names(&request("", -1, &[])), ["gpu=all"]);
        assert_eq!(names(&request("nvidia", 2, &[])), ["nvidia.com/gpu=0", "nvidia.com/gpu=1"]);
        assert_eq!(names(&request("nvidia", 0, &["GPU-a"])), ["nvidia.com/gpu=GPU-a"]);
        assert_eq!(names(&request("cdi", 0, &["vendor.com/x=1"])), ["vendor.com/x=1"]);
    }
}
