//! A layer as the tar that it was hashed as, byte for byte.

use super::digest::HashingWriter;
use super::{Images, frame};
use crate::error::{Context, Error, Kind, Result};
use crate::tree;
use std::io::{self, Write};
use std::os::fd::AsFd;

/// Writes the tar of a layer of the store. It is checked against the diff id while it is written:
/// what was written before an error is worth nothing.
pub(crate) fn pack(images: &Images, diff_id: &str, to: &mut dyn Write) -> Result<u64> {
    ensure_framed(images, diff_id)?;
    let doing = || format!("read layer {diff_id}");
    let layer = tree::open_path(&images.layer(diff_id)).doing(doing)?;
    let mut hashing = HashingWriter::new(to);
    frame::replay(&images.frame(diff_id), layer.as_fd(), &mut hashing)
        .map_err(|error| failed(diff_id, error))?;
    let (found, size) = hashing.finish();
    if found == diff_id {
        return Ok(size);
    }
    Err(changed(diff_id).evidence(vec![format!("expected {diff_id}"), format!("found    {found}")]))
}

/// Bytes of the tar of a layer.
pub(crate) fn size(images: &Images, diff_id: &str) -> Result<u64> {
    ensure_framed(images, diff_id)?;
    frame::size(&images.frame(diff_id)).map_err(|error| failed(diff_id, error))
}

fn ensure_framed(images: &Images, diff_id: &str) -> Result<()> {
    if images.has_layer(diff_id) {
        return Ok(());
    }
    let what = match images.layer(diff_id).is_dir() {
        true => "was stored without what it takes to make its archive again",
        false => "is missing",
    };
    let error = Error::new(Kind::NotFound, format!("layer {diff_id} {what}"));
    Err(error.hint("load or pull the image again: that adds what is missing"))
}

fn failed(diff_id: &str, error: io::Error) -> Error {
    match error.kind() {
        io::ErrorKind::InvalidData | io::ErrorKind::UnexpectedEof => changed(diff_id).because(error),
        kind => Error::new(Kind::System, format!("write layer {diff_id}")).remedy(kind).because(error),
    }
}

fn changed(diff_id: &str) -> Error {
    Error::new(Kind::Corrupt, format!("layer {diff_id} is not what it was when it was stored"))
        .hint("something changed its files; remove the image, and load or pull it again")
}

#[cfg(test)]
mod tests {
    use super::super::fixture::{Tar, docker_archive, images};
    use super::super::{Input, digest};
    use super::*;
    use proptest::prelude::*;
    use std::fs;
    use tar::EntryType;

    /// Packs what was unpacked from `tar`.
    fn repacked(images: &Images, tar: &[u8]) -> Result<Vec<u8>> {
        let archive = docker_archive(&["web"], &[tar.to_vec()]);
        images.load(Input::Stream(&mut archive.as_slice()))?;
        let diff_id = digest::of(tar);
        let mut out = Vec::new();
        assert_eq!(pack(images, &diff_id, &mut out)?, tar.len() as u64);
        assert_eq!(size(images, &diff_id).unwrap(), tar.len() as u64);
        Ok(out)
    }

    #[test]
    fn what_later_entries_replaced_is_still_in_the_tar() {
        let Some(images) = images() else { return };
        let tar = Tar::new()
            .files(&[
                ("a", "first"),
                ("a", "second"),
                ("d/e", "below a folder that goes"),
                ("d/f/g", "deeper"),
            ])
            .link("kept", "d/e")
            .symlink("d", "real")
            .folder("real")
            .files(&[("d/h", "through a link"), ("d/h", "through a link again"), ("x", "linked")])
            .link("y", "x")
            .file("x", "its first name is another file now")
            .link("y", "y")
            .file("gone", "")
            .file(".wh.gone", "payload of a whiteout")
            .file(".wh..wh.plnk", "of aufs")
            .folder("a");
        let mut tar = tar.finish();
        tar.extend(b"behind the end");
        assert_eq!(repacked(&images, &tar).unwrap(), tar);
    }

    #[test]
    fn a_layer_that_was_changed_is_not_passed_off_as_the_one_it_was() {
        let Some(images) = images() else { return };
        let tar = Tar::new().file("a", "text").finish();
        repacked(&images, &tar).unwrap();
        let diff_id = digest::of(&tar);
        fs::write(images.layer(&diff_id).join("a"), "next").unwrap();
        let error = pack(&images, &diff_id, &mut io::sink()).unwrap_err();
        assert!(error.kind == Kind::Corrupt && error.evidence.len() == 2, "{error:?}");
        fs::write(images.layer(&diff_id).join("a"), "longer").unwrap();
        let error = pack(&images, &diff_id, &mut io::sink()).unwrap_err();
        assert!(error.kind == Kind::Corrupt && error.causes()[0].contains("`a`"), "{error:?}");
    }

    #[test]
    fn a_layer_stored_without_a_frame_gets_one_when_it_is_loaded_again() {
        let Some(images) = images() else { return };
        let tar = Tar::new().file("a", "text").finish();
        repacked(&images, &tar).unwrap();
        let diff_id = digest::of(&tar);
        tree::remove(&images.frame(&diff_id)).unwrap();
        let error = pack(&images, &diff_id, &mut io::sink()).unwrap_err();
        assert!(error.kind == Kind::NotFound && error.hint.unwrap().contains("load"));
        assert_eq!(repacked(&images, &tar).unwrap(), tar);
    }

    #[derive(Clone, Debug)]
    enum Item {
        File(usize, Vec<u8>),
        Folder(usize),
        Symlink(usize, usize),
        Link(usize, usize),
        Whiteout(usize),
        Node(usize),
        Extended(usize, Vec<u8>),
    }

    const NAMES: [&str; 7] = ["a", "b", "a/c", "b/d", "a/c/e", "f", "b/d/g"];

    fn items() -> impl Strategy<Value = Vec<Item>> {
        let name = || 0..NAMES.len();
        let data = || proptest::collection::vec(any::<u8>(), 0..1500);
        proptest::collection::vec(
            prop_oneof![
                4 => (name(), data()).prop_map(|(name, data)| Item::File(name, data)),
                1 => name().prop_map(Item::Folder),
                1 => (name(), name()).prop_map(|(name, to)| Item::Symlink(name, to)),
                1 => (name(), name()).prop_map(|(name, to)| Item::Link(name, to)),
                1 => name().prop_map(Item::Whiteout),
                1 => name().prop_map(Item::Node),
                1 => (name(), data()).prop_map(|(name, data)| Item::Extended(name, data)),
            ],
            0..14,
        )
    }

    fn add(tar: Tar, item: Item) -> Tar {
        match item {
            Item::File(name, data) => tar.data(NAMES[name], &data),
            Item::Folder(name) => tar.folder(NAMES[name]),
            Item::Symlink(name, to) => tar.symlink(NAMES[name], NAMES[to]),
            Item::Link(name, to) => tar.link(NAMES[name], NAMES[to]),
            Item::Whiteout(name) => tar.file(&format!("{}.wh.x", NAMES[name].replace(['c', 'd'], "")), "pay"),
            Item::Node(name) => tar.node(NAMES[name], EntryType::Fifo, (0, 0)),
            Item::Extended(name, data) => tar.pax(&[("SCHILY.xattr.user.x", &data)]).data(NAMES[name], &data),
        }
    }

    #[test]
    fn whatever_unpacks_packs_to_the_same_bytes() {
        let Some(images) = images() else { return };
        let unpacked = std::cell::Cell::new(0);
        let mut runner = proptest::test_runner::TestRunner::deterministic();
        let run = runner.run(&items(), |items| {
            // What is refused leaves nothing to compare: entries below a file, for one.
            let tar = items.into_iter().fold(Tar::new(), add).finish();
            if let Ok(again) = repacked(&images, &tar) {
                prop_assert_eq!(again, tar);
                unpacked.set(unpacked.get() + 1);
            }
            Ok(())
        });
        run.unwrap();
        assert!(unpacked.get() > 50, "{} of the archives could be unpacked", unpacked.get());
    }
}
