//! Paths of an archive, resolved by the kernel inside the folder that they belong in.

use rustix::fs::{self, Mode, OFlags, ResolveFlags};
use std::ffi::CString;
use std::io;
use std::os::fd::{AsRawFd, BorrowedFd, OwnedFd};

/// Opens a path with `root` as the root: neither `..` nor a symbolic link leads out of it.
pub(crate) fn resolve(root: BorrowedFd<'_>, path: &[u8], flags: OFlags) -> rustix::io::Result<OwnedFd> {
    let path = if path.is_empty() { b"." } else { path };
    let how = ResolveFlags::IN_ROOT | ResolveFlags::NO_MAGICLINKS | ResolveFlags::NO_XDEV;
    fs::openat2(root, path, flags | OFlags::CLOEXEC, Mode::empty(), how)
}

/// The absolute path of what is open, unless it is longer than the kernel tells.
pub(crate) fn of(file: BorrowedFd<'_>) -> Option<Vec<u8>> {
    let link = format!("/proc/self/fd/{}", file.as_raw_fd());
    fs::readlink(link, Vec::new()).ok().map(CString::into_bytes)
}

/// A path without empty parts and `.`; one with `..` is refused.
pub(crate) fn clean(path: &[u8]) -> io::Result<Vec<u8>> {
    let parts: Vec<&[u8]> =
        path.split(|byte| *byte == b'/').filter(|part| !matches!(*part, b"" | b".")).collect();
    if parts.iter().any(|part| *part == b"..") {
        let path = String::from_utf8_lossy(path);
        return Err(io::Error::other(format!("`{}` leads out of the layer", path.escape_debug())));
    }
    Ok(parts.join(&b'/'))
}

/// Folder and name; `None` for the top folder.
pub(crate) fn split(path: &[u8]) -> Option<(&[u8], &[u8])> {
    match path.iter().rposition(|byte| *byte == b'/') {
        Some(at) => Some((&path[..at], &path[at + 1..])),
        None if path.is_empty() => None,
        None => Some((b"", path)),
    }
}

pub(crate) fn join(folder: &[u8], name: &[u8]) -> Vec<u8> {
    if folder.is_empty() { name.to_vec() } else { [folder, name].join(&b'/') }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_taken_apart_below_the_top_folder() {
        let parts = |path: &[u8]| {
            let path = String::from_utf8(clean(path).unwrap()).unwrap();
            split(path.as_bytes()).map(|(folder, name)| [folder, name].join(&b' '))
        };
        assert_eq!((parts(b"./"), parts(b"/")), (None, None));
        assert_eq!(parts(b"/a").unwrap(), b" a");
        assert_eq!(parts(b"./a//b/./c/").unwrap(), b"a/b c");
        assert_eq!(parts(b"..a/b..").unwrap(), b"..a b..");
        for path in [&b".."[..], b"a/../../b", b"/..", b"a/.."] {
            assert!(clean(path).is_err());
        }
    }
}
