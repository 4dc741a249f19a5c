//! What is on disk of all images: the index, blobs and layers, and how they change.

use super::config::ConfigFile;
use super::digest;
use super::layer::Place;
use super::rebuild::rebuild;
use super::{Image, ImageConfig, Images, Loaded, Reference};
use crate::error::{Context, Error, Kind, Result};
use crate::store::{self, Lock, LockKind};
use crate::tree;
use jiff::Timestamp;
use rustix::fs::{CWD, RenameFlags, renameat_with};
use rustix::io::Errno;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

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
    /// Tags to give.
    pub(crate) references: Vec<Reference>,
}

/// Layers unpacked but not yet in the store: where, and the bytes in their files, by diff id.
pub(crate) type Unpacked = BTreeMap<String, (Place, u64)>;

/// What became of an attempt to add images.
pub(crate) enum Commit {
    /// They are there.
    Done(Vec<Loaded>),
    /// These layers were there before and have been removed since.
    Missing(Vec<String>),
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
            (id == digest || held.manifest.as_ref() == Some(digest)).then(|| id.clone())
        };
        self.images.iter().find_map(of)
    }

    /// Tags of an image, full.
    pub(crate) fn tags_of<'a>(&'a self, id: &'a str) -> impl Iterator<Item = &'a str> {
        self.tags.iter().filter(move |(_, tagged)| *tagged == id).map(|(tag, _)| tag.as_str())
    }

    /// Bytes in the files of an image.
    pub(crate) fn size(&self, held: &Held) -> u64 {
        held.layers.iter().filter_map(|layer| self.layers.get(layer)).sum()
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

    pub(crate) fn blob(&self, digest: &str) -> PathBuf {
        self.root().join("blobs/sha256").join(digest::hex(digest))
    }

    pub(crate) fn layer(&self, diff_id: &str) -> PathBuf {
        self.root().join("layers").join(digest::hex(diff_id))
    }

    /// Where the frame of a layer is, see [`super::frame`].
    pub(crate) fn frame(&self, diff_id: &str) -> PathBuf {
        self.root().join("frames").join(digest::hex(diff_id))
    }

    /// Whether a layer is in the store with all that belongs to it.
    pub(crate) fn has_layer(&self, diff_id: &str) -> bool {
        self.layer(diff_id).is_dir() && self.frame(diff_id).is_dir()
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

    /// Adds images: all of them or none. Layers of `unpacked` are moved into the store.
    pub(crate) fn commit(&self, drafts: &[Draft], unpacked: &Unpacked, scratch: &Scratch) -> Result<Commit> {
        scratch.sync()?;
        let _lock = self.lock()?;
        let mut index = self.index()?;
        let layers: BTreeSet<&String> = drafts.iter().flat_map(|draft| &draft.layers).collect();
        let is_missing = |layer: &&&String| !unpacked.contains_key(**layer) && !self.layer(layer).is_dir();
        let missing: Vec<String> = layers.iter().filter(is_missing).map(ToString::to_string).collect();
        if !missing.is_empty() {
            return Ok(Commit::Missing(missing));
        }
        for layer in layers {
            let size = self.place_layer(layer, unpacked, &index)?;
            index.layers.insert(layer.clone(), size);
        }
        let mut enter = || {
            let loaded = drafts.iter().map(|draft| self.enter(&mut index, draft)).collect::<Result<_>>()?;
            self.write_index(&index)?;
            Ok(Commit::Done(loaded))
        };
        // What was to be added must not fill the disk that is full of it.
        enter().inspect_err(|_| drop(self.index().and_then(|mut before| self.sweep(&mut before, None))))
    }

    /// Puts a layer into its place and gives its size; one that is there already stays.
    fn place_layer(&self, layer: &str, unpacked: &Unpacked, index: &Index) -> Result<u64> {
        let Some((fresh, size)) = unpacked.get(layer) else {
            let measure = || tree::size(&self.layer(layer));
            return index.layers.get(layer).map_or_else(measure, |size| Ok(*size));
        };
        let doing = || format!("store layer {layer}");
        // The folder comes last: where it is the layer is.
        for (from, to) in [(&fresh.frame, self.frame(layer)), (&fresh.folder, self.layer(layer))] {
            fs::create_dir_all(to.parent().unwrap_or(&to)).doing(doing)?;
            match renameat_with(CWD, from, CWD, &to, RenameFlags::NOREPLACE) {
                Err(Errno::EXIST) => {}
                done => done.doing(doing)?,
            }
        }
        Ok(*size)
    }

    fn enter(&self, index: &mut Index, draft: &Draft) -> Result<Loaded> {
        let id = self.write_blob(&draft.config)?;
        let manifest = draft.manifest.as_ref().map(|manifest| self.write_blob(manifest)).transpose()?;
        let known = index.images.get(&id).and_then(|held| held.manifest.clone());
        let held =
            Held { layers: draft.layers.clone(), manifest: manifest.or(known), tagged_at: Timestamp::now() };
        index.images.insert(id.clone(), held);
        for reference in &draft.references {
            index.tags.insert(reference.to_string(), id.clone());
        }
        Ok(Loaded { id, references: draft.references.iter().map(Reference::familiar).collect() })
    }

    fn write_blob(&self, content: &[u8]) -> Result<String> {
        let digest = digest::of(content);
        let path = self.blob(&digest);
        let write = || -> io::Result<()> {
            if path.exists() {
                return Ok(());
            }
            fs::create_dir_all(self.root().join("blobs/sha256"))?;
            // What an interruption leaves has no digest as its name and is swept as unreferenced.
            store::replace_file(&path, content, true)
        };
        write().doing(|| format!("write {}", path.display()))?;
        Ok(digest)
    }

    /// Makes an index count that lacks images of the one before, and takes their files away.
    pub(crate) fn shrink(&self, index: &mut Index, trash: Option<&Scratch>) -> Result<()> {
        // The index goes first: layers without it are swept later, an index without layers is damage.
        match (self.write_index(index), trash) {
            (Ok(()), Some(trash)) => self.sweep(index, Some(trash.path()))?,
            (Err(error), _) if !error.is_full() => return Err(error),
            // A full disk must not keep from making room on it. Interrupted here, the index names
            // images that are not whole, and they can be removed again.
            _ => self.sweep(index, None)?,
        }
        self.write_index(index)
    }

    /// Moves what no image needs into `trash`, to be deleted without holding the lock, or deletes
    /// it at once.
    fn sweep(&self, index: &mut Index, trash: Option<&Path>) -> Result<()> {
        let layers: BTreeSet<String> = index.images.values().flat_map(|held| held.layers.clone()).collect();
        let manifests = index.images.values().filter_map(|held| held.manifest.clone());
        let blobs: BTreeSet<String> = index.images.keys().cloned().chain(manifests).collect();
        take_others(&self.root().join("layers"), &layers, trash)?;
        take_others(&self.root().join("frames"), &layers, trash)?;
        take_others(&self.root().join("blobs/sha256"), &blobs, trash)?;
        index.layers.retain(|layer, _| layers.contains(layer));
        Ok(())
    }
}

fn take_others(folder: &Path, keep: &BTreeSet<String>, trash: Option<&Path>) -> Result<()> {
    let doing = || format!("clean up {}", folder.display());
    let entries = match fs::read_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        entries => entries.doing(doing)?,
    };
    // Frames have the names of their layers.
    let trash = match (trash, folder.file_name()) {
        (Some(trash), Some(name)) => Some(trash.join(name)),
        _ => None,
    };
    trash.iter().try_for_each(fs::create_dir_all).doing(doing)?;
    for entry in entries {
        let entry = entry.doing(doing)?;
        let name = entry.file_name();
        let kept = name.to_str().is_some_and(|name| keep.contains(&format!("sha256:{name}")));
        match trash.as_ref().filter(|_| !kept) {
            Some(trash) => fs::rename(entry.path(), trash.join(&name)).doing(doing)?,
            None if kept => {}
            None => tree::remove(&entry.path())?,
        }
    }
    Ok(())
}

/// A folder to work in, removed when dropped; the next one removes those of processes that
/// ended before they could.
#[derive(Debug)]
pub(crate) struct Scratch {
    folder: PathBuf,
    /// Held locked; lies in the folder.
    lock: fs::File,
}

impl Scratch {
    pub(crate) fn new(images: &Images) -> Result<Self> {
        let tmp = images.root().join("tmp");
        let lock = images.lock()?;
        let left = left_behind(&tmp).doing(|| format!("look into {}", tmp.display()))?;
        let scratch = Self::make(&tmp).doing(|| format!("create a folder in {}", tmp.display()))?;
        drop(lock);
        left.iter().try_for_each(|old| tree::remove(&old.0))?;
        Ok(scratch)
    }

    fn make(tmp: &Path) -> io::Result<Self> {
        for number in 0_u64.. {
            let folder = tmp.join(number.to_string());
            match fs::create_dir(&folder) {
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                done => {
                    done?;
                    let lock = fs::File::create(folder.join("lock"))?;
                    lock.lock()?;
                    return Ok(Self { folder, lock });
                }
            }
        }
        Err(io::ErrorKind::AlreadyExists.into())
    }

    /// As [`Scratch::new`]; `None` when the disk has no room even for that.
    pub(crate) fn unless_full(images: &Images) -> Result<Option<Self>> {
        match Self::new(images) {
            Err(error) if error.is_full() => Ok(None),
            scratch => scratch.map(Some),
        }
    }

    pub(crate) fn path(&self) -> &Path {
        &self.folder
    }

    /// New folders inside, for one layer.
    pub(crate) fn place(&self, name: &str) -> Result<Place> {
        Ok(Place {
            folder: self.folder(&format!("layer-{name}"))?,
            frame: self.folder(&format!("frame-{name}"))?,
        })
    }

    fn folder(&self, name: &str) -> Result<PathBuf> {
        let path = self.folder.join(name);
        let make = || {
            fs::create_dir(&path)?;
            fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o755))
        };
        make().doing(|| format!("create {}", path.display()))?;
        Ok(path)
    }

    /// Writes what is in it to the disk: one call, however many files there are.
    fn sync(&self) -> Result<()> {
        rustix::fs::syncfs(&self.lock).doing(|| format!("write {} to the disk", self.folder.display()))
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // What cannot be removed now is removed by the next one.
        let _ = tree::remove(&self.folder);
    }
}

/// Folders whose lock nobody holds, with their lock: so nobody else takes them for left behind.
fn left_behind(tmp: &Path) -> io::Result<Vec<(PathBuf, Option<fs::File>)>> {
    fs::create_dir_all(tmp)?;
    let mut left = Vec::new();
    for entry in fs::read_dir(tmp)? {
        let folder = entry?.path();
        match fs::File::open(folder.join("lock")) {
            Ok(lock) => {
                if lock.try_lock().is_ok() {
                    left.push((folder, Some(lock)));
                }
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => left.push((folder, None)),
            Err(error) => return Err(error),
        }
    }
    Ok(left)
}
