//! Single layers in plain folders, without a store: for the fuzz target of the unpacker.

use super::frame;
use super::layer::{self, Place};
use crate::error::{Context, Result};
use crate::tree;
use std::io::{Read, Write};
use std::os::fd::AsFd;
use std::path::Path;

/// Unpacks a plain tar into one empty folder, and what it takes to make it again into another on
/// the same file system. Gives the bytes in its files.
pub fn unpack(tar: impl Read, folder: &Path, frame: &Path) -> Result<u64> {
    let place = Place { folder: folder.to_owned(), frame: frame.to_owned() };
    layer::unpack(tar, &place).map(|(size, _)| size)
}

/// Writes the tar again that was unpacked into these folders.
pub fn pack(folder: &Path, frame: &Path, to: &mut impl Write) -> Result<()> {
    let doing = || format!("pack {}", folder.display());
    let root = tree::open_path(folder).doing(doing)?;
    frame::replay(frame, root.as_fd(), to).doing(doing)
}
