//! Locks between processes: flock(2) on files that are never removed.

use super::Store;
use crate::error::{Context, Result};
use std::fs::{File, TryLockError};
use std::io;
use std::path::Path;

/// How a lock is held.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LockKind {
    /// With others of the same kind.
    Shared,
    /// Alone.
    Exclusive,
}

/// A lock, held until it is dropped or the process ends.
#[derive(Debug)]
pub struct Lock {
    file: File,
}

impl Lock {
    /// Waits for the lock of this name: `stack-<name>`, `net`, `image-…`.
    pub fn take(store: &Store, name: &str, kind: LockKind) -> Result<Self> {
        let path = store.lock(name);
        let lock = || {
            let file = open(&path)?;
            match kind {
                LockKind::Shared => file.lock_shared()?,
                LockKind::Exclusive => file.lock()?,
            }
            Ok::<_, std::io::Error>(file)
        };
        Ok(Self { file: lock().doing(|| format!("lock {}", path.display()))? })
    }

    /// Takes it alone; `None` when somebody has it.
    pub fn try_take(store: &Store, name: &str) -> Result<Option<Self>> {
        let path = store.lock(name);
        let doing = || format!("lock {}", path.display());
        let file = open(&path).doing(doing)?;
        match file.try_lock() {
            Ok(()) => Ok(Some(Self { file })),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(error)) => Err(error).doing(doing),
        }
    }
}

impl Drop for Lock {
    /// A child that has yet to execute its program shares the open file, and closing ours alone would
    /// leave the lock with it: flock(2).
    fn drop(&mut self) {
        let _ = self.file.unlock();
    }
}

fn open(path: &Path) -> io::Result<File> {
    File::options().create(true).truncate(false).write(true).read(true).open(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dropped_lock_is_free_although_the_open_file_lives_on_elsewhere() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::new(folder.path(), folder.path());
        store.prepare().unwrap();
        let lock = Lock::take(&store, "x", LockKind::Shared).unwrap();
        let shared = lock.file.try_clone().unwrap();
        assert!(Lock::try_take(&store, "x").unwrap().is_none());
        drop(lock);
        assert!(Lock::try_take(&store, "x").unwrap().is_some());
        drop(shared);
    }
}
