//! The writable folder of an overlay becomes a layer of the store.
//!
//! The folder is moved, not copied. Before, it is made what unpacking its tar would make: without
//! what layers do not hold (sockets, fractions of seconds, private marks of overlayfs).

use super::digest::HashingWriter;
use super::frame::Recorder;
use super::layer::Place;
use super::layers::{Hold, Layer};
use super::scratch::Scratch;
use super::write::Sink;
use super::{Images, attributes, write};
use crate::error::{Context, Error, Kind, Result};
use crate::tree;
use rustix::fs::{self, AtFlags, FileType, Stat, Timespec, Timestamps};
use std::ffi::CStr;
use std::io::{self, Write};
use std::os::fd::{AsFd, BorrowedFd};
use std::path::Path;

/// How a layer is made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SealOptions {
    /// Files newer than this many seconds after 1970 get this time: `SOURCE_DATE_EPOCH`.
    pub clamp_mtime: Option<i64>,
}

impl Images {
    /// Makes a layer of the writable folder of an overlay that is not mounted any more, on the file
    /// system of the store. The folder is gone afterwards; it may be half changed after an error.
    pub fn seal(&self, hold: &Hold, upper: &Path, options: SealOptions) -> Result<Layer> {
        let doing = |error: io::Error| {
            let kind =
                if error.kind() == io::ErrorKind::Unsupported { Kind::Unsupported } else { Kind::System };
            Error::new(kind, format!("make a layer of {}", upper.display()))
                .remedy(error.kind())
                .because(error)
        };
        let scratch = Scratch::new(self)?;
        let frame = scratch.folder("frame")?;
        let root = tree::open_path(upper).doing(|| format!("open {}", upper.display()))?;
        tidy(root.as_fd(), options.clamp_mtime).map_err(doing)?;
        let hashing = HashingWriter::new(io::sink());
        let mut tar = Tar { hashing, recorder: Recorder::create(&frame).map_err(doing)? };
        let size = write::write(root.as_fd(), &mut tar).map_err(doing)?;
        let (diff_id, _) = tar.hashing.finish();
        tar.recorder.finish().map_err(doing)?;
        let layer = self.add_layer(hold, &diff_id, &Place { folder: upper.to_owned(), frame }, size)?;
        // The store had it already.
        tree::remove(upper)?;
        Ok(layer)
    }
}

/// A tar that is not kept, only its digest and frame.
struct Tar {
    hashing: HashingWriter<io::Sink>,
    recorder: Recorder,
}

impl Write for Tar {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.recorder.pass(bytes)?;
        self.hashing.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Sink for Tar {
    fn begin_content(&mut self, path: &[u8], size: u64) -> io::Result<()> {
        self.recorder.begin_content(path.to_vec(), size)
    }

    fn end_content(&mut self) {
        self.recorder.end_content();
    }
}

/// Takes what layers do not hold from all that is in a folder, then from the folder itself.
fn tidy(folder: BorrowedFd<'_>, clamp: Option<i64>) -> io::Result<()> {
    let before = fs::fstat(folder)?;
    for name in tree::names(folder)? {
        let stat = fs::statat(folder, &name, AtFlags::SYMLINK_NOFOLLOW)?;
        match FileType::from_raw_mode(stat.st_mode) {
            FileType::Directory => tidy(tree::open_below(folder, &name)?.as_fd(), clamp)?,
            FileType::Socket => fs::unlinkat(folder, &name, AtFlags::empty())?,
            FileType::CharacterDevice if stat.st_rdev == 0 => {}
            _ => tidy_entry(folder, &name, &stat, clamp)?,
        }
    }
    tidy_entry(folder, c".", &before, clamp)
}

fn tidy_entry(parent: BorrowedFd<'_>, name: &CStr, stat: &Stat, clamp: Option<i64>) -> io::Result<()> {
    attributes::strip(parent, name)?;
    let seconds = clamp.map_or(stat.st_mtime, |latest| stat.st_mtime.min(latest));
    let time = Timespec { tv_sec: seconds, tv_nsec: 0 };
    let times = Timestamps { last_access: time, last_modification: time };
    Ok(fs::utimensat(parent, name, &times, AtFlags::SYMLINK_NOFOLLOW)?)
}

#[cfg(test)]
mod tests {
    use super::super::fixture::{images, tree_of};
    use super::super::import::unpack_as;
    use super::*;
    use crate::overlay::{self, Layers};
    use std::os::fd::AsRawFd;
    use std::os::unix::fs::{PermissionsExt, chown, symlink};
    use std::os::unix::net::UnixListener;
    use std::path::PathBuf;
    use std::process::Command;

    const CAPABILITY: &[u8] = b"\x01\0\0\x02\0\x04\0\0\0\0\0\0\0\0\0\0\0\0\0\0";

    /// A store, and the writable folder over a lower one after `change` worked in it.
    fn changed(change: impl FnOnce(&Path)) -> Option<(Images, PathBuf)> {
        let images = images()?;
        let root = images.root().join("bed");
        let lower = root.join("lower");
        std::fs::create_dir_all(lower.join("old/deep")).unwrap();
        for file in ["gone", "kept", "old/file", "old/deep/file"] {
            std::fs::write(lower.join(file), file).unwrap();
        }
        let layers = Layers {
            lower: vec![lower],
            upper: root.join("upper"),
            work: root.join("work"),
            volatile: false,
        };
        let mount = overlay::mount(&layers).unwrap();
        change(&PathBuf::from(format!("/proc/self/fd/{}", mount.as_raw_fd())));
        drop(mount);
        Some((images, layers.upper))
    }

    fn many_changes(at: &Path) {
        std::fs::remove_file(at.join("gone")).unwrap();
        std::fs::remove_dir_all(at.join("old")).unwrap();
        std::fs::create_dir_all(at.join("old/new")).unwrap();
        std::fs::write(at.join("old/new/program"), "text").unwrap();
        rustix::fs::setxattr(
            at.join("old/new/program"),
            "security.capability",
            CAPABILITY,
            fs::XattrFlags::empty(),
        )
        .unwrap();
        std::fs::hard_link(at.join("old/new/program"), at.join("again")).unwrap();
        symlink("/etc/passwd", at.join("link")).unwrap();
        chown(at.join("kept"), Some(3_000_000), Some(7)).unwrap();
        std::fs::set_permissions(at.join("kept"), PermissionsExt::from_mode(0o4711)).unwrap();
        std::fs::File::create(at.join("sparse")).unwrap().set_len(1 << 20).unwrap();
        std::fs::write(at.join("l".repeat(200)), "x").unwrap();
        std::fs::write(at.join("größe"), "").unwrap();
        let mknod = |name: &str, kind, device| {
            fs::mknodat(fs::CWD, at.join(name), kind, fs::Mode::RUSR, device).unwrap();
        };
        mknod("null", FileType::CharacterDevice, fs::makedev(1, 3));
        mknod("disk", FileType::BlockDevice, fs::makedev(8, 1));
        mknod("fifo", FileType::Fifo, 0);
    }

    fn seal(images: &Images, upper: &Path, clamp_mtime: Option<i64>) -> Result<Layer> {
        images.seal(&images.hold_layers().unwrap(), upper, SealOptions { clamp_mtime })
    }

    #[test]
    fn a_sealed_layer_is_what_unpacking_its_tar_makes() {
        let Some((images, upper)) = changed(|at| {
            many_changes(at);
            drop(UnixListener::bind(at.join("socket")).unwrap());
        }) else {
            return;
        };
        let layer = seal(&images, &upper, None).unwrap();
        assert!(!upper.exists());
        assert_eq!(layer.size, 4 + 4 + (1 << 20) + 1);
        let mut tar = Vec::new();
        images.pack_layer(&layer.diff_id, &mut tar).unwrap();
        let scratch = Scratch::new(&images).unwrap();
        let place = scratch.place("again").unwrap();
        assert_eq!(unpack_as(tar.as_slice(), &layer.diff_id, &place).unwrap(), layer.size);
        let sealed = tree_of(&images.layer(&layer.diff_id));
        assert_eq!(sealed, tree_of(&place.folder));
        let has = |begin: &str| sealed.iter().any(|line| line.starts_with(begin));
        assert!(
            has("again ") && has("gone ") && has("kept 104711 3000000:7 ") && !has("socket"),
            "{sealed:#?}"
        );
        assert!(sealed.iter().any(|line| line.starts_with("old ") && line.ends_with("true")));
    }

    #[test]
    fn other_tools_read_the_tar_of_a_sealed_layer() {
        let Some((images, upper)) = changed(many_changes) else { return };
        let layer = seal(&images, &upper, None).unwrap();
        let (tar, into) = (images.root().join("layer.tar"), images.root().join("into"));
        images.pack_layer(&layer.diff_id, &mut std::fs::File::create(&tar).unwrap()).unwrap();
        std::fs::create_dir(&into).unwrap();
        let mut unpack = Command::new("tar");
        unpack
            .args(["--xattrs", "--xattrs-include=*", "--numeric-owner", "-xpf"])
            .arg(&tar)
            .arg("-C")
            .arg(&into);
        let done = unpack.output().unwrap();
        assert!(done.status.success() && done.stderr.is_empty(), "{done:?}");
        // Marks of deletion are plain files to other tools.
        let plain = |lines: Vec<String>| -> Vec<String> {
            let kept = lines.into_iter().filter(|line| !line.contains(".wh.") && !line.starts_with("gone "));
            kept.map(|line| line.replace("true", "false")).collect()
        };
        assert_eq!(plain(tree_of(&into)), plain(tree_of(&images.layer(&layer.diff_id))));
        for mark in [".wh.gone", "old/.wh..wh..opq"] {
            assert_eq!(std::fs::metadata(into.join(mark)).unwrap().len(), 0, "{mark}");
        }
    }

    #[test]
    fn the_same_changes_at_another_time_and_in_another_order_are_the_same_layer() {
        let Some((images, upper)) = changed(|at| {
            std::fs::write(at.join("a"), "1").unwrap();
            std::fs::write(at.join("b"), "2").unwrap();
        }) else {
            return;
        };
        let first = seal(&images, &upper, Some(1_000_000)).unwrap();
        std::fs::create_dir(&upper).unwrap();
        std::fs::write(upper.join("b"), "2").unwrap();
        std::fs::write(upper.join("a"), "1").unwrap();
        assert_eq!(seal(&images, &upper, Some(1_000_000)).unwrap(), first);
        assert!(!upper.exists());
        let a = images.layer(&first.diff_id).join("a").metadata().unwrap();
        assert_eq!(std::os::unix::fs::MetadataExt::mtime(&a), 1_000_000);
        // Nothing changed at all.
        std::fs::create_dir(&upper).unwrap();
        let empty = seal(&images, &upper, None).unwrap();
        assert_eq!((empty.size, images.packed_size(&empty.diff_id).unwrap()), (0, 1024));
    }

    #[test]
    fn a_name_that_means_deletion_is_refused() {
        let Some((images, upper)) = changed(|at| std::fs::write(at.join("old/.wh.x"), "").unwrap()) else {
            return;
        };
        let error = seal(&images, &upper, None).unwrap_err();
        assert!(error.kind == Kind::Unsupported && error.causes()[0].contains("old/.wh.x"), "{error:?}");
    }
}
