//! A layer below all images with the places where every container has something mounted.
//!
//! Without it those that an image lacks would be made in the writable layer of each container:
//! half a dozen folders and files to be made at the first start and deleted at the removal.

use crate::error::{Context, Result};
use crate::store::{Lock, LockKind, Store};
use crate::tree;
use std::fs::{self, File, Permissions};
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

const FOLDERS: [&str; 4] = ["dev", "etc", "proc", "sys"];
const FILES: [&str; 3] = ["etc/hostname", "etc/hosts", "etc/resolv.conf"];

/// The layer; made when it is missing. It exists completely or not at all.
pub(crate) fn ensure(store: &Store) -> Result<PathBuf> {
    let path = store.skeleton();
    if path.exists() {
        return Ok(path);
    }
    let _lock = Lock::take(store, "skeleton", LockKind::Exclusive)?;
    let unborn = path.with_extension("new");
    tree::remove(&unborn)?;
    if !path.exists() {
        let place = || make(&unborn).and_then(|()| fs::rename(&unborn, &path));
        place().doing(|| format!("create {}", path.display()))?;
    }
    Ok(path)
}

fn make(at: &Path) -> io::Result<()> {
    let folder = |path: PathBuf| {
        fs::create_dir(&path)?;
        fs::set_permissions(path, Permissions::from_mode(0o755))
    };
    folder(at.to_owned())?;
    FOLDERS.iter().try_for_each(|name| folder(at.join(name)))?;
    FILES
        .iter()
        .try_for_each(|name| File::create(at.join(name))?.set_permissions(Permissions::from_mode(0o644)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_made_once_whatever_an_interruption_left() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::new(folder.path().join("root"), folder.path().join("run"));
        store.prepare().unwrap();
        fs::create_dir_all(store.root().join("skeleton.new/dev")).unwrap();
        let path = ensure(&store).unwrap();
        assert!(path.join("etc/hosts").is_file() && path.join("proc").is_dir());
        fs::remove_file(path.join("etc/hosts")).unwrap();
        assert_eq!(ensure(&store).unwrap(), path);
        assert!(!path.join("etc/hosts").exists(), "what is there is left alone");
        assert!(!store.root().join("skeleton.new").exists());
    }
}
