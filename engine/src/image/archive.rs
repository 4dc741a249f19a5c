//! An archive of images on disk, and where in it each file is.
//!
//! An archive names its images in a file that may come last, so it must be possible to go back:
//! a plain tar file is read in place, anything else is first written to a working folder.

use super::bounds::Bounds;
use super::entries::{Entries, Entry};
use super::layer::unreadable;
use super::paths::{clean, split};
use super::scratch::Scratch;
use super::stream::{self, Compression, Part};
use super::{Input, digest};
use crate::error::{Context, Error, Kind, Result};
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;
use std::sync::Arc;
use tar::EntryType;

/// Longest JSON file that is read.
const TEXT_MAX: u64 = 8 << 20;
/// Most links that are followed from one name to a file.
const LINKS_MAX: usize = 8;

/// A tar file, indexed.
pub(crate) struct Archive {
    file: Arc<File>,
    /// Offset and length of each file.
    files: BTreeMap<Vec<u8>, (u64, u64)>,
    /// Symbolic and hard links, with the full path that they lead to.
    links: BTreeMap<Vec<u8>, Vec<u8>>,
}

impl Archive {
    pub(crate) fn open(from: Input<'_>, scratch: &Scratch) -> Result<Self> {
        let file = match from {
            Input::Path(path) => in_place_or_spooled(path, scratch)?,
            Input::Stream(stream) => spool(stream, scratch)?,
        };
        let length = file.metadata().doing(|| "look at the archive".to_owned())?.len();
        let mut archive = Self { file: Arc::new(file), files: BTreeMap::new(), links: BTreeMap::new() };
        archive.index(length).map_err(unreadable)?;
        Ok(archive)
    }

    fn index(&mut self, length: u64) -> io::Result<()> {
        let (mut at, mut bounds) = (0, Bounds::default());
        loop {
            let rest = Part { file: Arc::clone(&self.file), offset: at, length: length - at };
            let Some(entry) = Entries::at(rest, at).next()? else { return Ok(()) };
            let end = entry.offset.checked_add(entry.stored).filter(|end| *end <= length);
            let end = end.ok_or_else(|| io::Error::new(io::ErrorKind::UnexpectedEof, "it ends too early"))?;
            at = end.next_multiple_of(512).min(length);
            bounds.entry(&entry.path)?;
            self.enter(&entry)?;
        }
    }

    fn enter(&mut self, entry: &Entry) -> io::Result<()> {
        let path = clean(&entry.path)?;
        match entry.kind {
            EntryType::Regular | EntryType::Continuous if entry.pieces.is_none() => {
                self.files.insert(path, (entry.offset, entry.stored));
            }
            EntryType::Link => {
                self.links.insert(path, clean(&entry.link)?);
            }
            EntryType::Symlink => {
                let target = relative(&path, &entry.link);
                self.links.insert(path, target);
            }
            _ => {}
        }
        Ok(())
    }

    /// The file of this name, or that a link of this name leads to.
    pub(crate) fn part(&self, name: &str) -> Option<Part> {
        let mut path = clean(name.as_bytes()).ok()?;
        for _ in 0..LINKS_MAX {
            if let Some((offset, length)) = self.files.get(&path) {
                return Some(Part { file: Arc::clone(&self.file), offset: *offset, length: *length });
            }
            path.clone_from(self.links.get(&path)?);
        }
        None
    }

    /// The content of a small file.
    pub(crate) fn text(&self, name: &str) -> Result<Option<Vec<u8>>> {
        let Some(mut part) = self.part(name) else { return Ok(None) };
        if part.length > TEXT_MAX {
            return Err(Error::new(Kind::Corrupt, format!("`{name}` in the archive is longer than 8 MiB")));
        }
        let mut text = Vec::new();
        part.read_to_end(&mut text).map_err(unreadable)?;
        Ok(Some(text))
    }

    /// The content of a small file of an OCI layout, checked against its name.
    pub(crate) fn blob(&self, digest: &str) -> Result<Vec<u8>> {
        let name = blob_name(digest)?;
        let text = self.text(&name)?.ok_or_else(|| missing(&name))?;
        if digest::of(&text) == digest { Ok(text) } else { Err(wrong_digest(&name)) }
    }
}

/// Where an OCI layout keeps a blob.
pub(crate) fn blob_name(digest: &str) -> Result<String> {
    if digest::is_sha256(digest) {
        return Ok(format!("blobs/sha256/{}", digest::hex(digest)));
    }
    Err(Error::new(Kind::Unsupported, format!("the digest `{digest}` is not one of SHA-256")))
}

pub(crate) fn missing(name: &str) -> Error {
    Error::new(Kind::Corrupt, format!("the archive lacks `{name}`"))
}

pub(crate) fn wrong_digest(name: &str) -> Error {
    Error::new(Kind::Corrupt, format!("`{name}` in the archive does not have the digest that it should"))
        .hint("the archive was damaged or tampered with")
}

fn in_place_or_spooled(path: &Path, scratch: &Scratch) -> Result<File> {
    let file = stream::open(path)?;
    let is_file = file.metadata().is_ok_and(|metadata| metadata.is_file());
    if !is_file {
        return spool(file, scratch);
    }
    let again = stream::open(path)?;
    match stream::decompress(again)? {
        (_, Compression::None) => Ok(file),
        (tar, _) => spool_tar(tar, scratch),
    }
}

fn spool(from: impl Read + Send, scratch: &Scratch) -> Result<File> {
    spool_tar(stream::decompress(from)?.0, scratch)
}

fn spool_tar(mut tar: impl Read, scratch: &Scratch) -> Result<File> {
    let path = scratch.path().join("archive.tar");
    let create = || File::options().create_new(true).read(true).write(true).open(&path);
    let mut file = create().doing(|| format!("create {}", path.display()))?;
    io::copy(&mut tar, &mut file).map_err(unreadable)?;
    Ok(file)
}

/// Where a symbolic link leads; it cannot climb above the archive's top.
fn relative(link: &[u8], target: &[u8]) -> Vec<u8> {
    let folder = split(link).map_or(&b""[..], |(folder, _)| folder);
    let start = if target.starts_with(b"/") { b"" } else { folder };
    let mut parts: Vec<&[u8]> = Vec::new();
    for part in start.split(|byte| *byte == b'/').chain(target.split(|byte| *byte == b'/')) {
        match part {
            b"" | b"." => {}
            b".." => drop(parts.pop()),
            part => parts.push(part),
        }
    }
    parts.join(&b'/')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_of_an_archive_lead_to_its_own_files() {
        for (link, target, expected) in [
            ("a/layer.tar", "../b/layer.tar", "b/layer.tar"),
            ("a/layer.tar", "/b.tar", "b.tar"),
            ("a", "../../../etc/passwd", "etc/passwd"),
            ("a/b/c", "./d", "a/b/d"),
        ] {
            let found = relative(link.as_bytes(), target.as_bytes());
            assert_eq!(String::from_utf8(found).unwrap(), expected);
        }
    }
}
