//! Root file systems: image layers below, the container's own layer on top.
//!
//! Mounts are made detached, by file descriptor: nothing is visible in any mount table until
//! the mount is moved to its place, and nothing is left when the descriptor is closed.

use crate::error::{Context, Error, Kind, Result};
use crate::tree;
use rustix::fs::{CWD, Mode, OFlags, StatVfsMountFlags, openat};
use rustix::mount::{
    FsMountFlags, FsOpenFlags, MountAttrFlags, MountFlags, MountPropagationFlags, OpenTreeFlags,
    fsconfig_create, fsconfig_set_flag, fsconfig_set_string, fsmount, fsopen, mount_change, open_tree,
};
use std::ffi::CString;
use std::fs::{self, Permissions};
use std::io;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

/// Longest string that fsconfig(2) takes, without its NUL.
const VALUE_MAX: usize = 255;

/// What an overlay is made of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Layers {
    /// Read-only folders, lowest first; may be empty.
    pub lower: Vec<PathBuf>,
    /// The writable folder; made by [`make_upper`] when missing.
    pub upper: PathBuf,
    /// Folder on the same file system, made anew at each mount; that of the mount before, which
    /// must be gone, is removed.
    pub work: PathBuf,
    /// The upper is thrown away after use: never write it back to the disk.
    pub volatile: bool,
}

/// Mounts it, detached: nothing is visible anywhere until the mount is moved to a place.
pub fn mount(layers: &Layers) -> Result<OwnedFd> {
    let doing = || format!("mount the root file system over {}", layers.upper.display());
    make_upper(&layers.upper, &layers.lower)?;
    make_work(&layers.work)?;
    let mut lower = layers.lower.clone();
    if lower.is_empty() {
        let empty = layers.work.with_extension("empty");
        fs::create_dir_all(&empty).doing(doing)?;
        lower.push(empty);
    }
    let mut options = vec![("upperdir", layers.upper.clone()), ("workdir", layers.work.clone())];
    options.extend(lower.into_iter().rev().map(|layer| ("lowerdir+", layer)));
    let mounted = outcome(assemble(&options, layers.volatile), doing).and_then(|mount| {
        ensure_writable(&mount).doing(doing)?;
        Ok(mount)
    });
    mounted.map_err(|error| if is_overlay(&layers.upper) { error.hint(NO_OVERLAY) } else { error })
}

/// Where the kernel cannot make what it needs in the work folder it mounts all the same, read-only.
fn ensure_writable(mount: &OwnedFd) -> rustix::io::Result<()> {
    let is_read_only = rustix::fs::fstatvfs(mount)?.f_flag.contains(StatVfsMountFlags::RDONLY);
    if is_read_only { Err(rustix::io::Errno::NOSPC) } else { Ok(()) }
}

/// The kernel refuses to write to an overlay through another.
const NO_OVERLAY: &str = "the folder is on an overlay file system itself, as in a container: choose one on \
    a disk or volume with --root";

fn is_overlay(path: &Path) -> bool {
    rustix::fs::statfs(path).is_ok_and(|found| found.f_type == libc::OVERLAYFS_SUPER_MAGIC)
}

/// A look at layers, lowest first, as containers see them; not to be written to. With a
/// single layer it is that folder itself, with its whiteouts.
pub fn view(lower: &[PathBuf]) -> Result<OwnedFd> {
    let doing = || "look into the layers of an image".to_owned();
    match lower {
        [] => Err(Error::new(Kind::NotFound, doing()).hint("the image has no layers")),
        [only] => tree::open_path(only).doing(doing),
        several => {
            let options: Vec<_> = several.iter().rev().map(|layer| ("lowerdir+", layer.clone())).collect();
            outcome(assemble(&options, false), doing)
        }
    }
}

/// Makes the writable folder, with owner and mode of the top folder of the highest of the
/// layers (lowest first): they are what containers see of `/`. One that exists stays as it is.
pub fn make_upper(upper: &Path, lower: &[PathBuf]) -> Result<()> {
    let make = || {
        match fs::create_dir(upper) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => return Ok(()),
            done => done?,
        }
        let Some(highest) = lower.last() else {
            return fs::set_permissions(upper, Permissions::from_mode(0o755));
        };
        let top = fs::metadata(highest)?;
        std::os::unix::fs::chown(upper, Some(top.uid()), Some(top.gid()))?;
        fs::set_permissions(upper, top.permissions())
    };
    make().doing(|| format!("create {}", upper.display()))
}

/// An old work folder slows the mount down, and after a volatile mount it forbids the next.
fn make_work(work: &Path) -> Result<()> {
    tree::remove(work)?;
    fs::create_dir(work).doing(|| format!("create {}", work.display()))
}

/// Why a mount failed: the errno, and what the kernel says about it.
struct Failure {
    source: io::Error,
    said: Vec<String>,
}

type Attempt = std::result::Result<OwnedFd, Failure>;

fn outcome(attempt: Attempt, doing: impl FnOnce() -> String) -> Result<OwnedFd> {
    attempt.or_else(|failure| Err(failure.source).doing(doing).map_err(|error| error.evidence(failure.said)))
}

impl<E: Into<io::Error>> From<E> for Failure {
    fn from(source: E) -> Self {
        Self { source: source.into(), said: Vec::new() }
    }
}

type Options = [(&'static str, PathBuf)];

/// `lowerdir+` takes 500 layers but exists only from Linux 6.7, and some kernels before it
/// accept the key and fail later. So it is tried, and the older way then tells its own error.
fn assemble(options: &Options, volatile: bool) -> Attempt {
    match one_by_one(options, volatile) {
        Err(failure) if failure.source.raw_os_error() == Some(libc::EINVAL) => {
            in_one_string(options, volatile).map_err(|older| Failure { said: failure.said, ..older })
        }
        done => done,
    }
    .map_err(|failure| with_absent(failure, options))
}

/// The kernel does not say which folder it did not find.
fn with_absent(mut failure: Failure, options: &Options) -> Failure {
    let absent = options.iter().map(|(_, path)| path).filter(|path| !path.exists());
    failure.said.extend(absent.map(|path| format!("{} does not exist", path.display())));
    failure
}

fn one_by_one(options: &Options, volatile: bool) -> Attempt {
    let context = fsopen("overlay", FsOpenFlags::FSOPEN_CLOEXEC)?;
    let build = || -> io::Result<OwnedFd> {
        fsconfig_set_string(context.as_fd(), "source", "overlay")?;
        let mut held = Vec::new();
        for (key, path) in options {
            fsconfig_set_string(context.as_fd(), *key, value(key, path, &mut held)?)?;
        }
        for (key, setting) in SETTINGS {
            fsconfig_set_string(context.as_fd(), *key, *setting)?;
        }
        if volatile {
            fsconfig_set_flag(context.as_fd(), "volatile")?;
        }
        fsconfig_create(context.as_fd())?;
        Ok(fsmount(context.as_fd(), FsMountFlags::FSMOUNT_CLOEXEC, MountAttrFlags::empty())?)
    };
    build().map_err(|source| Failure { source, said: messages(&context) })
}

/// Layers are what images say, so marks in them that lead elsewhere are not followed, and
/// the writable layer stays one that can be compared and committed file by file.
const SETTINGS: &[(&str, &str)] = &[("redirect_dir", "nofollow"), ("metacopy", "off")];

/// A path as fsconfig(2) takes it: long ones by a descriptor that is held until the mount is made.
fn value(key: &str, path: &Path, held: &mut Vec<OwnedFd>) -> io::Result<CString> {
    let text = match key {
        "lowerdir+" => path.as_os_str().as_encoded_bytes().to_vec(),
        _ => escaped(path),
    };
    let text = if text.len() > VALUE_MAX { short(path, held)?.into_bytes() } else { text };
    Ok(CString::new(text)?)
}

fn short(path: &Path, held: &mut Vec<OwnedFd>) -> io::Result<String> {
    let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let folder = openat(CWD, path, flags, Mode::empty())?;
    let name = format!("/proc/self/fd/{}", folder.as_raw_fd());
    held.push(folder);
    Ok(name)
}

/// Backslash and colon have a meaning in overlay's options; comma in those of mount(2).
fn escaped(path: &Path) -> Vec<u8> {
    let bytes = path.as_os_str().as_encoded_bytes().iter();
    let escape = |byte: &u8| match byte {
        b'\\' | b':' | b',' => vec![b'\\', *byte],
        _ => vec![*byte],
    };
    bytes.flat_map(escape).collect()
}

/// What the kernel says about a mount that failed, one message a read(2).
fn messages(context: &OwnedFd) -> Vec<String> {
    let mut said = Vec::new();
    let mut buffer = [0; 1024];
    while let Ok(length @ 1..) = rustix::io::read(context, &mut buffer) {
        said.push(String::from_utf8_lossy(&buffer[..length]).trim_end().to_owned());
    }
    said
}

/// The older way: one string of at most a page for mount(2). A thread with a mount namespace
/// of its own makes the mount, and keeps a detached clone of it.
fn in_one_string(options: &Options, volatile: bool) -> Attempt {
    let make = || -> io::Result<OwnedFd> {
        nix::sched::unshare(nix::sched::CloneFlags::CLONE_NEWNS)?;
        mount_change("/", MountPropagationFlags::REC | MountPropagationFlags::PRIVATE)?;
        // Opened here: overlay takes no folders that were opened in another mount namespace.
        let mut held = Vec::new();
        let data = CString::new(option_string(options, volatile, &mut held)?)?;
        rustix::mount::mount("overlay", "/proc", "overlay", MountFlags::empty(), data.as_c_str())?;
        let flags = OpenTreeFlags::OPEN_TREE_CLONE | OpenTreeFlags::OPEN_TREE_CLOEXEC;
        Ok(open_tree(CWD, "/proc", flags)?)
    };
    let done = std::thread::scope(|scope| scope.spawn(make).join());
    Ok(done.unwrap_or_else(|_| Err(io::Error::other("the mounting thread panicked")))?)
}

fn option_string(options: &Options, volatile: bool, held: &mut Vec<OwnedFd>) -> io::Result<String> {
    let mut lower = Vec::new();
    let mut text = Vec::new();
    for (key, path) in options {
        match *key {
            "lowerdir+" => lower.push(short(path, held)?),
            key => text.push(format!("{key}={}", short(path, held)?)),
        }
    }
    text.push(format!("lowerdir={}", lower.join(":")));
    text.extend(SETTINGS.iter().map(|(key, setting)| format!("{key}={setting}")));
    if volatile {
        text.push("volatile".to_owned());
    }
    Ok(text.join(","))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::private_mounts;

    fn folder(root: &Path, name: &str, files: &[(&str, &str)]) -> PathBuf {
        let folder = root.join(name);
        fs::create_dir_all(&folder).unwrap();
        for (file, text) in files {
            fs::write(folder.join(file), text).unwrap();
        }
        folder
    }

    /// Where the files of a mount that is nowhere can be read.
    fn inside(mount: &OwnedFd, name: &str) -> PathBuf {
        PathBuf::from(format!("/proc/self/fd/{}/{name}", mount.as_raw_fd()))
    }

    fn read(mount: &OwnedFd, name: &str) -> Option<String> {
        fs::read_to_string(inside(mount, name)).ok()
    }

    fn layers(root: &Path, lower: Vec<PathBuf>) -> Layers {
        Layers { lower, upper: root.join("upper"), work: root.join("work"), volatile: false }
    }

    #[test]
    fn higher_layers_hide_lower_ones_and_writes_go_to_the_upper() {
        let Some(root) = private_mounts() else { return };
        let lowest = folder(&root, "1", &[("a", "1"), ("b", "1"), ("gone", "1")]);
        let highest = folder(&root, "2", &[("b", "2")]);
        rustix::fs::mknodat(
            CWD,
            highest.join("gone"),
            rustix::fs::FileType::CharacterDevice,
            Mode::empty(),
            0,
        )
        .unwrap();
        let layers = layers(&root, vec![lowest.clone(), highest]);
        let first = mount(&layers).unwrap();
        assert_eq!((read(&first, "a"), read(&first, "b")), (Some("1".into()), Some("2".into())));
        assert_eq!(read(&first, "gone"), None);
        fs::write(inside(&first, "a"), "changed").unwrap();
        drop(first);
        let second = mount(&Layers { volatile: true, ..layers.clone() }).unwrap();
        assert_eq!(read(&second, "a").unwrap(), "changed");
        drop(second);
        let third = mount(&layers).unwrap();
        assert_eq!(read(&third, "a").unwrap(), "changed");
        assert_eq!(fs::read_to_string(lowest.join("a")).unwrap(), "1");
    }

    /// Both ways of mounting, where the kernel has both.
    fn attempts(options: &Options) -> Vec<Attempt> {
        let new = crate::sys::kernel_since((6, 7)).then(|| one_by_one(options, false));
        new.into_iter().chain([in_one_string(options, false)]).collect()
    }

    #[test]
    fn both_ways_of_mounting_show_the_same() {
        let Some(root) = private_mounts() else { return };
        let lower = [folder(&root, "1", &[("a", "1"), ("b", "1")]), folder(&root, "2", &[("b", "2")])];
        let options: Vec<_> = lower.iter().rev().map(|layer| ("lowerdir+", layer.clone())).collect();
        for attempt in attempts(&options) {
            let mount = outcome(attempt, String::new).unwrap();
            assert_eq!((read(&mount, "a"), read(&mount, "b")), (Some("1".into()), Some("2".into())));
        }
    }

    #[test]
    fn two_hundred_layers_with_long_paths_mount() {
        let Some(root) = private_mounts() else { return };
        let root = root.join("x".repeat(250));
        let lower: Vec<_> =
            (0..200).map(|n| folder(&root, &format!("{n:064}"), &[("n", &n.to_string())])).collect();
        let mount = mount(&layers(&root, lower)).unwrap();
        assert_eq!(read(&mount, "n").unwrap(), "199");
    }

    #[test]
    fn names_with_signs_of_the_option_syntax_mount_in_both_ways() {
        let Some(root) = private_mounts() else { return };
        let root = root.join("a:b,c\\d");
        let lower = vec![folder(&root, "l", &[("a", "1")]), folder(&root, "m", &[])];
        let layers = layers(&root, lower);
        assert_eq!(read(&mount(&layers).unwrap(), "a").unwrap(), "1");
        make_work(&layers.work).unwrap();
        let mut options = vec![("upperdir", layers.upper), ("workdir", layers.work)];
        options.extend(layers.lower.iter().map(|layer| ("lowerdir+", layer.clone())));
        let mount = outcome(in_one_string(&options, true), String::new).unwrap();
        fs::write(inside(&mount, "new"), "").unwrap();
        assert!(root.join("upper/new").exists());
    }

    #[test]
    fn an_image_without_layers_is_an_empty_root() {
        let Some(root) = private_mounts() else { return };
        let mount = mount(&layers(&root, Vec::new())).unwrap();
        assert_eq!(fs::read_dir(inside(&mount, "")).unwrap().count(), 0);
        fs::create_dir(inside(&mount, "etc")).unwrap();
        assert!(root.join("upper/etc").metadata().unwrap().mtime() > 0);
    }

    #[test]
    fn the_root_folder_is_that_of_the_highest_layer() {
        let Some(root) = private_mounts() else { return };
        let lower = vec![folder(&root, "1", &[]), folder(&root, "2", &[])];
        fs::set_permissions(&lower[1], Permissions::from_mode(0o1555)).unwrap();
        std::os::unix::fs::chown(&lower[1], Some(7), Some(8)).unwrap();
        let mount = mount(&layers(&root, lower)).unwrap();
        let top = fs::metadata(inside(&mount, "")).unwrap();
        assert_eq!((top.uid(), top.gid(), top.mode() & 0o7777), (7, 8, 0o1555));
    }

    #[test]
    fn a_layer_that_is_not_there_is_named() {
        let Some(root) = private_mounts() else { return };
        let options = [("lowerdir+", root.join("missing"))];
        for attempt in attempts(&options) {
            let error = outcome(attempt, || "mount".to_owned()).unwrap_err();
            assert_eq!((error.kind, error.doing.as_str()), (Kind::NotFound, "mount"), "{error:?}");
        }
        let lower = vec![root.join("missing"), folder(&root, "there", &[])];
        let error = mount(&layers(&root, lower)).unwrap_err();
        assert_eq!(error.kind, Kind::NotFound);
        assert!(error.evidence.join("\n").contains("missing"), "{error:?}");
    }
}
