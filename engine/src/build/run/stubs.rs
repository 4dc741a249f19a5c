//! A layer with the places where something is mounted, just below what a `RUN` changes: nothing
//! needs to be made in the image for it, so that nothing is left there.
//!
//! Folders of the image that a place is in have the image's owner, mode and times in that layer, since
//! it is the highest one that shows them.

use crate::build::resolve::{Resolved, resolve};
use crate::build::snapshot::Snapshot;
use crate::error::{Context, Result};
use crate::image::paths;
use crate::overlay::{self, Layers};
use crate::sandbox::{Mount, MountSource};
use crate::tree;
use rustix::fs::{self, CWD, Mode, OFlags};
use std::collections::BTreeMap;
use std::ffi::CString;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::{Path, PathBuf};

/// What is to be made at a path, which has no slash at either end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stub {
    /// A folder that the image has.
    Known,
    /// A folder.
    Folder,
    /// A file.
    File,
}

type Stubs = BTreeMap<Vec<u8>, Stub>;

/// Mounts what a `RUN` sees as `/`, with a place for each of these mounts.
pub(super) fn mount_over(skeleton: &Path, snapshot: &Snapshot, mounts: &[Mount]) -> Result<OwnedFd> {
    let below: Vec<PathBuf> =
        std::iter::once(skeleton.to_owned()).chain(snapshot.lower.iter().cloned()).collect();
    let doing = || format!("make {}", snapshot.work.display());
    std::fs::create_dir_all(&snapshot.work).doing(doing)?;
    let mut lower = below.clone();
    let folder = snapshot.work.join("stubs");
    tree::remove(&folder)?;
    let seen: Vec<PathBuf> =
        below.into_iter().chain(snapshot.upper.exists().then(|| snapshot.upper.clone())).collect();
    let view = overlay::view(&seen)?;
    let stubs = stubs(view.as_fd(), mounts).doing(|| "find the places of mounts".to_owned())?;
    if stubs.values().any(|stub| *stub != Stub::Known) {
        make(&folder, view.as_fd(), &stubs).doing(|| format!("make {}", folder.display()))?;
        lower.push(folder);
    }
    let work = snapshot.work.join("overlay");
    overlay::mount(&Layers { lower, upper: snapshot.upper.clone(), work, volatile: true })
}

/// What is missing for the mounts, and all that it is in.
fn stubs(view: BorrowedFd<'_>, mounts: &[Mount]) -> io::Result<Stubs> {
    let mut stubs = Stubs::new();
    for (at, mount) in mounts.iter().enumerate() {
        let is_below = |other: &str| Path::new(&mount.target).starts_with(other);
        let others = mounts[..at].iter().map(|other| other.target.as_str());
        if others.chain(["/dev", "/proc", "/sys"]).any(is_below) {
            // Its place is in what is mounted there.
            continue;
        }
        let Resolved { steps: path, known } = resolve(view, mount.target.as_bytes())?;
        if known == path.len() {
            continue;
        }
        let kind = if matches!(mount.source, MountSource::File(_)) { Stub::File } else { Stub::Folder };
        for length in 1..=path.len() {
            let stub = match length {
                _ if length <= known => Stub::Known,
                _ if length < path.len() => Stub::Folder,
                _ => kind,
            };
            stubs.entry(path[..length].join(&b'/')).or_insert(stub);
        }
    }
    Ok(stubs)
}

/// Makes the layer. Parents come first in the order of the map.
fn make(folder: &Path, view: BorrowedFd<'_>, stubs: &Stubs) -> io::Result<()> {
    fs::mkdirat(CWD, folder, Mode::RWXU)?;
    let top = tree::open_path(folder)?;
    for (path, stub) in stubs {
        let name = CString::new(path.clone())?;
        match stub {
            Stub::Known => fs::mkdirat(&top, &name, Mode::RWXU)?,
            Stub::Folder => {
                fs::mkdirat(&top, &name, Mode::RWXU)?;
                fs::chmodat(&top, &name, Mode::from_raw_mode(0o755), fs::AtFlags::empty())?;
            }
            Stub::File => {
                let flags = OFlags::CREATE | OFlags::EXCL | OFlags::WRONLY | OFlags::CLOEXEC;
                fs::openat(&top, &name, flags, Mode::from_raw_mode(0o644))?;
            }
        }
    }
    // Times last and deepest first: what is made in a folder changes them.
    for (path, _) in stubs.iter().rev().filter(|(_, stub)| **stub == Stub::Known) {
        let known = paths::resolve(view, path, OFlags::RDONLY | OFlags::DIRECTORY)?;
        let ours = paths::resolve(top.as_fd(), path, OFlags::RDONLY | OFlags::DIRECTORY)?;
        tree::describe_like(known.as_fd(), ours.as_fd())?;
    }
    tree::describe_like(view_top(view)?.as_fd(), top.as_fd())
}

/// The view may be a path descriptor.
fn view_top(view: BorrowedFd<'_>) -> rustix::io::Result<OwnedFd> {
    paths::resolve(view, b"", OFlags::RDONLY | OFlags::DIRECTORY)
}
