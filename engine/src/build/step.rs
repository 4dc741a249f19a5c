//! One step that changes files: taken from the cache, or done and kept there.

use super::builder::Builder;
use super::cache::{Inputs, Made, Spot};
use super::event::{BuildEvent, Missed, StepId};
use super::share::Into;
use super::snapshot::Snapshot;
use super::sources;
use super::stage::Sources;
use super::state::State;
use super::times;
use crate::error::{Context, Result};
use crate::image::{Layer, SealOptions, digest};
use jiff::Timestamp;
use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;
use std::time::Instant;

/// One step, whatever it does.
#[derive(Clone)]
pub(super) struct Task<'a> {
    pub(super) builder: &'a Builder<'a>,
    pub(super) id: StepId,
    pub(super) spot: Spot,
    pub(super) sources: Sources<'a>,
    /// Why the cache is not asked.
    pub(super) uncached: Option<Missed>,
}

/// What is done when the cache does not have it.
pub(super) struct Job<'a> {
    pub(super) inputs: Inputs,
    /// For the history.
    pub(super) created_by: String,
    pub(super) snapshot: &'a Snapshot,
}

impl Task<'_> {
    /// A folder to work in, which may not be there yet.
    pub(super) fn folder(&self) -> PathBuf {
        self.builder.scratch.path().join(format!("{}-{}", self.spot.stage, self.spot.number))
    }

    /// What the step sees and changes. Nothing is made yet.
    pub(super) fn snapshot(&self, state: &State) -> Snapshot {
        let folder = self.folder();
        Snapshot {
            lower: sources::folders(&self.builder.images, &state.layers),
            upper: folder.join("upper"),
            work: folder.join("work"),
        }
    }

    /// What the step is made from, but for what only its kind knows.
    pub(super) fn inputs(&self, state: &State, instruction: String) -> Inputs {
        let mut inputs = Inputs { below: chain(&state.layers), instruction, ..Inputs::default() };
        if let Some(epoch) = self.builder.spec.source_date_epoch {
            inputs.variables.insert("SOURCE_DATE_EPOCH".to_owned(), epoch.to_string());
        }
        inputs
    }

    /// Takes the step from the cache or does it, and adds its layer to the stage.
    pub(super) fn take(
        &self,
        state: &mut State,
        job: Job<'_>,
        act: impl FnOnce() -> Result<()>,
    ) -> Result<()> {
        let made = match self.find(&job.inputs)? {
            Ok(made) => {
                self.builder.tell(BuildEvent::Cached(self.id));
                made
            }
            Err(missed) => {
                let _turn = self.builder.turns.take();
                self.builder.cancel.check()?;
                self.builder.tell(BuildEvent::Started(self.id, missed));
                let began = Instant::now();
                let outcome = self.make(&job, act);
                self.builder.tell(match outcome {
                    Ok(_) => BuildEvent::Done(self.id, began.elapsed()),
                    Err(_) => BuildEvent::Failed(self.id, began.elapsed()),
                });
                outcome?
            }
        };
        state.add_layer(job.created_by, made.layer, made.created.to_string());
        Ok(())
    }

    /// In the cache that is here, and then in those elsewhere.
    fn find(&self, inputs: &Inputs) -> Result<std::result::Result<Made, Missed>> {
        if let Some(missed) = &self.uncached {
            return Ok(Err(missed.clone()));
        }
        let builder = self.builder;
        let missed = match builder.cache.find(&self.spot, inputs)? {
            Ok(made) => return Ok(Ok(made)),
            Err(missed) => missed,
        };
        let into = Into { images: &builder.images, hold: &builder.hold };
        match builder.elsewhere.take(&inputs.key()?, into, self.id)? {
            Some(made) => builder.cache.keep(&self.spot, inputs, &made).map(|()| Ok(made)),
            None => Ok(Err(missed)),
        }
    }

    fn make(&self, job: &Job<'_>, act: impl FnOnce() -> Result<()>) -> Result<Made> {
        let snapshot = job.snapshot;
        let folder = snapshot.upper.parent().unwrap_or(&snapshot.upper);
        fs::create_dir_all(folder).doing(|| format!("create {}", folder.display()))?;
        act()?;
        let epoch = self.builder.spec.source_date_epoch;
        let layer = self.seal(snapshot, epoch)?;
        let created = match epoch {
            Some(epoch) => times::timestamp(epoch)?,
            None => Timestamp::now(),
        };
        let (layer, size) = layer.map_or((None, 0), |layer| (Some(layer.diff_id), layer.size));
        let made = Made { layer, size, created };
        self.builder.cache.keep(&self.spot, &job.inputs, &made)?;
        Ok(made)
    }

    /// Makes a layer of what changed; nothing when nothing did.
    fn seal(&self, snapshot: &Snapshot, epoch: Option<i64>) -> Result<Option<Layer>> {
        let builder = self.builder;
        if !has_changed(snapshot).doing(|| format!("look into {}", snapshot.upper.display()))? {
            return Ok(None);
        }
        let options = SealOptions { clamp_mtime: epoch };
        builder.images.seal(&builder.hold, &snapshot.upper, options).map(Some)
    }
}

/// Whether a step has put anything into its upper folder, or changed the top folder itself.
fn has_changed(snapshot: &Snapshot) -> io::Result<bool> {
    let top = match fs::metadata(&snapshot.upper) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
        top => top?,
    };
    let who = |found: &fs::Metadata| (found.uid(), found.gid(), found.mode());
    let is_same = match snapshot.lower.last() {
        Some(below) => who(&fs::metadata(below)?) == who(&top),
        None => true,
    };
    Ok(!is_same || fs::read_dir(&snapshot.upper)?.next().is_some())
}

/// One text for layers, lowest first.
pub(super) fn chain(layers: &[String]) -> String {
    digest::of(layers.join(" ").as_bytes())
}
