//! The frame of a layer: all bytes of its tar that are not the content of a file in its folder.
//!
//! A layer is hashed as a tar, so pushing and saving must make the very same tar again: header
//! by header, with the padding and the order of the tool that wrote it. While a layer is
//! unpacked its frame is recorded; frame and folder together give the tar back.
//!
//! ```text
//! frames/<hex>/frame      zstd: texts to copy, and marks where the content of which file goes
//! frames/<hex>/<number>   content that the folder lost: a later entry replaced the file
//! ```
//!
//! In the stream, `T` length bytes is a text and `F` length path size a mark, where path is the
//! file's true path in the folder and marks count from 0. Numbers are little-endian.

use super::paths;
use rustix::fs::{self, OFlags, ResolveFlags};
use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsStr;
use std::fs::File;
use std::io::{self, BufReader, Read, Write};
use std::os::fd::{BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use zstd::stream::{read::Decoder, write::Encoder};

const STREAM: &str = "frame";
const TEXT: u8 = b'T';
const FILE: u8 = b'F';
/// Texts are written in pieces of this size: headers in a row are one piece.
const PIECE: usize = 64 << 10;
/// Contents are copied in pieces of this size.
const BUFFER: usize = 256 << 10;
/// Longer texts and paths are damage.
const LENGTH_MAX: usize = PIECE + 4096;

/// Writes a frame.
pub(crate) struct Recorder {
    out: Encoder<'static, File>,
    /// Where contents go that the layer loses.
    folder: OwnedFd,
    /// Text that is not written yet.
    text: Vec<u8>,
    /// Marked files that the layer has, with the number of the mark.
    files: BTreeMap<Vec<u8>, u64>,
    marks: u64,
    /// What passes now is the content of the file marked last.
    is_content: bool,
}

impl Recorder {
    /// Begins a frame in an empty folder.
    pub(crate) fn create(folder: &Path) -> io::Result<Self> {
        let file = File::create_new(folder.join(STREAM))?;
        let folder = fs::open(folder, OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC, fs::Mode::empty())?;
        Ok(Self {
            out: Encoder::new(file, 1)?,
            folder,
            text: Vec::with_capacity(PIECE),
            files: BTreeMap::new(),
            marks: 0,
            is_content: false,
        })
    }

    /// Bytes of the tar that passed.
    pub(crate) fn pass(&mut self, bytes: &[u8]) -> io::Result<()> {
        if self.is_content {
            return Ok(());
        }
        for piece in bytes.chunks(PIECE) {
            self.text.extend_from_slice(piece);
            if self.text.len() >= PIECE {
                self.write_text()?;
            }
        }
        Ok(())
    }

    /// What passes until [`Recorder::end_content`] is the content of a file of the layer.
    pub(crate) fn begin_content(&mut self, path: Vec<u8>, size: u64) -> io::Result<()> {
        self.write_text()?;
        self.out.write_all(&[FILE])?;
        self.out.write_all(&length(&path)?)?;
        self.out.write_all(&path)?;
        self.out.write_all(&size.to_le_bytes())?;
        self.files.insert(path, self.marks);
        self.marks += 1;
        self.is_content = true;
        Ok(())
    }

    pub(crate) fn end_content(&mut self) {
        self.is_content = false;
    }

    /// The layer is about to lose what it has at a path: contents that were marked are kept here.
    pub(crate) fn keep(&mut self, root: BorrowedFd<'_>, path: &[u8]) -> io::Result<()> {
        let below = [path, b"/"].concat();
        let inside = self.files.range(below.clone()..).take_while(|(file, _)| file.starts_with(&below));
        let mut lost: Vec<Vec<u8>> = inside.map(|(file, _)| file.clone()).collect();
        lost.push(path.to_vec());
        for file in lost {
            if let Some(number) = self.files.remove(&file) {
                fs::renameat(root, OsStr::from_bytes(&file), &self.folder, number.to_string())?;
            }
        }
        Ok(())
    }

    /// Completes the frame.
    pub(crate) fn finish(mut self) -> io::Result<()> {
        self.write_text()?;
        self.out.finish().map(drop)
    }

    fn write_text(&mut self) -> io::Result<()> {
        if !self.text.is_empty() {
            self.out.write_all(&[TEXT])?;
            self.out.write_all(&length(&self.text)?)?;
            self.out.write_all(&self.text)?;
            self.text.clear();
        }
        Ok(())
    }
}

fn length(bytes: &[u8]) -> io::Result<[u8; 4]> {
    let length = u32::try_from(bytes.len()).map_err(io::Error::other)?;
    Ok(length.to_le_bytes())
}

/// Passes a stream on and records what passes.
pub(crate) struct Recording<'a, R> {
    inner: R,
    recorder: &'a RefCell<Recorder>,
}

impl<'a, R: Read> Recording<'a, R> {
    pub(crate) fn new(inner: R, recorder: &'a RefCell<Recorder>) -> Self {
        Self { inner, recorder }
    }

    pub(crate) fn into_inner(self) -> R {
        self.inner
    }
}

impl<R: Read> Read for Recording<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(buffer)?;
        self.recorder.borrow_mut().pass(&buffer[..count])?;
        Ok(count)
    }
}

/// One part of a recorded tar.
enum Part {
    Text(Vec<u8>),
    /// The whole content of this file, which is this long.
    Content(Vec<u8>, u64),
}

/// Reads a frame part by part.
struct Parts {
    stream: Decoder<'static, BufReader<File>>,
}

impl Parts {
    fn open(frame: &Path) -> io::Result<Self> {
        Ok(Self { stream: Decoder::new(File::open(frame.join(STREAM))?)? })
    }

    fn next(&mut self) -> io::Result<Option<Part>> {
        let mut kind = [0];
        if self.stream.read(&mut kind)? == 0 {
            return Ok(None);
        }
        let mut bytes = vec![0; u32::from_le_bytes(self.array()?) as usize];
        if bytes.len() > LENGTH_MAX {
            return Err(damaged("a part is too long"));
        }
        self.stream.read_exact(&mut bytes)?;
        match kind[0] {
            TEXT => Ok(Some(Part::Text(bytes))),
            FILE => Ok(Some(Part::Content(bytes, u64::from_le_bytes(self.array()?)))),
            _ => Err(damaged("a part is of no known kind")),
        }
    }

    fn array<const N: usize>(&mut self) -> io::Result<[u8; N]> {
        let mut bytes = [0; N];
        self.stream.read_exact(&mut bytes)?;
        Ok(bytes)
    }
}

/// Bytes of the tar that a frame stands for.
pub(crate) fn size(frame: &Path) -> io::Result<u64> {
    let mut parts = Parts::open(frame)?;
    let mut total: u64 = 0;
    while let Some(part) = parts.next()? {
        let size = match part {
            Part::Text(text) => text.len() as u64,
            Part::Content(_, size) => size,
        };
        total = total.checked_add(size).ok_or_else(|| damaged("its size is out of range"))?;
    }
    Ok(total)
}

/// Writes the tar that was recorded while `layer` was unpacked.
pub(crate) fn replay(frame: &Path, layer: BorrowedFd<'_>, to: &mut dyn Write) -> io::Result<()> {
    let kept = kept(frame)?;
    let mut parts = Parts::open(frame)?;
    let mut marks: u64 = 0;
    let mut buffer = vec![0; BUFFER];
    while let Some(part) = parts.next()? {
        match part {
            Part::Text(text) => to.write_all(&text)?,
            Part::Content(path, size) => {
                let mut file = match kept.contains(&marks) {
                    true => File::open(frame.join(marks.to_string()))?,
                    false => open_in(layer, &path)?,
                };
                let copied = copy(&mut (&mut file).take(size), to, &mut buffer)?;
                if copied != size || file.read(&mut [0])? != 0 {
                    let path = String::from_utf8_lossy(&path).escape_debug().to_string();
                    return Err(damaged(&format!("`{path}` is not {size} bytes long any more")));
                }
                marks += 1;
            }
        }
    }
    Ok(())
}

fn copy(from: &mut impl Read, to: &mut dyn Write, buffer: &mut [u8]) -> io::Result<u64> {
    let mut copied = 0;
    loop {
        let count = from.read(buffer)?;
        if count == 0 {
            return Ok(copied);
        }
        to.write_all(&buffer[..count])?;
        copied += count as u64;
    }
}

/// Numbers of the contents that lie in the frame.
fn kept(frame: &Path) -> io::Result<BTreeSet<u64>> {
    let mut numbers = BTreeSet::new();
    for entry in std::fs::read_dir(frame)? {
        numbers.extend(entry?.file_name().to_str().and_then(|name| name.parse::<u64>().ok()));
    }
    Ok(numbers)
}

/// The path has no symbolic links in it, and what is there now is a file.
fn open_in(layer: BorrowedFd<'_>, path: &[u8]) -> io::Result<File> {
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let how = ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS | ResolveFlags::NO_XDEV;
    let file = fs::openat2(layer, OsStr::from_bytes(path), flags, fs::Mode::empty(), how);
    let file = File::from(file.map_err(|error| {
        let path = String::from_utf8_lossy(path).escape_debug().to_string();
        damaged(&format!("`{path}` cannot be read any more: {error}"))
    })?);
    if file.metadata()?.is_file() { Ok(file) } else { Err(damaged("a file is none any more")) }
}

fn damaged(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what)
}

/// The path of a folder below `root`, without symbolic links; `None` when it is too long to tell.
pub(crate) fn true_path(root: BorrowedFd<'_>, folder: BorrowedFd<'_>) -> Option<Vec<u8>> {
    let (root, folder) = (paths::of(root)?, paths::of(folder)?);
    let below = folder.strip_prefix(root.as_slice())?;
    Some(below.strip_prefix(b"/").unwrap_or(below).to_vec())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::fd::AsFd;

    #[test]
    fn a_damaged_frame_is_an_error_wherever_it_is_damaged() {
        let folder = tempfile::tempdir().unwrap();
        let (frame, layer) = (folder.path().join("frame"), folder.path().join("layer"));
        [&frame, &layer].iter().for_each(|folder| std::fs::create_dir(folder).unwrap());
        std::fs::write(layer.join("a"), "content").unwrap();
        let mut recorder = Recorder::create(&frame).unwrap();
        recorder.pass(b"before").unwrap();
        recorder.begin_content(b"a".to_vec(), 7).unwrap();
        recorder.pass(b"content").unwrap();
        recorder.end_content();
        recorder.pass(b"behind").unwrap();
        recorder.finish().unwrap();
        let root = crate::tree::open_path(&layer).unwrap();
        let replayed = || {
            let mut out = Vec::new();
            replay(&frame, root.as_fd(), &mut out).map(|()| out)
        };
        assert_eq!(replayed().unwrap(), b"beforecontentbehind");
        assert_eq!(size(&frame).unwrap(), 19);
        let whole = std::fs::read(frame.join(STREAM)).unwrap();
        for cut in 0..whole.len() {
            std::fs::write(frame.join(STREAM), &whole[..cut]).unwrap();
            assert!(replayed().is_err(), "{cut}");
        }
        std::fs::write(frame.join(STREAM), &whole).unwrap();
        for content in ["conten", "contents"] {
            std::fs::write(layer.join("a"), content).unwrap();
            assert!(replayed().is_err(), "{content}");
        }
        std::fs::remove_file(layer.join("a")).unwrap();
        std::os::unix::fs::symlink("/etc/passwd", layer.join("a")).unwrap();
        assert!(replayed().unwrap_err().to_string().contains("`a`"));
    }
}
