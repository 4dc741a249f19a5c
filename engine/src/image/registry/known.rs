//! Blobs that layers are known to be in registries as: what manifests in the store tell.

use crate::error::Result;
use crate::image::manifest::{Descriptor, Manifest};
use crate::image::{Images, Reference};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;

/// A blob of a layer, and the repositories that should have it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Known {
    pub(crate) blob: Descriptor,
    /// Full names, without tags.
    pub(crate) repositories: BTreeSet<(String, String)>,
}

/// Known blobs by diff id.
pub(crate) fn known(images: &Images) -> Result<BTreeMap<String, Vec<Known>>> {
    let mut known: BTreeMap<String, Vec<Known>> = BTreeMap::new();
    let index = images.index()?;
    for held in index.images.values() {
        let names: Vec<Reference> = held.digests.iter().filter_map(|name| name.parse().ok()).collect();
        let repositories: BTreeSet<(String, String)> =
            names.iter().map(|name| (name.domain.clone(), name.path.clone())).collect();
        let digests = names.iter().filter_map(|name| name.digest.as_ref()).chain(&held.manifest);
        for digest in digests.collect::<BTreeSet<_>>() {
            let Some(manifest) = stored(images, digest) else { continue };
            if manifest.layers.len() != held.layers.len() {
                continue;
            }
            for (diff_id, blob) in held.layers.iter().zip(manifest.layers) {
                enter(known.entry(diff_id.clone()).or_default(), blob, &repositories);
            }
        }
    }
    Ok(known)
}

fn enter(all: &mut Vec<Known>, blob: Descriptor, repositories: &BTreeSet<(String, String)>) {
    match all.iter_mut().find(|one| one.blob.digest == blob.digest) {
        Some(one) => one.repositories.extend(repositories.iter().cloned()),
        None => all.push(Known { blob, repositories: repositories.clone() }),
    }
}

/// A manifest of the store; `None` for an index, and when it is not kept.
pub(crate) fn stored(images: &Images, digest: &str) -> Option<Manifest> {
    serde_json::from_slice(&fs::read(images.blob(digest)).ok()?).ok()
}
