//! A folder as a tar stream: the same tree gives the same bytes, wherever and whenever.
//!
//! Entries come in the order of their names. Marks of overlayfs become those of layers
//! (`.wh.<name>`, `.wh..wh..opq`), files with several names become hard links to the first, and
//! holes are filled. Sockets are left out: they mean nothing without their process.

use super::attributes;
use super::header::{self, Meta};
use super::layer::{OPAQUE, WHITEOUT};
use super::paths::{join, split};
use crate::tree;
use rustix::fs::{self, AtFlags, FileType, Mode, OFlags, Stat};
use std::collections::HashMap;
use std::ffi::CStr;
use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::{AsFd, BorrowedFd};
use tar::EntryType;

/// Who takes the stream; told which bytes are the content of a file.
pub(crate) trait Sink: Write {
    /// What is written next is the content of the file at this path.
    fn begin_content(&mut self, path: &[u8], size: u64) -> io::Result<()>;
    /// And here it ends.
    fn end_content(&mut self);
}

/// A sink that does not mind which bytes are content.
pub(crate) struct Plain<W>(pub(crate) W);

impl<W: Write> Write for Plain<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

impl<W: Write> Sink for Plain<W> {
    fn begin_content(&mut self, _: &[u8], _: u64) -> io::Result<()> {
        Ok(())
    }

    fn end_content(&mut self) {}
}

/// Writes what is in a folder, with the archive's end. Gives the bytes in its files.
pub(crate) fn write<S: Sink>(folder: BorrowedFd<'_>, to: &mut S) -> io::Result<u64> {
    let mut writer = Writer { root: folder, is_layer: true, to, links: HashMap::new(), size: 0 };
    writer.top()?;
    writer.folder(folder, b"")?;
    header::end(writer.to)?;
    Ok(writer.size)
}

/// Writes one entry of a folder under a path of its own, with all that is in it and mounted there,
/// and the archive's end. Without a path what is in it comes alone. No name means more than itself.
pub(crate) fn write_entry(
    (folder, name): (BorrowedFd<'_>, &CStr),
    path: &[u8],
    to: &mut impl Write,
) -> io::Result<()> {
    let mut to = Plain(to);
    let mut writer = Writer { root: folder, is_layer: false, to: &mut to, links: HashMap::new(), size: 0 };
    match path {
        b"" => {
            let inside = tree::open_across(folder, name)?;
            writer.folder(inside.as_fd(), b"")?;
        }
        path => writer.entry(folder, name, path.to_vec())?,
    }
    header::end(writer.to)
}

struct Writer<'a, S> {
    root: BorrowedFd<'a>,
    /// Marks of overlayfs become those of layers, and what is mounted is not entered.
    is_layer: bool,
    to: &'a mut S,
    /// First name of each file with several, by inode.
    links: HashMap<(u64, u64), Vec<u8>>,
    size: u64,
}

impl<S: Sink> Writer<'_, S> {
    /// The top folder has an entry only when it is not what it is without one.
    fn top(&mut self) -> io::Result<()> {
        let stat = fs::fstat(self.root)?;
        let xattrs = attributes::read(self.root, c".")?;
        if (stat.st_mode & 0o7777, stat.st_uid, stat.st_gid) == (0o755, 0, 0) && xattrs.is_empty() {
            return Ok(());
        }
        header::write(self.to, &Meta { xattrs, ..meta(b"./".to_vec(), EntryType::Directory, &stat) })
    }

    fn folder(&mut self, folder: BorrowedFd<'_>, path: &[u8]) -> io::Result<()> {
        let mut names = tree::names(folder)?;
        names.sort_unstable();
        for name in names {
            let path = join(path, name.to_bytes());
            self.entry(folder, &name, path)?;
        }
        Ok(())
    }

    fn entry(&mut self, parent: BorrowedFd<'_>, name: &CStr, path: Vec<u8>) -> io::Result<()> {
        let about = |error| about(&path, error);
        let stat =
            fs::statat(parent, name, AtFlags::SYMLINK_NOFOLLOW).map_err(|error| about(error.into()))?;
        if FileType::from_raw_mode(stat.st_mode) != FileType::Directory {
            return self.other(parent, name, &path, &stat).map_err(about);
        }
        self.folder_itself(parent, name, &path, &stat).map_err(about)?;
        let open = if self.is_layer { tree::open_below } else { tree::open_across };
        let folder = open(parent, name).map_err(|error| about(error.into()))?;
        self.folder(folder.as_fd(), &path)
    }

    fn folder_itself(
        &mut self,
        parent: BorrowedFd<'_>,
        name: &CStr,
        path: &[u8],
        stat: &Stat,
    ) -> io::Result<()> {
        self.ensure_plain(name)?;
        let xattrs = attributes::read(parent, name)?;
        header::write(self.to, &Meta { xattrs, ..meta([path, b"/"].concat(), EntryType::Directory, stat) })?;
        if self.is_layer && attributes::is_opaque(parent, name)? {
            self.mark(join(path, OPAQUE))
        } else {
            Ok(())
        }
    }

    fn other(&mut self, parent: BorrowedFd<'_>, name: &CStr, path: &[u8], stat: &Stat) -> io::Result<()> {
        let kind = match FileType::from_raw_mode(stat.st_mode) {
            FileType::CharacterDevice if self.is_layer && stat.st_rdev == 0 => return self.whiteout(path),
            FileType::Socket => return Ok(()),
            FileType::RegularFile => EntryType::Regular,
            FileType::Symlink => EntryType::Symlink,
            FileType::CharacterDevice => EntryType::Char,
            FileType::BlockDevice => EntryType::Block,
            FileType::Fifo => EntryType::Fifo,
            kind => return Err(io::Error::other(format!("files of type {kind:?} are not known"))),
        };
        self.ensure_plain(name)?;
        if stat.st_nlink > 1 {
            if let Some(first) = self.links.get(&(stat.st_dev, stat.st_ino)) {
                let link = first.clone();
                return header::write(self.to, &Meta { link, ..meta(path.to_vec(), EntryType::Link, stat) });
            }
            self.links.insert((stat.st_dev, stat.st_ino), path.to_vec());
        }
        let mut meta = meta(path.to_vec(), kind, stat);
        meta.xattrs = attributes::read(parent, name)?;
        match kind {
            EntryType::Regular => return self.file(parent, name, &meta, stat),
            EntryType::Symlink => meta.link = fs::readlinkat(parent, name, Vec::new())?.into_bytes(),
            _ => meta.device = (fs::major(stat.st_rdev), fs::minor(stat.st_rdev)),
        }
        header::write(self.to, &meta)
    }

    fn file(&mut self, parent: BorrowedFd<'_>, name: &CStr, meta: &Meta, stat: &Stat) -> io::Result<()> {
        let size = u64::try_from(stat.st_size).unwrap_or(0);
        header::write(self.to, &Meta { size, ..meta.clone() })?;
        if size == 0 {
            return Ok(());
        }
        // A pipe that took its place meanwhile must not be waited for.
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let file = File::from(fs::openat(parent, name, flags, Mode::empty())?);
        self.to.begin_content(&meta.path, size)?;
        let copied = io::copy(&mut file.take(size), self.to)?;
        self.to.end_content();
        if copied < size {
            return Err(io::Error::other("it became shorter while it was read"));
        }
        self.size += size;
        header::pad(self.to, size)
    }

    fn whiteout(&mut self, path: &[u8]) -> io::Result<()> {
        let (folder, name) = split(path).unwrap_or((b"", path));
        self.mark(join(folder, &[WHITEOUT, name].concat()))
    }

    /// Names that layers have for deletion cannot be those of files.
    fn ensure_plain(&self, name: &CStr) -> io::Result<()> {
        match self.is_layer && name.to_bytes().starts_with(WHITEOUT) {
            true => Err(io::Error::new(
                io::ErrorKind::Unsupported,
                "names with `.wh.` are those of deleted files in layers",
            )),
            false => Ok(()),
        }
    }

    /// An empty file that is only its name.
    fn mark(&mut self, path: Vec<u8>) -> io::Result<()> {
        header::write(self.to, &Meta::of(path, EntryType::Regular))
    }
}

fn meta(path: Vec<u8>, kind: EntryType, stat: &Stat) -> Meta {
    Meta {
        mode: stat.st_mode,
        uid: stat.st_uid,
        gid: stat.st_gid,
        mtime: stat.st_mtime,
        ..Meta::of(path, kind)
    }
}

fn about(path: &[u8], error: io::Error) -> io::Error {
    let path = String::from_utf8_lossy(path).escape_debug().to_string();
    io::Error::new(error.kind(), format!("`{path}`: {error}"))
}
