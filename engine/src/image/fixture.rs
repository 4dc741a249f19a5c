//! Archives made by hand, also such as no tool would make.

use super::{Images, Input, attributes, digest};
use crate::store::Store;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::ffi::CString;
use std::fs;
use std::io::Write;
use std::os::fd::AsFd;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::Path;
use tar::{Builder, EntryType, Header};

/// A store of its own on a file system of its own; `None` skips the test.
pub(crate) fn images() -> Option<Images> {
    let root = crate::testing::private_mounts()?;
    let store = Store::new(root.join("root"), root.join("run"));
    store.prepare().unwrap();
    Some(Images::new(&store))
}

/// Loads an image of one layer with one file; gives its id.
pub(crate) fn loaded(images: &Images, name: &str, text: &str) -> String {
    let archive = docker_archive(&[name], &[Tar::new().file("file", text).finish()]);
    images.load(Input::Stream(&mut archive.as_slice())).unwrap()[0].id.clone()
}

type Adjust = fn(&mut Header);

/// Writes entries one after another. Owner is 1:2, mode 755, time 1000.
pub(crate) struct Tar {
    tar: Builder<Vec<u8>>,
    /// For the next entry only.
    adjust: Option<Adjust>,
    /// For the next node.
    device: (u32, u32),
}

impl Tar {
    pub(crate) fn new() -> Self {
        Self { tar: Builder::new(Vec::new()), adjust: None, device: (0, 0) }
    }

    /// Changes the header of the next entry.
    pub(crate) fn with(mut self, adjust: Adjust) -> Self {
        self.adjust = Some(adjust);
        self
    }

    /// Extended fields of the next entry.
    pub(crate) fn pax(mut self, fields: &[(&str, &[u8])]) -> Self {
        self.tar.append_pax_extensions(fields.iter().copied()).unwrap();
        self
    }

    pub(crate) fn file(self, name: &str, text: &str) -> Self {
        self.data(name, text.as_bytes())
    }

    /// Several files, by name and text.
    pub(crate) fn files(self, files: &[(&str, &str)]) -> Self {
        files.iter().fold(self, |tar, (name, text)| tar.file(name, text))
    }

    pub(crate) fn data(self, name: &str, data: &[u8]) -> Self {
        self.entry(name, EntryType::Regular, "", data)
    }

    pub(crate) fn folder(self, name: &str) -> Self {
        self.entry(name, EntryType::Directory, "", &[])
    }

    pub(crate) fn symlink(self, name: &str, target: &str) -> Self {
        self.entry(name, EntryType::Symlink, target, &[])
    }

    pub(crate) fn link(self, name: &str, target: &str) -> Self {
        self.entry(name, EntryType::Link, target, &[])
    }

    pub(crate) fn node(self, name: &str, kind: EntryType, device: (u32, u32)) -> Self {
        Self { device, ..self }.entry(name, kind, "", &[])
    }

    pub(crate) fn finish(self) -> Vec<u8> {
        self.tar.into_inner().unwrap()
    }

    /// Names are put into the header as they are: the library would refuse some.
    fn entry(mut self, name: &str, kind: EntryType, link: &str, data: &[u8]) -> Self {
        let mut header = Header::new_ustar();
        header.as_old_mut().name[..name.len()].copy_from_slice(name.as_bytes());
        header.as_old_mut().linkname[..link.len()].copy_from_slice(link.as_bytes());
        header.set_entry_type(kind);
        header.set_mode(0o755);
        header.set_uid(1);
        header.set_gid(2);
        header.set_mtime(1000);
        header.set_size(data.len() as u64);
        header.set_device_major(self.device.0).unwrap();
        header.set_device_minor(self.device.1).unwrap();
        if let Some(adjust) = self.adjust.take() {
            adjust(&mut header);
        }
        header.set_cksum();
        self.tar.append(&header, data).unwrap();
        self
    }
}

pub(crate) fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

pub(crate) fn zstd(bytes: &[u8]) -> Vec<u8> {
    zstd::encode_all(bytes, 1).unwrap()
}

/// The config of an image with these layers, as plain tars.
pub(crate) fn config(layers: &[Vec<u8>]) -> Vec<u8> {
    let diff_ids: Vec<String> = layers.iter().map(|layer| digest::of(layer)).collect();
    let config = json!({
        "architecture": "amd64", "os": "linux", "created": "2024-05-01T10:00:00Z", "author": "me",
        "config": { "Cmd": ["sh"], "Env": ["A=1"] },
        "rootfs": { "type": "layers", "diff_ids": diff_ids },
    });
    serde_json::to_vec(&config).unwrap()
}

/// A docker-archive of one image; `manifest.json` comes last, as with old writers.
pub(crate) fn docker_archive(tags: &[&str], layers: &[Vec<u8>]) -> Vec<u8> {
    let config = config(layers);
    let name = format!("{}.json", digest::hex(&digest::of(&config)));
    let mut tar = Tar::new();
    let mut names = Vec::new();
    for (number, layer) in layers.iter().enumerate() {
        // The first layer is stored once and linked to, as podman does.
        let target = if number == 0 { "first.tar".to_owned() } else { format!("{number}/layer.tar") };
        tar = tar.data(&target, layer);
        if number == 0 {
            tar = tar.symlink("0/layer.tar", "../first.tar");
        }
        names.push(format!("{number}/layer.tar"));
    }
    let manifest = json!([{ "Config": name, "RepoTags": tags, "Layers": names }]);
    tar.data(&name, &config).data("manifest.json", &serde_json::to_vec(&manifest).unwrap()).finish()
}

/// Blobs of an OCI layout, put together step by step.
pub(crate) struct Oci {
    tar: Tar,
}

impl Oci {
    pub(crate) fn new() -> Self {
        Self { tar: Tar::new().file("oci-layout", r#"{"imageLayoutVersion":"1.0.0"}"#) }
    }

    /// Adds a blob; gives its descriptor.
    pub(crate) fn blob(&mut self, kind: &str, content: &[u8]) -> Value {
        let digest = digest::of(content);
        self.named(&digest, content);
        json!({ "mediaType": kind, "digest": digest, "size": content.len() })
    }

    /// Adds a blob under a digest that may not be its own.
    pub(crate) fn named(&mut self, digest: &str, content: &[u8]) {
        let tar = std::mem::replace(&mut self.tar, Tar::new());
        self.tar = tar.data(&format!("blobs/sha256/{}", digest::hex(digest)), content);
    }

    /// Adds an image of gzipped layers; gives the descriptor of its manifest.
    pub(crate) fn image(&mut self, layers: &[Vec<u8>]) -> Value {
        let config = self.blob("application/vnd.oci.image.config.v1+json", &config(layers));
        let kind = "application/vnd.oci.image.layer.v1.tar+gzip";
        let layers: Vec<Value> = layers.iter().map(|layer| self.blob(kind, &gzip(layer))).collect();
        let manifest = json!({ "schemaVersion": 2, "config": config, "layers": layers });
        self.blob("application/vnd.oci.image.manifest.v1+json", &serde_json::to_vec(&manifest).unwrap())
    }

    /// Adds an index blob; gives its descriptor.
    pub(crate) fn index(&mut self, manifests: &[Value]) -> Value {
        let index = json!({ "schemaVersion": 2, "manifests": manifests });
        self.blob("application/vnd.oci.image.index.v1+json", &serde_json::to_vec(&index).unwrap())
    }

    pub(crate) fn finish(self, manifests: &[Value]) -> Vec<u8> {
        let index = json!({ "schemaVersion": 2, "manifests": manifests });
        self.tar.data("index.json", &serde_json::to_vec(&index).unwrap()).finish()
    }
}

/// A descriptor with more said about it.
pub(crate) fn described(mut descriptor: Value, key: &str, value: Value) -> Value {
    descriptor[key] = value;
    descriptor
}

/// All there is to know of each file of a tree, a line each, hard links by their first name.
pub(crate) fn tree_of(root: &Path) -> Vec<String> {
    let mut lines = Vec::new();
    let mut names = BTreeMap::new();
    describe(root, root, &mut names, &mut lines);
    lines
}

fn describe(root: &Path, at: &Path, names: &mut BTreeMap<u64, String>, lines: &mut Vec<String>) {
    let stat = at.symlink_metadata().unwrap();
    let name = at.strip_prefix(root).unwrap().display().to_string();
    let kind = stat.file_type();
    let content = match () {
        () if kind.is_file() => digest::of(&fs::read(at).unwrap()),
        () if kind.is_symlink() => fs::read_link(at).unwrap().display().to_string(),
        () => format!("{}", stat.rdev()),
    };
    let first = if kind.is_dir() { &name } else { names.entry(stat.ino()).or_insert_with(|| name.clone()) };
    let (parent, last) = (at.parent().unwrap(), at.file_name().unwrap().to_str().unwrap());
    let parent = crate::tree::open_path(parent).unwrap();
    let last = CString::new(last).unwrap();
    let is_whiteout = kind.is_char_device() && stat.rdev() == 0;
    let facts = match () {
        // Nobody sees more of them.
        () if is_whiteout => String::new(),
        // Owner and times of the top folder are those of whoever made it.
        () if name.is_empty() => format!("{:o}", stat.mode()),
        () => {
            format!("{:o} {}:{} {}.{}", stat.mode(), stat.uid(), stat.gid(), stat.mtime(), stat.mtime_nsec())
        }
    };
    let xattrs = attributes::read(parent.as_fd(), &last).unwrap();
    let opaque = attributes::is_opaque(parent.as_fd(), &last).unwrap();
    lines.push(format!("{name} {facts} {content} ={first} {xattrs:?} {opaque}"));
    if kind.is_dir() {
        let mut inside: Vec<_> = fs::read_dir(at).unwrap().map(|entry| entry.unwrap().path()).collect();
        inside.sort();
        inside.iter().for_each(|path| describe(root, path, names, lines));
    }
}
