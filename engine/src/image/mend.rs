//! Mending the image store: what `system check` does about what it found.

use super::Images;
use super::catalog::Index;
use super::rebuild::rebuild;
use super::scratch::Scratch;
use super::sweep::{HOLD, Reach};
use crate::container::record;
use crate::error::{Context, Error, Kind, Result};
use crate::store::Lock;
use std::fs;
use std::io;

impl Images {
    /// Changes the index under its lock.
    pub(crate) fn change(&self, change: impl FnOnce(&mut Index)) -> Result<()> {
        let _lock = self.lock()?;
        let mut index = self.index()?;
        change(&mut index);
        self.write_index(&index)
    }

    /// Writes the index as it is read, which is made again when it is damaged.
    pub(crate) fn write_again(&self) -> Result<()> {
        self.change(|_| {})
    }

    /// Takes an image in that the index lost, under the names by which containers know it.
    pub(crate) fn adopt(&self, id: &str) -> Result<()> {
        let _lock = self.lock()?;
        let (mut index, mut whole) = (self.index()?, rebuild(self)?);
        let held = whole.images.remove(id).ok_or_else(|| {
            Error::new(Kind::NotFound, format!("image {id} is not whole")).hint("pull or load it again")
        })?;
        for (tag, _) in whole.tags.iter().filter(|(_, tagged)| *tagged == id) {
            index.tags.entry(tag.clone()).or_insert_with(|| id.to_owned());
        }
        for layer in &held.layers {
            index.layers.insert(layer.clone(), self.layer_size(layer)?);
        }
        index.images.insert(id.to_owned(), held);
        self.write_index(&index)
    }

    /// Removes images with their names, but for those that `user` says are in use.
    pub(crate) fn forget(&self, ids: &[String], user: &dyn Fn(&str) -> Option<String>) -> Result<()> {
        let trash = Scratch::unless_full(self)?;
        let _lock = self.lock()?;
        let mut index = self.index()?;
        if let Some((id, user)) = ids.iter().find_map(|id| Some((id, user(id)?))) {
            return Err(Error::new(Kind::Conflict, format!("image {id} is used by container {user}")));
        }
        index.images.retain(|id, _| !ids.contains(id));
        index.tags.retain(|_, id| !ids.contains(id));
        self.shrink(&mut index, &Reach::Old, trash.as_ref()).map(drop)
    }

    /// Drops a manifest of an image, and the names that it has in registries.
    pub(crate) fn forget_manifest(&self, id: &str, digest: &str) -> Result<()> {
        self.change(|index| {
            let Some(held) = index.images.get_mut(id) else { return };
            held.manifest.take_if(|manifest| manifest == digest);
            held.digests.retain(|name| !name.ends_with(digest));
        })?;
        self.clear_away()
    }

    /// Takes a layer away that no image has, also one that the build cache keeps.
    pub(crate) fn discard(&self, layer: &str) -> Result<()> {
        let trash = Scratch::new(self)?;
        let _lock = self.lock()?;
        let in_use =
            || Error::new(Kind::Conflict, format!("layer {layer} is in use")).hint("check again later");
        let _held = Lock::try_take(&self.store, HOLD)?.ok_or_else(in_use)?;
        let path = self.layer(layer);
        let has_it = record::find(&self.store, |record| record.layers.contains(&path));
        if self.index()?.needed().iter().any(|needed| *needed == layer) || has_it.is_some() {
            return Err(in_use());
        }
        for (from, name) in [(path, "layer"), (self.frame(layer), "frame")] {
            match fs::rename(&from, trash.path().join(name)) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                done => done.doing(|| format!("remove {}", from.display()))?,
            }
        }
        self.settle([&layer.to_owned()])
    }

    /// Collects what interrupted work left: working folders, layers that are not whole, blobs
    /// that no image has.
    pub(crate) fn clear_away(&self) -> Result<()> {
        let trash = Scratch::new(self)?;
        let _lock = self.lock()?;
        let mut index = self.index()?;
        let halves = self.stored()?.into_iter().filter(|layer| !self.has_layer(layer)).collect();
        self.shrink(&mut index, &Reach::Also(halves), Some(&trash)).map(drop)
    }
}
