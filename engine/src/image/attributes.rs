//! Owner, mode, times and extended attributes of unpacked entries.

use super::entries::Entry;
use crate::tree;
use rustix::fs::{self, AtFlags, Gid, Mode, Timespec, Timestamps, Uid, XattrFlags};
use rustix::io::Errno;
use std::ffi::CStr;
use std::io;
use std::os::fd::BorrowedFd;
use tar::EntryType;

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
fn kept_xattrs(entry: &Entry) -> impl Iterator<Item = (&[u8], &[u8])> {
    let kept = |name: &[u8]| {
        name == b"security.capability" || (name.starts_with(b"user.") && !name.starts_with(b"user.overlay."))
    };
    entry
        .xattrs
        .iter()
        .map(|(name, value)| (name.as_slice(), value.as_slice()))
        .filter(move |(name, _)| kept(name))
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
