//! What a container changed in its files: its writable folder compared with the layers below.

use crate::error::{Context, Result};
use crate::{overlay, tree};
use rustix::fs::{self, AtFlags, FileType, OFlags, Stat};
use rustix::io::Errno;
use std::collections::BTreeSet;
use std::ffi::{CStr, CString, OsStr};
use std::fmt;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

/// One difference.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Change {
    /// Absolute, as the container sees it.
    pub path: PathBuf,
    /// What became of it.
    pub kind: ChangeKind,
}

/// What became of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ChangeKind {
    /// It was not there.
    Added,
    /// It, or something in it, is not as it was.
    Changed,
    /// It is not there any more.
    Deleted,
}

impl fmt::Display for ChangeKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Added => "A",
            Self::Changed => "C",
            Self::Deleted => "D",
        })
    }
}

/// The differences that a writable folder makes over layers, lowest first; by path.
pub fn changes(upper: &Path, lower: &[PathBuf]) -> Result<Vec<Change>> {
    let below = overlay::view(lower)?;
    let doing = || format!("compare {} with the layers below", upper.display());
    let top = tree::open_path(upper).doing(doing)?;
    let mut comparison = Comparison { changes: Vec::new() };
    comparison.folder(top.as_fd(), Some(below.as_fd()), &PathBuf::from("/")).doing(doing)?;
    comparison.changes.sort();
    Ok(comparison.changes)
}

struct Comparison {
    changes: Vec<Change>,
}

impl Comparison {
    fn folder(
        &mut self,
        upper: BorrowedFd<'_>,
        below: Option<BorrowedFd<'_>>,
        path: &Path,
    ) -> rustix::io::Result<()> {
        let names: BTreeSet<CString> = tree::names(upper)?.into_iter().collect();
        for name in &names {
            self.entry(upper, below, name, path)?;
        }
        let hidden = below.filter(|_| is_opaque(upper)).map(tree::names).transpose()?;
        for name in hidden.into_iter().flatten().filter(|name| !names.contains(name)) {
            if below.is_some_and(|below| stat(below, &name).is_ok_and(|stat| stat.is_some())) {
                self.tell(path, &name, ChangeKind::Deleted);
            }
        }
        Ok(())
    }

    fn entry(
        &mut self,
        upper: BorrowedFd<'_>,
        below: Option<BorrowedFd<'_>>,
        name: &CStr,
        path: &Path,
    ) -> rustix::io::Result<()> {
        let now = stat(upper, name)?;
        let before = below.map(|below| stat(below, name)).transpose()?.flatten();
        let Some(now) = now else {
            if before.is_some() {
                self.tell(path, name, ChangeKind::Deleted);
            }
            return Ok(());
        };
        let at = self.changes.len();
        if is_folder(&now) {
            let folder = tree::open_below(upper, name)?;
            let below = match (below, &before) {
                (Some(below), Some(before)) if is_folder(before) => Some(open(below, name)?),
                _ => None,
            };
            let below = below.as_ref().map(AsFd::as_fd);
            self.folder(folder.as_fd(), below, &path.join(OsStr::from_bytes(name.to_bytes())))?;
        }
        match before {
            None => self.tell(path, name, ChangeKind::Added),
            Some(before) if self.changes.len() > at || !is_same(&before, &now) => {
                self.tell(path, name, ChangeKind::Changed);
            }
            // Copied up by something that did not change it in the end.
            Some(_) => {}
        }
        Ok(())
    }

    fn tell(&mut self, folder: &Path, name: &CStr, kind: ChangeKind) {
        self.changes.push(Change { path: folder.join(OsStr::from_bytes(name.to_bytes())), kind });
    }
}

/// `None` for what is not there, also by a mark of deletion.
fn stat(folder: BorrowedFd<'_>, name: &CStr) -> rustix::io::Result<Option<Stat>> {
    match fs::statat(folder, name, AtFlags::SYMLINK_NOFOLLOW) {
        Err(Errno::NOENT) => Ok(None),
        Err(error) => Err(error),
        Ok(stat) => {
            let is_whiteout = kind(&stat) == FileType::CharacterDevice && stat.st_rdev == 0;
            Ok((!is_whiteout).then_some(stat))
        }
    }
}

fn open(folder: BorrowedFd<'_>, name: &CStr) -> rustix::io::Result<OwnedFd> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    fs::openat(folder, name, flags, fs::Mode::empty())
}

fn is_opaque(folder: BorrowedFd<'_>) -> bool {
    let mut value = [0; 1];
    fs::fgetxattr(folder, c"trusted.overlay.opaque", &mut value[..])
        .is_ok_and(|length| value[..length] == *b"y")
}

fn is_folder(stat: &Stat) -> bool {
    kind(stat) == FileType::Directory
}

fn kind(stat: &Stat) -> FileType {
    FileType::from_raw_mode(stat.st_mode)
}

/// A folder's size and times tell of its entries, which are compared themselves.
fn is_same(before: &Stat, now: &Stat) -> bool {
    let facts = |stat: &Stat| (stat.st_mode, stat.st_uid, stat.st_gid, stat.st_rdev);
    let content = |stat: &Stat| (stat.st_size, stat.st_mtime, stat.st_mtime_nsec);
    facts(before) == facts(now) && (is_folder(now) || content(before) == content(now))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::overlay::Layers;
    use crate::testing::private_mounts;
    use std::fs::{Permissions, create_dir_all, remove_dir_all, remove_file, set_permissions, write};
    use std::os::fd::AsRawFd;
    use std::os::unix::fs::PermissionsExt;

    fn told(upper: &Path, lower: &[PathBuf]) -> Vec<String> {
        let changes = changes(upper, lower).unwrap();
        changes.iter().map(|change| format!("{} {}", change.kind, change.path.display())).collect()
    }

    /// What is told of a container on two layers that did `work`.
    fn worked(work: impl FnOnce(&Path)) -> Option<Vec<String>> {
        let root = private_mounts()?;
        let (one, two) = (root.join("1"), root.join("2"));
        for (layer, file) in
            [(&one, "etc/a"), (&one, "etc/b"), (&one, "var/x/deep"), (&two, "etc/b"), (&two, "opt/c")]
        {
            let path = layer.join(file);
            create_dir_all(path.parent().unwrap()).unwrap();
            write(path, file).unwrap();
        }
        let layers = Layers {
            lower: vec![one, two],
            upper: root.join("upper"),
            work: root.join("work"),
            volatile: false,
        };
        let mount = overlay::mount(&layers).unwrap();
        work(&PathBuf::from(format!("/proc/self/fd/{}", mount.as_raw_fd())));
        drop(mount);
        Some(told(&layers.upper, &layers.lower))
    }

    #[test]
    fn what_was_added_changed_and_deleted_is_told_with_the_folders_on_the_way() {
        let Some(told) = worked(|at| {
            write(at.join("etc/a"), "longer than before").unwrap();
            remove_file(at.join("etc/b")).unwrap();
            create_dir_all(at.join("new/folder")).unwrap();
            set_permissions(at.join("opt"), Permissions::from_mode(0o700)).unwrap();
        }) else {
            return;
        };
        assert_eq!(told, ["C /etc", "C /etc/a", "D /etc/b", "A /new", "A /new/folder", "C /opt"]);
    }

    #[test]
    fn what_was_made_again_or_only_touched_by_name_is_told_as_it_is() {
        let Some(told) = worked(|at| {
            remove_dir_all(at.join("var")).unwrap();
            create_dir_all(at.join("var/y")).unwrap();
            // Copied up, and as it was.
            set_permissions(at.join("opt/c"), Permissions::from_mode(0o600)).unwrap();
            set_permissions(at.join("opt/c"), Permissions::from_mode(0o644)).unwrap();
            write(at.join("gone"), "").unwrap();
            remove_file(at.join("gone")).unwrap();
        }) else {
            return;
        };
        assert_eq!(told, ["C /var", "D /var/x", "A /var/y"]);
    }

    #[test]
    fn nothing_is_told_of_a_container_that_did_nothing() {
        let Some(told) = worked(|_| {}) else { return };
        assert_eq!(told, [""; 0]);
    }
}
