//! The last stage becomes an image with a name.

use super::Built;
use super::builder::Builder;
use super::cache::Made;
use super::cache::prune::{self, Keep};
use super::event::BuildEvent;
use super::share::{self, Given};
use super::state::State;
use super::times;
use crate::error::Result;
use crate::image::catalog::Draft;
use crate::image::{Images, Reference, digest};
use std::collections::BTreeMap;

/// Enters the image under all its names.
pub(super) fn finish(builder: Builder<'_>, state: &State, references: Vec<Reference>) -> Result<Built> {
    let mut state = state.clone();
    state.config.labels.extend(builder.spec.labels.clone());
    let created = match builder.spec.source_date_epoch {
        Some(epoch) => times::timestamp(epoch)?,
        None => builder.cache.created(&state.to_json("")?, |key| builder.elsewhere.known(key))?,
    };
    let layers = state.layers.clone();
    let given = Given { images: &builder.images, steps: given_steps(&builder)?, layers: &layers };
    state.build_cache = share::inline(&builder.spec.cache_to, &given);
    let config = state.to_json(&created.to_string())?;
    let id = digest::of(&config);
    let named: Vec<String> = references.iter().map(Reference::familiar).collect();
    builder.contexts.save()?;
    builder.cache.finish()?;
    if !is_entered(&builder.images, &id, &references)? {
        builder.tell(BuildEvent::Note("write the image".to_owned()));
        let draft = Draft { config, layers: state.layers, manifest: None, references };
        builder.images.commit(&[draft], builder.hold, &builder.scratch)?;
    }
    share::give(&builder.spec.cache_to, &given, &builder.inputs.registries, builder.tell)?;
    if builder.cache.has_grown() {
        prune::prune(builder.store, &Keep::default())?;
    }
    (builder.tell)(BuildEvent::Built(id.clone()));
    builder.images.happened(named_or(&named, &id), "build");
    Ok(Built { image_id: id, references: named })
}

/// What caches elsewhere get, if any want it.
fn given_steps(builder: &Builder<'_>) -> Result<BTreeMap<String, Made>> {
    match builder.spec.cache_to.is_empty() {
        true => Ok(BTreeMap::new()),
        false => builder.cache.steps(),
    }
}

/// Whether the image is there already, under all these names.
fn is_entered(images: &Images, id: &str, references: &[Reference]) -> Result<bool> {
    let _lock = images.lock_to_read()?;
    let index = images.index()?;
    let named =
        |reference: &Reference| index.tags.get(&reference.to_string()).is_some_and(|tagged| tagged == id);
    Ok(index.images.contains_key(id) && references.iter().all(named))
}

/// What people know it by.
fn named_or<'a>(named: &'a [String], id: &'a str) -> &'a str {
    named.first().map_or(id, String::as_str)
}
