//! The devices that a container gets: what stands in its spec, as this machine has it.

use super::cdi;
use crate::error::{Context, Error, Kind, Result};
use crate::sandbox::{CapSet, Device, Mount, device_nodes, host_devices};
use planner::ContainerSpec;
use planner::desired::{DeviceKind, DeviceRule, DeviceSpec};
use std::fs;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::{Path, PathBuf};

/// What a container gets with its devices.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Given {
    /// Nodes of the host.
    pub nodes: Vec<Device>,
    /// What it may do with which devices; none where nobody guards them.
    pub rules: Option<Vec<DeviceRule>>,
    /// Files that belong to them.
    pub mounts: Vec<Mount>,
    /// Variables that belong to them.
    pub env: Vec<(String, String)>,
    /// Groups that may use them.
    pub groups: Vec<u32>,
}

/// What a container gets. Privileged ones get all devices, and nobody guards them.
pub fn given(spec: &ContainerSpec) -> Result<Given> {
    let mut given = Given::default();
    let mut rules = spec.devices.rules.clone();
    if spec.privileged {
        given.nodes = host_devices()?;
    }
    let edits = cdi::edits(&spec.devices.named)?;
    for node in spec.devices.nodes.iter().chain(&edits.nodes) {
        for device in nodes(node)? {
            rules.push(rule(&device, node)?);
            given.nodes.retain(|known| known.target != device.target);
            given.nodes.push(device);
        }
    }
    given.rules = (is_guarded(spec) || !edits.nodes.is_empty()).then_some(rules).filter(|_| !spec.privileged);
    given.mounts = edits.mounts;
    given.env = edits.env;
    given.groups = edits.groups;
    Ok(given)
}

/// Whether a device group must say what may be used. Otherwise it is enough that no file system of the
/// container has devices; who may mount could change that.
fn is_guarded(spec: &ContainerSpec) -> bool {
    let mounts = CapSet::named("SYS_ADMIN").zip(CapSet::of(spec).ok());
    let may_mount = mounts.is_some_and(|(admin, granted)| granted.has(admin));
    may_mount || !spec.devices.nodes.is_empty() || !spec.devices.rules.is_empty()
}

/// Whether nodes on the container's own file systems are devices.
pub fn are_everywhere(spec: &ContainerSpec) -> bool {
    !spec.devices.rules.is_empty()
}

/// A node, or all nodes of a folder.
fn nodes(spec: &DeviceSpec) -> Result<Vec<Device>> {
    let source = PathBuf::from(&spec.source);
    let metadata = fs::metadata(&source).doing(|| format!("look at the device {}", spec.source))?;
    if !metadata.is_dir() {
        return Ok(vec![Device { source, target: spec.target.clone() }]);
    }
    let inside = |path: PathBuf| {
        let rest = path.strip_prefix(&source).ok().and_then(Path::to_str)?;
        let target = format!("{}/{rest}", spec.target.trim_end_matches('/'));
        Some(Device { source: path.clone(), target })
    };
    Ok(device_nodes(&source)?.into_iter().filter_map(inside).collect())
}

/// What the spec says of a node, by number.
fn rule(device: &Device, spec: &DeviceSpec) -> Result<DeviceRule> {
    let shown = device.source.display();
    let metadata = fs::metadata(&device.source).doing(|| format!("look at the device {shown}"))?;
    let kind = metadata.file_type();
    let kind = match (kind.is_char_device(), kind.is_block_device()) {
        (true, _) => DeviceKind::Char,
        (_, true) => DeviceKind::Block,
        _ => {
            return Err(Error::new(Kind::Unsupported, format!("{shown} is not a device"))
                .hint("files and folders are mounted with `volumes`"));
        }
    };
    let number = metadata.rdev();
    Ok(DeviceRule {
        kind,
        major: Some(rustix::fs::major(number)),
        minor: Some(rustix::fs::minor(number)),
        access: spec.access,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use planner::desired::{Access, Devices};

    fn spec(nodes: &[(&str, &str)]) -> ContainerSpec {
        let node = |(source, target): &(&str, &str)| DeviceSpec {
            source: (*source).to_owned(),
            target: (*target).to_owned(),
            access: Access::parse("r").unwrap(),
        };
        let devices = Devices { nodes: nodes.iter().map(node).collect(), ..Devices::default() };
        ContainerSpec { devices, ..ContainerSpec::default() }
    }

    #[test]
    fn a_node_comes_with_its_rule() {
        let given = given(&spec(&[("/dev/null", "/dev/nothing")])).unwrap();
        assert_eq!(given.nodes, [Device { source: "/dev/null".into(), target: "/dev/nothing".into() }]);
        assert_eq!(given.rules.unwrap(), [DeviceRule::parse("c 1:3 r").unwrap()]);
    }

    #[test]
    fn nobody_guards_what_has_no_devices_or_all() {
        assert_eq!(given(&ContainerSpec::default()).unwrap(), Given::default());
        let admin = ContainerSpec { cap_add: vec!["SYS_ADMIN".into()], ..ContainerSpec::default() };
        assert_eq!(given(&admin).unwrap().rules, Some(Vec::new()));
        let all = ContainerSpec { privileged: true, ..spec(&[("/dev/null", "/dev/null")]) };
        let all = given(&all).unwrap();
        assert_eq!(all.rules, None);
        assert_eq!(all.nodes.iter().filter(|node| node.target == "/dev/null").count(), 1);
    }

    #[test]
    fn what_is_no_device_is_refused() {
        let error = given(&spec(&[("/etc/hostname", "/dev/a")])).unwrap_err();
        assert_eq!(error.doing, "/etc/hostname is not a device");
        assert_eq!(given(&spec(&[("/dev/none", "/dev/a")])).unwrap_err().kind, Kind::NotFound);
    }
}
