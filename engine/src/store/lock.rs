//! Locks between processes: flock(2) on files that are never removed.

use super::Store;
use crate::error::{Context, Result};
use std::fs::File;

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
    _file: File,
}

impl Lock {
    /// Waits for the lock of this name: `stack-<name>`, `net`, `image-…`.
    pub fn take(store: &Store, name: &str, kind: LockKind) -> Result<Self> {
        let path = store.lock(name);
        let lock = || {
            let file = File::options().create(true).truncate(false).write(true).read(true).open(&path)?;
            match kind {
                LockKind::Shared => file.lock_shared()?,
                LockKind::Exclusive => file.lock()?,
            }
            Ok::<_, std::io::Error>(file)
        };
        Ok(Self { _file: lock().doing(|| format!("lock {}", path.display()))? })
    }
}
