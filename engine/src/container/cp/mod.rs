//! Files that go into a container and come out of it, whether it runs or not.
//!
//! Both ways they pass as a tar stream: [`locate`] finds what is meant, [`crate::image::write`] packs
//! it, [`unpack`] puts it where it belongs. Every path of a container is resolved by the kernel with
//! the container's root as the root, see [`inside`].

mod inside;
mod locate;
mod unpack;

use crate::error::{Context, Error, Kind, Result};
use crate::image::write;
use crate::store::Store;
use inside::Inside;
use locate::{Found, Place, locate};
use planner::ContainerId;
use rustix::fs::{self, OFlags};
use std::ffi::CStr;
use std::io::{self, BufReader, BufWriter, Read, Write};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::thread;
use unpack::{Owner, Target};

const BUFFER: usize = 256 << 10;

/// How files are copied.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CopyOptions {
    /// They keep their owners. Otherwise those in a container are root's, and those outside ours.
    pub archive: bool,
    /// What the link that is named leads to is copied, not the link.
    pub follow: bool,
}

/// Copies a file or folder of a container to an absolute path of this machine.
pub fn take(store: &Store, (id, path): (&ContainerId, &Path), to: &Path, options: CopyOptions) -> Result<()> {
    let inside = Inside::to_read(store, id)?;
    let found = source(inside.root(), path, options).doing(|| told(id, path))?;
    let outside = open_root()?;
    let (folder, name) = destination(&outside, to, &found).doing(|| to.display().to_string())?;
    // Seen from the folder itself: what comes from a container leads nowhere else.
    let folder = locate::open(outside.as_fd(), &folder, OFlags::RDONLY | OFlags::DIRECTORY)
        .doing(|| format!("open {}", to.display()))?;
    let owner = if options.archive { Owner::Kept } else { Owner::Us };
    let target = Target { root: folder.as_fd(), folder: b"", owner };
    through(&found, &name, &target, (&told(id, path), &to.display().to_string()))
}

/// Writes a file or folder of a container as a tar stream.
pub fn take_stream(
    store: &Store,
    (id, path): (&ContainerId, &Path),
    to: &mut dyn Write,
    options: CopyOptions,
) -> Result<()> {
    let inside = Inside::to_read(store, id)?;
    let found = source(inside.root(), path, options).doing(|| told(id, path))?;
    let mut to = BufWriter::with_capacity(BUFFER, to);
    let write = write::write_entry(found.entry(), &found.base, &mut to).and_then(|()| to.flush());
    write.doing(|| format!("read {}", told(id, path)))
}

/// Copies a file or folder at an absolute path of this machine into a container.
pub fn put(
    store: &Store,
    from: &Path,
    (id, path): (&ContainerId, &Path),
    options: CopyOptions,
) -> Result<()> {
    let outside = open_root()?;
    let found = source(outside.as_fd(), from, options).doing(|| from.display().to_string())?;
    let inside = Inside::to_write(store, id)?;
    let (folder, name) = destination(&inside, path, &found).doing(|| told(id, path))?;
    let owner = if options.archive { Owner::Kept } else { Owner::Root };
    let target = Target { root: inside.root(), folder: &folder, owner };
    through(&found, &name, &target, (&from.display().to_string(), &told(id, path)))
}

/// Unpacks a tar stream into a folder of a container.
pub fn put_stream(
    store: &Store,
    from: &mut (dyn Read + Send),
    (id, path): (&ContainerId, &Path),
) -> Result<()> {
    let inside = Inside::to_write(store, id)?;
    let folder = match locate(inside.root(), path.as_os_str().as_bytes(), true) {
        Ok(Place::Found(found)) if found.is_folder => found.path(),
        Ok(Place::Found(_)) => {
            Err(Error::new(Kind::Conflict, format!("{} is not a folder", told(id, path))))?
        }
        Ok(Place::Absent { .. }) => Err(absent()).doing(|| told(id, path))?,
        Err(error) => Err(error).doing(|| told(id, path))?,
    };
    let target = Target { root: inside.root(), folder: &folder, owner: Owner::Kept };
    let from = BufReader::with_capacity(BUFFER, from);
    unpack::unpack(from, &target).map_err(|error| about(&told(id, path), error))
}

fn told(id: &ContainerId, path: &Path) -> String {
    format!("{}:{}", id.name(), path.display())
}

fn about(place: &str, error: Error) -> Error {
    Error { doing: format!("write to {place}: {}", error.doing), ..error }
}

fn absent() -> io::Error {
    rustix::io::Errno::NOENT.into()
}

/// The root folder of this machine.
fn open_root() -> Result<OwnedFd> {
    let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
    fs::open("/", flags, fs::Mode::empty()).doing(|| "open /".to_owned())
}

/// What is to be copied.
fn source(root: BorrowedFd<'_>, path: &Path, options: CopyOptions) -> io::Result<Found> {
    match locate(root, path.as_os_str().as_bytes(), options.follow)? {
        Place::Found(found) => Ok(found),
        Place::Absent { .. } => Err(absent()),
    }
}

/// The folder that something goes into, and what it is called there; no name is for what is in it.
fn destination(root: &impl AsFd, path: &Path, from: &Found) -> io::Result<(Vec<u8>, Vec<u8>)> {
    let wrong = |text: &str| Err(io::Error::other(text));
    let text = path.as_os_str().as_bytes();
    match locate(root.as_fd(), text, true)? {
        Place::Found(to) if to.is_folder && from.only_contents => Ok((to.path(), Vec::new())),
        Place::Found(to) if to.is_folder => Ok((to.path(), from.base.clone())),
        Place::Found(_) if from.is_folder => wrong("a folder cannot take the place of a file"),
        Place::Found(to) => Ok((to.folder_path, to.name.into_bytes())),
        Place::Absent { .. } if text.ends_with(b"/") && !from.is_folder => Err(absent()),
        Place::Absent { folder_path, name } => Ok((folder_path, name)),
    }
}

/// Packs on one thread what this one unpacks.
fn through(found: &Found, name: &[u8], target: &Target<'_>, (from, to): (&str, &str)) -> Result<()> {
    let (reader, writer) = io::pipe().doing(|| "make a pipe".to_owned())?;
    let (packed, unpacked) = thread::scope(|scope| {
        let packing = scope.spawn(move || {
            let mut writer = BufWriter::with_capacity(BUFFER, writer);
            write::write_entry(found.entry(), name, &mut writer)?;
            writer.flush()
        });
        let unpacked = unpack::unpack(BufReader::with_capacity(BUFFER, reader), target);
        (packing.join().unwrap_or_else(|_| Err(io::Error::other("the writer panicked"))), unpacked)
    });
    match packed {
        // The other side gave up.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => {}
        packed => packed.doing(|| format!("read {from}"))?,
    }
    unpacked.map_err(|error| about(to, error))
}

impl Found {
    /// The folder that it lies in, and its name there.
    fn entry(&self) -> (BorrowedFd<'_>, &CStr) {
        (self.folder.as_fd(), &self.name)
    }
}
