//! A tar stream into a folder that has files already.
//!
//! Nothing in the archive is trusted: every path is resolved by the kernel below the root. Folders
//! that are there stay with what is in them, files are replaced, and neither takes the other's place.

use super::locate::open;
use crate::error::{Error, Kind, Result};
use crate::image::attributes;
use crate::image::entries::{Entries, Entry};
use crate::image::layer::unreadable;
use crate::image::paths::{clean, join, split};
use rustix::fs::{self, AtFlags, FileType, Mode, OFlags, Timestamps};
use rustix::io::Errno;
use std::ffi::{CStr, CString};
use std::fs::File;
use std::io::{self, Read};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use tar::EntryType;

const BUFFER: usize = 256 << 10;
/// Set-user-id and set-group-id.
const SET_ID: u32 = 0o6000;

/// Whose files they become.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Owner {
    /// Those that the archive says.
    Kept,
    /// Those of root, in a container.
    Root,
    /// Ours. What comes from a container then gives nobody rights: it loses set-user-id and capabilities.
    Us,
}

/// Where it goes.
pub(super) struct Target<'a> {
    pub(super) root: BorrowedFd<'a>,
    /// Path of the folder, below the root.
    pub(super) folder: &'a [u8],
    pub(super) owner: Owner,
}

/// Unpacks an archive to its end.
pub(super) fn unpack(from: impl Read, target: &Target<'_>) -> Result<()> {
    let mut unpacker = Unpacker { target, folders: Vec::new() };
    let mut entries = Entries::new(from);
    while let Some(entry) = entries.next().map_err(unreadable)? {
        let entry = unpacker.owned(entry);
        unpacker.add(&entry, &mut entries).map_err(|error| failed(&entry, error))?;
    }
    unpacker.finish().map_err(|error| Error::new(Kind::System, "set the times of folders").because(error))?;
    io::copy(&mut entries.into_inner(), &mut io::sink()).map(drop).map_err(unreadable)
}

fn failed(entry: &Entry, error: io::Error) -> Error {
    if error.kind() == io::ErrorKind::UnexpectedEof {
        return unreadable(error);
    }
    Error::new(Kind::System, format!("unpack `{}`", String::from_utf8_lossy(&entry.path).escape_debug()))
        .remedy(error.kind())
        .because(error)
}

struct Unpacker<'a> {
    target: &'a Target<'a>,
    /// Folders whose times are set at the end, when nothing is put into them any more.
    folders: Vec<(Vec<u8>, Timestamps)>,
}

impl Unpacker<'_> {
    fn owned(&self, entry: Entry) -> Entry {
        let (user, group) = (rustix::process::geteuid().as_raw(), rustix::process::getegid().as_raw());
        match self.target.owner {
            Owner::Kept => entry,
            Owner::Root => Entry { uid: 0, gid: 0, ..entry },
            Owner::Us => Entry {
                uid: user.into(),
                gid: group.into(),
                mode: entry.mode & !SET_ID,
                xattrs: entry.xattrs.into_iter().filter(|(name, _)| name.starts_with(b"user.")).collect(),
                ..entry
            },
        }
    }

    fn add(&mut self, entry: &Entry, data: &mut impl Read) -> io::Result<()> {
        let path = clean(&entry.path)?;
        // The folder itself stays as it is.
        let Some((folder, name)) = split(&path).filter(|_| entry.kind != EntryType::XGlobalHeader) else {
            return Ok(());
        };
        let (parent, name) = (self.parent(folder)?, CString::new(name)?);
        let parent = parent.as_fd();
        match entry.kind {
            EntryType::Directory => return self.folder(entry, &path, (parent, &name)),
            EntryType::Regular | EntryType::Continuous | EntryType::GNUSparse => {
                return file(entry, (parent, &name), data);
            }
            EntryType::Link => return self.hard_link(entry, (parent, &name)),
            _ => {}
        }
        make_room(parent, &name)?;
        let device = fs::makedev(entry.device.0, entry.device.1);
        let node = |kind| fs::mknodat(parent, &name, kind, Mode::RUSR, device);
        match entry.kind {
            EntryType::Symlink => fs::symlinkat(entry.link.as_slice(), parent, &name)?,
            EntryType::Char => node(FileType::CharacterDevice)?,
            EntryType::Block => node(FileType::BlockDevice)?,
            EntryType::Fifo => node(FileType::Fifo)?,
            other => {
                let letter = char::from(other.as_byte()).escape_default();
                return Err(io::Error::other(format!("entries of type `{letter}` are not supported")));
            }
        }
        if entry.kind != EntryType::Symlink {
            describe_node(entry, (parent, &name))?;
        }
        // As a link: of these nothing is left to be said that follows one.
        attributes::apply_at(parent, &name, &Entry { kind: EntryType::Symlink, ..entry.clone() })
    }

    fn at(&self, path: &[u8]) -> Vec<u8> {
        join(self.target.folder, path)
    }

    /// The folder that an entry goes into; one that no entry made is made.
    fn parent(&self, path: &[u8]) -> io::Result<OwnedFd> {
        let flags = OFlags::PATH | OFlags::DIRECTORY;
        match open(self.target.root, &self.at(path), flags) {
            Err(Errno::NOENT) => {}
            opened => return Ok(opened?),
        }
        let Some((above, name)) = split(path) else { return Err(Errno::NOENT.into()) };
        let (above, name) = (self.parent(above)?, CString::new(name)?);
        fs::mkdirat(&above, &name, Mode::RWXU)?;
        let made = open_folder(above.as_fd(), &name)?;
        // Independent of the umask.
        fs::fchmod(&made, Mode::from_raw_mode(0o755))?;
        Ok(made)
    }

    fn folder(
        &mut self,
        entry: &Entry,
        path: &[u8],
        (parent, name): (BorrowedFd<'_>, &CStr),
    ) -> io::Result<()> {
        match fs::mkdirat(parent, name, Mode::RWXU) {
            Err(Errno::EXIST) => {}
            made => made?,
        }
        let folder = match open_folder(parent, name) {
            Err(Errno::NOTDIR | Errno::LOOP) => {
                return Err(io::Error::other("a folder cannot take the place of a file"));
            }
            folder => folder?,
        };
        attributes::apply(folder.as_fd(), entry)?;
        self.folders.push((path.to_vec(), attributes::times(entry)));
        Ok(())
    }

    fn hard_link(&self, entry: &Entry, (parent, name): (BorrowedFd<'_>, &CStr)) -> io::Result<()> {
        let target = clean(&entry.link)?;
        let (folder, file) = split(&target).ok_or(Errno::NOENT)?;
        let folder = open(self.target.root, &self.at(folder), OFlags::PATH | OFlags::DIRECTORY)?;
        if clean(&entry.path)? == target {
            return Ok(());
        }
        make_room(parent, name)?;
        Ok(fs::linkat(folder, CString::new(file)?.as_c_str(), parent, name, AtFlags::empty())?)
    }

    fn finish(&self) -> io::Result<()> {
        for (path, times) in &self.folders {
            let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW;
            fs::futimens(open(self.target.root, &self.at(path), flags)?, times)?;
        }
        Ok(())
    }
}

fn file(entry: &Entry, (parent, name): (BorrowedFd<'_>, &CStr), data: &mut impl Read) -> io::Result<()> {
    make_room(parent, name)?;
    let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let mut file = File::from(fs::openat(parent, name, flags, Mode::RUSR)?);
    match &entry.pieces {
        None => drop(io::copy(data, &mut file)?),
        Some(pieces) => entry.write_pieces(pieces, &file, data, &mut vec![0; BUFFER])?,
    }
    attributes::apply(file.as_fd(), entry)?;
    Ok(fs::futimens(&file, &attributes::times(entry))?)
}

fn open_folder(parent: BorrowedFd<'_>, name: &CStr) -> rustix::io::Result<OwnedFd> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    fs::openat(parent, name, flags, Mode::empty())
}

/// Sets the mode of what cannot be opened. The container may have put a link in its place meanwhile,
/// which chmod(2) would follow to a file of this machine: of a link that is held open it fails.
fn describe_node(entry: &Entry, (parent, name): (BorrowedFd<'_>, &CStr)) -> io::Result<()> {
    let flags = OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let node = fs::openat(parent, name, flags, Mode::empty())?;
    let path = format!("/proc/self/fd/{}", node.as_raw_fd());
    Ok(fs::chmod(path, Mode::from_raw_mode(entry.mode))?)
}

/// Takes a file away that is there; a folder stays.
fn make_room(parent: BorrowedFd<'_>, name: &CStr) -> io::Result<()> {
    match fs::unlinkat(parent, name, AtFlags::empty()) {
        Err(Errno::NOENT) => Ok(()),
        Err(Errno::ISDIR) => Err(io::Error::other("a file cannot take the place of a folder")),
        done => Ok(done?),
    }
}
