//! Mounts as file descriptors: mount_setattr(2) and the usual combinations of the mount calls that
//! `rustix` offers. All of them work on kernel 5.12.

use super::check;
use rustix::fs::CWD;
use rustix::io::Errno;
use rustix::mount::{FsMountFlags, FsOpenFlags, MountAttrFlags, MoveMountFlags, OpenTreeFlags};
use std::ffi::CStr;
use std::mem::size_of;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};

/// `struct mount_attr` of linux/mount.h.
#[repr(C)]
#[derive(Default)]
struct MountAttr {
    set: u64,
    clear: u64,
    propagation: u64,
    userns: u64,
}

/// Adds attributes to a mount, and with `recursive` to all below it.
pub fn set_attributes(mount: BorrowedFd<'_>, set: MountAttrFlags, recursive: bool) -> Result<(), Errno> {
    change(mount, recursive, &MountAttr { set: u64::from(set.bits()), ..MountAttr::default() })
}

/// Stops events in this mount and all below it from reaching other namespaces, and theirs from
/// reaching it.
pub fn make_private(mount: BorrowedFd<'_>) -> Result<(), Errno> {
    change(mount, true, &MountAttr { propagation: libc::MS_PRIVATE, ..MountAttr::default() })
}

/// Lets later mounts of the host be seen below this mount and all below it, but not the other way.
pub fn make_slave(mount: BorrowedFd<'_>) -> Result<(), Errno> {
    change(mount, true, &MountAttr { propagation: libc::MS_SLAVE, ..MountAttr::default() })
}

/// Gives the files of a detached mount, and with `recursive` of all below it, the owners that a user
/// namespace says: whoever is inside of it on the disk is the one outside.
pub fn set_owners(mount: BorrowedFd<'_>, who: BorrowedFd<'_>, recursive: bool) -> Result<(), Errno> {
    let userns = u64::from(who.as_raw_fd() as u32);
    change(mount, recursive, &MountAttr { set: libc::MOUNT_ATTR_IDMAP, userns, ..MountAttr::default() })
}

fn change(mount: BorrowedFd<'_>, recursive: bool, attr: &MountAttr) -> Result<(), Errno> {
    let flags = libc::AT_EMPTY_PATH | if recursive { libc::AT_RECURSIVE } else { 0 };
    let size = size_of::<MountAttr>();
    // SAFETY: the path is a C string and `attr` a complete structure of the size given.
    let returned = unsafe {
        libc::syscall(libc::SYS_mount_setattr, mount.as_raw_fd(), c"".as_ptr(), flags, &raw const *attr, size)
    };
    check(returned).map(drop)
}

/// A new, detached mount of a file system. Options without a value are flags.
pub fn filesystem(
    kind: &CStr,
    options: &[(&CStr, Option<&CStr>)],
    attributes: MountAttrFlags,
) -> Result<OwnedFd, Errno> {
    let context = rustix::mount::fsopen(kind, FsOpenFlags::FSOPEN_CLOEXEC)?;
    for (key, value) in options {
        match value {
            Some(value) => rustix::mount::fsconfig_set_string(context.as_fd(), *key, *value)?,
            None => rustix::mount::fsconfig_set_flag(context.as_fd(), *key)?,
        }
    }
    rustix::mount::fsconfig_create(context.as_fd())?;
    rustix::mount::fsmount(context.as_fd(), FsMountFlags::FSMOUNT_CLOEXEC, attributes)
}

/// A detached copy of what is mounted at a path, with `recursive` of all below it too.
pub fn copy(path: &CStr, recursive: bool) -> Result<OwnedFd, Errno> {
    copy_at(CWD, path, recursive)
}

/// A detached copy of the mount that `place` is in, from `place` down. Before kernel 6.15 `place`
/// must be in this process's mount namespace: a detached mount cannot be copied.
pub fn copy_of(place: BorrowedFd<'_>, recursive: bool) -> Result<OwnedFd, Errno> {
    copy_at(place, c"", recursive)
}

fn copy_at(at: BorrowedFd<'_>, path: &CStr, recursive: bool) -> Result<OwnedFd, Errno> {
    let mut flags = OpenTreeFlags::OPEN_TREE_CLONE | OpenTreeFlags::OPEN_TREE_CLOEXEC;
    flags.set(OpenTreeFlags::AT_RECURSIVE, recursive);
    flags.set(OpenTreeFlags::AT_EMPTY_PATH, path.is_empty());
    rustix::mount::open_tree(at, path, flags)
}

/// Puts a detached mount where `place` is.
pub fn attach(mount: BorrowedFd<'_>, place: BorrowedFd<'_>) -> Result<(), Errno> {
    let flags = MoveMountFlags::MOVE_MOUNT_F_EMPTY_PATH | MoveMountFlags::MOVE_MOUNT_T_EMPTY_PATH;
    rustix::mount::move_mount(mount, c"", place, c"", flags)
}
