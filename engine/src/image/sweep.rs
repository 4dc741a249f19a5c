//! What nobody needs is collected.
//!
//! A layer stays
//! - while an image names it, in `index.json`;
//! - while a name keeps it, in `kept/`: the build cache names what it may use again;
//! - while any process holds layers: it may be about to use what nothing names yet;
//! - for a day after it was last asked for, if it never was in an image: what an interrupted pull
//!   or build has finished is there when it is tried again. Pruning does not wait.
//!
//! Layers of an image go with the last image that has them. Blobs belong to images.

use super::Images;
use super::catalog::Index;
use super::digest;
use super::layers::names;
use super::scratch::Scratch;
use crate::error::{Context, Result};
use crate::store::{self, Lock};
use crate::tree;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// The lock that says that layers are held.
pub(crate) const HOLD: &str = "image-hold";
/// How long layers stay that never were in an image.
const GRACE: Duration = Duration::from_secs(24 * 60 * 60);

/// Layers that a name keeps.
#[derive(Debug, Serialize, Deserialize)]
struct Kept {
    name: String,
    layers: Vec<String>,
}

/// What of the layers that never were in an image is collected.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Reach {
    /// What nobody asked for in a day.
    Old,
    /// And these.
    Also(BTreeSet<String>),
    All,
}

impl Images {
    fn kept(&self, name: &str) -> PathBuf {
        self.root().join("kept").join(digest::hex(&digest::of(name.as_bytes())))
    }

    /// Keeps layers that no image has to name, under any name; what it kept before it does not keep
    /// any more.
    pub fn keep_layers(&self, name: &str, layers: &[String]) -> Result<()> {
        let path = self.kept(name);
        let folder = self.root().join("kept");
        fs::create_dir_all(&folder).doing(|| format!("create {}", folder.display()))?;
        store::write(&path, &Kept { name: name.to_owned(), layers: layers.to_vec() })
    }

    /// Lets layers go that a name kept. They are collected when nothing else needs them.
    pub fn release_layers(&self, name: &str) -> Result<()> {
        store::remove_optional(&self.kept(name))
    }

    pub(crate) fn kept_layers(&self) -> Result<BTreeSet<String>> {
        let folder = self.root().join("kept");
        let mut layers = BTreeSet::new();
        for name in names(&folder)? {
            let kept: Option<Kept> = store::read_whole(&folder.join(name))?;
            layers.extend(kept.into_iter().flat_map(|kept| kept.layers));
        }
        Ok(layers)
    }

    /// Makes an index count that lacks images of the one before, and takes their files away. Gives
    /// the bytes in layers that went.
    pub(crate) fn shrink(&self, index: &mut Index, reach: &Reach, trash: Option<&Scratch>) -> Result<u64> {
        // The index goes first: layers without it are swept later, an index without layers is damage.
        let freed = match (self.write_index(index), trash) {
            (Ok(()), Some(trash)) => self.sweep(index, reach, Some(trash.path()))?,
            (Err(error), _) if !error.is_full() => return Err(error),
            // A full disk must not keep from making room on it. Interrupted here, the index names
            // images that are not whole, and they can be removed again.
            _ => self.sweep(index, reach, None)?,
        };
        self.write_index(index)?;
        Ok(freed)
    }

    /// Sweeps after work that added to the store. A failure is none of that work: what is left is
    /// collected by the next.
    pub(crate) fn collect(&self, reach: &Reach) {
        let collect = || {
            let _lock = self.lock()?;
            let mut index = self.index()?;
            let before = index.layers.len();
            self.sweep(&mut index, reach, None)?;
            if index.layers.len() < before { self.write_index(&index) } else { Ok(()) }
        };
        drop(collect());
    }

    /// Moves what nobody needs into `trash`, to be deleted without holding the lock, or deletes
    /// it at once.
    pub(crate) fn sweep(&self, index: &mut Index, reach: &Reach, trash: Option<&Path>) -> Result<u64> {
        let blobs: BTreeSet<String> = index.images.iter().flat_map(|(id, held)| held.blobs(id)).collect();
        take(&self.blobs(), trash, |digest| !blobs.contains(digest))?;
        // Nobody may begin to use layers meanwhile.
        let Some(_held) = Lock::try_take(&self.store, HOLD)? else { return Ok(0) };
        let needed: BTreeSet<String> = index.needed().into_iter().cloned().collect();
        let kept = self.kept_layers()?;
        let goes = |layer: &str| {
            let named = needed.contains(layer) || kept.contains(layer);
            let was_in_an_image = index.layers.contains_key(layer);
            let is_given_up = match reach {
                Reach::Old => false,
                Reach::Also(layers) => layers.contains(layer),
                Reach::All => true,
            };
            !named && (was_in_an_image || is_given_up || self.is_old(layer))
        };
        let going: BTreeSet<String> = self.stored()?.into_iter().filter(|layer| goes(layer)).collect();
        let mut freed = 0;
        for layer in &going {
            freed += index.layers.get(layer).copied().or_else(|| self.layer_size(layer).ok()).unwrap_or(0);
        }
        for folder in [self.layers(), self.frames(), self.fresh()] {
            take(&folder, trash, |layer| going.contains(layer))?;
        }
        index.layers.retain(|layer, _| needed.contains(layer));
        Ok(freed)
    }

    /// Diff ids of all layers that have something in the store.
    pub(crate) fn stored(&self) -> Result<BTreeSet<String>> {
        let mut found = BTreeSet::new();
        for folder in [self.layers(), self.frames(), self.fresh()] {
            found.extend(names(&folder)?.iter().map(|name| format!("sha256:{name}")));
        }
        Ok(found)
    }

    /// Whether nobody asked for a layer in a long time, or it is not whole.
    fn is_old(&self, layer: &str) -> bool {
        let asked = fs::metadata(self.frame(layer)).and_then(|frame| frame.modified());
        // A time in the future is no age.
        asked.map_or(true, |asked| asked.elapsed().is_ok_and(|age| age > GRACE))
    }
}

/// Moves the entries of a folder that go, named by digest, into `trash`, or deletes them.
fn take(folder: &Path, trash: Option<&Path>, goes: impl Fn(&str) -> bool) -> Result<()> {
    let doing = || format!("clean up {}", folder.display());
    // Frames have the names of their layers.
    let trash = match (trash, folder.file_name()) {
        (Some(trash), Some(name)) => Some(trash.join(name)),
        _ => None,
    };
    trash.iter().try_for_each(fs::create_dir_all).doing(doing)?;
    for name in names(folder)? {
        if !goes(&format!("sha256:{name}")) {
            continue;
        }
        match &trash {
            Some(trash) => fs::rename(folder.join(&name), trash.join(&name)).doing(doing)?,
            None => tree::remove(&folder.join(&name))?,
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::fixture::{Tar, docker_archive, images, loaded};
    use super::*;
    use std::fs::File;
    use std::time::SystemTime;

    /// A layer in the store that no image names.
    fn stray(images: &Images, text: &str) -> String {
        let tar = Tar::new().file("a", text).finish();
        let (hold, scratch) = (images.hold_layers().unwrap(), Scratch::new(images).unwrap());
        let diff_id = digest::of(&tar);
        let fill = |place: &_| super::super::import::unpack_as(tar.as_slice(), &diff_id, place);
        images.layer_or(&hold, &scratch, &diff_id, fill).unwrap().diff_id
    }

    fn prune(images: &Images) -> u64 {
        images.prune(&super::super::Unused::default(), &|_| None).unwrap().bytes
    }

    #[test]
    fn what_interrupted_work_finished_stays_for_a_day_or_until_pruned() {
        let Some(images) = images() else { return };
        let (young, old) = (stray(&images, "young"), stray(&images, "old"));
        let asked = SystemTime::now() - GRACE - Duration::from_secs(1);
        File::open(images.frame(&old)).unwrap().set_modified(asked).unwrap();
        let id = loaded(&images, "web", "x");
        images.remove(&id, &|_| None).unwrap();
        assert!(images.has_layer(&young) && !images.layer(&old).exists() && !images.frame(&old).exists());
        assert_eq!((prune(&images), images.has_layer(&young)), (5, false));
        assert_eq!(images.stored().unwrap(), BTreeSet::new());
    }

    #[test]
    fn layers_that_a_name_keeps_stay_until_it_lets_them_go() {
        let Some(images) = images() else { return };
        let (one, other) = (stray(&images, "1"), stray(&images, "2"));
        images.keep_layers("build: step 1", std::slice::from_ref(&one)).unwrap();
        assert_eq!((prune(&images), images.has_layer(&one), images.has_layer(&other)), (1, true, false));
        // Also when an image had it that is gone.
        let archive = docker_archive(&["web"], &[Tar::new().file("a", "1").finish()]);
        images.load(super::super::Input::Stream(&mut archive.as_slice())).unwrap();
        images.remove("web", &|_| None).unwrap();
        assert!(images.has_layer(&one));
        images.release_layers("build: step 1").unwrap();
        images.release_layers("build: step 1").unwrap();
        assert_eq!((prune(&images), images.has_layer(&one)), (1, false));
    }

    #[test]
    fn nothing_is_collected_while_layers_are_held_and_everything_after() {
        let Some(images) = images() else { return };
        let id = loaded(&images, "web", "x");
        let layer = images.index().unwrap().images[&id].layers[0].clone();
        let hold = images.hold_layers().unwrap();
        images.remove("web", &|_| None).unwrap();
        assert_eq!((prune(&images), images.has_layer(&layer)), (0, true));
        drop(hold);
        loaded(&images, "other", "y");
        assert!(!images.has_layer(&layer), "the next image to come takes it away");
    }
}
