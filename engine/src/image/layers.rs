//! Layers of the store: where they are, and how they come in.
//!
//! A layer is placed as soon as it is unpacked, before the image that it belongs to is whole, so
//! that interrupted work goes on where it was. Until something was synced it is *fresh*: a power
//! cut could take bytes from it, so after another boot it counts as absent.

use super::layer::Place;
use super::scratch::Scratch;
use super::{Images, digest};
use crate::container::state::boot_id;
use crate::error::{Context, Result};
use crate::store::{self, Lock, LockKind};
use crate::tree;
use rustix::fs::{AtFlags, CWD, RenameFlags, Timespec, Timestamps, UTIME_NOW, renameat_with, utimensat};
use rustix::io::Errno;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// A layer of the store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Layer {
    /// Digest of the layer as a plain tar.
    pub diff_id: String,
    /// Bytes in its files.
    pub size: u64,
}

/// While it is held no layer is collected, see [`super::sweep`].
#[derive(Debug)]
pub struct Hold {
    _lock: Lock,
}

/// What is known of a layer that is not yet on the disk for sure.
#[derive(Debug, Serialize, Deserialize)]
struct Fresh {
    /// The boot that it was placed in.
    boot: String,
    /// Bytes in its files.
    size: u64,
}

impl Images {
    /// The folder of a layer, as overlayfs takes it.
    pub fn layer(&self, diff_id: &str) -> PathBuf {
        self.layers().join(digest::hex(diff_id))
    }

    /// Where the frame of a layer is, see [`super::frame`].
    pub(crate) fn frame(&self, diff_id: &str) -> PathBuf {
        self.frames().join(digest::hex(diff_id))
    }

    pub(crate) fn layers(&self) -> PathBuf {
        self.root().join("layers")
    }

    pub(crate) fn frames(&self) -> PathBuf {
        self.root().join("frames")
    }

    pub(crate) fn fresh(&self) -> PathBuf {
        self.root().join("fresh")
    }

    fn fresh_mark(&self, diff_id: &str) -> PathBuf {
        self.fresh().join(digest::hex(diff_id))
    }

    /// Whether a layer is in the store, whole and with all that belongs to it.
    pub fn has_layer(&self, diff_id: &str) -> bool {
        self.layer(diff_id).is_dir() && self.frame(diff_id).is_dir() && self.is_trusted(diff_id)
    }

    /// Keeps layers that no image names from being collected. Take it before the first look at
    /// the store, and drop it when an image or [`Images::keep_layers`] names them.
    pub fn hold_layers(&self) -> Result<Hold> {
        Ok(Hold { _lock: Lock::take(&self.store, super::sweep::HOLD, LockKind::Shared)? })
    }

    /// The layer of this diff id; when the store lacks it `fill` unpacks it into a place and gives
    /// the bytes in its files, having checked the digest. Who asks for the same layer meanwhile,
    /// here or in another process, waits and then finds it.
    pub(crate) fn layer_or(
        &self,
        _hold: &Hold,
        scratch: &Scratch,
        diff_id: &str,
        fill: impl FnOnce(&Place) -> Result<u64>,
    ) -> Result<Layer> {
        let _lock = self.lock_layer(diff_id)?;
        if let Some(layer) = self.existing_layer(diff_id)? {
            return Ok(layer);
        }
        let place = scratch.place(digest::hex(diff_id))?;
        let size = fill(&place)?;
        self.place_fresh(diff_id, &place, size)
    }

    /// Moves a layer into the store whose diff id is known only now.
    pub(crate) fn add_layer(&self, _hold: &Hold, diff_id: &str, place: &Place, size: u64) -> Result<Layer> {
        let _lock = self.lock_layer(diff_id)?;
        match self.existing_layer(diff_id)? {
            Some(layer) => Ok(layer),
            None => self.place_fresh(diff_id, place, size),
        }
    }

    /// A layer that is there; it counts as used now.
    fn existing_layer(&self, diff_id: &str) -> Result<Option<Layer>> {
        if !self.has_layer(diff_id) {
            return Ok(None);
        }
        let now = Timespec { tv_sec: 0, tv_nsec: UTIME_NOW };
        let times = Timestamps { last_access: now, last_modification: now };
        // Only lengthens its time of grace.
        let _ = utimensat(CWD, self.frame(diff_id), &times, AtFlags::empty());
        let diff_id = diff_id.to_owned();
        Ok(Some(Layer { size: self.layer_size(&diff_id)?, diff_id }))
    }

    /// One process at a time makes a layer. Few files for many layers: two of a kind wait for each
    /// other in vain, seldom.
    fn lock_layer(&self, diff_id: &str) -> Result<Lock> {
        let name = digest::hex(diff_id).get(..2).unwrap_or("00");
        Lock::take(&self.store, &format!("layer-{name}"), LockKind::Exclusive)
    }

    /// Moves a layer into the store that is not synced. The caller has its lock.
    fn place_fresh(&self, diff_id: &str, place: &Place, size: u64) -> Result<Layer> {
        let boot = boot_id().to_owned();
        let folder = self.fresh();
        fs::create_dir_all(&folder).doing(|| format!("create {}", folder.display()))?;
        // Before the layer: no power cut leaves a layer that is not known to be fresh.
        store::write(&self.fresh_mark(diff_id), &Fresh { boot, size })?;
        self.place_layer(diff_id, place)?;
        Ok(Layer { diff_id: diff_id.to_owned(), size })
    }

    /// Moves a layer to where it belongs; what is there already stays.
    fn place_layer(&self, diff_id: &str, place: &Place) -> Result<()> {
        let doing = || format!("store layer {diff_id}");
        // The folder comes last: where it is the layer is.
        for (from, to) in [(&place.frame, self.frame(diff_id)), (&place.folder, self.layer(diff_id))] {
            fs::create_dir_all(to.parent().unwrap_or(&to)).doing(doing)?;
            match renameat_with(CWD, from, CWD, &to, RenameFlags::NOREPLACE) {
                Err(Errno::EXIST) => {}
                done => done.doing(doing)?,
            }
        }
        Ok(())
    }

    /// Bytes in the files of a layer.
    pub(crate) fn layer_size(&self, diff_id: &str) -> Result<u64> {
        let fresh: Option<Fresh> = store::read_whole(&self.fresh_mark(diff_id))?;
        fresh.map_or_else(|| tree::size(&self.layer(diff_id)), |fresh| Ok(fresh.size))
    }

    /// Diff ids of the layers that are fresh. A mark may come before its layer: that has none yet.
    pub(crate) fn fresh_layers(&self) -> Result<BTreeSet<String>> {
        let marked = names(&self.fresh())?.into_iter().map(|hex| format!("sha256:{hex}"));
        Ok(marked.filter(|layer| self.layer(layer).is_dir()).collect())
    }

    /// Says that layers are on the disk, after a sync.
    pub(crate) fn settle<'a>(&self, layers: impl IntoIterator<Item = &'a String>) -> Result<()> {
        layers.into_iter().try_for_each(|layer| store::remove_optional(&self.fresh_mark(layer)))
    }

    /// Whether a layer was synced, or placed in this boot.
    fn is_trusted(&self, diff_id: &str) -> bool {
        let mark = self.fresh_mark(diff_id);
        !mark.exists()
            || store::read_whole::<Fresh>(&mark)
                .is_ok_and(|fresh| fresh.is_some_and(|fresh| fresh.boot == boot_id()))
    }

    /// Takes away layers that a power cut may have taken bytes from. The caller has the lock of
    /// images; as every writer does this first, later only readers meet such layers.
    pub(crate) fn discard_distrusted(&self, trash: &Path) -> Result<()> {
        let fresh = self.fresh_layers()?;
        for layer in fresh.iter().filter(|layer| !self.is_trusted(layer)) {
            let hex = digest::hex(layer);
            for (from, to) in [(self.layer(layer), "layer"), (self.frame(layer), "frame")] {
                match fs::rename(&from, trash.join(format!("distrusted-{to}-{hex}"))) {
                    Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                    done => done.doing(|| format!("remove {}", from.display()))?,
                }
            }
            // Last: until then the layer counts as absent.
            self.settle([layer])?;
        }
        Ok(())
    }
}

/// The names in a folder that may not exist.
pub(crate) fn names(folder: &Path) -> Result<Vec<String>> {
    let doing = || format!("look into {}", folder.display());
    let entries = match fs::read_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries.doing(doing)?,
    };
    let mut names = Vec::new();
    for entry in entries {
        names.extend(entry.doing(doing)?.file_name().into_string());
    }
    Ok(names)
}

#[cfg(test)]
mod tests {
    use super::super::fixture::{Tar, images, loaded};
    use super::super::import::unpack_as;
    use super::*;
    use std::sync::atomic::{AtomicUsize, Ordering};

    #[test]
    fn a_layer_that_several_ask_for_is_unpacked_once() {
        let Some(images) = images() else { return };
        let tar = Tar::new().file("a", "text").finish();
        let (diff_id, filled) = (digest::of(&tar), AtomicUsize::new(0));
        let ask = || {
            let (hold, scratch) = (images.hold_layers().unwrap(), Scratch::new(&images).unwrap());
            let fill = |place: &Place| {
                filled.fetch_add(1, Ordering::Relaxed);
                unpack_as(tar.as_slice(), &diff_id, place)
            };
            assert_eq!(images.layer_or(&hold, &scratch, &diff_id, fill).unwrap().size, 4);
        };
        std::thread::scope(|scope| (0..6).for_each(|_| drop(scope.spawn(ask))));
        assert_eq!(filled.into_inner(), 1);
    }

    #[test]
    fn who_fails_to_make_a_layer_leaves_it_to_the_next() {
        let Some(images) = images() else { return };
        let tar = Tar::new().file("a", "text").finish();
        let diff_id = digest::of(&tar);
        let (hold, scratch) = (images.hold_layers().unwrap(), Scratch::new(&images).unwrap());
        let cut = |length: usize| {
            let scratch = Scratch::new(&images).unwrap();
            images.layer_or(&hold, &scratch, &diff_id, |place| unpack_as(&tar[..length], &diff_id, place))
        };
        assert_eq!(cut(600).unwrap_err().kind, crate::error::Kind::Corrupt);
        assert!(!images.has_layer(&diff_id));
        assert_eq!(cut(tar.len()).unwrap().size, 4);
        drop(scratch);
    }

    #[test]
    fn after_a_power_cut_only_layers_that_were_synced_are_there() {
        let Some(images) = images() else { return };
        let id = loaded(&images, "web", "synced");
        let synced = images.index().unwrap().images[&id].layers[0].clone();
        let tar = Tar::new().file("a", "fresh").finish();
        let diff_id = digest::of(&tar);
        let add = || {
            let (hold, scratch) = (images.hold_layers().unwrap(), Scratch::new(&images).unwrap());
            images
                .layer_or(&hold, &scratch, &diff_id, |place| unpack_as(tar.as_slice(), &diff_id, place))
                .unwrap()
        };
        add();
        assert!(images.has_layer(&diff_id) && images.has_layer(&synced));
        let other_boot = Fresh { boot: "another".to_owned(), size: 5 };
        for mark in
            [serde_json::to_string(&store::Record { version: 1, value: other_boot }).unwrap(), String::new()]
        {
            fs::write(images.fresh_mark(&diff_id), mark).unwrap();
            fs::write(images.layer(&diff_id).join("a"), "").unwrap();
            assert!(!images.has_layer(&diff_id) && images.has_layer(&synced));
            add();
            assert_eq!(fs::read_to_string(images.layer(&diff_id).join("a")).unwrap(), "fresh");
        }
        // Any image that comes syncs them all.
        loaded(&images, "other", "y");
        assert_eq!(images.fresh_layers().unwrap(), BTreeSet::new());
    }
}
