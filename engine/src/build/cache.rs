//! What was built before, found again by what it was made from.
//!
//! ```text
//! <root>/build/steps/<key>.json       what a step was made from, and the layer that came of it
//! <root>/build/contents/<hex>.json    files that a step took, to say later which of them changed
//! <root>/build/looks/<hex>.json       digest of files of layers, by the layers and the paths
//! <root>/build/hashes/<folder>        digests of files of a context, see `super::hashes`
//! <root>/build/trails/<hex>.json      the steps of the last build of one Dockerfile
//! ```
//!
//! The key of a step is the digest of all that it is made from: the layers below, the instruction
//! with its variables, and the contents of the files that it takes. So a checkout can move, a
//! file can be touched, and a step before can be done anew with the same result. When a record
//! was last used is the time of its file. The store keeps the layers of steps, see
//! [`Images::keep_layers`]; [`prune`] says for how long.

pub(super) mod prune;

use super::contents::Contents;
use super::event::Missed;
use crate::error::{Context, Error, Kind, Result};
use crate::image::{Images, digest};
use crate::store::{self, Store};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fs::{self, File, FileTimes};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, OnceLock, PoisonError};
use std::time::{Duration, SystemTime};

/// A use is noted again after this time.
const NOTED: Duration = Duration::from_secs(3600);

/// What a step is made from.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Inputs {
    /// Digest of the layers below; empty when they do not matter.
    pub(super) below: String,
    /// The instruction, in its normal form.
    pub(super) instruction: String,
    /// Variables and settings that it sees.
    pub(super) variables: BTreeMap<String, String>,
    /// Digests of the files that it takes, by where they are from.
    pub(super) files: BTreeMap<String, String>,
}

impl Inputs {
    /// What the step is found by.
    pub(super) fn key(&self) -> Result<String> {
        let json = serde_json::to_vec(self).map_err(|error| {
            Error::new(Kind::System, "write down what a step is made from").because(error)
        })?;
        Ok(digest::hex(&digest::of(&json)).to_owned())
    }
}

/// What came of a step.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Made {
    /// Diff id of its layer; `None` when it changed nothing.
    pub(super) layer: Option<String>,
    /// Bytes in the files of the layer.
    #[serde(default)]
    pub(super) size: u64,
    /// When it was made.
    pub(super) created: Timestamp,
}

#[derive(Debug, Serialize, Deserialize)]
struct StepRecord {
    inputs: Inputs,
    made: Made,
}

#[derive(Debug, Serialize, Deserialize)]
struct Digest {
    digest: String,
}

/// The steps of a build, by their place.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Trail {
    steps: BTreeMap<String, Trace>,
}

/// One step of a build before.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Trace {
    key: String,
    instruction: String,
}

/// Where a step is: its stage, and which of the stage's steps it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Spot {
    pub(super) stage: String,
    pub(super) number: usize,
    /// Its parent is an image.
    pub(super) on_base: bool,
}

impl Spot {
    fn name(&self) -> String {
        format!("{}/{}", self.stage, self.number)
    }
}

/// The cache, as one build of one Dockerfile sees it.
#[derive(Debug)]
pub(super) struct Cache {
    folder: PathBuf,
    images: Images,
    trail: PathBuf,
    before: Trail,
    now: Mutex<Trail>,
    /// What the time of the image is found by.
    image: OnceLock<String>,
    /// Something was kept that was not there.
    has_grown: AtomicBool,
}

/// What the store keeps the layer of a step for.
fn keeper(key: &str) -> String {
    format!("build step {key}")
}

impl Cache {
    /// Opens it. `name` is what the build of the same thing before and after is known by.
    pub(super) fn open(store: &Store, name: &str) -> Result<Self> {
        let folder = store.build();
        for part in ["steps", "contents", "looks", "hashes", "trails"] {
            let path = folder.join(part);
            fs::create_dir_all(&path).doing(|| format!("create {}", path.display()))?;
        }
        store::close(&folder).doing(|| format!("close {}", folder.display()))?;
        let trail = folder.join("trails").join(format!("{}.json", digest::hex(&digest::of(name.as_bytes()))));
        let before = store::read_whole(&trail)?.unwrap_or_default();
        let (now, image, has_grown) = (Mutex::default(), OnceLock::new(), AtomicBool::new(false));
        Ok(Self { folder, images: Images::new(store), trail, before, now, image, has_grown })
    }

    fn step(&self, key: &str) -> PathBuf {
        self.folder.join("steps").join(format!("{key}.json"))
    }

    fn contents(&self, digest: &str) -> PathBuf {
        self.folder.join("contents").join(format!("{}.json", digest::hex(digest)))
    }

    /// Where the digests of the files of a context folder are kept.
    pub(super) fn hashes(&self, folder: &Path) -> PathBuf {
        let name = digest::of(folder.as_os_str().as_encoded_bytes());
        self.folder.join("hashes").join(digest::hex(&name))
    }

    /// What came of a step that is made from the same, or why there is nothing.
    pub(super) fn find(&self, spot: &Spot, inputs: &Inputs) -> Result<std::result::Result<Made, Missed>> {
        let key = inputs.key()?;
        let path = self.step(&key);
        let record = store::read_whole::<StepRecord>(&path)?.filter(|record| record.inputs == *inputs);
        let Some(record) = record else { return Ok(Err(self.why(spot, inputs)?)) };
        if record.made.layer.as_ref().is_some_and(|layer| !self.images.has_layer(layer)) {
            return Ok(Err(Missed::Lost));
        }
        note_use(&path);
        self.trace(spot, inputs, key);
        Ok(Ok(record.made))
    }

    /// Keeps what came of a step, and which files it took. A power cut may lose it: then the step
    /// is done again.
    pub(super) fn keep(&self, spot: &Spot, inputs: &Inputs, made: &Made) -> Result<()> {
        let key = inputs.key()?;
        let record = StepRecord { inputs: inputs.clone(), made: made.clone() };
        if let Some(layer) = &made.layer {
            self.images.keep_layers(&keeper(&key), std::slice::from_ref(layer))?;
        }
        store::write(&self.step(&key), &record)?;
        self.has_grown.store(true, Ordering::Relaxed);
        self.trace(spot, inputs, key);
        Ok(())
    }

    /// Keeps what files were taken, so that it can be said which of them changed.
    pub(super) fn keep_contents(&self, contents: &Contents) -> Result<()> {
        let path = self.contents(&contents.digest());
        if !path.exists() {
            return store::write(&path, contents);
        }
        note_use(&path);
        Ok(())
    }

    /// The digest of files of layers that were looked at before, or are looked at now: layers
    /// never change.
    pub(super) fn look(&self, what: &str, look: impl FnOnce() -> Result<Contents>) -> Result<String> {
        let name = digest::of(what.as_bytes());
        let path = self.folder.join("looks").join(format!("{}.json", digest::hex(&name)));
        if let Some(known) = store::read_whole::<Digest>(&path)? {
            note_use(&path);
            return Ok(known.digest);
        }
        let contents = look()?;
        self.keep_contents(&contents)?;
        let digest = contents.digest();
        store::write(&path, &Digest { digest: digest.clone() })?;
        Ok(digest)
    }

    /// When the image with this config was made first, so that a build of nothing new is the
    /// same image again. `elsewhere` knows what other machines made.
    pub(super) fn created(
        &self,
        config: &[u8],
        elsewhere: impl FnOnce(&str) -> Option<Made>,
    ) -> Result<Timestamp> {
        let inputs = Inputs { instruction: digest::of(config), ..Inputs::default() };
        let key = inputs.key()?;
        let path = self.step(&key);
        self.image.get_or_init(|| key.clone());
        if let Some(record) = store::read_whole::<StepRecord>(&path)? {
            note_use(&path);
            return Ok(record.made.created);
        }
        let new = || Made { layer: None, size: 0, created: Timestamp::now() };
        let made = elsewhere(&key).unwrap_or_else(new);
        let now = made.created;
        store::write(&path, &StepRecord { inputs, made })?;
        Ok(now)
    }

    /// What came of all steps of this build, by their keys.
    pub(super) fn steps(&self) -> Result<BTreeMap<String, Made>> {
        let now = self.now.lock().unwrap_or_else(PoisonError::into_inner);
        let mut steps = BTreeMap::new();
        for key in now.steps.values().map(|trace| &trace.key).chain(self.image.get()) {
            let record = store::read_whole::<StepRecord>(&self.step(key))?;
            steps.extend(record.map(|record| (key.clone(), record.made)));
        }
        Ok(steps)
    }

    fn trace(&self, spot: &Spot, inputs: &Inputs, key: String) {
        let trace = Trace { key, instruction: inputs.instruction.clone() };
        self.now.lock().unwrap_or_else(PoisonError::into_inner).steps.insert(spot.name(), trace);
    }

    /// Ends a build: the next one of the same Dockerfile is compared with it.
    pub(super) fn finish(&self) -> Result<()> {
        let now = self.now.lock().unwrap_or_else(PoisonError::into_inner);
        // A build of one target says nothing about the others.
        let mut trail = self.before.clone();
        trail.steps.extend(now.steps.clone());
        if trail != self.before {
            return store::write(&self.trail, &trail);
        }
        note_use(&self.trail);
        Ok(())
    }

    /// Whether something came into it.
    pub(super) fn has_grown(&self) -> bool {
        self.has_grown.load(Ordering::Relaxed)
    }

    /// Compares with the same step of the build before.
    fn why(&self, spot: &Spot, inputs: &Inputs) -> Result<Missed> {
        let same = |(place, trace): &(&String, &Trace)| {
            place.rsplit_once('/').is_some_and(|(stage, _)| stage == spot.stage)
                && trace.instruction == inputs.instruction
        };
        let here = || self.before.steps.get(&spot.name());
        let trace = self.before.steps.iter().find(same).map(|(_, trace)| trace).or_else(here);
        let before =
            trace.map(|trace| store::read_whole::<StepRecord>(&self.step(&trace.key))).transpose()?;
        let Some(before) = before.flatten().map(|record| record.inputs) else { return Ok(Missed::Never) };
        if before.instruction != inputs.instruction {
            return Ok(Missed::Instruction { before: before.instruction });
        }
        let variables = differing(&before.variables, &inputs.variables);
        if !variables.is_empty() {
            return Ok(Missed::Arguments(variables));
        }
        if let Some(source) = differing(&before.files, &inputs.files).into_iter().next() {
            return self.which(&source, &before, inputs);
        }
        Ok(if spot.on_base { Missed::Base } else { Missed::Parent })
    }

    fn which(&self, source: &str, before: &Inputs, now: &Inputs) -> Result<Missed> {
        let kept = |inputs: &Inputs| -> Result<Option<Contents>> {
            let digest = inputs.files.get(source);
            Ok(digest.map(|digest| store::read_whole(&self.contents(digest))).transpose()?.flatten())
        };
        Ok(match (kept(before)?, kept(now)?) {
            (Some(before), Some(now)) => Missed::Files(now.changed(&before)),
            _ => Missed::Source(source.to_owned()),
        })
    }
}

/// Names whose values differ, or that only one has.
fn differing(one: &BTreeMap<String, String>, other: &BTreeMap<String, String>) -> Vec<String> {
    let changed = one.iter().filter(|(name, value)| other.get(*name) != Some(value));
    let new = other.keys().filter(|name| !one.contains_key(*name));
    let mut names: Vec<String> = changed.map(|(name, _)| name).chain(new).cloned().collect();
    names.sort();
    names
}

/// Says that a record was used. Losing this loses no more than its place in the queue.
fn note_use(path: &Path) {
    let now = SystemTime::now();
    let used = path.metadata().and_then(|metadata| metadata.modified());
    if used.is_ok_and(|used| now.duration_since(used).is_ok_and(|age| age < NOTED)) {
        return;
    }
    let _ = File::options()
        .append(true)
        .open(path)
        .and_then(|file| file.set_times(FileTimes::new().set_modified(now).set_accessed(now)));
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    pub(super) fn cache(folder: &Path) -> Cache {
        let store = Store::new(folder.join("root"), folder.join("run"));
        store.prepare().unwrap();
        Cache::open(&store, "web").unwrap()
    }

    pub(super) fn spot(number: usize) -> Spot {
        Spot { stage: "stage-0".into(), number, on_base: number == 0 }
    }

    pub(super) fn inputs(below: &str, instruction: &str, variable: &str, files: &str) -> Inputs {
        Inputs {
            below: below.into(),
            instruction: instruction.into(),
            variables: [("A".to_owned(), variable.to_owned())].into(),
            files: [("context".to_owned(), files.to_owned())].into(),
        }
    }

    fn made() -> Made {
        Made { layer: None, size: 0, created: Timestamp::UNIX_EPOCH }
    }

    #[test]
    fn a_step_is_found_by_all_that_it_is_made_from_and_misses_say_what_differs() {
        let folder = tempfile::tempdir().unwrap();
        let first = cache(folder.path());
        let original = inputs("below", "RUN make", "1", "sha256:files");
        assert_eq!(first.find(&spot(1), &original).unwrap(), Err(Missed::Never));
        first.keep(&spot(1), &original, &made()).unwrap();
        assert_eq!(first.find(&spot(1), &original).unwrap(), Ok(made()));
        first.finish().unwrap();

        let next = cache(folder.path());
        let cases = [
            (inputs("other", "RUN make", "1", "sha256:files"), Missed::Parent),
            (inputs("below", "RUN make", "2", "sha256:files"), Missed::Arguments(vec!["A".into()])),
            (inputs("below", "RUN make", "1", "sha256:other"), Missed::Source("context".into())),
            (
                inputs("below", "RUN test", "1", "sha256:files"),
                Missed::Instruction { before: "RUN make".into() },
            ),
        ];
        for (changed, why) in cases {
            assert_eq!(next.find(&spot(1), &changed).unwrap(), Err(why));
        }
        let moved = inputs("other", "RUN make", "1", "sha256:files");
        assert_eq!(next.find(&spot(7), &moved).unwrap(), Err(Missed::Parent), "a line was put before it");
        assert_eq!(next.find(&spot(7), &original).unwrap(), Ok(made()));
    }

    #[test]
    fn a_record_whose_layer_is_gone_or_that_is_damaged_is_not_trusted() {
        let folder = tempfile::tempdir().unwrap();
        let cache = cache(folder.path());
        let inputs = inputs("", "RUN x", "1", "f");
        let lost = Made { layer: Some(digest::of(b"layer")), ..made() };
        cache.keep(&spot(0), &inputs, &lost).unwrap();
        assert_eq!(cache.find(&spot(0), &inputs).unwrap(), Err(Missed::Lost));
        fs::write(cache.step(&inputs.key().unwrap()), "{\"version\":1,").unwrap();
        assert_eq!(cache.find(&spot(0), &inputs).unwrap(), Err(Missed::Never));
    }

    #[test]
    fn an_image_of_the_same_config_is_as_old_as_the_first() {
        let folder = tempfile::tempdir().unwrap();
        let cache = cache(folder.path());
        let first = cache.created(b"config", |_| None).unwrap();
        assert_eq!(cache.created(b"config", |_| Some(made())).unwrap(), first);
        assert_eq!(cache.created(b"other", |_| Some(made())).unwrap(), Timestamp::UNIX_EPOCH);
    }
}
