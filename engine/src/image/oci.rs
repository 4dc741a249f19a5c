//! The OCI layout: `index.json` leads to manifests, those to configs and layers
//! (<https://github.com/opencontainers/image-spec/blob/main/image-layout.md>).

use super::archive::{Archive, blob_name, missing};
use super::catalog::Draft;
use super::config::ConfigFile;
use super::load::{Found, LayerSource, check_os};
use super::manifest::{Descriptor, Index, Manifest, choose, is_image_config, is_layer};
use super::{Platform, Reference};
use crate::error::{Error, Kind, Result};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use std::collections::BTreeMap;

/// Indexes inside indexes that are followed.
const DEPTH_MAX: usize = 4;
const WHERE: &str = "the archive";
const FULL_NAME: &str = "io.containerd.image.name";
const REF_NAME: &str = "org.opencontainers.image.ref.name";

/// What a blob of either kind is known by.
#[derive(Deserialize)]
struct Either {
    #[serde(default)]
    manifests: Option<Vec<Descriptor>>,
}

/// The images of a layout with this `index.json`. Of images for several platforms, ours.
pub(crate) fn images(archive: &Archive, index: &[u8]) -> Result<Vec<Found>> {
    of(archive, parse::<Index>(index, "index.json")?.manifests)
}

/// The images of these manifests of a layout.
pub(crate) fn of(archive: &Archive, manifests: Vec<Descriptor>) -> Result<Vec<Found>> {
    let mut by_name: BTreeMap<Option<String>, Vec<Descriptor>> = BTreeMap::new();
    for descriptor in manifests {
        by_name.entry(name_of(&descriptor)).or_default().push(descriptor);
    }
    let mut found = Vec::new();
    for (name, descriptors) in by_name {
        let references =
            name.map(|name| name.parse::<Reference>()).transpose()?.into_iter().collect::<Vec<_>>();
        let several = descriptors.iter().filter(|descriptor| descriptor.platform.is_some()).count() > 1;
        let chosen =
            if several { vec![choose(&descriptors, &Platform::host(), WHERE)?] } else { descriptors };
        for descriptor in chosen {
            found.push(image(archive, &descriptor, &references, 0)?);
        }
    }
    Ok(found)
}

/// The full name if there is one. A bare word is a tag for some tools and a name for others:
/// it names nothing.
fn name_of(descriptor: &Descriptor) -> Option<String> {
    let annotations = descriptor.annotations.as_ref()?;
    let bare = |name: &&String| name.contains(['/', ':']);
    annotations.get(FULL_NAME).or_else(|| annotations.get(REF_NAME).filter(bare)).cloned()
}

fn image(
    archive: &Archive,
    descriptor: &Descriptor,
    references: &[Reference],
    depth: usize,
) -> Result<Found> {
    let json = archive.blob(&descriptor.digest)?;
    let either: Either = parse(&json, &descriptor.digest)?;
    match either.manifests {
        Some(_) if depth == DEPTH_MAX => {
            Err(Error::new(Kind::Unsupported, "the archive has indexes nested too deeply"))
        }
        Some(manifests) => {
            image(archive, &choose(&manifests, &Platform::host(), WHERE)?, references, depth + 1)
        }
        None => manifest(archive, descriptor, json, references),
    }
}

fn manifest(
    archive: &Archive,
    descriptor: &Descriptor,
    json: Vec<u8>,
    references: &[Reference],
) -> Result<Found> {
    let manifest: Manifest = parse(&json, &descriptor.digest)?;
    let whose =
        references.first().map_or_else(|| descriptor.digest.clone(), |name| format!("`{}`", name.familiar()));
    if !is_image_config(&manifest.config.media_type) {
        let kind = &manifest.config.media_type;
        return Err(Error::new(Kind::Unsupported, format!("{whose} is not a container image but `{kind}`")));
    }
    let config = archive.blob(&manifest.config.digest)?;
    let file = ConfigFile::parse(&config, &whose)?;
    check_os(&file, &whose)?;
    let diff_ids = file.rootfs.diff_ids;
    if manifest.layers.len() != diff_ids.len() {
        let counts = format!("{} layers, its config names {}", manifest.layers.len(), diff_ids.len());
        return Err(Error::new(Kind::Corrupt, format!("{whose} has {counts}")));
    }
    let sources =
        manifest.layers.iter().zip(&diff_ids).map(|(layer, diff_id)| source(archive, layer, diff_id));
    Ok(Found {
        layers: sources.collect::<Result<_>>()?,
        draft: Draft { config, layers: diff_ids, manifest: Some(json), references: references.to_vec() },
    })
}

fn source(archive: &Archive, layer: &Descriptor, diff_id: &str) -> Result<LayerSource> {
    let kind = layer.media_type.as_str();
    if !is_layer(kind) {
        return Err(Error::new(Kind::Unsupported, format!("layers of type `{kind}` are not supported")));
    }
    let name = blob_name(&layer.digest)?;
    let part = archive.part(&name).ok_or_else(|| missing(&name))?;
    Ok(LayerSource { name, diff_id: diff_id.to_owned(), digest: Some(layer.digest.clone()), part })
}

fn parse<T: DeserializeOwned>(json: &[u8], name: &str) -> Result<T> {
    serde_json::from_slice(json).map_err(|error| {
        Error::new(Kind::Corrupt, format!("`{name}` in the archive is damaged")).because(error)
    })
}
