//! A look at files that an instruction copies or mounts, as they are meant: without what is ignored
//! or was deleted in a higher layer. Links are followed inside only.

use super::ignore::Ignore;
use super::snapshot::{Context as BuildContext, Files};
use crate::error::{Context, Error, Kind, Result};
use crate::image::paths;
use crate::overlay::{self, Layers};
use crate::sys::mountfd;
use crate::tree;
use rustix::fs::{self, CWD, FileType, Mode, OFlags};
use rustix::io::Errno;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::{Path, PathBuf};

/// An open look at files.
#[derive(Debug)]
pub(crate) struct View {
    root: OwnedFd,
    /// The folder that it shows as it is, unless it is a mount of its own.
    folder: Option<PathBuf>,
}

impl View {
    /// Opens it for reading. `scratch` is a path where something may be made.
    pub(crate) fn open(files: &Files, scratch: &Path) -> Result<Self> {
        let below = folders(files, scratch)?;
        match &below[..] {
            [only] => Self::at(only),
            several => Ok(Self { root: overlay::view(several)?, folder: None }),
        }
    }

    /// Opens it so that what is written goes to the scratch folder.
    pub(crate) fn open_writable(files: &Files, scratch: &Path) -> Result<Self> {
        let lower = folders(files, scratch)?;
        let doing = || format!("make {}", scratch.display());
        std::fs::create_dir_all(scratch).doing(doing)?;
        let (upper, work) = (scratch.join("upper"), scratch.join("work"));
        tree::remove(&upper)?;
        let root = overlay::mount(&Layers { lower, upper, work, volatile: true })?;
        Ok(Self { root, folder: None })
    }

    /// Opens it for who minds himself what is ignored.
    pub(crate) fn open_bare(files: &Files, scratch: &Path) -> Result<Self> {
        match files {
            Files::Context(context) => Self::at(&context.folder),
            Files::Layers(_) => Self::open(files, scratch),
        }
    }

    /// Its top folder.
    pub(crate) fn root(&self) -> BorrowedFd<'_> {
        self.root.as_fd()
    }

    /// A folder as it is.
    pub(crate) fn at(folder: &Path) -> Result<Self> {
        let root = tree::open_path(folder).doing(|| format!("open {}", folder.display()))?;
        Ok(Self { root, folder: Some(folder.to_owned()) })
    }

    /// A detached mount of it.
    pub(crate) fn mount(&self) -> Result<OwnedFd> {
        let mount = match &self.folder {
            Some(_) => mountfd::copy_of(self.root.as_fd(), false),
            None => fs::openat(&self.root, c".", OFlags::PATH | OFlags::CLOEXEC, Mode::empty()),
        };
        mount.doing(|| "mount files of a build".to_owned())
    }

    /// What a path in it leads to.
    pub(crate) fn find(&self, path: &str) -> Result<OwnedFd> {
        match paths::resolve(self.root.as_fd(), path.as_bytes(), OFlags::PATH) {
            Err(Errno::NOENT | Errno::NOTDIR) => {
                Err(Error::new(Kind::NotFound, format!("`{path}` is not there")))
            }
            found => found.doing(|| format!("look for `{path}`")),
        }
    }

    /// Opens a folder that was found.
    pub(crate) fn folder(&self, found: &OwnedFd) -> Result<OwnedFd> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        fs::openat(found, c".", flags, Mode::empty()).doing(|| "open a folder of a build".to_owned())
    }
}

/// The folders that make up the files, lowest first; never none.
fn folders(files: &Files, scratch: &Path) -> Result<Vec<PathBuf>> {
    match files {
        Files::Layers(layers) if layers.is_empty() => {
            let empty = scratch.join("empty");
            std::fs::create_dir_all(&empty).doing(|| format!("make {}", empty.display()))?;
            Ok(vec![empty])
        }
        Files::Layers(layers) => Ok(layers.clone()),
        Files::Context(BuildContext { folder, ignored }) if ignored.is_empty() => Ok(vec![folder.clone()]),
        Files::Context(BuildContext { folder, ignored }) => {
            let mask = scratch.join("mask");
            tree::remove(&mask)?;
            std::fs::create_dir_all(&mask).doing(|| format!("make {}", mask.display()))?;
            let made = Mask { ignored, top: &mask }.hide(folder, Path::new(""));
            made.doing(|| format!("hide what is ignored in {}", folder.display()))?;
            Ok(vec![folder.clone(), mask])
        }
    }
}

/// A layer that deletes what is ignored.
struct Mask<'a> {
    ignored: &'a Ignore,
    top: &'a Path,
}

impl Mask<'_> {
    /// Hides what is ignored below a folder; says whether that is all there is.
    fn hide(&self, folder: &Path, at: &Path) -> std::io::Result<bool> {
        let mut all = true;
        let mut hidden = Vec::new();
        for entry in std::fs::read_dir(folder)? {
            let entry = entry?;
            let path = at.join(entry.file_name());
            let is_folder = entry.file_type()?.is_dir();
            let is_hidden = match self.ignored.ignores(&path) {
                // Exceptions may bring something in it back.
                true if is_folder && self.ignored.may_see_into(&path) => self.hide(&entry.path(), &path)?,
                false if is_folder => self.hide(&entry.path(), &path).map(|_| false)?,
                ignored => ignored,
            };
            if is_hidden {
                hidden.push(path);
            } else {
                all = false;
            }
        }
        if !all || at == Path::new("") {
            hidden.iter().try_for_each(|path| self.delete(path))?;
        }
        Ok(all)
    }

    fn delete(&self, path: &Path) -> std::io::Result<()> {
        let place = self.top.join(path);
        if let Some(parent) = place.parent() {
            std::fs::create_dir_all(parent)?;
        }
        tree::remove(&place).map_err(std::io::Error::other)?;
        Ok(fs::mknodat(CWD, &place, FileType::CharacterDevice, Mode::empty(), 0)?)
    }
}
