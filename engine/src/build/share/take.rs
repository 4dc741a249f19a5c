//! Taking from caches elsewhere. Nothing is asked before a step misses the cache that is here.

use super::place::{self, Place};
use super::{KIND, Shared, folder, is_fatal, warning};
use crate::build::Tell;
use crate::build::cache::Made;
use crate::build::event::{BuildEvent, StepId};
use crate::error::{Error, Kind, Result};
use crate::image::config::ConfigFile;
use crate::image::manifest::{Descriptor, is_image_config};
use crate::image::registry::artifact::{Artifact, Line, Remote};
use crate::image::registry::{Registries, Transfer};
use crate::image::{Hold, Images};
use planner::desired::CachePlace;
use std::collections::BTreeMap;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};

/// The caches that a build may take from.
pub(in crate::build) struct Takes<'a> {
    places: &'a [CachePlace],
    line: Line<'a>,
    tell: Tell<'a>,
    opened: OnceLock<Vec<Opened>>,
}

/// One of them, as it was found.
struct Opened {
    name: String,
    place: Place,
    steps: BTreeMap<String, Made>,
    /// Blobs of the layers in a registry or folder, by diff id.
    blobs: BTreeMap<String, Descriptor>,
    /// It failed once: it is not asked again.
    failed: AtomicBool,
}

/// Where layers go.
#[derive(Clone, Copy)]
pub(in crate::build) struct Into<'a> {
    pub(in crate::build) images: &'a Images,
    pub(in crate::build) hold: &'a Hold,
}

impl<'a> Takes<'a> {
    pub(in crate::build) fn new(
        places: &'a [CachePlace],
        registries: &'a Registries,
        tell: Tell<'a>,
    ) -> Self {
        Self { places, line: Line::new(registries), tell, opened: OnceLock::new() }
    }

    /// What came of a step elsewhere; its layer is in the store then.
    pub(in crate::build) fn take(&self, key: &str, into: Into<'_>, step: StepId) -> Result<Option<Made>> {
        for opened in self.opened() {
            let Some(made) = opened.steps.get(key) else { continue };
            if opened.failed.load(Ordering::Relaxed) {
                continue;
            }
            let tell = |progress| (self.tell)(BuildEvent::Transfer(step, progress));
            match self.layer(opened, made, into, &tell) {
                Ok(()) => return Ok(Some(made.clone())),
                Err(error) if is_fatal(&error) => return Err(error),
                Err(error) => {
                    opened.failed.store(true, Ordering::Relaxed);
                    (self.tell)(warning(&format!("the cache {} is not used further", opened.name), &error));
                }
            }
        }
        Ok(None)
    }

    /// What is known elsewhere of something that made no layer.
    pub(in crate::build) fn known(&self, key: &str) -> Option<Made> {
        // What is all here needs nobody else.
        let opened = self.opened.get()?;
        opened.iter().find_map(|opened| opened.steps.get(key)).filter(|made| made.layer.is_none()).cloned()
    }

    fn opened(&self) -> &[Opened] {
        self.opened.get_or_init(|| self.places.iter().filter_map(|place| self.open(place)).collect())
    }

    fn open(&self, place: &CachePlace) -> Option<Opened> {
        let name = place::name(place);
        (self.tell)(BuildEvent::Note(format!("look into the cache {name}")));
        let opened = place::source(place).and_then(|place| {
            let found = match &place {
                Place::Registry(reference) => self.line.fetch(reference)?,
                Place::Folder { folder, which } => folder::read(folder, which.as_deref())?,
            };
            let (steps, blobs) = contents(&found)?;
            Ok(Opened { name: name.clone(), place, steps, blobs, failed: AtomicBool::new(false) })
        });
        opened.map_err(|error| (self.tell)(warning(&format!("the cache {name} is not used"), &error))).ok()
    }

    fn layer(&self, opened: &Opened, made: &Made, into: Into<'_>, tell: &Transfer<'_>) -> Result<()> {
        let Some(diff_id) = &made.layer else { return Ok(()) };
        if into.images.has_layer(diff_id) {
            return Ok(());
        }
        let lost = || Error::new(Kind::Corrupt, format!("it does not have the layer {diff_id}"));
        let blob = opened.blobs.get(diff_id).ok_or_else(lost)?;
        match &opened.place {
            Place::Registry(reference) => {
                self.line.fetch_layer(into.images, into.hold, &Remote { reference, blob, diff_id }, tell)
            }
            Place::Folder { folder, .. } => {
                folder::take_layer(folder, (into.images, into.hold), blob, diff_id)
            }
        }
    }
}

/// The steps and the layers of what was found.
fn contents(found: &Artifact) -> Result<(BTreeMap<String, Made>, BTreeMap<String, Descriptor>)> {
    let kind = found.manifest.config.media_type.as_str();
    if kind == KIND {
        return Ok((Shared::parse(&found.config, "it")?.steps, found.blobs()));
    }
    if !is_image_config(kind) {
        let error = Error::new(Kind::Unsupported, format!("it is not a cache of ours but `{kind}`"));
        return Err(error.hint("what another builder keeps of its steps means nothing here"));
    }
    let image = ConfigFile::parse(&found.config, "it")?;
    let Some(inline) = image.build_cache else {
        return Err(Error::new(Kind::Unsupported, "it is an image without a cache in it")
            .hint("build it with `cache_to: [type=inline]`"));
    };
    let shared = Shared::parse(inline.to_string().as_bytes(), "it")?;
    let layers = found.manifest.layers.iter().cloned();
    Ok((shared.steps, image.rootfs.diff_ids.into_iter().zip(layers).collect()))
}
