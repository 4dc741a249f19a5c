//! Copying trees of files from a view to a target. What a view shows is not trusted: nothing in it is
//! followed or waited for.

use super::request::Copied;
use super::select::{Filter, Selected, keeps_below};
use super::target::{Folder, Look, Target, create, make_room};
use crate::build::cancel::Cancel;
use crate::image::paths;
use crate::tree;
use rustix::fs::{self, AtFlags, FileType, Mode, OFlags, SeekFrom, Stat};
use rustix::io::Errno;
use std::collections::HashMap;
use std::ffi::{CStr, CString, OsStr};
use std::fs::File;
use std::io::{self, Read};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

/// Folders inside one another: two descriptors are open for each.
const DEPTH_MAX: usize = 200;
/// After so many bytes it is looked whether the copy is still wanted.
const PORTION: u64 = 32 << 20;

/// A copy of several trees.
pub(super) struct Transfer<'a> {
    from: BorrowedFd<'a>,
    target: &'a Target,
    look: &'a Look,
    filter: &'a Filter<'a>,
    cancel: &'a Cancel,
    /// First copy of each file with several names.
    links: HashMap<(u64, u64), PathBuf>,
    /// Where it is in the view.
    real: PathBuf,
    /// The same, below what is copied.
    below: PathBuf,
    /// Where its copy is in the target.
    place: PathBuf,
    depth: usize,
    pub(super) copied: Copied,
}

impl<'a> Transfer<'a> {
    pub(super) fn new(
        from: BorrowedFd<'a>,
        target: &'a Target,
        look: &'a Look,
        filter: &'a Filter<'a>,
        cancel: &'a Cancel,
    ) -> Self {
        Self {
            from,
            target,
            look,
            filter,
            cancel,
            links: HashMap::new(),
            real: PathBuf::new(),
            below: PathBuf::new(),
            place: PathBuf::new(),
            depth: 0,
            copied: Copied::default(),
        }
    }

    /// Whether a path of the view is a folder.
    pub(super) fn is_folder(&self, real: &Path) -> io::Result<bool> {
        let found = paths::resolve(self.from, real.as_os_str().as_bytes(), OFlags::PATH | OFlags::NOFOLLOW)?;
        Ok(FileType::from_raw_mode(fs::fstat(found)?.st_mode) == FileType::Directory)
    }

    /// Copies what is in a folder into another one, which stays as it is itself.
    pub(super) fn contents(&mut self, real: &Path, to: &Folder) -> io::Result<()> {
        let from = self.open(real)?;
        self.begin(real, PathBuf::new(), &to.path);
        self.folder(from.as_fd(), to.fd.as_fd())
    }

    /// Copies something that is no folder.
    pub(super) fn file(&mut self, real: &Path, to: &Folder, name: &CStr) -> io::Result<()> {
        let (Some(folder), Some(own)) = (real.parent(), real.file_name()) else {
            return Err(Errno::ISDIR.into());
        };
        let from = self.open(folder)?;
        self.begin(folder, PathBuf::new(), &to.path);
        self.entry((from.as_fd(), &CString::new(own.as_bytes())?), (to.fd.as_fd(), name))
    }

    /// Copies something with the folders that its name has, which look like those of the view.
    pub(super) fn with_parents(&mut self, selected: &Selected, top: Folder) -> io::Result<()> {
        let Some(name) = selected.kept.file_name() else { return self.contents(&selected.real, &top) };
        let outside = selected.named.iter().count() - selected.kept.iter().count();
        let mut named: PathBuf = selected.named.iter().take(outside).collect();
        let mut to = top;
        for step in selected.kept.parent().into_iter().flat_map(Path::iter) {
            named.push(step);
            let like = self.open(&named)?;
            let fd = self.made_like(&like, to.fd.as_fd(), &CString::new(step.as_bytes())?)?;
            to = Folder { fd, path: paths::join(&to.path, step.as_bytes()) };
        }
        let (Some(folder), Some(own)) = (selected.real.parent(), selected.real.file_name()) else {
            return self.contents(&selected.real, &to);
        };
        let from = self.open(folder)?;
        let below = selected.kept.parent().map(Path::to_owned).unwrap_or_default();
        self.begin(folder, below, &to.path);
        self.entry(
            (from.as_fd(), &CString::new(own.as_bytes())?),
            (to.fd.as_fd(), &CString::new(name.as_bytes())?),
        )
    }

    fn begin(&mut self, real: &Path, below: PathBuf, place: &[u8]) {
        (self.real, self.below) = (real.to_owned(), below);
        self.place = PathBuf::from(OsStr::from_bytes(place));
    }

    fn open(&self, real: &Path) -> rustix::io::Result<OwnedFd> {
        paths::resolve(self.from, real.as_os_str().as_bytes(), OFlags::RDONLY | OFlags::DIRECTORY)
    }

    /// A folder that is there, or a new one that looks like another.
    fn made_like(&self, like: &OwnedFd, to: BorrowedFd<'_>, name: &CStr) -> io::Result<OwnedFd> {
        match fs::mkdirat(to, name, Mode::RWXU) {
            Err(Errno::EXIST) => {}
            made => {
                made?;
                tree::describe(to, name, &self.look.applied(fs::fstat(like)?))?;
            }
        }
        open_existing(to, name)
    }

    fn folder(&mut self, from: BorrowedFd<'_>, to: BorrowedFd<'_>) -> io::Result<()> {
        if self.depth > DEPTH_MAX {
            return Err(io::Error::other(format!("folders are nested deeper than {DEPTH_MAX}")));
        }
        let mut names = tree::names(from)?;
        names.sort();
        self.depth += 1;
        for name in names {
            self.entry((from, &name), (to, &name))?;
        }
        self.depth -= 1;
        Ok(())
    }

    /// Copies one entry; says where when that fails.
    fn entry(&mut self, from: (BorrowedFd<'_>, &CStr), to: (BorrowedFd<'_>, &CStr)) -> io::Result<()> {
        let name = OsStr::from_bytes(from.1.to_bytes());
        self.real.push(name);
        self.below.push(name);
        self.place.push(OsStr::from_bytes(to.1.to_bytes()));
        self.copy(from, to).map_err(|error| self.located(error))?;
        self.real.pop();
        self.below.pop();
        self.place.pop();
        Ok(())
    }

    fn located(&self, error: io::Error) -> io::Error {
        match error.downcast::<Located>() {
            Ok(located) => io::Error::new(located.error.kind(), located),
            Err(error) => io::Error::new(error.kind(), Located { path: self.real.clone(), error }),
        }
    }

    fn copy(&mut self, (from, name): (BorrowedFd<'_>, &CStr), to: (BorrowedFd<'_>, &CStr)) -> io::Result<()> {
        self.check()?;
        let stat = fs::statat(from, name, AtFlags::SYMLINK_NOFOLLOW)?;
        let kind = FileType::from_raw_mode(stat.st_mode);
        if self.filter.skips(&self.real, &self.below) {
            let is_needed = kind == FileType::Directory && self.is_kept_below(from, name)?;
            if !is_needed {
                return Ok(());
            }
        }
        if kind == FileType::Directory {
            return self.whole_folder((from, name), to, &stat);
        }
        // A socket is nothing without who listens; device 0:0 deletes.
        if kind == FileType::Socket || kind == FileType::CharacterDevice && stat.st_rdev == 0 {
            return Ok(());
        }
        make_room(to.0, to.1)?;
        self.copied.files += 1;
        if stat.st_nlink > 1 && self.link(&stat, to)? {
            return Ok(());
        }
        match kind {
            FileType::RegularFile => self.copied.bytes += self.content((from, name), to)?,
            FileType::Symlink => fs::symlinkat(fs::readlinkat(from, name, Vec::new())?, to.0, to.1)?,
            kind => fs::mknodat(to.0, to.1, kind, Mode::RUSR, stat.st_rdev)?,
        }
        self.describe((from, name), to, &stat)
    }

    fn is_kept_below(&self, from: BorrowedFd<'_>, name: &CStr) -> io::Result<bool> {
        if !self.filter.may_keep_below(&self.real, &self.below) {
            return Ok(false);
        }
        let folder = tree::open_below(from, name)?;
        let outside = self.real.iter().count() - self.below.iter().count();
        let keeps = |path: &Path| {
            let below: PathBuf = path.iter().skip(outside).collect();
            !self.filter.skips(path, &below)
        };
        keeps_below(folder.as_fd(), &self.real, &keeps)
    }

    fn whole_folder(
        &mut self,
        (from, name): (BorrowedFd<'_>, &CStr),
        to: (BorrowedFd<'_>, &CStr),
        stat: &Stat,
    ) -> io::Result<()> {
        match fs::mkdirat(to.0, to.1, Mode::RWXU) {
            Err(Errno::EXIST) => {}
            made => made?,
        }
        let (inside, place) = (tree::open_below(from, name)?, open_existing(to.0, to.1)?);
        self.folder(inside.as_fd(), place.as_fd())?;
        self.describe((from, name), to, stat)
    }

    /// Links to the first copy of the same file; false when there is none yet.
    fn link(&mut self, stat: &Stat, (to, name): (BorrowedFd<'_>, &CStr)) -> io::Result<bool> {
        let key = (stat.st_dev, stat.st_ino);
        if let Some(first) = self.links.get(&key) {
            match fs::linkat(self.target.root(), first, to, name, AtFlags::empty()) {
                // It was replaced by something else since.
                Err(Errno::NOENT) => {}
                done => return done.map(|()| true).map_err(io::Error::from),
            }
        }
        self.links.insert(key, self.place.clone());
        Ok(false)
    }

    fn describe(
        &self,
        from: (BorrowedFd<'_>, &CStr),
        (to, name): (BorrowedFd<'_>, &CStr),
        stat: &Stat,
    ) -> io::Result<()> {
        let stat = self.look.applied(*stat);
        tree::describe(to, name, &stat)?;
        tree::copy_xattrs(from, (to, name))?;
        Ok(fs::utimensat(to, name, &tree::times(&stat), AtFlags::SYMLINK_NOFOLLOW)?)
    }

    /// Copies what is in a file, without its holes; gives its length.
    fn content(&self, (from, name): (BorrowedFd<'_>, &CStr), to: (BorrowedFd<'_>, &CStr)) -> io::Result<u64> {
        // It may have become something else since: never wait for a FIFO.
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let source = File::from(fs::openat(from, name, flags, Mode::empty())?);
        let metadata = source.metadata()?;
        if !metadata.is_file() {
            return Err(io::Error::other("it was replaced while it was copied"));
        }
        let file = create(to.0, to.1)?;
        if fs::ioctl_ficlone(&file, &source).is_ok() {
            return Ok(metadata.len());
        }
        self.pieces(&source, &file, metadata.len())?;
        file.set_len(metadata.len())?;
        Ok(metadata.len())
    }

    fn pieces(&self, source: &File, file: &File, length: u64) -> io::Result<()> {
        let mut at = 0;
        while at < length {
            let data = match fs::seek(source, SeekFrom::Data(at)) {
                Err(Errno::NXIO) => break,
                // A file system that knows no holes.
                Err(Errno::INVAL) => at,
                data => data?,
            };
            let end = fs::seek(source, SeekFrom::Hole(data)).unwrap_or(length).clamp(data, length);
            fs::seek(source, SeekFrom::Start(data))?;
            fs::seek(file, SeekFrom::Start(data))?;
            at = data;
            while at < end {
                self.check()?;
                let (mut source, mut file) = (source, file);
                let count = io::copy(&mut source.by_ref().take(PORTION.min(end - at)), &mut file)?;
                if count == 0 {
                    // It was cut off meanwhile.
                    return Ok(());
                }
                at += count;
            }
        }
        Ok(())
    }

    fn check(&self) -> io::Result<()> {
        if self.cancel.is_cancelled() { Err(io::ErrorKind::Interrupted.into()) } else { Ok(()) }
    }
}

/// Where in a tree something failed.
#[derive(Debug)]
struct Located {
    path: PathBuf,
    error: io::Error,
}

impl std::fmt::Display for Located {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {}", self.path.display(), self.error)
    }
}

impl std::error::Error for Located {}

/// Opens a folder that must be one.
fn open_existing(to: BorrowedFd<'_>, name: &CStr) -> io::Result<OwnedFd> {
    tree::open_below(to, name).map_err(|error| match error {
        Errno::NOTDIR | Errno::LOOP => {
            let name = name.to_string_lossy();
            io::Error::other(format!("`{name}` is no folder there: a folder cannot take its place"))
        }
        error => error.into(),
    })
}

/// Opens a path of a view if it is a file.
pub(super) fn open_file(root: BorrowedFd<'_>, real: &Path) -> Option<File> {
    let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOFOLLOW;
    let file = File::from(paths::resolve(root, real.as_os_str().as_bytes(), flags).ok()?);
    file.metadata().is_ok_and(|metadata| metadata.is_file()).then_some(file)
}
