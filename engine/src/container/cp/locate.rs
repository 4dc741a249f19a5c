//! What a path means: where it lies, under which name, and whether it is there.

use crate::image::paths::join;
use rustix::fs::{self, AtFlags, FileType, Mode, OFlags, ResolveFlags};
use rustix::io::Errno;
use std::ffi::CString;
use std::io;
use std::os::fd::{BorrowedFd, OwnedFd};

/// Links that are followed one after another, as the kernel has it.
const LINKS_MAX: usize = 40;

/// Where a path leads.
#[derive(Debug)]
pub(super) enum Place {
    /// There is something.
    Found(Found),
    /// There is nothing of this name in a folder.
    Absent {
        /// Path of the folder, below the root.
        folder_path: Vec<u8>,
        name: Vec<u8>,
    },
}

/// Something that is there.
#[derive(Debug)]
pub(super) struct Found {
    /// The folder that it lies in.
    pub(super) folder: OwnedFd,
    /// Path of that folder, below the root.
    pub(super) folder_path: Vec<u8>,
    /// Its name there; `.` for the folder itself.
    pub(super) name: CString,
    pub(super) is_folder: bool,
    /// What it is called somewhere else.
    pub(super) base: Vec<u8>,
    /// The path ends with `/.`: what is in it is meant.
    pub(super) only_contents: bool,
}

impl Found {
    /// Its path below the root.
    pub(super) fn path(&self) -> Vec<u8> {
        join(&self.folder_path, self.name.as_bytes())
    }
}

/// Opens a path with `root` as the root: nothing leads out of it. What is mounted there is entered.
pub(super) fn open(root: BorrowedFd<'_>, path: &[u8], flags: OFlags) -> rustix::io::Result<OwnedFd> {
    let path = if path.is_empty() { b"." } else { path };
    let how = ResolveFlags::IN_ROOT | ResolveFlags::NO_MAGICLINKS;
    fs::openat2(root, path, flags | OFlags::CLOEXEC, Mode::empty(), how)
}

/// Finds what a path means below `root`. Of a symbolic link at its end the link itself is meant,
/// unless it is to be followed or a slash stands behind it.
pub(super) fn locate(root: BorrowedFd<'_>, path: &[u8], follow: bool) -> io::Result<Place> {
    let base = path.split(|byte| *byte == b'/').rfind(|part| !matches!(*part, b"" | b"."));
    let base = base.filter(|part| *part != b"..").unwrap_or_default().to_vec();
    let only_contents = path == b"." || path.ends_with(b"/.");
    let must_be_folder = only_contents || path.ends_with(b"/");
    let mut path = path.to_vec();
    for _ in 0..LINKS_MAX {
        let (folder_path, name) = divide(&path);
        let folder = open(root, folder_path, OFlags::PATH | OFlags::DIRECTORY)?;
        let found = CString::new(name)?;
        let kind = match fs::statat(&folder, &found, AtFlags::SYMLINK_NOFOLLOW) {
            Err(Errno::NOENT) => {
                return Ok(Place::Absent { folder_path: folder_path.to_vec(), name: name.to_vec() });
            }
            stat => FileType::from_raw_mode(stat?.st_mode),
        };
        if kind == FileType::Symlink && (follow || must_be_folder) {
            let link = fs::readlinkat(&folder, &found, Vec::new())?.into_bytes();
            path = if link.starts_with(b"/") { link } else { join(folder_path, &link) };
            continue;
        }
        if must_be_folder && kind != FileType::Directory {
            return Err(Errno::NOTDIR.into());
        }
        return Ok(Place::Found(Found {
            folder,
            folder_path: folder_path.to_vec(),
            name: found,
            is_folder: kind == FileType::Directory,
            base,
            only_contents,
        }));
    }
    Err(Errno::LOOP.into())
}

/// Folder and name. What ends with a dot or two is a folder that has no name of its own here.
fn divide(path: &[u8]) -> (&[u8], &[u8]) {
    let mut path = path;
    while let Some(shorter) = path.strip_suffix(b"/").or_else(|| path.strip_suffix(b"/.")) {
        path = shorter;
    }
    match path.iter().rposition(|byte| *byte == b'/') {
        _ if matches!(path, b"" | b"." | b"..") || path.ends_with(b"/..") => (path, b"."),
        Some(at) => (&path[..at], &path[at + 1..]),
        None => (b"", path),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_divided_into_folder_and_name() {
        for (path, folder, name) in [
            ("/etc/hosts", "/etc", "hosts"),
            ("hosts", "", "hosts"),
            ("/etc/", "", "etc"),
            ("etc/./", "", "etc"),
            ("/", "", "."),
            ("/..", "/..", "."),
            ("a/..", "a/..", "."),
            (".", ".", "."),
        ] {
            assert_eq!(divide(path.as_bytes()), (folder.as_bytes(), name.as_bytes()), "{path}");
        }
    }
}
