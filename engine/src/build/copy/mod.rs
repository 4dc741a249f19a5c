//! One `COPY` or `ADD`: files into a snapshot.
//!
//! 1. [`select()`] finds out what the sources stand for, without leaving where they come from.
//! 2. [`target`] is what is copied into: an overlay of the snapshot, whose top folder is the root of
//!    every path and link; or the upper folder itself, where nothing is below or it does not matter.
//! 3. [`transfer`] copies trees, [`archive`] unpacks.

mod archive;
mod chmod;
pub(in crate::build) mod owner;
mod request;
mod select;
mod target;
mod transfer;

pub use request::{Add, Copied, CopyRequest, CopySource};

use super::files::View;
use super::snapshot::Files;
use crate::error::{Context, Error, Kind, Result};
use chmod::Chmod;
use select::{Filter, Selected};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use target::{Look, Target};
use transfer::Transfer;

/// Copies into the upper folder of the snapshot. When it fails what is there already stays: the
/// upper is then good for nothing.
pub fn copy(request: &CopyRequest<'_>) -> Result<Copied> {
    request.cancel.check()?;
    let target = Target::open(request.snapshot, request.link)?;
    let chown = request.chown.map(|text| owner::find(target.root(), text)).transpose()?;
    let from_context = matches!(request.from, Files::Context(_));
    let look = Look {
        owner: chown.or(from_context.then_some((0, 0))),
        chmod: request.chmod.map(Chmod::parse).transpose()?,
        time: request.epoch,
    };
    let scratch = request.snapshot.work.join("view");
    let mut copy = Copying {
        request,
        chown,
        look: &look,
        target: &target,
        scratch: &scratch,
        copied: Copied::default(),
    };
    if let Err(error) = copy.all() {
        // What was interrupted fails in its own way.
        return request.cancel.check().and(Err(error));
    }
    target.finish(request.epoch)?;
    Ok(copy.copied)
}

/// The paths that the sources stand for, in order: relative to the top folder of `from`, without
/// wildcards and links. What is ignored is not among them, but may be below them.
pub fn select(request: &CopyRequest<'_>) -> Result<Vec<PathBuf>> {
    let view = View::open_bare(request.from, &request.snapshot.work.join("view"))?;
    let filter = Filter::of(request)?;
    let mut paths = Vec::new();
    for source in request.sources {
        if let CopySource::Path(path) = source {
            let found = select::select(view.root(), path, request.parents, &filter)?;
            paths.extend(found.into_iter().map(|selected| selected.real));
        }
    }
    Ok(paths)
}

/// What goes on.
struct Copying<'a> {
    request: &'a CopyRequest<'a>,
    /// The owner that was asked for.
    chown: Option<owner::Owner>,
    look: &'a Look,
    target: &'a Target,
    scratch: &'a Path,
    copied: Copied,
}

impl Copying<'_> {
    fn all(&mut self) -> Result<()> {
        let request = self.request;
        let view = View::open_bare(request.from, self.scratch)?;
        let filter = Filter::of(request)?;
        let mut found = Vec::new();
        for source in request.sources {
            let selected = match source {
                CopySource::Path(path) => select::select(view.root(), path, request.parents, &filter)?,
                _ => Vec::new(),
            };
            found.push(selected);
        }
        self.ensure_folder(&found)?;
        let mut transfer = Transfer::new(view.root(), self.target, self.look, &filter, request.cancel);
        for (source, selected) in request.sources.iter().zip(found) {
            for one in selected {
                self.path(&mut transfer, &view, &one)?;
            }
            match source {
                CopySource::Path(_) => {}
                CopySource::Text { name, text } => self.text(name, text)?,
                CopySource::File { path, name } => self.file(path, name)?,
                CopySource::Folder { path, below } => self.folder(path, below)?,
            }
        }
        self.count(&transfer);
        Ok(())
    }

    fn count(&mut self, transfer: &Transfer<'_>) {
        self.copied.files += transfer.copied.files;
        self.copied.bytes += transfer.copied.bytes;
    }

    /// As everything looks that does not come from an image.
    fn own_look(&self) -> Look {
        Look { owner: Some(self.chown.unwrap_or((0, 0))), ..self.look.clone() }
    }

    /// Several things need a folder to be copied into.
    fn ensure_folder(&self, found: &[Vec<Selected>]) -> Result<()> {
        let count: usize = self
            .request
            .sources
            .iter()
            .zip(found)
            .map(|(source, found)| if matches!(source, CopySource::Path(_)) { found.len() } else { 1 })
            .sum();
        let place = self.target.place(self.request.cwd, self.request.target)?;
        if count > 1 && !place.is_folder && !self.request.parents {
            return Err(Error::new(Kind::Unsupported, format!("`{}` is no folder", self.request.target))
                .hint(format!("{count} things are copied there: end it with a slash")));
        }
        Ok(())
    }

    fn path(&mut self, transfer: &mut Transfer<'_>, view: &View, selected: &Selected) -> Result<()> {
        let place = self.target.place(self.request.cwd, self.request.target)?;
        let unpacks = self.request.add.as_ref().is_some_and(|add| add.unpack != Some(false));
        if unpacks && self.unpack(view, selected, &place.path)? {
            return Ok(());
        }
        let doing = || format!("copy {}", selected.named.display());
        if self.request.parents {
            let top = self.target.folder(&place.path, self.look)?;
            return transfer.with_parents(selected, top).doing(doing);
        }
        if transfer.is_folder(&selected.real).doing(doing)? {
            let folder = self.target.folder(&place.path, self.look)?;
            return transfer.contents(&selected.real, &folder).doing(doing);
        }
        let name = selected.named.file_name().map(|name| name.as_bytes().to_vec()).unwrap_or_default();
        let (folder, name) = self.target.for_file(place, name, self.look)?;
        transfer.file(&selected.real, &folder, &name).doing(doing)
    }

    /// Unpacks an archive; false when it is none.
    fn unpack(&mut self, view: &View, selected: &Selected, path: &[u8]) -> Result<bool> {
        let Some(file) = transfer::open_file(view.root(), &selected.real) else { return Ok(false) };
        let look = Look { owner: self.chown, chmod: None, time: self.look.time };
        let unpacked = archive::unpack(&file, self.target, (path, &look), self.request.cancel);
        let unpacked = unpacked.map_err(|error| Error {
            doing: format!("{}: {}", selected.named.display(), error.doing),
            ..error
        })?;
        self.copied.files += unpacked.unwrap_or(0);
        Ok(unpacked.is_some())
    }

    /// A file of this host. Only when that is said it is unpacked.
    fn file(&mut self, path: &Path, name: &str) -> Result<()> {
        let view = View::at(path.parent().unwrap_or(path))?;
        let real = PathBuf::from(path.file_name().unwrap_or_default());
        let place = self.target.place(self.request.cwd, self.request.target)?;
        if self.request.add.is_some_and(|add| add.unpack == Some(true)) {
            let selected = Selected { named: name.into(), real: real.clone(), kept: PathBuf::new() };
            if self.unpack(&view, &selected, &place.path)? {
                return Ok(());
            }
        }
        if name.is_empty() && place.is_folder {
            let error = Error::new(Kind::Unsupported, "the file from the web has no name");
            return Err(error.hint("write the name behind the folder that it is put in"));
        }
        let (look, filter) = (self.own_look(), Filter::excluding(self.request)?);
        let (folder, name) = self.target.for_file(place, name.as_bytes().to_vec(), &look)?;
        let mut transfer = Transfer::new(view.root(), self.target, &look, &filter, self.request.cancel);
        transfer.file(&real, &folder, &name).doing(|| format!("copy {}", path.display()))?;
        self.count(&transfer);
        Ok(())
    }

    /// What is in a folder of this host.
    fn folder(&mut self, path: &Path, below: &str) -> Result<()> {
        let view = View::at(path)?;
        view.find(below)?;
        let (look, filter) = (self.own_look(), Filter::excluding(self.request)?);
        let place = self.target.place(self.request.cwd, self.request.target)?;
        let folder = self.target.folder(&place.path, &look)?;
        let mut transfer = Transfer::new(view.root(), self.target, &look, &filter, self.request.cancel);
        transfer
            .contents(Path::new(below), &folder)
            .doing(|| format!("copy what is in {}", path.display()))?;
        self.count(&transfer);
        Ok(())
    }

    fn text(&mut self, name: &str, text: &str) -> Result<()> {
        let place = self.target.place(self.request.cwd, self.request.target)?;
        let look = self.own_look();
        let (folder, name) = self.target.for_file(place, name.as_bytes().to_vec(), &look)?;
        self.target.write((&folder, &name), text.as_bytes(), 0o644, &look)?;
        self.copied.files += 1;
        self.copied.bytes += text.len() as u64;
        Ok(())
    }
}
