//! Adding the images of an archive: find them, unpack the layers that are not there yet, commit.

use super::archive::{Archive, wrong_digest};
use super::catalog::{Commit, Draft, Scratch, Unpacked};
use super::config::ConfigFile;
use super::digest::Hashing;
use super::import::unpack_digesting;
use super::layer::{Place, unreadable};
use super::stream::{self, Part};
use super::{Images, Input, Loaded, docker, oci, platform};
use crate::error::{Error, Kind, Result};
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;

/// Times that layers may vanish between looking and committing before we give up.
const ATTEMPTS_MAX: usize = 5;

/// One image of an archive.
pub(crate) struct Found {
    pub(crate) draft: Draft,
    /// One for each diff id of the draft, in the same order.
    pub(crate) layers: Vec<LayerSource>,
}

/// Where a layer is in the archive.
#[derive(Clone)]
pub(crate) struct LayerSource {
    pub(crate) name: String,
    /// Digest of the layer as a plain tar.
    pub(crate) diff_id: String,
    /// Digest of the blob, if the archive says one.
    pub(crate) digest: Option<String>,
    pub(crate) part: Part,
}

pub(crate) fn load(images: &Images, from: Input<'_>) -> Result<Vec<Loaded>> {
    let scratch = Scratch::new(images)?;
    let archive = Archive::open(from, &scratch)?;
    let found = find(&archive)?;
    let (drafts, layers): (Vec<Draft>, Vec<Vec<LayerSource>>) =
        found.into_iter().map(|found| (found.draft, found.layers)).unzip();
    let sources: BTreeMap<String, LayerSource> =
        layers.into_iter().flatten().map(|layer| (layer.diff_id.clone(), layer)).collect();

    let absent = |source: &&LayerSource| !images.has_layer(&source.diff_id);
    let mut wanted: Vec<LayerSource> = sources.values().filter(absent).cloned().collect();
    let mut unpacked = Unpacked::new();
    for _ in 0..ATTEMPTS_MAX {
        unpacked.extend(unpack_all(&wanted, &scratch)?);
        match images.commit(&drafts, &unpacked, &scratch)? {
            Commit::Done(loaded) => return Ok(loaded),
            Commit::Missing(layers) => {
                wanted = layers.iter().filter_map(|id| sources.get(id)).cloned().collect()
            }
        }
    }
    Err(Error::new(Kind::Conflict, "another process keeps removing the layers of this image"))
}

fn find(archive: &Archive) -> Result<Vec<Found>> {
    // An archive may have both forms; `manifest.json` tells tags in full.
    let found = if let Some(manifest) = archive.text("manifest.json")? {
        docker::images(archive, &manifest)?
    } else if let Some(index) = archive.text("index.json")? {
        oci::images(archive, &index)?
    } else {
        return Err(no_images(archive));
    };
    if found.is_empty() {
        return Err(Error::new(Kind::NotFound, "the archive has no images in it"));
    }
    Ok(found)
}

fn no_images(archive: &Archive) -> Error {
    let error = Error::new(Kind::Unsupported, "the archive is neither a docker-archive nor an OCI layout");
    if archive.part("repositories").is_some() {
        return error.hint("it was written by docker before 1.10: load and save it again with a newer one");
    }
    error.hint("to make an image from a root file system, use `image import`")
}

/// Refuses images of other systems; another processor may still be emulated.
pub(crate) fn check_os(file: &ConfigFile, whose: &str) -> Result<()> {
    if file.os.is_empty() || file.os == platform::OS {
        return Ok(());
    }
    Err(Error::new(
        Kind::Unsupported,
        format!("{whose} is an image for {}, not for {}", file.os, platform::OS),
    ))
}

/// Unpacks layers, as many at once as there are processors. Fails with the first error.
fn unpack_all(wanted: &[LayerSource], scratch: &Scratch) -> Result<Unpacked> {
    let workers = thread::available_parallelism().map_or(1, usize::from).min(wanted.len());
    let (next, failed) = (AtomicUsize::new(0), AtomicBool::new(false));
    let results = Mutex::new(Vec::new());
    let work = || {
        while !failed.load(Ordering::Relaxed) {
            let Some(source) = wanted.get(next.fetch_add(1, Ordering::Relaxed)) else { return };
            let result = unpack(source, scratch);
            failed.fetch_or(result.is_err(), Ordering::Relaxed);
            results.lock().unwrap_or_else(PoisonError::into_inner).push(result);
        }
    };
    thread::scope(|scope| {
        for _ in 0..workers {
            scope.spawn(work);
        }
    });
    let results = results.into_inner().unwrap_or_else(PoisonError::into_inner);
    results.into_iter().collect()
}

fn unpack(source: &LayerSource, scratch: &Scratch) -> Result<(String, (Place, u64))> {
    let place = scratch.place(super::digest::hex(&source.diff_id))?;
    check_blob(source)?;
    let size = unpack_into(source, &place)
        .map_err(|error| Error { doing: format!("layer `{}`: {}", source.name, error.doing), ..error })?;
    Ok((source.diff_id.clone(), (place, size)))
}

/// A blob that is the plain tar is checked while it is unpacked.
fn check_blob(source: &LayerSource) -> Result<()> {
    let Some(digest) = source.digest.as_ref().filter(|digest| **digest != source.diff_id) else {
        return Ok(());
    };
    let actual = Hashing::new(source.part.clone()).finish().map_err(unreadable)?;
    if actual == *digest { Ok(()) } else { Err(wrong_digest(&source.name)) }
}

/// The layer is shared with every image that names the same diff id, so that is always checked.
fn unpack_into(source: &LayerSource, place: &Place) -> Result<u64> {
    let (tar, _) = stream::decompress(source.part.clone())?;
    let (diff_id, size) = unpack_digesting(tar, place)?;
    if diff_id == source.diff_id {
        return Ok(size);
    }
    Err(Error::new(Kind::Corrupt, "its content does not have the digest that the config says")
        .hint("the archive was damaged or tampered with")
        .evidence(vec![format!("expected {}", source.diff_id), format!("found    {diff_id}")]))
}
