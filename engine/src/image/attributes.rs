//! Owner, mode, times and extended attributes of unpacked entries.

use super::entries::Entry;
use crate::tree;
use rustix::fs::{self, AtFlags, Gid, Mode, Timespec, Timestamps, Uid, XattrFlags};
use rustix::io::Errno;
use std::ffi::CStr;
use std::io;
use std::os::fd::BorrowedFd;
use std::path::Path;
use tar::EntryType;

/// Marks a folder that hides what the layers below have in it.
const OPAQUE: &[u8] = b"trusted.overlay.opaque";

/// Owner, mode and attributes. The owner first: changing it takes away set-user-id and capabilities.
pub(crate) fn apply(file: BorrowedFd<'_>, entry: &Entry) -> io::Result<()> {
    let (uid, gid) = owner(entry)?;
    fs::fchown(file, Some(uid), Some(gid))?;
    fs::fchmod(file, Mode::from_raw_mode(entry.mode))?;
    for (attribute, value) in kept_xattrs(entry) {
        supported(fs::fsetxattr(file, attribute, value, XattrFlags::empty()))?;
    }
    Ok(())
}

/// Attributes that containers may see. Marks of overlayfs are not among them: they could make
/// a folder show what lies elsewhere.
fn is_kept(name: &[u8]) -> bool {
    name == b"security.capability" || (name.starts_with(b"user.") && !name.starts_with(b"user.overlay."))
}

fn kept_xattrs(entry: &Entry) -> impl Iterator<Item = (&[u8], &[u8])> {
    let xattrs = entry.xattrs.iter().map(|(name, value)| (name.as_slice(), value.as_slice()));
    xattrs.filter(|(name, _)| is_kept(name))
}

/// The attributes of a file that layers hold, by name.
pub(crate) fn read(parent: BorrowedFd<'_>, name: &CStr) -> io::Result<Vec<(Vec<u8>, Vec<u8>)>> {
    let path = tree::entry_path(parent, name);
    let mut kept = Vec::new();
    for attribute in list(&path)?.into_iter().filter(|attribute| is_kept(attribute)) {
        let value = tree::xattr(&path, &attribute)?;
        kept.push((attribute, value));
    }
    kept.sort();
    Ok(kept)
}

/// Takes away what layers do not hold, but for the mark of opaque folders. Labels of the host's
/// security modules stay: they are the host's.
pub(crate) fn strip(parent: BorrowedFd<'_>, name: &CStr) -> io::Result<()> {
    let path = tree::entry_path(parent, name);
    for attribute in list(&path)? {
        let goes = !is_kept(&attribute) && attribute != OPAQUE && !attribute.starts_with(b"security.");
        if goes {
            fs::lremovexattr(&path, attribute)?;
        }
    }
    Ok(())
}

/// Whether the layers below have nothing in a folder.
pub(crate) fn is_opaque(parent: BorrowedFd<'_>, name: &CStr) -> io::Result<bool> {
    let path = tree::entry_path(parent, name);
    Ok(list(&path)?.iter().any(|attribute| attribute == OPAQUE) && tree::xattr(&path, OPAQUE)? == b"y")
}

fn list(path: &Path) -> io::Result<Vec<Vec<u8>>> {
    let mut names = vec![0; fs::llistxattr_query(path)?];
    if names.is_empty() {
        return Ok(Vec::new());
    }
    let length = fs::llistxattr(path, &mut names[..])?;
    let names = names[..length].split(|byte| *byte == 0).filter(|name| !name.is_empty());
    Ok(names.map(<[u8]>::to_vec).collect())
}

/// File systems without attributes lose them.
fn supported(done: rustix::io::Result<()>) -> io::Result<()> {
    match done {
        Err(Errno::OPNOTSUPP) => Ok(()),
        done => Ok(done?),
    }
}

fn owner(entry: &Entry) -> io::Result<(Uid, Gid)> {
    let id = |id: u64| u32::try_from(id).ok().filter(|id| *id != u32::MAX);
    let too_big = || io::Error::other("its owner is out of range");
    let (uid, gid) = (id(entry.uid).ok_or_else(too_big)?, id(entry.gid).ok_or_else(too_big)?);
    Ok((Uid::from_raw(uid), Gid::from_raw(gid)))
}

pub(crate) fn times(entry: &Entry) -> Timestamps {
    let time = Timespec { tv_sec: entry.mtime.0, tv_nsec: entry.mtime.1.into() };
    Timestamps { last_access: time, last_modification: time }
}

/// Owner, mode, attributes and times of what cannot be opened.
pub(crate) fn apply_at(parent: BorrowedFd<'_>, name: &CStr, entry: &Entry) -> io::Result<()> {
    let (uid, gid) = owner(entry)?;
    fs::chownat(parent, name, Some(uid), Some(gid), AtFlags::SYMLINK_NOFOLLOW)?;
    if entry.kind != EntryType::Symlink {
        fs::chmodat(parent, name, Mode::from_raw_mode(entry.mode), AtFlags::empty())?;
    }
    let path = tree::entry_path(parent, name);
    for (attribute, value) in kept_xattrs(entry) {
        supported(fs::lsetxattr(&path, attribute, value, XattrFlags::empty()))?;
    }
    Ok(fs::utimensat(parent, name, &times(entry), AtFlags::SYMLINK_NOFOLLOW)?)
}
