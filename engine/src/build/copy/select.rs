//! What the sources of a `COPY` stand for.

use super::request::CopyRequest;
use crate::build::glob::{Glob, is_pattern};
use crate::build::ignore::Ignore;
use crate::build::resolve::resolve;
use crate::build::snapshot::{Context as BuildContext, Files};
use crate::error::{Context, Error, Kind, Result};
use crate::image::paths;
use crate::tree;
use rustix::fs::{self, AtFlags, FileType, OFlags};
use std::ffi::OsStr;
use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::{Component, Path, PathBuf};

/// One thing to be copied. Paths are relative to the top folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Selected {
    /// As it is named: wildcards resolved, links not.
    pub(super) named: PathBuf,
    /// Where it is.
    pub(super) real: PathBuf,
    /// What of its name is kept with `--parents`: what is behind `/./`.
    pub(super) kept: PathBuf,
}

/// What is left out.
pub(super) struct Filter<'a> {
    ignored: Option<&'a Ignore>,
    exclude: Ignore,
}

impl<'a> Filter<'a> {
    pub(super) fn of(request: &CopyRequest<'a>) -> Result<Self> {
        let ignored = match request.from {
            Files::Context(BuildContext { ignored, .. }) => Some(ignored).filter(|ignore| !ignore.is_empty()),
            Files::Layers(_) => None,
        };
        Ok(Self { ignored, ..Self::excluding(request)? })
    }

    /// Only what the instruction itself leaves out.
    pub(super) fn excluding(request: &CopyRequest<'a>) -> Result<Self> {
        let exclude = Ignore::of(request.exclude.iter().map(String::as_str));
        let exclude =
            exclude.map_err(|reason| Error::new(Kind::Unsupported, format!("--exclude: {reason}")))?;
        Ok(Self { ignored: None, exclude })
    }

    /// Whether it is left out, by its real path and its path below what is copied.
    pub(super) fn skips(&self, real: &Path, below: &Path) -> bool {
        self.ignored.is_some_and(|ignored| ignored.ignores(real)) || self.exclude.ignores(below)
    }

    /// Whether something in a folder may be kept though the folder is left out.
    pub(super) fn may_keep_below(&self, real: &Path, below: &Path) -> bool {
        self.ignored.is_none_or(|ignored| ignored.may_see_into(real)) && self.exclude.may_see_into(below)
    }
}

/// Finds what one source stands for. A pattern may stand for nothing; a name may not.
pub(super) fn select(
    root: BorrowedFd<'_>,
    text: &str,
    parents: bool,
    filter: &Filter<'_>,
) -> Result<Vec<Selected>> {
    let (pivot, pattern) = match text.split_once("/./") {
        Some((pivot, rest)) if parents => (clean(pivot), clean(rest)),
        _ => (PathBuf::new(), clean(text)),
    };
    let whole = pivot.join(&pattern);
    let is_pattern = is_pattern(&whole.to_string_lossy());
    let doing = || format!("look for `{text}`");
    let named = if is_pattern { expand(root, &whole, parents)? } else { vec![whole] };
    let mut found = Vec::new();
    for named in named {
        let resolved = resolve(root, named.as_os_str().as_bytes()).doing(doing)?;
        let real = PathBuf::from(OsStr::from_bytes(&resolved.path()));
        let is_kept = || keeps(root, &real, filter).doing(doing);
        if resolved.exists() && is_kept()? {
            let kept: PathBuf = named.iter().skip(pivot.iter().count()).collect();
            found.push(Selected { named, real, kept });
        } else if !is_pattern {
            let error = Error::new(Kind::NotFound, format!("`{text}` is not there"));
            return Err(if resolved.exists() {
                error.hint("it is left out by the ignore file")
            } else {
                error
            });
        }
    }
    Ok(found)
}

/// A path without `.`, and where `..` cannot lead out.
fn clean(text: &str) -> PathBuf {
    let mut path = PathBuf::new();
    for part in Path::new(text).components() {
        match part {
            Component::Normal(name) => path.push(name),
            Component::ParentDir => drop(path.pop()),
            _ => {}
        }
    }
    path
}

fn glob(text: &str, deep: bool) -> Result<Glob> {
    Glob::parse(text, deep).map_err(|error| Error::new(Kind::Unsupported, error.to_string()))
}

/// All that a pattern stands for, sorted. Links are followed before the first sign of a pattern only.
fn expand(root: BorrowedFd<'_>, pattern: &Path, deep: bool) -> Result<Vec<PathBuf>> {
    let literal: PathBuf = pattern.iter().take_while(|step| !is_pattern(&step.to_string_lossy())).collect();
    let rest: PathBuf = pattern.iter().skip(literal.iter().count()).collect();
    let glob = glob(&rest.to_string_lossy(), deep)?;
    let doing = || format!("look for `{}`", pattern.display());
    let top = resolve(root, literal.as_os_str().as_bytes()).doing(doing)?;
    let mut found = Vec::new();
    if top.exists()
        && let Ok(folder) = paths::resolve(root, &top.path(), OFlags::RDONLY | OFlags::DIRECTORY)
    {
        walk(folder.as_fd(), Path::new(""), &glob, &mut found).doing(doing)?;
    }
    found.sort();
    Ok(found.into_iter().map(|path| literal.join(path)).collect())
}

fn walk(folder: BorrowedFd<'_>, at: &Path, glob: &Glob, found: &mut Vec<PathBuf>) -> io::Result<()> {
    for name in tree::names(folder)? {
        let path = at.join(OsStr::from_bytes(name.to_bytes()));
        let matches = glob.matches(&path);
        if !matches && !glob.leads_below(&path) {
            continue;
        }
        let stat = fs::statat(folder, &name, AtFlags::SYMLINK_NOFOLLOW)?;
        let kind = FileType::from_raw_mode(stat.st_mode);
        if kind == FileType::CharacterDevice && stat.st_rdev == 0 {
            continue;
        }
        if matches {
            found.push(path);
        } else if kind == FileType::Directory {
            walk(tree::open_below(folder, &name)?.as_fd(), &path, glob, found)?;
        }
    }
    Ok(())
}

/// Whether something is not ignored, or something in it.
fn keeps(root: BorrowedFd<'_>, real: &Path, filter: &Filter<'_>) -> io::Result<bool> {
    let Some(ignored) = filter.ignored.filter(|ignored| ignored.ignores(real)) else { return Ok(true) };
    if !ignored.may_see_into(real) {
        return Ok(false);
    }
    match paths::resolve(root, real.as_os_str().as_bytes(), OFlags::RDONLY | OFlags::DIRECTORY) {
        Ok(folder) => keeps_below(folder.as_fd(), real, &|path| !ignored.ignores(path)),
        Err(_) => Ok(false),
    }
}

/// Whether something below a folder is kept.
pub(super) fn keeps_below(
    folder: BorrowedFd<'_>,
    at: &Path,
    keeps: &dyn Fn(&Path) -> bool,
) -> io::Result<bool> {
    for name in tree::names(folder)? {
        let path = at.join(OsStr::from_bytes(name.to_bytes()));
        if keeps(&path) {
            return Ok(true);
        }
        let stat = fs::statat(folder, &name, AtFlags::SYMLINK_NOFOLLOW)?;
        let is_folder = FileType::from_raw_mode(stat.st_mode) == FileType::Directory;
        if is_folder && keeps_below(tree::open_below(folder, &name)?.as_fd(), &path, keeps)? {
            return Ok(true);
        }
    }
    Ok(false)
}
