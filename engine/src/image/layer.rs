//! Unpacking one layer into a folder that overlayfs takes as it is.
//!
//! Nothing in the archive is trusted: names with `..` are refused, every path is resolved by
//! the kernel with the folder as its root (openat2(2), RESOLVE_IN_ROOT), and marks of overlayfs
//! are made by us only. Whiteouts (`.wh.<name>`) become character device 0:0, opaque folders
//! (`.wh..wh..opq`) the attribute `trusted.overlay.opaque`
//! (<https://github.com/opencontainers/image-spec/blob/main/layer.md>,
//! <https://docs.kernel.org/filesystems/overlayfs.html>).

use super::attributes;
use super::bounds::{self, Bounds};
use super::entries::{Entries, Entry};
use super::frame::{self, Recorder, Recording};
use super::paths::{clean, join, resolve, split};
use crate::error::{Context, Error, Kind, Result};
use crate::tree;
use rustix::fs::{self, AtFlags, FileType, Mode, OFlags, Timestamps, XattrFlags};
use rustix::io::Errno;
use std::cell::RefCell;
use std::collections::HashSet;
use std::ffi::{CStr, CString};
use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::PathBuf;
use tar::EntryType;

/// What the name of a deleted file begins with.
pub(crate) const WHITEOUT: &[u8] = b".wh.";
/// The file of a folder that hides what the layers below have in it.
pub(crate) const OPAQUE: &[u8] = b".wh..wh..opq";
/// Other names that aufs kept for itself.
const RESERVED: &[u8] = b".wh..wh.";
const BUFFER: usize = 256 << 10;

/// Empty folders on one file system that a layer is unpacked into.
#[derive(Clone, Debug)]
pub(crate) struct Place {
    /// What overlayfs takes.
    pub(crate) folder: PathBuf,
    /// What gives the tar back, see [`frame`].
    pub(crate) frame: PathBuf,
}

/// Unpacks a tar stream, and records its frame. Gives the bytes in its files. The stream is read
/// to its end, which may lie behind that of the archive; the reader comes back.
pub(crate) fn unpack<R: Read>(from: R, into: &Place) -> Result<(u64, R)> {
    let root = tree::open_path(&into.folder).doing(|| format!("open {}", into.folder.display()))?;
    let doing = || format!("write {}", into.frame.display());
    let recorder = RefCell::new(Recorder::create(&into.frame).doing(doing)?);
    let (size, from) = unpack_recording(Recording::new(from, &recorder), root, &recorder)?;
    recorder.into_inner().finish().doing(doing)?;
    Ok((size, from))
}

fn unpack_recording<R: Read>(
    from: Recording<'_, R>,
    root: OwnedFd,
    recorder: &RefCell<Recorder>,
) -> Result<(u64, R)> {
    let mut unpacker = Unpacker {
        root,
        recorder,
        parent: None,
        stale: false,
        folders: Vec::new(),
        whiteouts: HashSet::new(),
        bounds: Bounds::default(),
        buffer: vec![0; BUFFER],
        size: 0,
    };
    let mut entries = Entries::new(from);
    while let Some(entry) = entries.next().map_err(unreadable)? {
        unpacker.add(&entry, &mut entries).map_err(|error| refused(&entry, error))?;
    }
    unpacker.finish().map_err(|error| Error::new(Kind::System, "set the times of folders").because(error))?;
    let mut rest = entries.into_inner();
    io::copy(&mut rest, &mut io::sink()).map_err(unreadable)?;
    Ok((unpacker.size, rest.into_inner()))
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
        .remedy(error.kind())
        .because(error)
}

struct Unpacker<'a> {
    root: OwnedFd,
    recorder: &'a RefCell<Recorder>,
    /// The folder used last: entries of a folder follow one another.
    parent: Option<Parent>,
    /// Something was replaced: the path may lead elsewhere now.
    stale: bool,
    /// Folders whose times are set at the end, when nothing is put into them any more.
    folders: Vec<(Vec<u8>, Timestamps)>,
    /// Paths that this layer deletes from those below.
    whiteouts: HashSet<Vec<u8>>,
    /// What it may still have.
    bounds: Bounds,
    buffer: Vec<u8>,
    size: u64,
}

struct Parent {
    /// As the archive says it.
    path: Vec<u8>,
    folder: OwnedFd,
    /// Without symbolic links, if that can be told.
    true_path: Option<Vec<u8>>,
}

impl Unpacker<'_> {
    fn add(&mut self, entry: &Entry, data: &mut impl Read) -> io::Result<()> {
        if entry.kind == EntryType::XGlobalHeader {
            return Ok(());
        }
        let path = clean(&entry.path)?;
        self.bounds.entry(&path)?;
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
        self.bounds.file(entry.size)?;
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let mut file = File::from(self.make(name, |parent| fs::openat(parent, name, flags, Mode::RUSR))?);
        match &entry.pieces {
            Some(pieces) => entry.write_pieces(pieces, &file, data, &mut self.buffer)?,
            None => self.content(&mut file, entry.size, name, data)?,
        }
        self.size += entry.size;
        attributes::apply(file.as_fd(), entry)?;
        Ok(fs::futimens(&file, &attributes::times(entry))?)
    }

    fn content(&mut self, file: &mut File, size: u64, name: &CStr, data: &mut impl Read) -> io::Result<()> {
        if let Some(path) = self.true_path(name).filter(|_| size > 0) {
            self.recorder.borrow_mut().begin_content(path, size)?;
        }
        loop {
            match data.read(&mut self.buffer)? {
                0 => break,
                count => file.write_all(&self.buffer[..count])?,
            }
        }
        self.recorder.borrow_mut().end_content();
        Ok(())
    }

    fn true_path(&self, name: &CStr) -> Option<Vec<u8>> {
        self.parent.as_ref()?.true_path.as_ref().map(|folder| join(folder, name.to_bytes()))
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
        if let Some(path) = self.true_path(name) {
            self.recorder.borrow_mut().keep(self.root.as_fd(), &path)?;
        }
        tree::remove_at(self.at()?, name)?;
        Ok(make(self.at()?)?)
    }

    fn at(&self) -> io::Result<BorrowedFd<'_>> {
        let parent = self.parent.as_ref().map(|parent| parent.folder.as_fd());
        parent.ok_or_else(|| io::Error::other("no folder is open"))
    }

    /// Opens the folder that entries go into, and makes it when no entry did.
    fn open_parent(&mut self, path: &[u8]) -> io::Result<()> {
        let current = self.parent.as_ref().is_some_and(|open| open.path == path && !self.stale);
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
        let folder = folder.map_err(not_a_folder)?;
        let true_path = frame::true_path(self.root.as_fd(), folder.as_fd());
        bounds::depth(true_path.as_deref().unwrap_or_default())?;
        self.parent = Some(Parent { path: path.to_vec(), folder, true_path });
        self.stale = false;
        Ok(())
    }

    /// Folders that entries lie in but that have none of their own.
    fn make_folders(&mut self, path: &[u8]) -> io::Result<()> {
        let ends = path.iter().enumerate().filter(|(_, byte)| **byte == b'/').map(|(at, _)| at);
        for end in ends.chain([path.len()]) {
            let path = &path[..end];
            let Some((parent, name)) = split(path) else { continue };
            let flags = OFlags::RDONLY | OFlags::DIRECTORY;
            let parent = resolve(self.root.as_fd(), parent, flags).map_err(not_a_folder)?;
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

fn not_a_folder(error: Errno) -> io::Error {
    match error {
        Errno::NOTDIR | Errno::LOOP | Errno::NOENT => {
            io::Error::other("what it lies in is not a folder of this layer")
        }
        error => error.into(),
    }
}

fn mark_opaque(folder: BorrowedFd<'_>) -> io::Result<()> {
    Ok(fs::fsetxattr(folder, c"trusted.overlay.opaque", b"y", XattrFlags::empty())?)
}

#[cfg(test)]
mod tests {
    use super::super::fixture::Tar;
    use super::*;
    use crate::testing::private_mounts;
    use rustix::fs::{lgetxattr, statat};
    use std::os::unix::ffi::OsStrExt;
    use std::os::unix::fs::{MetadataExt, symlink};
    use std::path::Path;

    struct Bed {
        root: PathBuf,
        layer: PathBuf,
    }

    /// A layer folder, beside a folder `outside` that nothing may reach.
    fn bed() -> Option<Bed> {
        let root = private_mounts()?;
        let layer = root.join("layer");
        std::fs::create_dir(&layer).unwrap();
        std::fs::create_dir(root.join("outside")).unwrap();
        Some(Bed { root, layer })
    }

    impl Bed {
        fn unpack(&self, tar: Tar) -> Result<u64> {
            let frame = tempfile::tempdir_in(&self.root).unwrap();
            let place = Place { folder: self.layer.clone(), frame: frame.path().to_owned() };
            unpack(tar.finish().as_slice(), &place).map(|(size, _)| size)
        }

        fn stat(&self, name: &str) -> std::fs::Metadata {
            self.layer.join(name).symlink_metadata().unwrap()
        }

        fn text(&self, name: &str) -> String {
            std::fs::read_to_string(self.layer.join(name)).unwrap()
        }

        fn is_whiteout(&self, name: &str) -> bool {
            let stat = statat(fs::CWD, self.layer.join(name), AtFlags::SYMLINK_NOFOLLOW).unwrap();
            FileType::from_raw_mode(stat.st_mode) == FileType::CharacterDevice && stat.st_rdev == 0
        }

        fn xattr(&self, path: &str, name: &str) -> Option<Vec<u8>> {
            let mut value = vec![0; 64];
            let length = lgetxattr(self.layer.join(path), name, &mut value[..]).ok()?;
            value.truncate(length);
            Some(value)
        }

        fn is_opaque(&self, path: &str) -> bool {
            self.xattr(path, "trusted.overlay.opaque").as_deref() == Some(b"y")
        }
    }

    #[test]
    fn entries_have_their_owner_mode_times_and_attributes() {
        let Some(bed) = bed() else { return };
        let capability = b"\x01\0\0\x02\0\x04\0\n\0\0\0\0\0\0\0\0\0\0\0\0";
        let tar = Tar::new()
            .with(|header| header.set_mode(0o1777))
            .folder("./")
            .folder("sub/")
            .with(|header| {
                header.set_uid(70_000);
                header.set_mode(0o4755);
            })
            .pax(&[("SCHILY.xattr.security.capability", capability), ("SCHILY.xattr.user.a", b"1\n2")])
            .file("sub/program", "text")
            .link("sub/again", "/sub/program")
            .symlink("absolute", "/etc/passwd")
            .node("fifo", EntryType::Fifo, (0, 0))
            .node("null", EntryType::Char, (1, 3));
        assert_eq!(bed.unpack(tar).unwrap(), 4);
        let program = bed.stat("sub/program");
        assert_eq!((program.uid(), program.gid(), program.mode() & 0o7777), (70_000, 2, 0o4755));
        assert_eq!((program.mtime(), bed.stat("sub").mtime(), bed.stat("").mtime()), (1000, 1000, 1000));
        assert_eq!(bed.xattr("sub/program", "security.capability").as_deref(), Some(&capability[..]));
        // Not on a tmpfs of older kernels.
        if crate::sys::kernel_since((6, 6)) {
            assert_eq!(bed.xattr("sub/program", "user.a").as_deref(), Some(&b"1\n2"[..]));
        }
        assert_eq!(bed.stat("sub/again").ino(), program.ino());
        assert_eq!(bed.stat("").mode() & 0o7777, 0o1777);
        assert_eq!(std::fs::read_link(bed.layer.join("absolute")).unwrap(), Path::new("/etc/passwd"));
        assert_eq!(bed.stat("absolute").uid(), 1);
        assert_eq!(bed.stat("null").rdev(), fs::makedev(1, 3));
    }

    #[test]
    fn folders_that_have_no_entry_are_made() {
        let Some(bed) = bed() else { return };
        bed.unpack(Tar::new().file("a/b/c", "x")).unwrap();
        assert_eq!(bed.stat("a/b").mode() & 0o7777, 0o755);
        assert_eq!(bed.text("a/b/c"), "x");
    }

    #[test]
    fn the_last_entry_of_a_name_wins() {
        let Some(bed) = bed() else { return };
        let tar = Tar::new()
            .files(&[("a", "first"), ("a", "second"), ("b/c", "kept")])
            .folder("b")
            .file("d/e", "gone")
            .symlink("d", "b")
            .file("d/f", "through the link")
            .symlink("b2", "nowhere")
            .folder("b2");
        bed.unpack(tar).unwrap();
        assert_eq!(
            (bed.text("a"), bed.text("b/c"), bed.text("b/f")),
            ("second".into(), "kept".into(), "through the link".into())
        );
        assert!(bed.stat("b2").is_dir());
    }

    #[test]
    fn whiteouts_become_marks_of_overlayfs() {
        let Some(bed) = bed() else { return };
        let tar = Tar::new()
            .files(&[("etc/.wh.gone", ""), ("top/.wh..wh..opq", ""), ("top/new", "x"), (".wh..wh.plnk", "")])
            // Deleted below and made again here, in each order.
            .files(&[(".wh.again", ""), ("again/x", "")])
            .folder("before")
            .files(&[(".wh.before", ""), ("plain", "stays"), (".wh.plain", ""), (".wh.turned", "")])
            .folder("turned");
        bed.unpack(tar).unwrap();
        assert!(bed.is_whiteout("etc/gone"));
        for folder in ["top", "again", "before", "turned"] {
            assert!(bed.is_opaque(folder), "{folder}");
        }
        assert!(!bed.is_opaque("etc"));
        assert_eq!(bed.text("plain"), "stays");
        assert!(!bed.layer.join(".wh..wh.plnk").exists());
    }

    #[test]
    fn overlayfs_marks_in_an_archive_are_not_taken_over() {
        let Some(bed) = bed() else { return };
        let marks: [(&str, &[u8]); 3] = [
            ("SCHILY.xattr.trusted.overlay.redirect", b"/etc"),
            ("SCHILY.xattr.user.overlay.opaque", b"y"),
            ("SCHILY.xattr.trusted.other", b"y"),
        ];
        bed.unpack(Tar::new().pax(&marks).folder("a")).unwrap();
        for name in ["trusted.overlay.redirect", "user.overlay.opaque", "trusted.other"] {
            assert_eq!(bed.xattr("a", name), None, "{name}");
        }
    }

    #[test]
    fn a_sparse_file_has_its_holes() {
        let Some(bed) = bed() else { return };
        let fields: [(&str, &[u8]); 4] = [
            ("GNU.sparse.major", b"1"),
            ("GNU.sparse.minor", b"0"),
            ("GNU.sparse.name", b"disk"),
            ("GNU.sparse.realsize", b"10000000"),
        ];
        let mut data = b"2\n5000000\n3\n10000000\n0\n".to_vec();
        data.resize(512, 0);
        data.extend(b"abc");
        bed.unpack(Tar::new().pax(&fields).data("GNUSparseFile.0/disk", &data)).unwrap();
        assert_eq!(bed.stat("disk").len(), 10_000_000);
        assert!(bed.stat("disk").blocks() < 100);
        assert_eq!(&std::fs::read(bed.layer.join("disk")).unwrap()[4_999_999..5_000_004], b"\0abc\0");
    }

    #[test]
    fn nothing_leads_out_of_the_layer() {
        let Some(bed) = bed() else { return };
        symlink("/mnt/outside", bed.layer.join("planted")).unwrap();
        let cases: Vec<(Tar, &str)> = vec![
            (Tar::new().file("../outside/a", "x"), "../outside/a"),
            (Tar::new().file("b/../../outside/a", "x"), "b/../../outside/a"),
            (Tar::new().file("..", "x"), ".."),
            (Tar::new().folder("/.."), "/.."),
            (Tar::new().symlink("c", "../outside").file("c/a", "x"), "c/a"),
            (Tar::new().symlink("d", "/mnt/outside").file("d/a", "x"), "d/a"),
            (Tar::new().symlink("e", "/proc/self/root").file("e/mnt/outside/a", "x"), "e/mnt/outside/a"),
            (Tar::new().file("planted/a", "x"), "planted/a"),
            (Tar::new().link("f", "../outside/a"), "f"),
            (Tar::new().link("g", "/etc/passwd"), "g"),
            (Tar::new().symlink("h", "/etc").link("i", "h/passwd"), "i"),
            (Tar::new().file("j", "x").file("j/k", "x"), "j/k"),
            (Tar::new().file("l/.wh..", ""), "l/.wh.."),
            (Tar::new().file("l/.wh...", ""), "l/.wh..."),
            (Tar::new().symlink("m", "../outside").file("m/.wh..wh..opq", ""), "m/.wh..wh..opq"),
            (Tar::new().data("", b"x"), ""),
            (Tar::new().with(|header| header.set_uid(u64::from(u32::MAX))).file("n", ""), "n"),
            (Tar::new().node("o", EntryType::new(b'V'), (0, 0)), "o"),
        ];
        for (tar, name) in cases {
            let error = bed.unpack(tar).unwrap_err();
            assert_eq!(error.doing, format!("unpack `{name}`"), "{error:?}");
            assert_eq!(error.kind, Kind::Corrupt, "{name}: {error:?}");
        }
        assert_eq!(std::fs::read_dir(bed.root.join("outside")).unwrap().count(), 0);
        // Absolute names and links are taken from the layer's own top.
        bed.unpack(Tar::new().folder("mnt/outside").symlink("d", "/mnt/outside").file("/d/a", "in")).unwrap();
        assert_eq!(bed.text("mnt/outside/a"), "in");
        assert_eq!(std::fs::read_dir(bed.root.join("outside")).unwrap().count(), 0);
    }

    #[test]
    fn a_long_path_is_unpacked() {
        let Some(bed) = bed() else { return };
        let name = "long-name/".repeat(300) + "file";
        bed.unpack(Tar::new().pax(&[("path", name.as_bytes())]).file("short", "x")).unwrap();
        assert_eq!(bed.text(&name), "x");
        assert!(bed.layer.as_os_str().as_bytes().len() + name.len() < 4096);
    }

    #[test]
    fn what_no_honest_layer_has_is_refused() {
        let Some(bed) = bed() else { return };
        let deep = "d/".repeat(300);
        let (long, through) = (format!("{deep}{deep}f"), format!("s/{deep}f"));
        let pax = |fields: &[(&str, &str)]| {
            let fields: Vec<_> = fields.iter().map(|(key, value)| (*key, value.as_bytes())).collect();
            Tar::new().pax(&fields)
        };
        let sparse =
            [("GNU.sparse.major", "1"), ("GNU.sparse.minor", "0"), ("GNU.sparse.realsize", "1099511627777")];
        let mut map = b"0\n".to_vec();
        map.resize(512, 0);
        let cases = [
            (pax(&[("path", &long)]).file("f", ""), "512 folders"),
            (
                pax(&[("linkpath", &deep)])
                    .symlink("s", "")
                    .pax(&[("path", deep.as_bytes())])
                    .folder("f")
                    .pax(&[("path", through.as_bytes())])
                    .file("f", ""),
                "512 folders",
            ),
            (pax(&sparse).data("GNUSparseFile.0/disk", &map), "1 TiB"),
        ];
        for (tar, why) in cases {
            let error = bed.unpack(tar).unwrap_err();
            assert!(error.kind == Kind::Corrupt && error.causes()[0].contains(why), "{error:?}");
        }
    }
}
