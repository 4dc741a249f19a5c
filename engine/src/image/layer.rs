//! Unpacking one layer into a folder that overlayfs takes as it is.
//!
//! Nothing in the archive is trusted: names with `..` are refused, every path is resolved by
//! the kernel with the folder as its root (openat2(2), RESOLVE_IN_ROOT), and marks of overlayfs
//! are made by us only. Whiteouts (`.wh.<name>`) become character device 0:0, opaque folders
//! (`.wh..wh..opq`) the attribute `trusted.overlay.opaque`
//! (<https://github.com/opencontainers/image-spec/blob/main/layer.md>,
//! <https://docs.kernel.org/filesystems/overlayfs.html>).

use super::attributes;
use super::entries::{Entries, Entry};
use super::paths::{clean, join, resolve, split};
use crate::error::{Error, Kind, Result};
use crate::tree;
use rustix::fs::{self, AtFlags, FileType, Mode, OFlags, Timestamps, XattrFlags};
use rustix::io::Errno;
use std::collections::HashSet;
use std::ffi::{CStr, CString};
use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::fs::FileExt;
use std::path::Path;
use tar::EntryType;

const WHITEOUT: &[u8] = b".wh.";
const OPAQUE: &[u8] = b".wh..wh..opq";
/// Other names that aufs kept for itself.
const RESERVED: &[u8] = b".wh..wh.";
const BUFFER: usize = 256 << 10;

/// Unpacks a tar stream into an empty folder. Gives the bytes in its files. The stream is
/// read up to the archive's end; the reader comes back for what is behind it.
pub(crate) fn unpack<R: Read>(from: R, into: &Path) -> Result<(u64, R)> {
    let root = tree::open_path(into).map_err(|error| {
        Error::new(Kind::System, format!("open {}", into.display())).because(io::Error::from(error))
    })?;
    let mut unpacker = Unpacker {
        root,
        parent: None,
        stale: false,
        folders: Vec::new(),
        whiteouts: HashSet::new(),
        buffer: vec![0; BUFFER],
        size: 0,
    };
    let mut entries = Entries::new(from);
    while let Some(entry) = entries.next().map_err(unreadable)? {
        unpacker.add(&entry, &mut entries).map_err(|error| refused(&entry, error))?;
    }
    unpacker.finish().map_err(|error| Error::new(Kind::System, "set the times of folders").because(error))?;
    Ok((unpacker.size, entries.into_inner()))
}

/// What is wrong with an archive whose stream cannot be read.
pub(crate) fn unreadable(error: io::Error) -> Error {
    let (kind, what) = match error.kind() {
        io::ErrorKind::UnexpectedEof => (Kind::Corrupt, "the archive is truncated"),
        io::ErrorKind::Unsupported => (Kind::Unsupported, "the archive has a form that is not supported"),
        _ if error.raw_os_error().is_some() => (Kind::System, "read the archive"),
        _ => (Kind::Corrupt, "the archive is damaged"),
    };
    Error::new(kind, what).because(error)
}

fn refused(entry: &Entry, error: io::Error) -> Error {
    if error.kind() == io::ErrorKind::UnexpectedEof {
        return unreadable(error);
    }
    let kind = if error.raw_os_error().is_some() { Kind::System } else { Kind::Corrupt };
    Error::new(kind, format!("unpack `{}`", String::from_utf8_lossy(&entry.path).escape_debug()))
        .because(error)
}

struct Unpacker {
    root: OwnedFd,
    /// The folder used last, and its path: entries of a folder follow one another.
    parent: Option<(Vec<u8>, OwnedFd)>,
    /// Something was replaced: the path may lead elsewhere now.
    stale: bool,
    /// Folders whose times are set at the end, when nothing is put into them any more.
    folders: Vec<(Vec<u8>, Timestamps)>,
    /// Paths that this layer deletes from those below.
    whiteouts: HashSet<Vec<u8>>,
    buffer: Vec<u8>,
    size: u64,
}

impl Unpacker {
    fn add(&mut self, entry: &Entry, data: &mut impl Read) -> io::Result<()> {
        if entry.kind == EntryType::XGlobalHeader {
            return Ok(());
        }
        let path = clean(&entry.path)?;
        let Some((parent, name)) = split(&path) else { return self.top(entry) };
        if name == OPAQUE {
            return self.opaque(parent);
        }
        if let Some(hidden) = name.strip_prefix(WHITEOUT).filter(|_| !name.starts_with(RESERVED)) {
            return self.whiteout(parent, hidden);
        }
        if name.starts_with(RESERVED) {
            return Ok(());
        }
        self.open_parent(parent)?;
        let name = CString::new(name)?;
        match entry.kind {
            EntryType::Directory => self.folder(entry, &path, &name),
            EntryType::Regular | EntryType::Continuous | EntryType::GNUSparse => {
                self.file(entry, &name, data)
            }
            EntryType::Link => self.hard_link(entry, &name),
            EntryType::Symlink => self.symlink(entry, &name),
            EntryType::Char => self.node(entry, &name, FileType::CharacterDevice),
            EntryType::Block => self.node(entry, &name, FileType::BlockDevice),
            EntryType::Fifo => self.node(entry, &name, FileType::Fifo),
            other => {
                let letter = char::from(other.as_byte()).escape_default();
                Err(io::Error::other(format!("entries of type `{letter}` are not supported")))
            }
        }
    }

    fn finish(&self) -> io::Result<()> {
        for (path, times) in &self.folders {
            let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW;
            match resolve(self.root.as_fd(), path, flags) {
                // A later entry put something else in its place.
                Err(Errno::NOENT | Errno::NOTDIR | Errno::LOOP) => {}
                folder => fs::futimens(folder?, times)?,
            }
        }
        Ok(())
    }

    /// The entry of the layer's own top folder.
    fn top(&mut self, entry: &Entry) -> io::Result<()> {
        if entry.kind != EntryType::Directory {
            return Err(io::Error::other("it has no name"));
        }
        attributes::apply(self.root.as_fd(), entry)?;
        self.folders.push((Vec::new(), attributes::times(entry)));
        Ok(())
    }

    fn folder(&mut self, entry: &Entry, path: &[u8], name: &CStr) -> io::Result<()> {
        let existing = match fs::mkdirat(self.at()?, name, Mode::RWXU) {
            Err(Errno::EXIST) => {
                let stat = fs::statat(self.at()?, name, AtFlags::SYMLINK_NOFOLLOW)?;
                FileType::from_raw_mode(stat.st_mode) == FileType::Directory
            }
            done => done.map(|()| true)?,
        };
        if !existing {
            self.replace(name, |parent| fs::mkdirat(parent, name, Mode::RWXU))?;
        }
        let folder = tree::open_below(self.at()?, name)?;
        if self.whiteouts.remove(path) {
            mark_opaque(folder.as_fd())?;
        }
        attributes::apply(folder.as_fd(), entry)?;
        self.folders.push((path.to_vec(), attributes::times(entry)));
        Ok(())
    }

    fn file(&mut self, entry: &Entry, name: &CStr, data: &mut impl Read) -> io::Result<()> {
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let mut file = File::from(self.make(name, |parent| fs::openat(parent, name, flags, Mode::RUSR))?);
        match &entry.pieces {
            Some(pieces) => self.sparse(&file, entry.size, pieces, data)?,
            None => loop {
                match data.read(&mut self.buffer)? {
                    0 => break,
                    count => file.write_all(&self.buffer[..count])?,
                }
            },
        }
        self.size += entry.size;
        attributes::apply(file.as_fd(), entry)?;
        Ok(fs::futimens(&file, &attributes::times(entry))?)
    }

    fn sparse(
        &mut self,
        file: &File,
        size: u64,
        pieces: &[(u64, u64)],
        data: &mut impl Read,
    ) -> io::Result<()> {
        file.set_len(size)?;
        for (mut offset, mut length) in pieces.iter().copied() {
            while length > 0 {
                let want = self.buffer.len().min(usize::try_from(length).unwrap_or(usize::MAX));
                let count = data.read(&mut self.buffer[..want])?;
                if count == 0 {
                    return Err(io::Error::other("its sparse map promises more data than it has"));
                }
                file.write_all_at(&self.buffer[..count], offset)?;
                offset += count as u64;
                length -= count as u64;
            }
        }
        Ok(())
    }

    fn hard_link(&mut self, entry: &Entry, name: &CStr) -> io::Result<()> {
        let target = clean(&entry.link)?;
        let missing = || {
            let target = String::from_utf8_lossy(&entry.link);
            io::Error::other(format!(
                "it is a hard link to `{}`, which the layer does not have",
                target.escape_debug()
            ))
        };
        let (folder, file) = split(&target).ok_or_else(missing)?;
        let folder = match resolve(self.root.as_fd(), folder, OFlags::PATH | OFlags::DIRECTORY) {
            Err(Errno::NOENT | Errno::NOTDIR | Errno::LOOP) => return Err(missing()),
            folder => folder?,
        };
        let file = CString::new(file)?;
        if fs::statat(&folder, &file, AtFlags::SYMLINK_NOFOLLOW).is_err() {
            return Err(missing());
        }
        // To itself: a replacement would delete what it links to.
        if clean(&entry.path)? == target {
            return Ok(());
        }
        self.make(name, |parent| fs::linkat(&folder, &file, parent, name, AtFlags::empty()))
    }

    fn symlink(&mut self, entry: &Entry, name: &CStr) -> io::Result<()> {
        let target = CString::new(entry.link.as_slice())?;
        self.make(name, |parent| fs::symlinkat(&target, parent, name))?;
        attributes::apply_at(self.at()?, name, entry)
    }

    fn node(&mut self, entry: &Entry, name: &CStr, kind: FileType) -> io::Result<()> {
        let device = fs::makedev(entry.device.0, entry.device.1);
        self.make(name, |parent| fs::mknodat(parent, name, kind, Mode::RUSR, device))?;
        attributes::apply_at(self.at()?, name, entry)
    }

    /// The layers below have nothing in this folder.
    fn opaque(&mut self, folder: &[u8]) -> io::Result<()> {
        self.open_parent(folder)?;
        mark_opaque(self.at()?)
    }

    /// The layers below do not have this entry. What this very layer has under the name stays;
    /// a folder then shows only what this layer has in it.
    fn whiteout(&mut self, parent: &[u8], hidden: &[u8]) -> io::Result<()> {
        if matches!(hidden, b"" | b"." | b"..") {
            return Err(io::Error::other("it deletes nothing that can have a name"));
        }
        self.open_parent(parent)?;
        let name = CString::new(hidden)?;
        match fs::mknodat(self.at()?, &name, FileType::CharacterDevice, Mode::empty(), 0) {
            Err(Errno::EXIST) => match tree::open_below(self.at()?, &name) {
                Err(Errno::NOTDIR | Errno::LOOP) => Ok(()),
                folder => mark_opaque(folder?.as_fd()),
            },
            Err(error) => Err(error.into()),
            Ok(()) => {
                self.whiteouts.insert(join(parent, hidden));
                Ok(())
            }
        }
    }

    /// Makes an entry; one that an earlier entry of the same name made is replaced.
    fn make<T>(
        &mut self,
        name: &CStr,
        make: impl Fn(BorrowedFd<'_>) -> rustix::io::Result<T>,
    ) -> io::Result<T> {
        match make(self.at()?) {
            Err(Errno::EXIST) => self.replace(name, make),
            done => Ok(done?),
        }
    }

    fn replace<T>(
        &mut self,
        name: &CStr,
        make: impl Fn(BorrowedFd<'_>) -> rustix::io::Result<T>,
    ) -> io::Result<T> {
        self.stale = true;
        tree::remove_at(self.at()?, name)?;
        Ok(make(self.at()?)?)
    }

    fn at(&self) -> io::Result<BorrowedFd<'_>> {
        let parent = self.parent.as_ref().map(|(_, folder)| folder.as_fd());
        parent.ok_or_else(|| io::Error::other("no folder is open"))
    }

    /// Opens the folder that entries go into, and makes it when no entry did.
    fn open_parent(&mut self, path: &[u8]) -> io::Result<()> {
        let current = self.parent.as_ref().is_some_and(|(open, _)| open == path && !self.stale);
        if current {
            return Ok(());
        }
        let flags = OFlags::RDONLY | OFlags::DIRECTORY;
        let folder = match resolve(self.root.as_fd(), path, flags) {
            Err(Errno::NOENT | Errno::NOTDIR) => {
                self.make_folders(path)?;
                resolve(self.root.as_fd(), path, flags)
            }
            folder => folder,
        };
        let folder = folder.map_err(|error| match error {
            Errno::NOTDIR | Errno::LOOP | Errno::NOENT => {
                io::Error::other("what it lies in is not a folder of this layer")
            }
            error => error.into(),
        })?;
        self.parent = Some((path.to_vec(), folder));
        self.stale = false;
        Ok(())
    }

    /// Folders that entries lie in but that have none of their own.
    fn make_folders(&mut self, path: &[u8]) -> io::Result<()> {
        let ends = path.iter().enumerate().filter(|(_, byte)| **byte == b'/').map(|(at, _)| at);
        for end in ends.chain([path.len()]) {
            let path = &path[..end];
            let Some((parent, name)) = split(path) else { continue };
            let parent = resolve(self.root.as_fd(), parent, OFlags::RDONLY | OFlags::DIRECTORY)?;
            let name = CString::new(name)?;
            if self.whiteouts.remove(path) {
                tree::remove_at(parent.as_fd(), &name)?;
                fs::mkdirat(&parent, &name, Mode::RWXU)?;
                mark_opaque(tree::open_below(parent.as_fd(), &name)?.as_fd())?;
            } else {
                match fs::mkdirat(&parent, &name, Mode::RWXU) {
                    Err(Errno::EXIST) => continue,
                    done => done?,
                }
            }
            // Independent of the umask.
            fs::chmodat(&parent, &name, Mode::from_raw_mode(0o755), AtFlags::empty())?;
        }
        Ok(())
    }
}

fn mark_opaque(folder: BorrowedFd<'_>) -> io::Result<()> {
    Ok(fs::fsetxattr(folder, c"trusted.overlay.opaque", b"y", XattrFlags::empty())?)
}
