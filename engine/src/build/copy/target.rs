//! What is copied into.

use super::chmod::Chmod;
use super::owner::Owner;
use crate::build::resolve::resolve;
use crate::build::snapshot::Snapshot;
use crate::error::{Context, Error, Kind, Result};
use crate::image::paths;
use crate::overlay::{self, Layers};
use crate::tree;
use rustix::fs::{self, AtFlags, FileType, Gid, Mode, OFlags, Stat, Timespec, Timestamps, Uid};
use rustix::io::Errno;
use std::cell::RefCell;
use std::ffi::{CStr, CString};
use std::fs::File;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

/// Mode of folders that are made on the way.
const FOLDER: u32 = 0o755;

/// The file system that is copied into.
#[derive(Debug)]
pub(super) struct Target {
    root: OwnedFd,
    /// Folders that were made on the way, for their times.
    made: RefCell<Vec<Vec<u8>>>,
}

/// What is changed about all that is copied.
#[derive(Clone, Debug, Default)]
pub(super) struct Look {
    /// Not that of the source.
    pub(super) owner: Option<Owner>,
    /// What becomes of permission bits.
    pub(super) chmod: Option<Chmod>,
    /// Seconds since 1970.
    pub(super) time: Option<i64>,
}

/// A folder of the target.
#[derive(Debug)]
pub(super) struct Folder {
    pub(super) fd: OwnedFd,
    /// Below the root, without links.
    pub(super) path: Vec<u8>,
}

/// Where something is to be put.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Place {
    /// Below the root, links not followed.
    pub(super) path: Vec<u8>,
    /// Into it, not at it.
    pub(super) is_folder: bool,
}

impl Target {
    /// Opens it. Where nothing is below, or it does not matter, no overlay is needed.
    pub(super) fn open(snapshot: &Snapshot, link: bool) -> Result<Self> {
        let Snapshot { lower, upper, work } = snapshot;
        let doing = || format!("make {}", work.display());
        std::fs::create_dir_all(work).doing(doing)?;
        let root = if link || lower.is_empty() {
            overlay::make_upper(upper, if link { &[] } else { lower })?;
            tree::open_path(upper).doing(|| format!("open {}", upper.display()))?
        } else {
            let (lower, upper, work) = (lower.clone(), upper.clone(), work.join("overlay"));
            overlay::mount(&Layers { lower, upper, work, volatile: true })?
        };
        Ok(Self { root, made: RefCell::default() })
    }

    /// Its top folder.
    pub(super) fn root(&self) -> BorrowedFd<'_> {
        self.root.as_fd()
    }

    /// Where a path leads that is below the working directory unless it is absolute. With a slash, `.`
    /// or `..` at its end it is a folder, otherwise if it is one already.
    pub(super) fn place(&self, cwd: &str, target: &str) -> Result<Place> {
        let path = if target.starts_with('/') { target.to_owned() } else { format!("{cwd}/{target}") };
        let last = path.rsplit('/').next().unwrap_or_default();
        let mut is_folder = matches!(last, "" | "." | "..");
        if !is_folder {
            let resolved = resolve(self.root(), path.as_bytes()).doing(|| format!("look at {path}"))?;
            let found = || paths::resolve(self.root(), &resolved.path(), OFlags::PATH | OFlags::DIRECTORY);
            is_folder = resolved.exists() && found().is_ok();
        }
        Ok(Place { path: path.into_bytes(), is_folder })
    }

    /// Opens a folder; makes what is missing.
    pub(super) fn folder(&self, path: &[u8], look: &Look) -> Result<Folder> {
        self.open_folder(path, look).doing(|| format!("make folder {}", String::from_utf8_lossy(path)))
    }

    /// The same, for who says what failed.
    pub(super) fn open_folder(&self, path: &[u8], look: &Look) -> io::Result<Folder> {
        let resolved = resolve(self.root(), path)?;
        for length in resolved.known + 1..=resolved.steps.len() {
            let path = resolved.steps[..length].join(&b'/');
            let parent = paths::resolve(
                self.root(),
                &resolved.steps[..length - 1].join(&b'/'),
                OFlags::RDONLY | OFlags::DIRECTORY,
            )?;
            let name = CString::new(resolved.steps[length - 1].clone())?;
            fs::mkdirat(&parent, &name, Mode::from_raw_mode(FOLDER))?;
            let (uid, gid) = look.owner.unwrap_or((0, 0));
            let owner = (Some(Uid::from_raw(uid)), Some(Gid::from_raw(gid)));
            fs::chownat(&parent, &name, owner.0, owner.1, AtFlags::SYMLINK_NOFOLLOW)?;
            fs::chmodat(&parent, &name, Mode::from_raw_mode(FOLDER), AtFlags::empty())?;
            self.made.borrow_mut().push(path);
        }
        let path = resolved.path();
        Ok(Folder { fd: paths::resolve(self.root(), &path, OFlags::RDONLY | OFlags::DIRECTORY)?, path })
    }

    /// The folder that a file goes into, and its name there: its own in a folder, otherwise that of the
    /// place.
    pub(super) fn for_file(&self, place: Place, name: Vec<u8>, look: &Look) -> Result<(Folder, CString)> {
        let named = |name: Vec<u8>| {
            let usable = !name.is_empty() && !name.contains(&b'/') && name != b"." && name != b"..";
            let name = CString::new(name).ok().filter(|_| usable);
            name.ok_or_else(|| Error::new(Kind::Unsupported, "a file cannot have this name"))
        };
        if place.is_folder {
            return Ok((self.folder(&place.path, look)?, named(name)?));
        }
        let doing = || format!("look at {}", String::from_utf8_lossy(&place.path));
        let mut resolved = resolve(self.root(), &place.path).doing(doing)?;
        let name = named(resolved.steps.pop().unwrap_or_default())?;
        Ok((self.folder(&resolved.path(), look)?, name))
    }

    /// Writes a file that has no source, of this mode unless the look says otherwise.
    pub(super) fn write(
        &self,
        (folder, name): (&Folder, &CStr),
        mut content: &[u8],
        mode: u32,
        look: &Look,
    ) -> Result<()> {
        let mut write = || {
            make_room(folder.fd.as_fd(), name)?;
            let mut file = create(folder.fd.as_fd(), name)?;
            io::copy(&mut content, &mut file)?;
            let mode = look.chmod.as_ref().map_or(mode, |chmod| chmod.apply(mode, false));
            let (uid, gid) = look.owner.unwrap_or((0, 0));
            fs::fchown(&file, Some(Uid::from_raw(uid)), Some(Gid::from_raw(gid)))?;
            fs::fchmod(&file, Mode::from_raw_mode(mode))?;
            if let Some(time) = look.time {
                fs::futimens(&file, &times(time))?;
            }
            Ok::<_, io::Error>(())
        };
        write().doing(|| format!("write {}", name.to_string_lossy()))
    }

    /// All is there: sets the times of folders that were made.
    pub(super) fn finish(&self, time: Option<i64>) -> Result<()> {
        let Some(time) = time else { return Ok(()) };
        for path in self.made.borrow().iter().rev() {
            let folder = paths::resolve(self.root(), path, OFlags::RDONLY | OFlags::DIRECTORY);
            let set = folder.and_then(|folder| fs::futimens(folder, &times(time)));
            set.doing(|| format!("set the time of {}", String::from_utf8_lossy(path)))?;
        }
        Ok(())
    }
}

impl Look {
    /// What a copy looks like.
    pub(super) fn applied(&self, mut stat: Stat) -> Stat {
        if let Some((uid, gid)) = self.owner {
            (stat.st_uid, stat.st_gid) = (uid, gid);
        }
        let kind = FileType::from_raw_mode(stat.st_mode);
        if let Some(chmod) = self.chmod.as_ref().filter(|_| kind != FileType::Symlink) {
            let mode = chmod.apply(stat.st_mode & 0o7777, kind == FileType::Directory);
            stat.st_mode = stat.st_mode & !0o7777 | mode;
        }
        if let Some(time) = self.time {
            (stat.st_atime, stat.st_atime_nsec) = (time, 0);
            (stat.st_mtime, stat.st_mtime_nsec) = (time, 0);
        }
        stat
    }
}

pub(super) fn times(seconds: i64) -> Timestamps {
    let time = Timespec { tv_sec: seconds, tv_nsec: 0 };
    Timestamps { last_access: time, last_modification: time }
}

/// Removes what is there, unless it is a folder.
pub(super) fn make_room(folder: BorrowedFd<'_>, name: &CStr) -> io::Result<()> {
    match fs::unlinkat(folder, name, AtFlags::empty()) {
        Err(Errno::NOENT) => Ok(()),
        Err(Errno::ISDIR) => {
            let name = name.to_string_lossy();
            Err(io::Error::other(format!("`{name}` is a folder there: a file cannot take its place")))
        }
        done => Ok(done?),
    }
}

/// Makes a new file.
pub(super) fn create(folder: BorrowedFd<'_>, name: &CStr) -> rustix::io::Result<File> {
    let flags = OFlags::CREATE | OFlags::EXCL | OFlags::WRONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    fs::openat(folder, name, flags, Mode::RUSR | Mode::WUSR).map(File::from)
}
