//! What an instruction takes from a context, stage or image, file by file: so that the cache can
//! tell whether it is the same, and what is not.
//!
//! Content, kind, permissions and the targets of links count; times, and where the folder lies,
//! do not. Owners count only where copies keep them.

use super::hashes::Hashes;
use crate::error::{Context, Result};
use crate::image::digest;
use crate::tree;
use rustix::fs::{self, AtFlags, FileType, Mode, OFlags, ResolveFlags, Stat};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::ffi::{CStr, OsStr};
use std::fs::File;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

/// Files by their path, each with a text that changes when the file does.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Contents {
    files: BTreeMap<String, String>,
}

impl Contents {
    /// One digest of all of it.
    pub(super) fn digest(&self) -> String {
        let mut text = Vec::new();
        for (path, file) in &self.files {
            text.extend_from_slice(path.as_bytes());
            text.push(0);
            text.extend_from_slice(file.as_bytes());
            text.push(0);
        }
        digest::of(&text)
    }

    /// Paths that differ.
    pub(super) fn changed(&self, before: &Self) -> Vec<String> {
        let mut changed: Vec<String> = Vec::new();
        changed.extend(
            self.files.iter().filter(|(path, file)| before.files.get(*path) != Some(file)).map(first),
        );
        changed.extend(before.files.iter().filter(|(path, _)| !self.files.contains_key(*path)).map(first));
        changed.sort();
        changed
    }
}

fn first((path, _): (&String, &String)) -> String {
    path.clone()
}

/// What is looked at.
pub(super) struct Look<'a> {
    /// The folder that paths are seen from.
    pub(super) root: BorrowedFd<'a>,
    /// What does not count, by its path from there. A folder that is ignored can hold files that
    /// are not.
    pub(super) ignored: &'a dyn Fn(&Path) -> bool,
    /// Owners and attributes count.
    pub(super) owners: bool,
}

/// Looks at these paths and at all that is below them.
pub(super) fn contents(look: &Look<'_>, paths: &[PathBuf], hashes: &mut Hashes) -> Result<Contents> {
    let mut walk = Walk { look, hashes, files: BTreeMap::new(), at: PathBuf::new() };
    for path in paths {
        walk.at.clone_from(path);
        let done = walk.top(path);
        done.doing(|| format!("read {}", walk.at.display()))?;
    }
    Ok(Contents { files: walk.files })
}

struct Walk<'a> {
    look: &'a Look<'a>,
    hashes: &'a mut Hashes,
    files: BTreeMap<String, String>,
    /// What is being looked at, below the root.
    at: PathBuf,
}

impl Walk<'_> {
    fn top(&mut self, path: &Path) -> io::Result<()> {
        let Some(name) = path.file_name() else {
            let top = fs::openat(self.look.root, ".", FOLDER, Mode::empty())?;
            return self.folder(top.as_fd());
        };
        let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let parent = fs::openat2(self.look.root, parent, FOLDER, Mode::empty(), INSIDE)?;
        let name = std::ffi::CString::new(name.as_bytes())?;
        self.entry(parent.as_fd(), &name)
    }

    fn entry(&mut self, folder: BorrowedFd<'_>, name: &CStr) -> io::Result<()> {
        let stat = fs::statat(folder, name, AtFlags::SYMLINK_NOFOLLOW)?;
        let kind = FileType::from_raw_mode(stat.st_mode);
        if !(self.look.ignored)(&self.at) {
            let text = self.describe(folder, name, &stat, kind)?;
            self.files.insert(self.at.to_string_lossy().into_owned(), text);
        }
        if kind == FileType::Directory {
            let below = fs::openat2(folder, name, FOLDER, Mode::empty(), INSIDE)?;
            self.folder(below.as_fd())?;
        }
        Ok(())
    }

    fn folder(&mut self, folder: BorrowedFd<'_>) -> io::Result<()> {
        for name in tree::names(folder)? {
            self.at.push(OsStr::from_bytes(name.to_bytes()));
            self.entry(folder, &name)?;
            self.at.pop();
        }
        Ok(())
    }

    fn describe(
        &mut self,
        folder: BorrowedFd<'_>,
        name: &CStr,
        stat: &Stat,
        kind: FileType,
    ) -> io::Result<String> {
        let content = match kind {
            FileType::RegularFile => match self.hashes.known(stat) {
                Some(hash) => hash,
                None => self.hashes.read(&open_file(folder, name)?)?,
            },
            FileType::Symlink => digest::of(fs::readlinkat(folder, name, Vec::new())?.as_bytes()),
            FileType::CharacterDevice | FileType::BlockDevice => stat.st_rdev.to_string(),
            _ => String::new(),
        };
        let mode = if kind == FileType::Symlink { 0 } else { stat.st_mode & 0o7777 };
        let mut text = format!("{:o} {mode:o} {content}", stat.st_mode & libc::S_IFMT);
        if self.look.owners {
            text.push_str(&format!(" {}:{}", stat.st_uid, stat.st_gid));
            if kind == FileType::RegularFile {
                text.push_str(&capability(folder, name)?);
            }
        }
        Ok(text)
    }
}

/// File capabilities go along with copies.
fn capability(folder: BorrowedFd<'_>, name: &CStr) -> io::Result<String> {
    let path = tree::entry_path(folder, name);
    let mut value = [0; 64];
    match fs::lgetxattr(&path, "security.capability", &mut value[..]) {
        Ok(length) => Ok(format!(" {:?}", &value[..length])),
        Err(rustix::io::Errno::NODATA | rustix::io::Errno::OPNOTSUPP) => Ok(String::new()),
        Err(error) => Err(error.into()),
    }
}

const FOLDER: OFlags = OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC);
const INSIDE: ResolveFlags = ResolveFlags::BENEATH.union(ResolveFlags::NO_SYMLINKS);

/// Never a pipe that a file was replaced by: that would wait for a writer.
fn open_file(folder: BorrowedFd<'_>, name: &CStr) -> io::Result<File> {
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let file: OwnedFd = fs::openat2(folder, name, flags, Mode::empty(), INSIDE)?;
    Ok(File::from(file))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::{PermissionsExt, symlink};
    use std::time::{Duration, SystemTime};

    fn look_at(folder: &Path, paths: &[&str], ignored: &dyn Fn(&Path) -> bool) -> Contents {
        let root = tree::open_path(folder).unwrap();
        let look = Look { root: root.as_fd(), ignored, owners: false };
        let paths: Vec<PathBuf> = paths.iter().map(PathBuf::from).collect();
        contents(&look, &paths, &mut Hashes::default()).unwrap()
    }

    fn tree_of_files() -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(folder.path().join("src/deep")).unwrap();
        std::fs::write(folder.path().join("src/deep/a"), "a").unwrap();
        std::fs::write(folder.path().join("src/b"), "b").unwrap();
        std::fs::write(folder.path().join("other"), "o").unwrap();
        symlink("b", folder.path().join("src/link")).unwrap();
        folder
    }

    #[test]
    fn times_and_the_place_of_the_folder_do_not_count() {
        let (one, other) = (tree_of_files(), tree_of_files());
        let old = SystemTime::UNIX_EPOCH + Duration::from_secs(1);
        File::options().append(true).open(other.path().join("src/b")).unwrap().set_modified(old).unwrap();
        let [one, other] = [&one, &other].map(|folder| look_at(folder.path(), &["src"], &|_| false));
        assert_eq!(one.digest(), other.digest());
        assert_eq!(one.files.len(), 5);
    }

    #[test]
    fn content_mode_kind_and_link_targets_count_and_are_told() {
        let folder = tree_of_files();
        let at = |name: &str| folder.path().join("src").join(name);
        let before = look_at(folder.path(), &["src"], &|_| false);
        std::fs::write(folder.path().join("other"), "not looked at").unwrap();
        assert_eq!(look_at(folder.path(), &["src"], &|_| false), before);
        std::fs::write(at("b"), "c").unwrap();
        std::fs::set_permissions(at("deep/a"), PermissionsExt::from_mode(0o755)).unwrap();
        std::fs::remove_file(at("link")).unwrap();
        symlink("deep", at("link")).unwrap();
        std::fs::write(at("new"), "").unwrap();
        let after = look_at(folder.path(), &["src"], &|_| false);
        assert_eq!(after.changed(&before), ["src/b", "src/deep/a", "src/link", "src/new"]);
        assert_ne!(after.digest(), before.digest());
    }

    #[test]
    fn what_is_ignored_is_not_looked_at() {
        let folder = tree_of_files();
        let all = look_at(folder.path(), &[""], &|path| path.starts_with("src/deep"));
        let paths: Vec<&str> = all.files.keys().map(String::as_str).collect();
        assert_eq!(paths, ["other", "src", "src/b", "src/link"]);
    }

    #[test]
    fn links_in_the_way_are_not_followed() {
        let folder = tree_of_files();
        symlink("/etc", folder.path().join("outside")).unwrap();
        let root = tree::open_path(folder.path()).unwrap();
        let look = Look { root: root.as_fd(), ignored: &|_| false, owners: false };
        let error = contents(&look, &["outside/passwd".into()], &mut Hashes::default()).unwrap_err();
        assert!(error.doing.contains("outside/passwd"), "{}", error.doing);
    }
}
