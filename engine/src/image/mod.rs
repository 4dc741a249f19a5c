//! Images: content-addressed blobs, layers unpacked once, tags.
//!
//! ```text
//! <root>/images/index.json           tags, and which images there are (the commit of each change)
//! <root>/images/blobs/sha256/<hex>   configs, and manifests where the archive had them, byte for byte
//! <root>/images/layers/<hex>/        one unpacked layer, named by its diff id, shared by images
//! <root>/images/frames/<hex>/        what else it takes to make the layer's tar again, see [`frame`]
//! <root>/images/fresh/<hex>          layers that were placed and not yet synced, see [`layers`]
//! <root>/images/kept/<hex>           layers that are kept though no image names them, see [`sweep`]
//! <root>/images/tmp/<name>/          what a load works on; locked while its process lives
//! ```
//!
//! An image's id is the digest of its config. A layer appears by rename, complete and on the
//! disk, or not at all. Compressed layers are not kept: the diff id is checked when a layer is
//! unpacked, so what a layer folder holds is always what its name says.
//! An index that is damaged is made again from the blobs and the records of containers.
//! Changes happen under the lock `image`, and who reads shares it: an image is seen whole or not
//! at all.

mod archive;
pub(crate) mod attributes;
pub mod bare;
mod bounds;
pub(crate) mod catalog;
pub(crate) mod changes;
pub(crate) mod commit;
pub(crate) mod config;
pub mod digest;
mod docker;
pub(crate) mod entries;
#[cfg(test)]
pub(crate) mod fixture;
mod frame;
mod header;
mod history;
mod import;
pub(crate) mod layer;
pub(crate) mod layers;
pub(crate) mod layout;
mod load;
mod manage;
pub(crate) mod manifest;
mod mend;
mod oci;
mod pack;
pub(crate) mod paths;
mod pax;
pub(crate) mod platform;
mod rebuild;
mod reference;
pub mod registry;
mod save;
pub(crate) mod scratch;
mod seal;
pub(crate) mod stages;
pub(crate) mod stream;
pub(crate) mod sweep;
pub(crate) mod workers;
pub(crate) mod write;

pub use config::ImageConfig;
pub use history::HistoryStep;
pub use layers::{Hold, Layer};
pub use platform::Platform;
pub use reference::Reference;
pub use save::ArchiveFormat;
pub use seal::SealOptions;

use crate::error::{Error, Result};
use crate::journal::Entry;
use crate::store::Store;
use crate::system::Filter;
use jiff::Timestamp;
use registry::{PullRequest, Pulled, Pushed, Registries, Transfer};
use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};

/// The image store.
#[derive(Clone, Debug)]
pub struct Images {
    pub(crate) store: Store,
}

/// One image that is present.
#[derive(Clone, Debug)]
pub struct Image {
    /// `sha256:…`, the digest of its config.
    pub id: String,
    /// Its tags, as people write them.
    pub references: Vec<String>,
    /// What it says about its containers.
    pub config: ImageConfig,
    /// Unpacked layers, lowest first.
    pub layers: Vec<PathBuf>,
    /// When it was built, if it says so.
    pub created: Option<Timestamp>,
    /// Bytes in its files.
    pub size: u64,
    /// What it runs on, as `os/arch[/variant]`.
    pub platform: String,
    /// When it was last pulled, built, loaded or tagged.
    pub tagged_at: Timestamp,
}

/// One line of the image list: an image has as many as it has tags, and one if it has none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed {
    /// The tag; `None` for an image without any.
    pub reference: Option<Reference>,
    /// `sha256:…`.
    pub id: String,
    /// When it was built, if it says so.
    pub created: Option<Timestamp>,
    /// Bytes in its files.
    pub size: u64,
}

/// Where an archive comes from.
pub enum Input<'a> {
    /// A file.
    Path(&'a Path),
    /// A stream, such as standard input.
    Stream(&'a mut (dyn Read + Send)),
}

impl Input<'_> {
    fn name(&self) -> String {
        match self {
            Self::Path(path) => path.display().to_string(),
            Self::Stream(_) => "standard input".to_owned(),
        }
    }
}

/// Says which archive an error is about, unless it does so itself.
fn about(name: &str, mut error: Error) -> Error {
    if !error.doing.contains(name) {
        error.doing = format!("{name}: {}", error.doing);
    }
    error
}

/// One image that was loaded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Loaded {
    /// `sha256:…`.
    pub id: String,
    /// The tags that it was given, as people write them.
    pub references: Vec<String>,
}

/// What a removal did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Removed {
    /// A tag went.
    Untagged(String),
    /// An image went; its id.
    Deleted(String),
}

/// Which images pruning removes; never one that a container is made from.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Unused {
    /// Also images that have a name.
    pub all: bool,
    /// Only those that fit.
    pub filter: Filter,
}

/// What pruning did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Pruned {
    /// Tags that went.
    pub untagged: Vec<String>,
    /// Ids of the images that went.
    pub deleted: Vec<String>,
    /// Bytes in files that went with them.
    pub bytes: u64,
}

impl Images {
    /// The image store of this store.
    pub fn new(store: &Store) -> Self {
        Self { store: store.clone() }
    }

    /// The image that a reference, an id or the beginning of an id names.
    pub fn resolve(&self, reference: &str) -> Result<Option<Image>> {
        let _lock = self.lock_to_read()?;
        let index = self.index()?;
        let Some(id) = index.find(reference)? else {
            return self.ensure_whole().map(|()| None);
        };
        index.images.get(&id).map(|held| self.image(&index, &id, held)).transpose()
    }

    /// Adds the images of a docker-archive or OCI layout, as .tar, .tar.gz or .tar.zst.
    pub fn load(&self, from: Input<'_>) -> Result<Vec<Loaded>> {
        let name = from.name();
        let loaded = load::load(self, from).map_err(|error| about(&name, error))?;
        loaded.iter().for_each(|one| self.happened(&one.id, "load"));
        Ok(loaded)
    }

    /// Fetches an image from a registry, as far as the store does not have it.
    pub fn pull(
        &self,
        request: &PullRequest,
        registries: &Registries,
        tell: &Transfer<'_>,
    ) -> Result<Pulled> {
        let name = format!("`{}`", request.reference.familiar());
        let pulled = registry::pull(self, request, registries, tell).map_err(|error| about(&name, error))?;
        self.happened(&request.reference.familiar(), "pull");
        Ok(pulled)
    }

    /// Writes images as an archive, by names, ids or beginnings of ids.
    pub fn save(&self, names: &[String], format: ArchiveFormat, to: &mut dyn Write) -> Result<()> {
        save::save(self, names, format, to)?;
        names.iter().for_each(|name| self.happened(name, "save"));
        Ok(())
    }

    /// Gives a registry an image, under a tag that it has here.
    pub fn push(
        &self,
        reference: &Reference,
        registries: &Registries,
        tell: &Transfer<'_>,
    ) -> Result<Pushed> {
        let name = format!("`{}`", reference.familiar());
        let pushed =
            registry::push(self, reference, registries, tell).map_err(|error| about(&name, error))?;
        self.happened(&reference.familiar(), "push");
        Ok(pushed)
    }

    /// Makes an image of one layer from the tar of a root file system. `changes` are lines
    /// such as `CMD ["sh"]`. Gives the image's id.
    pub fn import(&self, from: Input<'_>, reference: Option<&str>, changes: &[String]) -> Result<String> {
        let name = from.name();
        let id = import::import(self, from, reference, changes).map_err(|error| about(&name, error))?;
        self.happened(reference.unwrap_or(&id), "import");
        Ok(id)
    }

    /// The journal tells of it.
    pub(crate) fn happened(&self, name: &str, action: &str) {
        Entry::image(name, action).tell(&self.store);
    }

    /// All images, by name.
    pub fn list(&self) -> Result<Vec<Listed>> {
        manage::list(self)
    }

    /// Gives an image another tag; an image that had it before loses it.
    pub fn tag(&self, source: &str, target: &str) -> Result<()> {
        manage::tag(self, source, target)?;
        self.happened(target, "tag");
        Ok(())
    }

    /// Removes a tag, and the image with its last one. `in_use` names the container that
    /// uses an image id, if any.
    pub fn remove(&self, reference: &str, in_use: &dyn Fn(&str) -> Option<String>) -> Result<Vec<Removed>> {
        let removed = manage::remove(self, reference, in_use)?;
        for one in &removed {
            match one {
                Removed::Untagged(name) => self.happened(name, "untag"),
                Removed::Deleted(id) => self.happened(id, "delete"),
            }
        }
        Ok(removed)
    }

    /// What [`Images::prune`] would remove: ids, with the names that people know.
    pub fn unused(
        &self,
        unused: &Unused,
        in_use: &dyn Fn(&str) -> Option<String>,
    ) -> Result<BTreeMap<String, Vec<String>>> {
        manage::unused(self, unused, in_use)
    }

    /// Removes images that no container is made from, and what interrupted work left.
    pub fn prune(&self, unused: &Unused, in_use: &dyn Fn(&str) -> Option<String>) -> Result<Pruned> {
        let pruned = manage::prune(self, unused, in_use)?;
        pruned.untagged.iter().for_each(|name| self.happened(name, "untag"));
        pruned.deleted.iter().for_each(|id| self.happened(id, "delete"));
        Ok(pruned)
    }

    /// How an image came about, last step first.
    pub fn history(&self, reference: &str) -> Result<Vec<HistoryStep>> {
        history::history(self, reference)
    }

    /// Writes the tar of a layer byte for byte as it was hashed; gives its length.
    pub fn pack_layer(&self, diff_id: &str, to: &mut dyn Write) -> Result<u64> {
        pack::pack(self, diff_id, to)
    }

    /// Length of the tar of a layer.
    pub fn packed_size(&self, diff_id: &str) -> Result<u64> {
        pack::size(self, diff_id)
    }

    /// What there is to say about an image, in the form of `docker image inspect`.
    pub fn inspect(&self, reference: &str) -> Result<serde_json::Value> {
        manage::inspect(self, reference)
    }
}

#[cfg(test)]
mod tests;
