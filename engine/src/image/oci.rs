//! The OCI layout: `index.json` leads to manifests, those to configs and layers
//! (<https://github.com/opencontainers/image-spec/blob/main/image-layout.md>).

use super::archive::{Archive, blob_name, missing};
use super::catalog::Draft;
use super::config::ConfigFile;
use super::load::{Found, LayerSource, check_os};
use super::{Platform, Reference};
use crate::error::{Error, Kind, Result};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use std::collections::BTreeMap;

/// Indexes inside indexes that are followed.
const DEPTH_MAX: usize = 4;
const FULL_NAME: &str = "io.containerd.image.name";
const REF_NAME: &str = "org.opencontainers.image.ref.name";

#[derive(Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Descriptor {
    #[serde(default)]
    media_type: String,
    digest: String,
    #[serde(default)]
    platform: Option<Platform>,
    #[serde(default)]
    annotations: Option<BTreeMap<String, String>>,
}

#[derive(Deserialize)]
struct Index {
    manifests: Vec<Descriptor>,
}

#[derive(Deserialize)]
struct Manifest {
    config: Descriptor,
    layers: Vec<Descriptor>,
}

/// What a blob of either kind is known by.
#[derive(Deserialize)]
struct Either {
    #[serde(default)]
    manifests: Option<Vec<Descriptor>>,
}

/// The images of a layout with this `index.json`. Of images for several platforms, ours.
pub(crate) fn images(archive: &Archive, index: &[u8]) -> Result<Vec<Found>> {
    let index: Index = parse(index, "index.json")?;
    let mut by_name: BTreeMap<Option<String>, Vec<Descriptor>> = BTreeMap::new();
    for descriptor in index.manifests {
        by_name.entry(name_of(&descriptor)).or_default().push(descriptor);
    }
    let mut found = Vec::new();
    for (name, descriptors) in by_name {
        let references =
            name.map(|name| name.parse::<Reference>()).transpose()?.into_iter().collect::<Vec<_>>();
        let several = descriptors.iter().filter(|descriptor| descriptor.platform.is_some()).count() > 1;
        let chosen = if several { vec![ours(&descriptors)?] } else { descriptors };
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
        Some(manifests) => image(archive, &ours(&manifests)?, references, depth + 1),
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

/// Compression is told by the content; the type only has to be one of a tar archive.
fn is_layer(kind: &str) -> bool {
    let tar = kind
        .strip_prefix("application/vnd.oci.image.layer.v1.")
        .or_else(|| kind.strip_prefix("application/vnd.oci.image.layer.nondistributable.v1."))
        .or_else(|| kind.strip_prefix("application/vnd.docker.image.rootfs.diff."))
        .or_else(|| kind.strip_prefix("application/vnd.docker.image.rootfs.foreign.diff."));
    matches!(tar, Some("tar" | "tar+gzip" | "tar+zstd" | "tar.gzip" | "tar.zstd"))
}

fn is_image_config(kind: &str) -> bool {
    matches!(
        kind,
        "application/vnd.oci.image.config.v1+json" | "application/vnd.docker.container.image.v1+json"
    )
}

/// The one for this machine: the plain variant before others of the same processor.
fn ours(descriptors: &[Descriptor]) -> Result<Descriptor> {
    let host = Platform::host();
    let rank = |one: &Descriptor| match &one.platform {
        Some(is) => host.rank(is),
        None => (descriptors.len() == 1).then_some(0),
    };
    let ranked = descriptors.iter().filter_map(|one| Some((rank(one)?, one)));
    let chosen = ranked.min_by_key(|(rank, _)| *rank).map(|(_, one)| one.clone());
    chosen.ok_or_else(|| {
        let platforms = descriptors.iter().filter_map(|one| one.platform.as_ref());
        let offered: Vec<String> = platforms.map(ToString::to_string).collect();
        Error::new(Kind::NotFound, format!("the archive has no image for {host}"))
            .hint(format!("it has images for: {}", offered.join(", ")))
    })
}

fn parse<T: DeserializeOwned>(json: &[u8], name: &str) -> Result<T> {
    serde_json::from_slice(json).map_err(|error| {
        Error::new(Kind::Corrupt, format!("`{name}` in the archive is damaged")).because(error)
    })
}
