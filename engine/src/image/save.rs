//! Images as an archive that other tools read: an OCI layout
//! (<https://github.com/opencontainers/image-spec/blob/main/image-layout.md>), with `manifest.json`
//! beside it also what `docker load` takes, as `docker save` writes since version 25.
//!
//! Layers are plain tars, named by their diff ids. The same images give the same bytes.

use super::catalog::{Index, familiar};
use super::header::{self, Meta};
use super::manage::existing;
use super::{Images, Reference, digest};
use crate::error::{Context, Error, Kind, Result};
use serde::Serialize;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Write};
use tar::EntryType;

/// Form of an archive.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ArchiveFormat {
    /// What `docker load` and everything else reads.
    #[default]
    Docker,
    /// An OCI layout and nothing else.
    Oci,
}

/// One image that goes into the archive.
struct Saved {
    id: String,
    config: Vec<u8>,
    layers: Vec<String>,
    platform: Value,
    /// The names that it was asked for by.
    references: Vec<Reference>,
}

/// Writes images that names, ids or beginnings of ids stand for. An image has those names in the
/// archive that it was asked for by.
pub(crate) fn save(
    images: &Images,
    names: &[String],
    format: ArchiveFormat,
    to: &mut dyn Write,
) -> Result<()> {
    // From here on its layers cannot go.
    let _hold = images.hold_layers()?;
    let saved = find(images, names)?;
    let layers: BTreeSet<&String> = saved.iter().flat_map(|image| &image.layers).collect();
    let sizes = layers.into_iter().map(|layer| Ok((layer, images.packed_size(layer)?)));
    let sizes: BTreeMap<&String, u64> = sizes.collect::<Result<_>>()?;
    let mut archive = Archive { to };
    archive.folders(&["blobs/", "blobs/sha256/"])?;
    archive.text("oci-layout", &json!({ "imageLayoutVersion": "1.0.0" }))?;
    let mut entries = Vec::new();
    for image in &saved {
        archive.blob(&image.id, &image.config)?;
        let manifest = json_of(&manifest(image, &sizes))?;
        let digest = digest::of(&manifest);
        archive.blob(&digest, &manifest)?;
        entries.extend(descriptors(image, &digest, manifest.len()));
    }
    let index = json!({ "schemaVersion": 2, "mediaType": "application/vnd.oci.image.index.v1+json", "manifests": entries });
    archive.text("index.json", &index)?;
    if format == ArchiveFormat::Docker {
        archive.text("manifest.json", &saved.iter().map(item).collect::<Vec<_>>())?;
    }
    for (layer, size) in &sizes {
        archive.layer(images, layer, *size)?;
    }
    header::end(&mut archive.to).map_err(unwritten)
}

/// Each image once, in the order of the names.
fn find(images: &Images, names: &[String]) -> Result<Vec<Saved>> {
    let _lock = images.lock_to_read()?;
    let index = images.index()?;
    let mut saved: Vec<Saved> = Vec::new();
    for name in names {
        let id = existing(&index, name)?;
        let reference = tag_of(&index, &id, name);
        if let Some(image) = saved.iter_mut().find(|image| image.id == id) {
            image.references.extend(reference.filter(|reference| !image.references.contains(reference)));
            continue;
        }
        let (config, file) = images.config_file(&id)?;
        let platform =
            [("architecture", Some(file.architecture)), ("os", Some(file.os)), ("variant", file.variant)];
        let said =
            platform.into_iter().filter_map(|(key, value)| Some((key.to_owned(), Value::String(value?))));
        saved.push(Saved {
            platform: said.collect(),
            layers: file.rootfs.diff_ids,
            references: reference.into_iter().collect(),
            config,
            id,
        });
    }
    Ok(saved)
}

/// The tag that a text is; an id is none.
fn tag_of(index: &Index, id: &str, text: &str) -> Option<Reference> {
    let reference: Reference = text.parse().ok()?;
    index.tags_of(id).any(|tag| tag == reference.to_string()).then_some(reference)
}

fn manifest(image: &Saved, sizes: &BTreeMap<&String, u64>) -> Value {
    let layer = |layer: &String| {
        let size = sizes.get(layer);
        json!({ "mediaType": "application/vnd.oci.image.layer.v1.tar", "digest": layer, "size": size })
    };
    json!({
        "schemaVersion": 2,
        "mediaType": "application/vnd.oci.image.manifest.v1+json",
        "config": {
            "mediaType": "application/vnd.oci.image.config.v1+json",
            "digest": image.id,
            "size": image.config.len(),
        },
        "layers": image.layers.iter().map(layer).collect::<Vec<_>>(),
    })
}

/// One for each name, and one for an image without any.
fn descriptors(image: &Saved, digest: &str, size: usize) -> Vec<Value> {
    let plain = json!({
        "mediaType": "application/vnd.oci.image.manifest.v1+json",
        "digest": digest,
        "size": size,
        "platform": image.platform,
    });
    let named = |reference: &Reference| {
        let mut named = plain.clone();
        named["annotations"] = json!({
            "io.containerd.image.name": reference.to_string(),
            "org.opencontainers.image.ref.name": reference.tag,
        });
        named
    };
    match image.references.as_slice() {
        [] => vec![plain],
        references => references.iter().map(named).collect(),
    }
}

/// One image of `manifest.json`.
fn item(image: &Saved) -> Value {
    let path = |digest: &String| format!("blobs/sha256/{}", digest::hex(digest));
    let tags: Vec<String> =
        image.references.iter().map(|reference| familiar(&reference.to_string())).collect();
    json!({
        "Config": path(&image.id),
        "RepoTags": tags,
        "Layers": image.layers.iter().map(path).collect::<Vec<_>>(),
    })
}

struct Archive<'a> {
    to: &'a mut dyn Write,
}

impl Archive<'_> {
    fn folders(&mut self, paths: &[&str]) -> Result<()> {
        paths.iter().try_for_each(|path| self.header(path, EntryType::Directory, 0o755, 0))
    }

    fn text(&mut self, path: &str, value: &impl Serialize) -> Result<()> {
        self.file(path, &json_of(value)?)
    }

    fn blob(&mut self, digest: &str, content: &[u8]) -> Result<()> {
        self.file(&format!("blobs/sha256/{}", digest::hex(digest)), content)
    }

    fn file(&mut self, path: &str, content: &[u8]) -> Result<()> {
        self.header(path, EntryType::Regular, 0o644, content.len() as u64)?;
        self.to.write_all(content).map_err(unwritten)?;
        header::pad(&mut self.to, content.len() as u64).map_err(unwritten)
    }

    fn layer(&mut self, images: &Images, diff_id: &str, size: u64) -> Result<()> {
        let path = format!("blobs/sha256/{}", digest::hex(diff_id));
        self.header(&path, EntryType::Regular, 0o644, size)?;
        images.pack_layer(diff_id, self.to)?;
        header::pad(&mut self.to, size).map_err(unwritten)
    }

    fn header(&mut self, path: &str, kind: EntryType, mode: u32, size: u64) -> Result<()> {
        let meta = Meta { size, mode, ..Meta::of(path.as_bytes().to_vec(), kind) };
        header::write(&mut self.to, &meta).map_err(unwritten)
    }
}

fn json_of(value: &impl Serialize) -> Result<Vec<u8>> {
    serde_json::to_vec(value).map_err(io::Error::from).doing(|| "write JSON".to_owned())
}

fn unwritten(error: io::Error) -> Error {
    Error::new(Kind::System, "write the archive").remedy(error.kind()).because(error)
}

#[cfg(test)]
mod tests {
    use super::super::Input;
    use super::super::fixture::{Tar, docker_archive, images, loaded};
    use super::*;
    use crate::store::Store;
    use crate::tree;
    use std::path::{Path, PathBuf};
    use std::process::Command;

    /// Another store, on the same file system.
    fn elsewhere(images: &Images, name: &str) -> Images {
        let root = images.root().join(name);
        let store = Store::new(root.join("root"), root.join("run"));
        store.prepare().unwrap();
        Images::new(&store)
    }

    fn saved(images: &Images, names: &[&str], format: ArchiveFormat) -> Result<Vec<u8>> {
        let names: Vec<String> = names.iter().map(ToString::to_string).collect();
        let mut archive = Vec::new();
        save(images, &names, format, &mut archive).map(|()| archive)
    }

    /// An image of two layers, with a second one that shares the lower.
    fn two_images(images: &Images) -> Vec<String> {
        let base = Tar::new().folder("./").file("base", "x").finish();
        let upper = Tar::new().file(".wh.base", "").file("sub/a", "1").link("b", "sub/a").finish();
        let both = [
            docker_archive(&["web:1", "reg:5000/web"], &[base.clone(), upper]),
            docker_archive(&["base"], &[base]),
        ];
        both.iter()
            .map(|archive| images.load(Input::Stream(&mut archive.as_slice())).unwrap()[0].id.clone())
            .collect()
    }

    #[test]
    fn what_is_saved_loads_elsewhere_as_the_same_images_with_the_names_it_was_saved_by() {
        let Some(images) = images() else { return };
        let ids = two_images(&images);
        for (number, format) in [ArchiveFormat::Docker, ArchiveFormat::Oci].into_iter().enumerate() {
            let archive = saved(&images, &["web:1", "base", "web:1"], format).unwrap();
            assert_eq!(archive, saved(&images, &["web:1", "base"], format).unwrap());
            let other = elsewhere(&images, &number.to_string());
            let mut loaded = other.load(Input::Stream(&mut archive.as_slice())).unwrap();
            loaded.sort_by(|a, b| b.references.cmp(&a.references));
            let names: Vec<_> = loaded.iter().map(|image| image.references.join(" ")).collect();
            assert_eq!(names, ["web:1", "base:latest"]);
            assert_eq!(
                loaded.iter().map(|image| &image.id).collect::<Vec<_>>(),
                ids.iter().collect::<Vec<_>>()
            );
            // And is saved from there as the same bytes.
            assert_eq!(saved(&other, &["web:1", "base"], format).unwrap(), archive);
        }
    }

    #[test]
    fn an_image_that_is_saved_by_its_id_has_no_name() {
        let Some(images) = images() else { return };
        let ids = two_images(&images);
        let archive = saved(&images, &[&ids[0][7..20]], ArchiveFormat::Docker).unwrap();
        let other = elsewhere(&images, "other");
        let loaded = other.load(Input::Stream(&mut archive.as_slice())).unwrap();
        assert_eq!((loaded[0].references.len(), &loaded[0].id), (0, &ids[0]));
        let error = saved(&images, &["web:1", "no"], ArchiveFormat::Docker).unwrap_err();
        assert_eq!(error.kind, Kind::NotFound);
    }

    #[test]
    fn an_image_whose_layer_was_changed_is_not_saved() {
        let Some(images) = images() else { return };
        let id = loaded(&images, "web", "text");
        let layer = images.resolve(&id).unwrap().unwrap().layers[0].clone();
        std::fs::write(layer.join("file"), "next").unwrap();
        assert_eq!(saved(&images, &["web"], ArchiveFormat::Oci).unwrap_err().kind, Kind::Corrupt);
    }

    /// What skopeo prints; `None` skips the test where there is no skopeo.
    fn skopeo(arguments: &[&str]) -> Option<Value> {
        let done = match Command::new("skopeo")
            .args(["--insecure-policy", "--tmpdir", "/mnt"])
            .args(arguments)
            .output()
        {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                assert!(std::env::var_os("SAMPAN_REQUIRE_ROOT").is_none(), "this test needs skopeo");
                writeln!(io::stderr(), "skipped: needs skopeo").unwrap();
                return None;
            }
            done => done.unwrap(),
        };
        assert!(done.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&done.stderr));
        Some(serde_json::from_slice(&done.stdout).unwrap_or_default())
    }

    fn file(images: &Images, name: &str, content: &[u8]) -> PathBuf {
        let path = images.root().join(name);
        std::fs::write(&path, content).unwrap();
        path
    }

    fn load(images: &Images, path: &Path) -> String {
        images.load(Input::Path(path)).unwrap()[0].id.clone()
    }

    #[test]
    fn skopeo_reads_what_is_saved_and_we_read_what_it_writes() {
        let Some(images) = images() else { return };
        let ids = two_images(&images);
        let docker = file(&images, "docker.tar", &saved(&images, &["web:1"], ArchiveFormat::Docker).unwrap());
        let oci = file(&images, "oci.tar", &saved(&images, &["web:1"], ArchiveFormat::Oci).unwrap());
        let layers = serde_json::to_value(&images.index().unwrap().images[&ids[0]].layers).unwrap();
        for (transport, path) in
            [("docker-archive", &docker), ("oci-archive", &docker), ("oci-archive", &oci)]
        {
            let from = format!("{transport}:{}", path.display());
            let Some(told) = skopeo(&["inspect", &from]) else { return };
            assert_eq!(told["Layers"], layers, "{transport}");
            for (kind, name) in [("docker-archive", ":copy:2"), ("oci-archive", ":copy:2"), ("oci", ":2")] {
                let copy = images.root().join(format!("copy-{kind}"));
                skopeo(&["copy", &from, &format!("{kind}:{}{name}", copy.display())]);
                if kind != "oci" {
                    let other = elsewhere(&images, &format!("from-{kind}"));
                    let id = load(&other, &copy);
                    // From one form to the other it may write the config anew.
                    assert!(id == ids[0] || transport != kind);
                    assert_eq!(
                        serde_json::to_value(&other.index().unwrap().images[&id].layers).unwrap(),
                        layers
                    );
                }
                tree::remove(&copy).unwrap();
            }
        }
    }
}
