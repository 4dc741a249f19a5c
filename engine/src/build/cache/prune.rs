//! How long the cache keeps what it has.
//!
//! What no build used for thirty days goes. Then the steps go that were not used for longest,
//! until the layers that nothing but the cache needs take ten gigabytes at most. This is done after
//! builds that added to the cache.

use super::{StepRecord, keeper};
use crate::error::{Context, Result};
use crate::image::Images;
use crate::image::catalog::Index;
use crate::image::sweep::Reach;
use crate::store::{self, Store};
use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

/// What stays in the cache.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Keep {
    /// What was used within this time.
    pub used_within: Duration,
    /// So many bytes in layers that nothing but the cache needs.
    pub bytes: u64,
}

impl Default for Keep {
    fn default() -> Self {
        Self { used_within: Duration::from_secs(30 * 24 * 60 * 60), bytes: 10_000_000_000 }
    }
}

impl Keep {
    /// Nothing stays.
    pub const NOTHING: Self = Self { used_within: Duration::ZERO, bytes: 0 };

    /// Whether the time has passed in which it should have been used.
    fn is_over(&self, used: SystemTime) -> bool {
        SystemTime::now().duration_since(used).is_ok_and(|age| age >= self.used_within)
    }
}

/// What goes from the cache.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Cached {
    /// Steps.
    pub steps: usize,
    /// Bytes in layers that nothing but the cache needs.
    pub bytes: u64,
}

/// One step that is kept.
struct Entry {
    path: PathBuf,
    key: String,
    /// The layer that it made and its size, if no image needs it.
    layer: Option<(String, u64)>,
    used: SystemTime,
}

/// What [`prune`] would take.
pub fn unused(store: &Store, keep: &Keep) -> Result<Cached> {
    let (stay, go) = divide(entries(store)?, keep);
    Ok(Cached { steps: go.len(), bytes: freed(&stay, &go).values().sum() })
}

/// Takes from the build cache what is not to stay; gives what went. Builds that run meanwhile lose
/// nothing.
pub fn prune(store: &Store, keep: &Keep) -> Result<Cached> {
    let images = Images::new(store);
    let (stay, go) = divide(entries(store)?, keep);
    for entry in &go {
        store::remove_optional(&entry.path)?;
        images.release_layers(&keeper(&entry.key))?;
    }
    for part in ["contents", "looks", "hashes", "trails"] {
        let files = files(&store.build().join(part))?;
        let old = files.iter().filter(|(_, used)| keep.is_over(*used));
        old.into_iter().try_for_each(|(path, _)| store::remove_optional(path))?;
    }
    let freed = freed(&stay, &go);
    let bytes = freed.values().sum();
    if !freed.is_empty() {
        images.collect(&Reach::Also(freed.into_keys().collect()));
    }
    Ok(Cached { steps: go.len(), bytes })
}

/// The steps that stay and those that go.
fn divide(mut entries: Vec<Entry>, keep: &Keep) -> (Vec<Entry>, Vec<Entry>) {
    entries.sort_by_key(|entry| Reverse(entry.used));
    let (mut seen, mut bytes) = (BTreeSet::new(), 0);
    let first_to_go = entries.iter().position(|entry| {
        if let Some((layer, size)) = &entry.layer
            && seen.insert(layer.clone())
        {
            bytes += size;
        }
        keep.is_over(entry.used) || bytes > keep.bytes
    });
    let go = entries.split_off(first_to_go.unwrap_or(entries.len()));
    (entries, go)
}

/// The layers that go with steps, and their bytes.
fn freed(stay: &[Entry], go: &[Entry]) -> BTreeMap<String, u64> {
    let (staying, mut freed) = (layers(stay), layers(go));
    freed.retain(|layer, _| !staying.contains_key(layer));
    freed
}

/// Layers that nothing but these needs, each once, and their bytes.
fn layers(entries: &[Entry]) -> BTreeMap<String, u64> {
    entries.iter().filter_map(|entry| entry.layer.clone()).collect()
}

/// All steps; one that is damaged has no layer.
fn entries(store: &Store) -> Result<Vec<Entry>> {
    let index = index(&Images::new(store))?;
    let needed = index.needed();
    let mut entries = Vec::new();
    for (path, used) in files(&store.build().join("steps"))? {
        let key = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        let made = store::read_whole::<StepRecord>(&path)?.map(|record| record.made);
        let layer = made.and_then(|made| Some((made.layer?, made.size)));
        let layer = layer.filter(|(layer, _)| !needed.contains(layer));
        entries.push(Entry { path, key, layer, used });
    }
    Ok(entries)
}

fn index(images: &Images) -> Result<Index> {
    let _lock = images.lock_to_read()?;
    images.index()
}

/// The files of a folder, and when they were last used.
fn files(folder: &Path) -> Result<Vec<(PathBuf, SystemTime)>> {
    let doing = || format!("look into {}", folder.display());
    let found = match fs::read_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        found => found.doing(doing)?,
    };
    let mut files = Vec::new();
    for entry in found {
        let entry = entry.doing(doing)?;
        match entry.metadata().and_then(|metadata| metadata.modified()) {
            // Another build cleans up as well.
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            used => files.push((entry.path(), used.doing(doing)?)),
        }
    }
    Ok(files)
}

#[cfg(test)]
mod tests {
    use super::super::tests::{cache, inputs, spot};
    use super::super::{Cache, Made, note_use};
    use super::*;
    use crate::image::digest;
    use jiff::Timestamp;
    use std::fs::File;

    const DAY: Duration = Duration::from_secs(24 * 60 * 60);

    /// Keeps a step with a layer of so many bytes, last used so many days ago.
    fn keep(cache: &Cache, name: &str, bytes: u64, days: u32) -> PathBuf {
        let layer = Some(digest::of(name.as_bytes()));
        let inputs = inputs("", name, "1", "f");
        cache.keep(&spot(0), &inputs, &Made { layer, size: bytes, created: Timestamp::UNIX_EPOCH }).unwrap();
        let path = cache.step(&inputs.key().unwrap());
        File::open(&path).unwrap().set_modified(SystemTime::now() - DAY * days).unwrap();
        path
    }

    #[test]
    fn what_is_old_goes_and_then_what_was_not_used_for_longest() {
        let folder = tempfile::tempdir().unwrap();
        let cache = cache(folder.path());
        let store = Store::new(folder.path().join("root"), folder.path().join("run"));
        let paths = [("a", 40, 31), ("b", 40, 3), ("c", 40, 2), ("d", 40, 1)]
            .map(|(name, bytes, days)| keep(&cache, name, bytes, days));
        let kept = folder.path().join("root/images/kept");
        let rule = Keep { bytes: 100, ..Keep::default() };
        assert_eq!(unused(&store, &rule).unwrap(), Cached { steps: 2, bytes: 80 });
        assert_eq!(unused(&store, &Keep::NOTHING).unwrap(), Cached { steps: 4, bytes: 160 });
        assert_eq!(prune(&store, &rule).unwrap(), Cached { steps: 2, bytes: 80 });
        assert_eq!(paths.each_ref().map(|path| path.exists()), [false, false, true, true]);
        assert_eq!(fs::read_dir(&kept).unwrap().count(), 2);
        // Using a step keeps it from going.
        File::open(&paths[2]).unwrap().set_modified(SystemTime::now() - DAY * 40).unwrap();
        note_use(&paths[2]);
        assert_eq!(prune(&store, &rule).unwrap(), Cached::default());
        assert_eq!(prune(&store, &Keep::NOTHING).unwrap(), Cached { steps: 2, bytes: 80 });
        assert_eq!(fs::read_dir(&kept).unwrap().count(), 0);
    }
}
