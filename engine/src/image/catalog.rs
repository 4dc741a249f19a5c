//! What is on disk of all images: the index, blobs and layers, and how they change.

use super::config::ConfigFile;
use super::digest;
use super::layers::Hold;
use super::rebuild::rebuild;
use super::scratch::Scratch;
use super::sweep::Reach;
use super::{Image, ImageConfig, Images, Loaded, Reference};
use crate::error::{Context, Error, Kind, Result};
use crate::store::{self, Lock, LockKind};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io;
use std::path::PathBuf;

/// Shortest beginning of an id that names an image: shorter ones look too much like words.
const ID_MIN: usize = 7;

/// Which images there are. Replacing it is the commit of every change.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Index {
    /// Image ids by full reference.
    pub(crate) tags: BTreeMap<String, String>,
    /// Images by id.
    pub(crate) images: BTreeMap<String, Held>,
    /// Bytes in the files of each layer, by diff id.
    pub(crate) layers: BTreeMap<String, u64>,
}

/// What the index keeps of one image.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Held {
    /// Diff ids, lowest first.
    pub(crate) layers: Vec<String>,
    /// Digest of the manifest that it came with.
    pub(crate) manifest: Option<String>,
    /// Names with a digest that registries have for it.
    #[serde(default)]
    pub(crate) digests: BTreeSet<String>,
    /// When it was last loaded or tagged.
    pub(crate) tagged_at: Timestamp,
}

/// An image that is to be added.
#[derive(Clone, Debug)]
pub(crate) struct Draft {
    /// The config, byte for byte; its digest is the image's id.
    pub(crate) config: Vec<u8>,
    /// Diff ids, lowest first.
    pub(crate) layers: Vec<String>,
    /// The manifest, byte for byte, if the archive has one.
    pub(crate) manifest: Option<Vec<u8>>,
    /// Tags to give, and names with a digest that led to it.
    pub(crate) references: Vec<Reference>,
}

impl Index {
    /// The id that a text names: a tag, a digest, an id or the beginning of one.
    pub(crate) fn find(&self, text: &str) -> Result<Option<String>> {
        let reference = text.parse::<Reference>();
        if let Ok(reference) = &reference
            && let Some(id) = self.by_reference(reference)
        {
            return Ok(Some(id));
        }
        let hex = digest::hex(text);
        let is_id = (ID_MIN..=64).contains(&hex.len()) && hex.bytes().all(|byte| byte.is_ascii_hexdigit());
        if !is_id {
            return reference.map(|_| None);
        }
        let mut fitting = self.images.keys().filter(|id| digest::hex(id).starts_with(hex));
        match (fitting.next(), fitting.next()) {
            (Some(_), Some(_)) => {
                Err(Error::new(Kind::Conflict, format!("`{text}` begins several image ids"))
                    .hint("give more digits of the id"))
            }
            (only, _) => Ok(only.cloned()),
        }
    }

    fn by_reference(&self, reference: &Reference) -> Option<String> {
        let Some(digest) = &reference.digest else {
            return self.tags.get(&reference.to_string()).cloned();
        };
        let of = |(id, held): (&String, &Held)| {
            let names = || held.digests.iter().any(|name| name.ends_with(digest.as_str()));
            (id == digest || held.manifest.as_ref() == Some(digest) || names()).then(|| id.clone())
        };
        self.images.iter().find_map(of)
    }

    /// Tags of an image, full.
    pub(crate) fn tags_of<'a>(&'a self, id: &'a str) -> impl Iterator<Item = &'a str> {
        self.tags.iter().filter(move |(_, tagged)| *tagged == id).map(|(tag, _)| tag.as_str())
    }

    /// Layers that images name.
    pub(crate) fn needed(&self) -> BTreeSet<&String> {
        self.images.values().flat_map(|held| &held.layers).collect()
    }

    /// Bytes in the files of an image.
    pub(crate) fn size(&self, held: &Held) -> u64 {
        held.layers.iter().filter_map(|layer| self.layers.get(layer)).sum()
    }
}

impl Held {
    /// The blobs of the image of this id: its config, and manifests that registries have for it.
    pub(crate) fn blobs<'a>(&'a self, id: &'a str) -> impl Iterator<Item = String> + 'a {
        let pushed = self.digests.iter().filter_map(|name| name.split_once('@')).map(|(_, digest)| digest);
        std::iter::once(id).chain(self.manifest.as_deref()).chain(pushed).map(str::to_owned)
    }
}

/// The short form of a tag of the index.
pub(crate) fn familiar(tag: &str) -> String {
    tag.parse::<Reference>().map_or_else(|_| tag.to_owned(), |reference| reference.familiar())
}

impl Images {
    pub(crate) fn root(&self) -> PathBuf {
        self.store.images()
    }

    /// Folder of the blobs.
    pub(crate) fn blobs(&self) -> PathBuf {
        self.root().join("blobs/sha256")
    }

    pub(crate) fn blob(&self, digest: &str) -> PathBuf {
        self.blobs().join(digest::hex(digest))
    }

    fn index_path(&self) -> PathBuf {
        self.root().join("index.json")
    }

    pub(crate) fn index(&self) -> Result<Index> {
        match store::read_optional(&self.index_path()) {
            // The next change writes it.
            Err(error) if error.kind == Kind::Corrupt => rebuild(self),
            index => Ok(index?.unwrap_or_default()),
        }
    }

    /// Fails when the index is damaged: then what is not found may only have lost its name.
    pub(crate) fn ensure_whole(&self) -> Result<()> {
        store::read_optional::<Index>(&self.index_path()).map(drop).map_err(|error| match error.kind {
            Kind::Corrupt => error.hint(
                "the images are there without names: `sampan image ls` lists them, `image tag ID NAME` names one",
            ),
            _ => error,
        })
    }

    pub(crate) fn write_index(&self, index: &Index) -> Result<()> {
        store::write_durable(&self.index_path(), index)
    }

    pub(crate) fn lock(&self) -> Result<Lock> {
        Lock::take(&self.store, "image", LockKind::Exclusive)
    }

    /// Keeps images from being changed while they are looked at. Who has it may take it again.
    pub(crate) fn lock_to_read(&self) -> Result<Lock> {
        Lock::take(&self.store, "image", LockKind::Shared)
    }

    /// The config of an image that the index has.
    pub(crate) fn config_file(&self, id: &str) -> Result<(Vec<u8>, ConfigFile)> {
        let path = self.blob(id);
        let json = fs::read(&path).doing(|| format!("read the config of image {id}"))?;
        let file = ConfigFile::parse(&json, &format!("image {id}"))?;
        Ok((json, file))
    }

    pub(crate) fn image(&self, index: &Index, id: &str, held: &Held) -> Result<Image> {
        let (_, file) = self.config_file(id)?;
        let layers: Vec<PathBuf> = held.layers.iter().map(|layer| self.layer(layer)).collect();
        if let Some(missing) = layers.iter().find(|layer| !layer.is_dir()) {
            let error =
                Error::new(Kind::Corrupt, format!("image {id} lacks its layer {}", missing.display()));
            return Err(error.hint("load or import the image again"));
        }
        Ok(Image {
            id: id.to_owned(),
            references: index.tags_of(id).map(familiar).collect(),
            config: ImageConfig::from(&file.config),
            layers,
            created: file.created_at(),
            size: index.size(held),
            platform: file.platform(),
            tagged_at: held.tagged_at,
        })
    }

    /// Adds images: all of them or none. Their layers are in the store, held since they came.
    pub(crate) fn commit(&self, drafts: &[Draft], hold: Hold, scratch: &Scratch) -> Result<Vec<Loaded>> {
        let added = self.add(drafts, scratch);
        drop(hold);
        let layers = drafts.iter().flat_map(|draft| draft.layers.clone()).collect();
        match &added {
            // What images left behind while layers were held.
            Ok((_, true)) => self.collect(&Reach::Old),
            Ok((_, false)) => {}
            // What was to be added must not fill the disk that is full of it.
            Err(_) => self.collect(&Reach::Also(layers)),
        }
        added.map(|(loaded, _)| loaded)
    }

    /// Gives the images, and whether there are layers of images that are gone.
    fn add(&self, drafts: &[Draft], scratch: &Scratch) -> Result<(Vec<Loaded>, bool)> {
        let mut settled = self.fresh_layers()?;
        scratch.sync()?;
        let _lock = self.lock()?;
        let mut index = self.index()?;
        let layers: BTreeSet<&String> = drafts.iter().flat_map(|draft| &draft.layers).collect();
        if let Some(missing) = layers.iter().find(|layer| !self.has_layer(layer)) {
            return Err(Error::new(Kind::Corrupt, format!("layer {missing} is gone")).hint("try again"));
        }
        for layer in &layers {
            let size = index.layers.get(*layer).map_or_else(|| self.layer_size(layer), |size| Ok(*size))?;
            index.layers.insert((*layer).clone(), size);
        }
        let fresh = self.fresh_layers()?;
        if fresh.iter().any(|layer| layers.contains(layer) && !settled.contains(layer)) {
            // Somebody else placed them since.
            scratch.sync()?;
            settled = fresh;
        }
        self.settle(&settled)?;
        let loaded = drafts.iter().map(|draft| self.enter(&mut index, draft)).collect::<Result<_>>()?;
        self.write_index(&index)?;
        Ok((loaded, index.layers.len() > index.needed().len()))
    }

    fn enter(&self, index: &mut Index, draft: &Draft) -> Result<Loaded> {
        let id = self.write_blob(&draft.config)?;
        let manifest = draft.manifest.as_ref().map(|manifest| self.write_blob(manifest)).transpose()?;
        let known = index.images.remove(&id);
        let mut held = Held {
            layers: draft.layers.clone(),
            manifest: manifest.or_else(|| known.as_ref().and_then(|held| held.manifest.clone())),
            digests: known.map(|held| held.digests).unwrap_or_default(),
            tagged_at: Timestamp::now(),
        };
        for reference in &draft.references {
            if reference.digest.is_some() {
                // An index has one digest for all platforms: it names the image that came last.
                let name = reference.to_string();
                for other in index.images.values_mut() {
                    other.digests.remove(&name);
                }
                held.digests.insert(name);
            } else {
                index.tags.insert(reference.to_string(), id.clone());
            }
        }
        index.images.insert(id.clone(), held);
        Ok(Loaded { id, references: draft.references.iter().map(Reference::familiar).collect() })
    }

    /// Remembers that a registry has an image under this manifest.
    pub(crate) fn note_pushed(&self, id: &str, reference: &Reference, manifest: &[u8]) -> Result<()> {
        let _lock = self.lock()?;
        let mut index = self.index()?;
        // It may have been removed meanwhile.
        let Some(held) = index.images.get_mut(id) else { return Ok(()) };
        let digest = self.write_blob(manifest)?;
        let name = Reference { tag: None, digest: Some(digest.clone()), ..reference.clone() };
        held.manifest.get_or_insert(digest);
        if held.digests.insert(name.to_string()) { self.write_index(&index) } else { Ok(()) }
    }

    fn write_blob(&self, content: &[u8]) -> Result<String> {
        let digest = digest::of(content);
        let path = self.blob(&digest);
        let write = || -> io::Result<()> {
            // What is damaged is replaced: blobs are small.
            if fs::read(&path).is_ok_and(|there| there == content) {
                return Ok(());
            }
            fs::create_dir_all(self.blobs())?;
            // What an interruption leaves has no digest as its name and is swept as unreferenced.
            store::replace_file(&path, content, true)
        };
        write().doing(|| format!("write {}", path.display()))?;
        Ok(digest)
    }
}
