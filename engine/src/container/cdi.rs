//! Devices by the names that their vendors gave them: files of the Container Device Interface.

use crate::error::{Context, Error, Kind, Result};
use crate::sandbox::{Mount, MountSource};
use planner::desired::{Access, DeviceSpec};
use planner::source::yaml_value;
use serde::Deserialize;
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

/// Where the files are. Of two that name the same device the later folder's counts.
const FOLDERS: [&str; 2] = ["/etc/cdi", "/run/cdi"];
/// Larger ones are no such files.
const BYTES_MAX: u64 = 4 << 20;

/// A file: the devices of one vendor and class.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct File {
    kind: String,
    #[serde(default)]
    devices: Vec<Device>,
    #[serde(default)]
    container_edits: ContainerEdits,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Device {
    name: String,
    #[serde(default)]
    container_edits: ContainerEdits,
}

/// What a device changes in a container.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct ContainerEdits {
    env: Vec<String>,
    device_nodes: Vec<DeviceNode>,
    mounts: Vec<FileMount>,
    hooks: Vec<serde_json::Value>,
    additional_gids: Vec<u32>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct DeviceNode {
    path: String,
    #[serde(default)]
    host_path: Option<String>,
    #[serde(default)]
    permissions: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct FileMount {
    host_path: String,
    container_path: String,
    #[serde(default)]
    options: Vec<String>,
}

/// What devices bring along.
#[derive(Debug, Default)]
pub(super) struct Edits {
    /// Nodes.
    pub(super) nodes: Vec<DeviceSpec>,
    /// Files.
    pub(super) mounts: Vec<Mount>,
    /// Variables.
    pub(super) env: Vec<(String, String)>,
    /// Groups that may use them.
    pub(super) groups: Vec<u32>,
}

/// What these devices bring along: `vendor.com/class=name`, or `class=name` for the only vendor that
/// there is.
pub(super) fn edits(names: &[String]) -> Result<Edits> {
    let mut edits = Edits::default();
    if names.is_empty() {
        return Ok(edits);
    }
    let files = files(&FOLDERS.map(Path::new))?;
    let mut begun = BTreeSet::new();
    for name in names {
        let (file, device) = find(&files, name)?;
        if begun.insert(file.kind.clone()) {
            edits.add(&file.container_edits, name)?;
        }
        edits.add(&device.container_edits, name)?;
    }
    Ok(edits)
}

impl Edits {
    fn add(&mut self, more: &ContainerEdits, name: &str) -> Result<()> {
        if !more.hooks.is_empty() {
            let doing =
                format!("the device {name} wants programs of the host to prepare the container (hooks)");
            return Err(Error::new(Kind::Unsupported, doing)
                .hint("make its file without hooks, or name its nodes with `devices`"));
        }
        let pair =
            |text: &String| text.split_once('=').map(|(key, value)| (key.to_owned(), value.to_owned()));
        self.env.extend(more.env.iter().filter_map(pair));
        self.groups.extend(&more.additional_gids);
        self.nodes.extend(more.device_nodes.iter().map(|node| DeviceSpec {
            source:
                node.host_path.clone().filter(|path| !path.is_empty()).unwrap_or_else(|| node.path.clone()),
            target: node.path.clone(),
            access: node.permissions.as_deref().and_then(Access::parse).unwrap_or(Access::ALL),
        }));
        for file in &more.mounts {
            self.mounts.push(mount(file)?);
        }
        Ok(())
    }
}

fn mount(file: &FileMount) -> Result<Mount> {
    let metadata = fs::metadata(&file.host_path).doing(|| format!("look at {}", file.host_path))?;
    let source = file.host_path.clone().into();
    let source = if metadata.is_dir() { MountSource::Folder(source) } else { MountSource::File(source) };
    let read_only = file.options.iter().any(|option| option == "ro");
    Ok(Mount { target: file.container_path.clone(), read_only, source })
}

fn find<'a>(files: &'a [File], name: &str) -> Result<(&'a File, &'a Device)> {
    let (kind, device) = name.split_once('=').unwrap_or((name, "all"));
    let is_kind =
        |file: &&File| file.kind == kind || file.kind.split_once('/').is_some_and(|(_, class)| class == kind);
    let all: Vec<&File> = files.iter().filter(is_kind).collect();
    let vendors: BTreeSet<&str> = all.iter().map(|file| file.kind.as_str()).collect();
    if vendors.len() > 1 {
        let listed = vendors.into_iter().collect::<Vec<_>>().join(", ");
        return Err(Error::new(Kind::Conflict, format!("devices of several vendors are {kind}: {listed}"))
            .hint("say whose with `driver`, or name it: vendor.com/class=name"));
    }
    let of =
        |file: &'a File| file.devices.iter().find(|known| known.name == device).map(|found| (file, found));
    all.into_iter().rev().find_map(of).ok_or_else(|| {
        let known: Vec<String> = files
            .iter()
            .flat_map(|file| file.devices.iter().map(|one| format!("{}={}", file.kind, one.name)))
            .collect();
        let hint = if known.is_empty() {
            "devices are declared by files in /etc/cdi and /run/cdi; for NVIDIA: nvidia-ctk cdi generate"
                .to_owned()
        } else {
            format!("there are {}", known.join(", "))
        };
        Error::new(Kind::NotFound, format!("there is no device {name} on this machine")).hint(hint)
    })
}

/// All files, by folder and name. One that cannot be read is an error: a device could be missing.
fn files(folders: &[&Path]) -> Result<Vec<File>> {
    let mut found = Vec::new();
    for folder in folders {
        let entries = fs::read_dir(folder).into_iter().flatten().flatten();
        let mut paths: Vec<_> = entries.map(|entry| entry.path()).collect();
        paths.sort();
        let is_one = |ending: &str| ["json", "yaml", "yml"].contains(&ending);
        paths.retain(|path| path.extension().and_then(|ending| ending.to_str()).is_some_and(is_one));
        for path in paths {
            found.push(read(&path).doing(|| format!("read the devices in {}", path.display()))?);
        }
    }
    Ok(found)
}

fn read(path: &Path) -> std::io::Result<File> {
    use std::io::{Error, ErrorKind};
    if fs::metadata(path)?.len() > BYTES_MAX {
        return Err(Error::from(ErrorKind::FileTooLarge));
    }
    // JSON is YAML, too.
    let value =
        yaml_value(&fs::read_to_string(path)?).map_err(|why| Error::new(ErrorKind::InvalidData, why))?;
    serde_json::from_value(value).map_err(|error| Error::new(ErrorKind::InvalidData, error))
}

#[cfg(test)]
mod tests {
    use super::*;

    const TWO: &str = "cdiVersion: 0.6.0\nkind: vendor.com/gpu\ncontainerEdits: {env: [COMMON=1]}\n\
        devices:\n- name: '0'\n  containerEdits:\n    env: [GPU=0]\n    deviceNodes: [{path: /dev/gpu0, hostPath: /dev/null, permissions: rw}]\n\
        - name: all\n  containerEdits: {hooks: [{hookName: createContainer, path: /bin/true}]}\n";

    fn folder(files: &[(&str, &str)]) -> (tempfile::TempDir, Vec<File>) {
        let folder = tempfile::tempdir().unwrap();
        files.iter().for_each(|(name, text)| fs::write(folder.path().join(name), text).unwrap());
        let found = super::files(&[folder.path()]).unwrap();
        (folder, found)
    }

    #[test]
    fn a_device_is_found_by_its_full_name_and_by_its_class() {
        let (_folder, files) = folder(&[("a.yaml", TWO), ("other.txt", "nonsense: [")]);
        for name in ["vendor.com/gpu=0", "gpu=0"] {
            assert_eq!(find(&files, name).unwrap().1.name, "0");
        }
        let error = find(&files, "gpu=7").unwrap_err();
        assert_eq!(error.doing, "there is no device gpu=7 on this machine");
        assert_eq!(error.hint.unwrap(), "there are vendor.com/gpu=0, vendor.com/gpu=all");
        let error = find(&[], "nvidia.com/gpu=all").unwrap_err();
        assert!(error.hint.unwrap().contains("nvidia-ctk"));
    }

    #[test]
    fn edits_are_those_of_the_file_and_of_the_device() {
        let (_folder, files) = folder(&[("a.json", TWO)]);
        let (file, device) = find(&files, "gpu=0").unwrap();
        let mut edits = Edits::default();
        edits.add(&file.container_edits, "gpu=0").unwrap();
        edits.add(&device.container_edits, "gpu=0").unwrap();
        let pair = |key: &str, value: &str| (key.to_owned(), value.to_owned());
        assert_eq!(edits.env, [pair("COMMON", "1"), pair("GPU", "0")]);
        assert_eq!(
            (edits.nodes[0].source.as_str(), edits.nodes[0].target.as_str()),
            ("/dev/null", "/dev/gpu0")
        );
        let (_, all) = find(&files, "gpu=all").unwrap();
        assert!(edits.add(&all.container_edits, "gpu=all").unwrap_err().doing.contains("hooks"));
    }

    #[test]
    fn two_vendors_of_one_class_must_be_told_apart() {
        let other = TWO.replace("vendor.com", "other.org");
        let (_folder, files) = folder(&[("a.yaml", TWO), ("b.yaml", &other)]);
        assert_eq!(find(&files, "gpu=0").unwrap_err().kind, Kind::Conflict);
        assert_eq!(find(&files, "other.org/gpu=0").unwrap().0.kind, "other.org/gpu");
    }

    #[test]
    fn a_file_that_is_none_is_named() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("a.json"), "{").unwrap();
        assert!(super::files(&[folder.path()]).unwrap_err().doing.contains("a.json"));
    }
}
