//! Adding the images of an archive: find them, unpack the layers that are not there yet, commit.

use super::archive::{Archive, wrong_digest};
use super::catalog::Draft;
use super::config::ConfigFile;
use super::digest::Hashing;
use super::import::unpack_as;
use super::layer::{Place, unreadable};
use super::scratch::Scratch;
use super::stream::{self, Part};
use super::sweep::Reach;
use super::workers::for_each;
use super::{Hold, Images, Input, Loaded, docker, oci, platform};
use crate::error::{Error, Kind, Result};
use std::collections::BTreeMap;
use std::thread;

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
    let hold = images.hold_layers()?;
    let scratch = Scratch::new(images)?;
    let archive = Archive::open(from, &scratch)?;
    enter(images, find(&archive)?, hold, &scratch)
}

/// Unpacks the layers of images that are not there yet, and adds the images.
pub(crate) fn enter(
    images: &Images,
    found: Vec<Found>,
    hold: Hold,
    scratch: &Scratch,
) -> Result<Vec<Loaded>> {
    let (drafts, layers): (Vec<Draft>, Vec<Vec<LayerSource>>) =
        found.into_iter().map(|found| (found.draft, found.layers)).unzip();
    let sources: BTreeMap<String, LayerSource> =
        layers.into_iter().flatten().map(|layer| (layer.diff_id.clone(), layer)).collect();
    let wanted: Vec<&LayerSource> = sources.values().collect();
    let unpack = |source: &&LayerSource| {
        images.layer_or(&hold, scratch, &source.diff_id, |place| unpack(source, place)).map(drop)
    };
    let processors = thread::available_parallelism().map_or(1, usize::from);
    if let Err(error) = for_each(&wanted, processors, unpack) {
        drop(hold);
        images.collect(&Reach::Also(sources.into_keys().collect()));
        return Err(error);
    }
    images.commit(&drafts, hold, scratch)
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

fn unpack(source: &LayerSource, place: &Place) -> Result<u64> {
    let unpack = || {
        check_blob(source)?;
        let (tar, _) = stream::decompress(source.part.clone())?;
        unpack_as(tar, &source.diff_id, place)
    };
    unpack().map_err(|error| Error { doing: format!("layer `{}`: {}", source.name, error.doing), ..error })
}

/// A blob that is the plain tar is checked while it is unpacked.
fn check_blob(source: &LayerSource) -> Result<()> {
    let Some(digest) = source.digest.as_ref().filter(|digest| **digest != source.diff_id) else {
        return Ok(());
    };
    let actual = Hashing::new(source.part.clone()).finish().map_err(unreadable)?;
    if actual == *digest { Ok(()) } else { Err(wrong_digest(&source.name)) }
}
