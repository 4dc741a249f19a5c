//! Checks of the image store: every blob and layer is what its name says, and all that the index
//! names is there.

use super::Finding;
use super::mend::Mend;
use crate::container::record;
use crate::error::{Error, Kind, Result};
use crate::image::catalog::{Held, Index, familiar};
use crate::image::config::ConfigFile;
use crate::image::layers::names;
use crate::image::workers::for_each;
use crate::image::{Images, digest, scratch};
use crate::store::{self, Store};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io;
use std::sync::Mutex;
use std::thread;

/// What is known while looking.
struct Look<'a> {
    images: &'a Images,
    index: Index,
    /// A container of each image that has one.
    users: BTreeMap<String, String>,
    found: Vec<Finding>,
}

pub(super) fn examine(store: &Store) -> Result<Vec<Finding>> {
    let images = Images::new(store);
    // What is looked at stays.
    let _hold = images.hold_layers()?;
    let mut look = Look { images: &images, index: Index::default(), users: users(store), found: Vec::new() };
    let lock = images.lock_to_read()?;
    look.index()?;
    look.blobs()?;
    look.left_behind()?;
    drop(lock);
    look.layers()?;
    Ok(look.found)
}

fn users(store: &Store) -> BTreeMap<String, String> {
    let ids = record::ids(store).into_iter();
    let records = ids.filter_map(|id| Some((record::read_optional(store, &id).ok()??, id.name())));
    let images = records.flat_map(|(record, name)| {
        let all = [record.image_id].into_iter().chain(record.mounted.into_keys());
        all.map(move |id| (id, name.clone()))
    });
    images.collect()
}

/// How a file compares with the digest that it is named by.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Blob {
    Whole,
    Missing,
    Damaged,
}

impl Look<'_> {
    fn name(&self, id: &str) -> String {
        self.index.tags_of(id).next().map_or_else(|| id.to_owned(), familiar)
    }

    fn index(&mut self) -> Result<()> {
        let path = self.images.root().join("index.json");
        if let Err(error) = self.images.ensure_whole() {
            if error.kind != Kind::Corrupt {
                return Err(error);
            }
            self.found.push(Finding::mendable("the index of images is damaged", &path, Mend::WriteIndex));
        }
        self.index = self.images.index()?;
        for (tag, id) in self.index.tags.iter().filter(|(_, id)| !self.index.images.contains_key(*id)) {
            let what = format!("{} names image {id}, which is not here", familiar(tag));
            self.found.push(Finding::mendable(what, &path, Mend::Untag(tag.clone())));
        }
        Ok(())
    }

    fn blobs(&mut self) -> Result<()> {
        let mut known = BTreeSet::new();
        for (id, held) in self.index.images.clone() {
            known.extend(held.blobs(&id));
            self.config(&id, &held)?;
            for digest in held.blobs(&id).skip(1).collect::<BTreeSet<_>>() {
                let state = self.blob(&digest)?;
                if state != Blob::Whole {
                    let what = format!("a manifest of image {} is {}", self.name(&id), state.word());
                    let mend = Mend::ForgetManifest { image: id.clone(), digest: digest.clone() };
                    self.found.push(Finding::mendable(what, self.images.blob(&digest), mend));
                }
            }
        }
        // Those of an image that the index lost are still needed.
        if self.users.keys().any(|id| !self.index.images.contains_key(id)) {
            return Ok(());
        }
        for hex in names(&self.images.blobs())?.iter().filter(|hex| !known.contains(&format!("sha256:{hex}")))
        {
            let place = self.images.blobs().join(hex);
            self.found.push(Finding::mendable("a blob belongs to no image", place, Mend::Collect));
        }
        Ok(())
    }

    fn config(&mut self, id: &str, held: &Held) -> Result<()> {
        let state = match self.blob(id)? {
            Blob::Whole => {
                let text = fs::read(self.images.blob(id)).unwrap_or_default();
                let agrees =
                    ConfigFile::parse(&text, id).is_ok_and(|file| file.rootfs.diff_ids == held.layers);
                if agrees { Blob::Whole } else { Blob::Damaged }
            }
            state => state,
        };
        if state == Blob::Whole {
            return Ok(());
        }
        let what = format!("the config of image {} is {}", self.name(id), state.word());
        let place = self.images.blob(id);
        let finding = match self.users.get(id) {
            None => Finding::mendable(what, place, Mend::Forget(vec![id.to_owned()])),
            Some(user) => {
                let remedy = format!("pull or load the image again: container {user} is made from it");
                Finding::told(what, place, remedy)
            }
        };
        self.found.push(finding);
        Ok(())
    }

    fn blob(&self, digest: &str) -> Result<Blob> {
        match fs::read(self.images.blob(digest)) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Blob::Missing),
            Err(error) => Err(Error::new(Kind::System, format!("read blob {digest}")).because(error)),
            Ok(content) if digest::of(&content) == digest => Ok(Blob::Whole),
            Ok(_) => Ok(Blob::Damaged),
        }
    }

    /// What interrupted work left.
    fn left_behind(&mut self) -> Result<()> {
        for folder in scratch::abandoned(self.images)? {
            self.found.push(Finding::mendable("interrupted work left a folder", folder, Mend::Collect));
        }
        let kept = self.images.root().join("kept");
        for name in names(&kept)? {
            let path = kept.join(name);
            let record = store::read_optional::<serde_json::Value>(&path);
            if record.is_err_and(|error| error.kind == Kind::Corrupt) {
                let what = "a record of layers to keep is damaged";
                self.found.push(Finding::mendable(what, &path, Mend::Remove(path.clone())));
            }
        }
        Ok(())
    }

    fn layers(&mut self) -> Result<()> {
        let mut owners: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for (id, held) in &self.index.images {
            held.layers.iter().for_each(|layer| owners.entry(layer.clone()).or_default().push(id.clone()));
        }
        for layer in self.images.stored()? {
            owners.entry(layer).or_default();
        }
        let damaged = self.damaged(&owners.keys().cloned().collect::<Vec<_>>())?;
        for (layer, owners) in &owners {
            let missing = !self.images.layer(layer).is_dir();
            let framed = self.images.frame(layer).is_dir();
            let word = match () {
                () if missing => "missing",
                () if damaged.contains(layer) => "damaged",
                () if !framed => "without what it takes to make its archive again",
                () if !self.images.has_layer(layer) => "not on the disk for sure since a power cut",
                () => continue,
            };
            let finding = self.layer(layer, owners, word);
            self.found.push(finding);
        }
        Ok(())
    }

    fn layer(&self, layer: &str, owners: &[String], word: &str) -> Finding {
        let place = self.images.layer(layer);
        let Some(first) = owners.first() else {
            let what = format!("layer {layer}, which no image has, is {word}");
            let mend = match word {
                "damaged" => Mend::Discard { layer: layer.to_owned(), images: Vec::new() },
                _ => Mend::Collect,
            };
            return Finding::mendable(what, place, mend);
        };
        let what = format!("layer {layer} of image {} is {word}", self.name(first));
        let again = "pull or load the image again";
        match owners.iter().find_map(|id| self.users.get(id)) {
            _ if self.images.layer(layer).is_dir() && !self.images.frame(layer).is_dir() => {
                Finding::told(what, place, format!("{again}: until then it cannot be saved or pushed"))
            }
            Some(user) if word == "missing" => {
                Finding::told(what, place, format!("{again}: container {user} needs it"))
            }
            Some(user) => {
                let remedy =
                    format!("remove container {user} and the others of this image, then {}", super::REPAIR);
                Finding::told(what, place, format!("{remedy}, then {again}"))
            }
            None => Finding::mendable(
                what,
                place,
                Mend::Discard { layer: layer.to_owned(), images: owners.to_vec() },
            ),
        }
    }

    /// The layers whose files are not those that their name says.
    fn damaged(&self, layers: &[String]) -> Result<BTreeSet<String>> {
        let damaged = Mutex::new(BTreeSet::new());
        let whole: Vec<&String> = layers.iter().filter(|layer| self.images.has_layer(layer)).collect();
        let processors = thread::available_parallelism().map_or(1, usize::from);
        for_each(&whole, processors, |layer| match self.images.pack_layer(layer, &mut io::sink()) {
            Err(error) if error.kind == Kind::Corrupt => {
                damaged.lock().unwrap_or_else(std::sync::PoisonError::into_inner).insert((*layer).clone());
                Ok(())
            }
            packed => packed.map(drop),
        })?;
        Ok(damaged.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner))
    }
}

impl Blob {
    fn word(self) -> &'static str {
        match self {
            Self::Whole => "whole",
            Self::Missing => "missing",
            Self::Damaged => "damaged",
        }
    }
}
