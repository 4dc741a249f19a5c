//! `ADD` of an archive: what is in it, into a folder. No name or link in it leads out of the target.

use super::target::{Folder, Look, Target, create, times};
use crate::build::cancel::Cancel;
use crate::error::{Error, Kind, Result};
use crate::image::attributes;
use crate::image::entries::{Entries, Entry};
use crate::image::layer::unreadable;
use crate::image::paths::{clean, join, resolve, split};
use crate::image::stream;
use crate::tree;
use rustix::fs::{self, AtFlags, FileType, Mode, OFlags, Timestamps};
use rustix::io::Errno;
use std::ffi::{CStr, CString};
use std::fs::File;
use std::io::{self, Read, Seek};
use std::os::fd::AsFd;
use std::os::unix::fs::FileExt;
use tar::EntryType;

/// Bytes copied at once.
const BUFFER: usize = 128 << 10;
/// How an archive begins that `ADD` has never unpacked.
const ZIP: [u8; 4] = *b"PK\x03\x04";

/// Unpacks an archive into a folder that is made when missing; gives how many entries it has. `None`
/// is a file that is no archive.
pub(super) fn unpack(
    mut file: &File,
    target: &Target,
    (path, look): (&[u8], &Look),
    cancel: &Cancel,
) -> Result<Option<u64>> {
    if !is_archive(file)? {
        return Ok(None);
    }
    file.rewind().map_err(unreadable)?;
    let (stream, _) = stream::decompress(file)?;
    let folder = target.folder(path, &Look { chmod: None, ..look.clone() })?;
    let top = folder.path.clone();
    let mut unpacking = Unpacking { target, look, top, folders: Vec::new(), count: 0 };
    let mut entries = Entries::new(stream);
    while let Some(entry) = entries.next().map_err(unreadable)? {
        cancel.check()?;
        unpacking.add(&entry, &mut entries).map_err(|error| {
            let name = String::from_utf8_lossy(&entry.path).escape_debug().to_string();
            let kind = if error.raw_os_error().is_some() { Kind::System } else { Kind::Corrupt };
            Error::new(kind, format!("unpack `{name}`")).remedy(error.kind()).because(error)
        })?;
    }
    unpacking
        .finish()
        .map_err(|error| Error::new(Kind::System, "set the times of folders").because(error))?;
    Ok(Some(unpacking.count))
}

/// Whether a file has, perhaps compressed, an archive's first entry.
fn is_archive(file: &File) -> Result<bool> {
    let mut head = [0; ZIP.len()];
    if file.read_exact_at(&mut head, 0).is_err() || head == ZIP {
        return Ok(false);
    }
    let first = stream::decompress(file).ok().map(|(stream, _)| Entries::new(stream).next());
    Ok(matches!(first, Some(Ok(Some(_)))))
}

struct Unpacking<'a> {
    target: &'a Target,
    look: &'a Look,
    /// The folder that all goes into.
    top: Vec<u8>,
    /// Folders whose times are set at the end.
    folders: Vec<(Vec<u8>, Timestamps)>,
    count: u64,
}

impl Unpacking<'_> {
    fn add(&mut self, entry: &Entry, data: &mut impl Read) -> io::Result<()> {
        let path = clean(&entry.path)?;
        let Some((parent, name)) = split(&path).filter(|_| entry.kind != EntryType::XGlobalHeader) else {
            return Ok(());
        };
        let folder = self.folder(parent)?;
        let name = CString::new(name)?;
        self.count += 1;
        match entry.kind {
            EntryType::Directory => return self.directory(entry, &folder, &name),
            EntryType::Link => return self.hard_link(entry, &folder, &name),
            EntryType::Symlink => {
                make_room(&folder, &name)?;
                fs::symlinkat(CString::new(entry.link.as_slice())?, &folder.fd, &name)?;
            }
            EntryType::Char => self.node(entry, (&folder, &name), FileType::CharacterDevice)?,
            EntryType::Block => self.node(entry, (&folder, &name), FileType::BlockDevice)?,
            EntryType::Fifo => self.node(entry, (&folder, &name), FileType::Fifo)?,
            _ => {
                make_room(&folder, &name)?;
                write(&create(folder.fd.as_fd(), &name)?, entry, data)?;
            }
        }
        self.describe(entry, &folder, &name)
    }

    fn folder(&self, path: &[u8]) -> io::Result<Folder> {
        let look = Look { chmod: None, ..self.look.clone() };
        self.target.open_folder(&join(&self.top, path), &look)
    }

    fn directory(&mut self, entry: &Entry, folder: &Folder, name: &CStr) -> io::Result<()> {
        match fs::mkdirat(&folder.fd, name, Mode::RWXU) {
            Err(Errno::EXIST) if tree::open_below(folder.fd.as_fd(), name).is_err() => {
                make_room(folder, name)?;
                fs::mkdirat(&folder.fd, name, Mode::RWXU)?;
            }
            Err(Errno::EXIST) => {}
            made => made?,
        }
        self.describe(entry, folder, name)?;
        let path = join(&folder.path, name.to_bytes());
        self.folders.push((path, self.times(entry)));
        Ok(())
    }

    fn hard_link(&self, entry: &Entry, folder: &Folder, name: &CStr) -> io::Result<()> {
        let target = clean(&entry.link)?;
        let (parent, file) = split(&target).ok_or(Errno::ISDIR)?;
        let (parent, file) = (self.folder(parent)?, CString::new(file)?);
        // To itself: making room would delete what it links to.
        if parent.path == folder.path && *file == *name {
            return Ok(());
        }
        make_room(folder, name)?;
        Ok(fs::linkat(&parent.fd, &file, &folder.fd, name, AtFlags::empty())?)
    }

    /// Device 0:0 is left out: in a layer it stands for "deleted".
    fn node(&self, entry: &Entry, (folder, name): (&Folder, &CStr), kind: FileType) -> io::Result<()> {
        make_room(folder, name)?;
        let device = fs::makedev(entry.device.0, entry.device.1);
        if kind == FileType::CharacterDevice && device == 0 {
            return Err(io::Error::other("it is the device that stands for a deleted file"));
        }
        Ok(fs::mknodat(&folder.fd, name, kind, Mode::RUSR, device)?)
    }

    fn describe(&self, entry: &Entry, folder: &Folder, name: &CStr) -> io::Result<()> {
        match self.look.owner {
            None => attributes::apply_at(folder.fd.as_fd(), name, entry)?,
            // Given later, an owner would take set-user-id and capabilities away.
            Some((uid, gid)) => {
                let owned = Entry { uid: uid.into(), gid: gid.into(), ..entry.clone() };
                attributes::apply_at(folder.fd.as_fd(), name, &owned)?;
            }
        }
        Ok(fs::utimensat(&folder.fd, name, &self.times(entry), AtFlags::SYMLINK_NOFOLLOW)?)
    }

    fn times(&self, entry: &Entry) -> Timestamps {
        self.look.time.map_or_else(|| attributes::times(entry), times)
    }

    /// Nothing is put into them any more. One may have been replaced since.
    fn finish(&self) -> io::Result<()> {
        for (path, times) in self.folders.iter().rev() {
            if let Ok(folder) = resolve(self.target.root(), path, OFlags::RDONLY | OFlags::DIRECTORY) {
                fs::futimens(folder, times)?;
            }
        }
        Ok(())
    }
}

/// Removes what is there, a folder with all that is in it: the archive says what it is now.
fn make_room(folder: &Folder, name: &CStr) -> io::Result<()> {
    Ok(tree::remove_at(folder.fd.as_fd(), name)?)
}

fn write(file: &File, entry: &Entry, data: &mut impl Read) -> io::Result<()> {
    let Some(pieces) = &entry.pieces else {
        let mut file = file;
        return io::copy(data, &mut file).map(drop);
    };
    entry.write_pieces(pieces, file, data, &mut vec![0; BUFFER])
}
