//! Giving results to caches elsewhere, once the image is there.

use super::place::{self, Place, Target};
use super::{KIND, Shared, VERSION, folder, warning};
use crate::build::Tell;
use crate::build::cache::Made;
use crate::build::event::BuildEvent;
use crate::error::{Error, Kind, Result};
use crate::image::Images;
use crate::image::registry::Registries;
use crate::image::registry::artifact::{Line, Parcel};
use planner::desired::CachePlace;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// What a build has to give.
pub(in crate::build) struct Given<'a> {
    pub(in crate::build) images: &'a Images,
    /// What came of all its steps, by their keys.
    pub(in crate::build) steps: BTreeMap<String, Made>,
    /// The layers of the image.
    pub(in crate::build) layers: &'a [String],
}

impl Given<'_> {
    /// All steps, or those that are in the image, and their layers.
    fn shared(&self, all: bool) -> (Shared, Vec<String>) {
        let is_in_image = |made: &Made| made.layer.as_ref().is_none_or(|layer| self.layers.contains(layer));
        let mut steps = self.steps.clone();
        steps.retain(|_, made| all || is_in_image(made));
        let layers: BTreeSet<String> = steps.values().filter_map(|made| made.layer.clone()).collect();
        (Shared { version: VERSION, steps }, layers.into_iter().collect())
    }
}

/// What an image carries for other builds, when it is asked to.
pub(in crate::build) fn inline(places: &[CachePlace], given: &Given<'_>) -> Option<Value> {
    let is_wanted =
        places.iter().any(|place| place::target(place).is_ok_and(|target| target == Target::Inline));
    let (shared, _) = is_wanted.then(|| given.shared(false))?;
    serde_json::to_value(shared).ok()
}

/// Gives to all places. What fails is told.
pub(in crate::build) fn give(
    places: &[CachePlace],
    given: &Given<'_>,
    registries: &Registries,
    tell: Tell<'_>,
) -> Result<()> {
    for place in places {
        let name = place::name(place);
        let outcome = place::target(place).and_then(|target| match target {
            Target::Inline => Ok(()),
            Target::Place { place, all } => {
                tell(BuildEvent::Note(format!("write the cache {name}")));
                one(&place, all, given, registries)
            }
        });
        match outcome {
            Err(error) if error.kind == Kind::Cancelled => return Err(error),
            Err(error) => tell(warning(&format!("the cache {name} is not written"), &error)),
            Ok(()) => {}
        }
    }
    Ok(())
}

fn one(place: &Place, all: bool, given: &Given<'_>, registries: &Registries) -> Result<()> {
    let (shared, layers) = given.shared(all);
    let config = serde_json::to_vec(&shared)
        .map_err(|error| Error::new(Kind::System, "write down what came of the steps").because(error))?;
    let parcel = Parcel { kind: KIND, config: &config, layers: &layers };
    match place {
        Place::Registry(reference) => {
            Line::new(registries).push(given.images, &parcel, reference, &|_| {}).map(drop)
        }
        Place::Folder { folder, which } => {
            let _hold = given.images.hold_layers()?;
            folder::write(folder, which.as_deref().unwrap_or("latest"), given.images, &parcel)
        }
    }
}
