//! Where the files of a build come from: contexts, stages and images; and what is in them.

use super::cache::Cache;
use super::cancel::Cancel;
use super::contents::{Contents, Look, contents};
use super::copy::{self, CopyRequest, CopySource};
use super::hashes::Hashes;
use super::ignore::Ignore;
use super::snapshot::{Context as FolderContext, Files, Snapshot};
use crate::error::{Context, Error, Kind, Result};
use crate::image::Images;
use crate::{overlay, tree};
use planner::desired::BuildContext;
use std::collections::BTreeMap;
use std::io;
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

/// The main context, where messages name it.
pub(super) const CONTEXT: &str = "the build context";

/// A folder of the user's that files are taken from.
#[derive(Debug)]
pub(super) struct Folder {
    context: FolderContext,
    hashes: Mutex<Hashes>,
    /// Where the digests are kept.
    kept: PathBuf,
}

impl Folder {
    /// Opens a folder. The first file with patterns that is there says what is not seen.
    pub(super) fn open(folder: PathBuf, patterns: &[PathBuf], cache: &Cache) -> Result<Self> {
        let kept = cache.hashes(&folder);
        let context = FolderContext { folder, ignored: ignored(patterns)? };
        Ok(Self { hashes: Mutex::new(Hashes::load(&kept)), context, kept })
    }

    fn save(&self) -> Result<()> {
        self.hashes.lock().unwrap_or_else(PoisonError::into_inner).save(&self.kept)
    }
}

/// The patterns of the first file that is there.
pub(super) fn ignored(files: &[PathBuf]) -> Result<Ignore> {
    for path in files {
        let text = match std::fs::read(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            text => text.doing(|| format!("read {}", path.display()))?,
        };
        let name = path.display().to_string();
        return Ignore::parse(&String::from_utf8_lossy(&text), &name)
            .map_err(|wrong| Error::new(Kind::Unsupported, format!("{name} cannot be used")).because(wrong));
    }
    Ok(Ignore::default())
}

/// The contexts of a build.
#[derive(Debug, Default)]
pub(super) struct Contexts {
    /// What `COPY` without `--from` takes; `None` is empty.
    pub(super) main: Option<Folder>,
    /// The additional ones that are folders.
    pub(super) named: BTreeMap<String, Folder>,
}

impl Contexts {
    /// Keeps what was found out, for the next build.
    pub(super) fn save(&self) -> Result<()> {
        self.main.iter().chain(self.named.values()).try_for_each(Folder::save)
    }
}

/// The folder of a context that is one.
pub(super) fn folder_of(context: &BuildContext) -> Result<Option<PathBuf>> {
    let (what, hint) = match context {
        BuildContext::Empty | BuildContext::Image(_) | BuildContext::Stage(_) => return Ok(None),
        BuildContext::Folder(folder) => {
            let doing = || format!("open the build context {}", folder.display());
            let metadata = std::fs::metadata(folder).doing(doing)?;
            let is_folder = metadata.is_dir();
            let error = || Error::new(Kind::Unsupported, format!("{} is not a folder", folder.display()));
            return if is_folder { Ok(Some(folder.clone())) } else { Err(error()) };
        }
        BuildContext::Url(url) => (url.clone(), "clone or download it and build in the folder"),
        BuildContext::Archive(path) => (path.display().to_string(), "unpack it and build in the folder"),
        BuildContext::OciLayout { folder, .. } => {
            (folder.display().to_string(), "only additional contexts can be OCI layouts")
        }
    };
    Err(Error::new(Kind::Unsupported, format!("`{what}` cannot be a build context")).hint(hint))
}

/// Where a step takes files from.
#[derive(Clone, Copy, Debug)]
pub(super) enum Source<'a> {
    /// A context.
    Folder(&'a Folder),
    /// Layers of a stage or image, by their diff ids.
    Layers(&'a [String]),
}

impl Source<'_> {
    /// As those want it who execute steps.
    pub(super) fn files(&self, images: &Images) -> Files {
        match self {
            Self::Folder(folder) => Files::Context(folder.context.clone()),
            Self::Layers(layers) => Files::Layers(folders(images, layers)),
        }
    }

    /// Digest of what a request takes.
    pub(super) fn digest(&self, request: &CopyRequest<'_>, images: &Images, cache: &Cache) -> Result<String> {
        match self {
            Self::Folder(folder) => {
                let contents = folder.look(request)?;
                cache.keep_contents(&contents)?;
                Ok(contents.digest())
            }
            Self::Layers(layers) => {
                let what =
                    format!("{layers:?} {:?} {} {:?}", request.sources, request.parents, request.exclude);
                cache.look(&what, || look_at_layers(layers, images, request))
            }
        }
    }

    /// Digest of what is at one path, for a mount.
    pub(super) fn digest_at(
        &self,
        path: &str,
        snapshot: &Snapshot,
        images: &Images,
        cache: &Cache,
    ) -> Result<String> {
        let path = if path.is_empty() { "." } else { path };
        let cancel = Cancel::new()?;
        let (sources, files) = ([CopySource::Path(path.to_owned())], self.files(images));
        self.digest(&CopyRequest::whole(snapshot, &files, &sources, &cancel), images, cache)
    }
}

/// The folders of layers, lowest first.
pub(super) fn folders(images: &Images, layers: &[String]) -> Vec<PathBuf> {
    layers.iter().map(|layer| images.layer(layer)).collect()
}

impl Folder {
    fn look(&self, request: &CopyRequest<'_>) -> Result<Contents> {
        let paths = copy::select(request)?;
        let folder = &self.context.folder;
        let root = tree::open_path(folder).doing(|| format!("open {}", folder.display()))?;
        let ignored = |path: &Path| self.context.ignored.ignores(path);
        let look = Look { root: root.as_fd(), ignored: &ignored, owners: false };
        contents(&look, &paths, &mut self.hashes.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

fn look_at_layers(layers: &[String], images: &Images, request: &CopyRequest<'_>) -> Result<Contents> {
    if layers.is_empty() {
        return Ok(Contents::default());
    }
    let paths = copy::select(request)?;
    let root = overlay::view(&folders(images, layers))?;
    let look = Look { root: root.as_fd(), ignored: &|_| false, owners: true };
    contents(&look, &paths, &mut Hashes::default())
}
