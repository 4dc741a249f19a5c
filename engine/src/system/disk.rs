//! What files take on the disk, counted as `du` counts: blocks, not lengths, each file once.

use crate::error::{Context, Result};
use crate::tree;
use rustix::fs::{self, AtFlags, FileType, Stat};
use rustix::io::Errno;
use std::collections::{BTreeMap, HashSet};
use std::ffi::CStr;
use std::os::fd::{AsFd, BorrowedFd};
use std::path::Path;

/// `st_blocks` counts in these, whatever the file system's own blocks are (stat(2)).
const BLOCK: u64 = 512;

/// What a folder takes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Folder {
    /// The folder itself.
    pub(super) own: u64,
    /// What is in it, by name.
    pub(super) entries: BTreeMap<String, u64>,
}

impl Folder {
    /// All of it.
    pub(super) fn bytes(&self) -> u64 {
        self.own + self.entries.values().sum::<u64>()
    }
}

/// Measures one thing after another; a file with several names counts where it is met first.
#[derive(Debug, Default)]
pub(super) struct Meter {
    seen: HashSet<(u64, u64)>,
}

impl Meter {
    /// A folder that may not exist, entry by entry.
    pub(super) fn folder(&mut self, path: &Path) -> Result<Folder> {
        let mut measure = || {
            let folder = match tree::open_path(path) {
                Err(Errno::NOENT) => return Ok(Folder::default()),
                folder => folder?,
            };
            let mut found = Folder { own: self.one(&fs::fstat(&folder)?), ..Folder::default() };
            for name in tree::names(folder.as_fd())? {
                let bytes = self.entry(folder.as_fd(), &name)?;
                found.entries.insert(name.to_string_lossy().into_owned(), bytes);
            }
            Ok::<_, Errno>(found)
        };
        measure().doing(|| format!("measure {}", path.display()))
    }

    /// A folder that may not exist, and what is in it but for these.
    pub(super) fn rest(&mut self, path: &Path, but: &[&str]) -> Result<u64> {
        let mut measure = || {
            let folder = match tree::open_path(path) {
                Err(Errno::NOENT) => return Ok(0),
                folder => folder?,
            };
            let names = tree::names(folder.as_fd())?.into_iter();
            let mut rest = names.filter(|name| !but.iter().any(|but| but.as_bytes() == name.to_bytes()));
            let own = self.one(&fs::fstat(&folder)?);
            rest.try_fold(own, |bytes, name| Ok::<_, Errno>(bytes + self.entry(folder.as_fd(), &name)?))
        };
        measure().doing(|| format!("measure {}", path.display()))
    }

    fn inside(&mut self, folder: BorrowedFd<'_>) -> rustix::io::Result<u64> {
        tree::names(folder)?.iter().try_fold(0, |bytes, name| Ok(bytes + self.entry(folder, name)?))
    }

    /// What is taken away meanwhile takes nothing.
    fn entry(&mut self, parent: BorrowedFd<'_>, name: &CStr) -> rustix::io::Result<u64> {
        let stat = match fs::statat(parent, name, AtFlags::SYMLINK_NOFOLLOW) {
            Err(Errno::NOENT) => return Ok(0),
            stat => stat?,
        };
        let own = self.one(&stat);
        if !is_folder(&stat) {
            return Ok(own);
        }
        match tree::open_below(parent, name) {
            Err(Errno::NOENT) => Ok(own),
            folder => Ok(own + self.inside(folder?.as_fd())?),
        }
    }

    fn one(&mut self, stat: &Stat) -> u64 {
        let is_new = is_folder(stat) || stat.st_nlink < 2 || self.seen.insert((stat.st_dev, stat.st_ino));
        if is_new { u64::try_from(stat.st_blocks).unwrap_or(0) * BLOCK } else { 0 }
    }
}

fn is_folder(stat: &Stat) -> bool {
    FileType::from_raw_mode(stat.st_mode) == FileType::Directory
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs::{File, create_dir_all, hard_link, write};
    use std::os::unix::fs::symlink;

    #[test]
    fn blocks_count_once_and_holes_not_at_all() {
        let folder = tempfile::tempdir().unwrap();
        let at = folder.path();
        create_dir_all(at.join("a/deep")).unwrap();
        write(at.join("a/deep/file"), vec![1; 100_000]).unwrap();
        hard_link(at.join("a/deep/file"), at.join("b")).unwrap();
        File::create(at.join("hole")).unwrap().set_len(1 << 30).unwrap();
        symlink("a", at.join("link")).unwrap();
        let mut meter = Meter::default();
        let found = meter.folder(at).unwrap();
        assert!((100_000..300_000).contains(&found.bytes()), "{found:?}");
        assert_eq!((found.entries["hole"], found.entries.len()), (0, 4));
        let file = found.entries["a"].max(found.entries["b"]);
        assert!(file >= 100_000 && found.entries["a"].min(found.entries["b"]) < 100_000, "{found:?}");
        assert_eq!(Meter::default().rest(at, &[]).unwrap(), found.bytes());
        let rest = Meter::default().rest(at, &["a", "b"]).unwrap();
        assert_eq!(rest, found.own + found.entries["link"]);
        let none = at.join("none");
        assert_eq!((meter.rest(&none, &[]).unwrap(), meter.folder(&none).unwrap().bytes()), (0, 0));
    }
}
