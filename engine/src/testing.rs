//! What tests need that touch the machine: root, and mounts that nobody else sees.

use nix::sched::{CloneFlags, unshare};
use rustix::mount::{MountFlags, MountPropagationFlags, mount, mount_change};
use std::ffi::CString;
use std::io::Write;
use std::path::PathBuf;

/// A folder on a tmpfs of its own, in a mount namespace that only this test's thread is in, so
/// that nothing remains when the thread ends. `None` skips the test: it needs root.
pub(crate) fn private_mounts() -> Option<PathBuf> {
    if !is_root() {
        return None;
    }
    unshare(CloneFlags::CLONE_NEWNS).unwrap();
    mount_change("/", MountPropagationFlags::REC | MountPropagationFlags::PRIVATE).unwrap();
    // /mnt exists on every system; what lies below it stays hidden from this thread only.
    mount("sampan-test", "/mnt", "tmpfs", MountFlags::empty(), Some(CString::default().as_c_str())).unwrap();
    Some(PathBuf::from("/mnt"))
}

/// Whether tests that need root can run. Says so when they cannot, and fails when they must.
pub(crate) fn is_root() -> bool {
    let root = rustix::process::geteuid().is_root();
    if !root {
        assert!(std::env::var_os("SAMPAN_REQUIRE_ROOT").is_none(), "this test needs root");
        writeln!(std::io::stderr(), "skipped: needs root").unwrap();
    }
    root
}
