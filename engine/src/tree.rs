//! Trees of files: copy, delete, measure. Symbolic links are not followed and mounts not entered.

use crate::error::{Context, Error, Kind, Result};
use rustix::fs::{
    self, AtFlags, CWD, Dir, FileType, Gid, Mode, OFlags, RenameFlags, ResolveFlags, Stat, Timestamps, Uid,
    XattrFlags,
};
use rustix::io::Errno;
use std::collections::{HashMap, HashSet};
use std::ffi::{CStr, CString, OsStr};
use std::fs::File;
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

/// Folders inside one another that are held open at a time.
const OPEN_MAX: usize = 100;

/// Deletes a file or a folder with all that is in it. What does not exist is no error.
/// Stops at a mount point: what is mounted somewhere is not ours to delete.
pub fn remove(path: &Path) -> Result<()> {
    let (Some(parent), Some(name)) = (path.parent(), path.file_name()) else {
        return Err(Error::new(Kind::Unsupported, format!("remove {}", path.display())));
    };
    let remove = || {
        let parent = match open_path(parent) {
            Err(Errno::NOENT) => return Ok(()),
            parent => parent?,
        };
        let name = CString::new(name.as_bytes()).map_err(|_| Errno::INVAL)?;
        remove_at(parent.as_fd(), &name)
    };
    remove().doing(|| format!("remove {}", path.display()))
}

/// Deletes one entry of a folder with all that is in it.
pub(crate) fn remove_at(parent: BorrowedFd<'_>, name: &CStr) -> rustix::io::Result<()> {
    if unlink(parent, name)? {
        return Ok(());
    }
    let top = match open_below(parent, name) {
        Err(Errno::NOENT) => return Ok(()),
        top => top?,
    };
    while empty(top.as_fd(), top.as_fd(), 0)? {}
    absent_is_fine(fs::unlinkat(parent, name, AtFlags::REMOVEDIR))
}

/// Empties a folder. Folders too deep to be held open are moved up to `top`: true says that
/// this was done, so that `top` must be emptied again.
fn empty(dir: BorrowedFd<'_>, top: BorrowedFd<'_>, depth: usize) -> rustix::io::Result<bool> {
    let mut again = false;
    // Somebody else may remove it at the same time: then there is nothing to read any more.
    let names = match names(dir) {
        Err(Errno::NOENT) => return Ok(false),
        names => names?,
    };
    for name in names {
        if unlink(dir, &name)? {
            continue;
        }
        if depth == OPEN_MAX {
            move_up(dir, &name, top)?;
            again = true;
            continue;
        }
        match open_below(dir, &name) {
            Err(Errno::NOENT) => continue,
            child => again |= empty(child?.as_fd(), top, depth + 1)?,
        }
        absent_is_fine(fs::unlinkat(dir, &name, AtFlags::REMOVEDIR))?;
    }
    Ok(again)
}

fn move_up(dir: BorrowedFd<'_>, name: &CStr, top: BorrowedFd<'_>) -> rustix::io::Result<()> {
    for number in 0_u64.. {
        match fs::renameat_with(dir, name, top, format!(".deep-{number}"), RenameFlags::NOREPLACE) {
            Err(Errno::EXIST) => {}
            done => return absent_is_fine(done),
        }
    }
    Err(Errno::EXIST)
}

/// Unlinks what is not a folder; false for a folder.
fn unlink(parent: BorrowedFd<'_>, name: &CStr) -> rustix::io::Result<bool> {
    match fs::unlinkat(parent, name, AtFlags::empty()) {
        Err(Errno::ISDIR) => Ok(false),
        done => absent_is_fine(done).map(|()| true),
    }
}

fn absent_is_fine(done: rustix::io::Result<()>) -> rustix::io::Result<()> {
    match done {
        Err(Errno::NOENT) => Ok(()),
        done => done,
    }
}

/// Bytes in the files of a tree; a file with several names counts once.
pub fn size(path: &Path) -> Result<u64> {
    let measure = || {
        let mut seen = HashSet::new();
        measure(open_path(path)?.as_fd(), &mut seen)
    };
    measure().doing(|| format!("measure {}", path.display()))
}

fn measure(dir: BorrowedFd<'_>, seen: &mut HashSet<(u64, u64)>) -> rustix::io::Result<u64> {
    let mut bytes = 0;
    for name in names(dir)? {
        let stat = fs::statat(dir, &name, AtFlags::SYMLINK_NOFOLLOW)?;
        match FileType::from_raw_mode(stat.st_mode) {
            FileType::Directory => bytes += measure(open_below(dir, &name)?.as_fd(), seen)?,
            FileType::RegularFile if stat.st_nlink < 2 || seen.insert((stat.st_dev, stat.st_ino)) => {
                bytes += u64::try_from(stat.st_size).unwrap_or(0);
            }
            _ => {}
        }
    }
    Ok(bytes)
}

/// Copies what is in one folder into another one that is empty, and the folder's own owner,
/// mode, times and extended attributes. Hard links stay hard links. Device 0:0 is left out:
/// in a layer it stands for "deleted".
pub fn copy(from: BorrowedFd<'_>, to: BorrowedFd<'_>) -> Result<()> {
    let mut copier = Copier { root: to, links: HashMap::new(), at: PathBuf::new() };
    let copied = copier.folder(from, to, 0);
    copied.doing(|| format!("copy {}", copier.at.display()))
}

struct Copier<'a> {
    root: BorrowedFd<'a>,
    /// First copy of each file with several names, by device and inode.
    links: HashMap<(u64, u64), PathBuf>,
    /// What is being copied, below the root.
    at: PathBuf,
}

impl Copier<'_> {
    fn folder(&mut self, from: BorrowedFd<'_>, to: BorrowedFd<'_>, depth: usize) -> io::Result<()> {
        if depth > OPEN_MAX {
            return Err(io::Error::other(format!("folders are nested deeper than {OPEN_MAX}")));
        }
        for name in names(from)? {
            self.at.push(OsStr::from_bytes(name.to_bytes()));
            self.entry(from, to, &name, depth)?;
            self.at.pop();
        }
        describe_like(from, to)
    }

    fn entry(
        &mut self,
        from: BorrowedFd<'_>,
        to: BorrowedFd<'_>,
        name: &CStr,
        depth: usize,
    ) -> io::Result<()> {
        let stat = fs::statat(from, name, AtFlags::SYMLINK_NOFOLLOW)?;
        let kind = FileType::from_raw_mode(stat.st_mode);
        if kind == FileType::Directory {
            fs::mkdirat(to, name, Mode::RWXU)?;
            let (from, to) = (open_below(from, name)?, open_below(to, name)?);
            return self.folder(from.as_fd(), to.as_fd(), depth + 1);
        }
        if kind == FileType::CharacterDevice && stat.st_rdev == 0 {
            return Ok(());
        }
        if stat.st_nlink > 1 {
            if let Some(first) = self.links.get(&(stat.st_dev, stat.st_ino)) {
                return Ok(fs::linkat(self.root, first, to, name, AtFlags::empty())?);
            }
            self.links.insert((stat.st_dev, stat.st_ino), self.at.clone());
        }
        match kind {
            FileType::RegularFile => copy_content(from, to, name)?,
            FileType::Symlink => fs::symlinkat(fs::readlinkat(from, name, Vec::new())?, to, name)?,
            kind => fs::mknodat(to, name, kind, Mode::RWXU, stat.st_rdev)?,
        }
        describe(to, name, &stat)?;
        copy_xattrs((from, name), (to, name))?;
        Ok(fs::utimensat(to, name, &times(&stat), AtFlags::SYMLINK_NOFOLLOW)?)
    }
}

fn copy_content(from: BorrowedFd<'_>, to: BorrowedFd<'_>, name: &CStr) -> io::Result<()> {
    let common = OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let source = fs::openat(from, name, OFlags::RDONLY | common, Mode::empty())?;
    let create = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | common;
    let target = fs::openat(to, name, create, Mode::RWXU)?;
    io::copy(&mut File::from(source), &mut File::from(target)).map(drop)
}

/// Owner and mode; the owner first, because changing it clears set-user-id.
pub(crate) fn describe(to: BorrowedFd<'_>, name: &CStr, stat: &Stat) -> io::Result<()> {
    let (uid, gid) = (Uid::from_raw(stat.st_uid), Gid::from_raw(stat.st_gid));
    fs::chownat(to, name, Some(uid), Some(gid), AtFlags::SYMLINK_NOFOLLOW)?;
    if FileType::from_raw_mode(stat.st_mode) != FileType::Symlink {
        fs::chmodat(to, name, Mode::from_raw_mode(stat.st_mode), AtFlags::empty())?;
    }
    Ok(())
}

/// Gives a folder the owner, mode, times and extended attributes of another one.
pub(crate) fn describe_like(from: BorrowedFd<'_>, to: BorrowedFd<'_>) -> io::Result<()> {
    let stat = fs::fstat(from)?;
    describe(to, c".", &stat)?;
    copy_xattrs((from, c"."), (to, c"."))?;
    Ok(fs::utimensat(to, c".", &times(&stat), AtFlags::SYMLINK_NOFOLLOW)?)
}

/// When it was read and modified.
pub(crate) fn times(stat: &Stat) -> Timestamps {
    let nanos = |nanos| i64::try_from(nanos).unwrap_or(0);
    Timestamps {
        last_access: fs::Timespec { tv_sec: stat.st_atime, tv_nsec: nanos(stat.st_atime_nsec) },
        last_modification: fs::Timespec { tv_sec: stat.st_mtime, tv_nsec: nanos(stat.st_mtime_nsec) },
    }
}

/// Copies those extended attributes that belong to the content. A file system that has none
/// loses them, as `cp -a` would.
pub(crate) fn copy_xattrs(from: (BorrowedFd<'_>, &CStr), to: (BorrowedFd<'_>, &CStr)) -> io::Result<()> {
    let (source, target) = (entry_path(from.0, from.1), entry_path(to.0, to.1));
    let mut list = vec![0; fs::llistxattr_query(&source)?];
    if list.is_empty() {
        return Ok(());
    }
    let length = fs::llistxattr(&source, &mut list[..])?;
    for attribute in list[..length].split(|byte| *byte == 0).filter(|attribute| is_content(attribute)) {
        match fs::lsetxattr(&target, attribute, &xattr(&source, attribute)?, XattrFlags::empty()) {
            Err(Errno::OPNOTSUPP) => {}
            done => done?,
        }
    }
    Ok(())
}

/// The value of an extended attribute.
pub(crate) fn xattr(path: &Path, attribute: &[u8]) -> rustix::io::Result<Vec<u8>> {
    let mut value = vec![0; fs::lgetxattr_query(path, attribute)?];
    let length = fs::lgetxattr(path, attribute, &mut value[..])?;
    value.truncate(length);
    Ok(value)
}

fn is_content(attribute: &[u8]) -> bool {
    attribute.starts_with(b"user.")
        || attribute == b"security.capability"
        || attribute.starts_with(b"system.posix_acl_")
}

/// A path for the calls that know no folder descriptors.
pub(crate) fn entry_path(dir: BorrowedFd<'_>, name: &CStr) -> PathBuf {
    let mut path = PathBuf::from(format!("/proc/self/fd/{}", dir.as_raw_fd()));
    path.push(OsStr::from_bytes(name.to_bytes()));
    path
}

/// Opens a folder for reading its names.
pub(crate) fn open_path(path: &Path) -> rustix::io::Result<OwnedFd> {
    fs::openat(CWD, path, OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())
}

/// Opens a folder inside another; fails with EXDEV where something is mounted.
pub(crate) fn open_below(dir: BorrowedFd<'_>, name: &CStr) -> rustix::io::Result<OwnedFd> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let resolve = ResolveFlags::BENEATH | ResolveFlags::NO_XDEV | ResolveFlags::NO_SYMLINKS;
    fs::openat2(dir, name, flags, Mode::empty(), resolve)
}

/// Opens a folder inside another, also one that is mounted there.
pub(crate) fn open_across(dir: BorrowedFd<'_>, name: &CStr) -> rustix::io::Result<OwnedFd> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let resolve = ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS;
    fs::openat2(dir, name, flags, Mode::empty(), resolve)
}

/// The names in a folder, without `.` and `..`.
pub(crate) fn names(dir: BorrowedFd<'_>) -> rustix::io::Result<Vec<CString>> {
    let mut names = Vec::new();
    for entry in Dir::read_from(dir)? {
        let entry = entry?;
        let name = entry.file_name();
        if name != c"." && name != c".." {
            names.push(name.to_owned());
        }
    }
    Ok(names)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};

    #[test]
    fn removing_a_tree_leaves_what_its_links_point_to() {
        let folder = tempfile::tempdir().unwrap();
        let (tree, outside) = (folder.path().join("tree"), folder.path().join("outside"));
        std::fs::create_dir_all(tree.join("a/b")).unwrap();
        std::fs::create_dir(&outside).unwrap();
        std::fs::write(outside.join("kept"), "x").unwrap();
        symlink(&outside, tree.join("a/link")).unwrap();
        remove(&tree).unwrap();
        assert!(!tree.exists() && outside.join("kept").exists());
        remove(&tree).unwrap();
    }

    #[test]
    fn a_tree_deeper_than_the_descriptors_allow_is_removed() {
        let folder = tempfile::tempdir().unwrap();
        let tree = folder.path().join("tree");
        std::fs::create_dir(&tree).unwrap();
        let mut dir = open_path(&tree).unwrap();
        for _ in 0..1500 {
            fs::mkdirat(&dir, c"d", Mode::RWXU).unwrap();
            dir = open_below(dir.as_fd(), c"d").unwrap();
        }
        drop(dir);
        remove(&tree).unwrap();
        assert!(!tree.exists());
    }

    #[test]
    fn a_copy_has_the_modes_links_and_times_of_the_original() {
        let folder = tempfile::tempdir().unwrap();
        let (from, to) = (folder.path().join("from"), folder.path().join("to"));
        std::fs::create_dir_all(from.join("sub")).unwrap();
        std::fs::create_dir(&to).unwrap();
        std::fs::write(from.join("sub/one"), "text").unwrap();
        std::fs::hard_link(from.join("sub/one"), from.join("two")).unwrap();
        symlink("/nowhere", from.join("link")).unwrap();
        let mode =
            |path: &Path, mode| std::fs::set_permissions(path, PermissionsExt::from_mode(mode)).unwrap();
        mode(&from.join("two"), 0o4711);
        mode(&from, 0o1777);
        File::open(from.join("sub")).unwrap().set_modified(std::time::UNIX_EPOCH).unwrap();
        copy(open_path(&from).unwrap().as_fd(), open_path(&to).unwrap().as_fd()).unwrap();

        let stat = |name: &str| to.join(name).symlink_metadata().unwrap();
        assert_eq!(std::fs::read_to_string(to.join("two")).unwrap(), "text");
        assert_eq!(stat("two").ino(), stat("sub/one").ino());
        assert_eq!((stat("two").mode() & 0o7777, stat("").mode() & 0o7777), (0o4711, 0o1777));
        assert_eq!(stat("sub").mtime(), 0);
        assert_eq!(std::fs::read_link(to.join("link")).unwrap(), Path::new("/nowhere"));
        assert_eq!(size(&to).unwrap(), 4);
    }
}
