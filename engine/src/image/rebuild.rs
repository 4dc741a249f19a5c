//! The index made again from what lies beside it, when it is damaged.
//!
//! Blobs and layers are named by their content: which images there are can be seen from them.
//! Names are only in the index; those of images in use are also in the records of containers.

use super::catalog::{Held, Index};
use super::config::ConfigFile;
use super::{Images, Reference, digest};
use crate::container::record;
use crate::error::{Context, Result};
use crate::tree;
use jiff::Timestamp;
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;

/// What we read of a manifest.
#[derive(Deserialize)]
struct Manifest {
    config: Descriptor,
}

#[derive(Deserialize)]
struct Descriptor {
    digest: String,
}

/// Every image that is whole, under the names by which containers know it.
pub(crate) fn rebuild(images: &Images) -> Result<Index> {
    let mut index = Index::default();
    let mut manifests: BTreeMap<String, String> = BTreeMap::new();
    for (digest, content) in blobs(images)? {
        if let Ok(manifest) = serde_json::from_slice::<Manifest>(&content) {
            manifests.insert(manifest.config.digest, digest);
        } else if let Ok(config) = ConfigFile::parse(&content, &digest) {
            add(images, &mut index, digest, config)?;
        }
    }
    for (id, held) in &mut index.images {
        held.manifest = manifests.remove(id);
    }
    for id in record::ids(&images.store) {
        let Ok(Some(record)) = record::read_optional(&images.store, &id) else { continue };
        let tag = record.spec.image.parse::<Reference>().ok().filter(|reference| reference.digest.is_none());
        if let Some(tag) = tag.filter(|_| index.images.contains_key(&record.image_id)) {
            index.tags.insert(tag.to_string(), record.image_id);
        }
    }
    Ok(index)
}

/// Adds an image unless one of its layers is missing.
fn add(images: &Images, index: &mut Index, id: String, config: ConfigFile) -> Result<()> {
    let layers = config.rootfs.diff_ids;
    if layers.is_empty() || !layers.iter().all(|layer| images.layer(layer).is_dir()) {
        return Ok(());
    }
    for layer in layers.iter().filter(|layer| !index.layers.contains_key(*layer)).collect::<Vec<_>>() {
        index.layers.insert(layer.clone(), tree::size(&images.layer(layer))?);
    }
    index
        .images
        .insert(id, Held { layers, manifest: None, digests: BTreeSet::new(), tagged_at: Timestamp::now() });
    Ok(())
}

/// Digest and content of each blob that is what its name says.
fn blobs(images: &Images) -> Result<Vec<(String, Vec<u8>)>> {
    let folder = images.root().join("blobs/sha256");
    let doing = || format!("look through {}", folder.display());
    let mut found = Vec::new();
    for entry in fs::read_dir(&folder).doing(doing)? {
        let content = fs::read(entry.doing(doing)?.path()).doing(doing)?;
        let digest = digest::of(&content);
        if images.blob(&digest).exists() {
            found.push((digest, content));
        }
    }
    Ok(found)
}
