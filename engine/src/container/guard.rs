//! One supervisor for each container: a lock that it holds for life, signed with its name.
//!
//! The lock is a file in the durable folder. It says who supervises even when the runtime folder
//! was wiped, and it is free exactly when no supervisor lives.

use super::state::ProcessKey;
use crate::error::{Context, Result};
use crate::store::Store;
use planner::ContainerId;
use std::fs::{self, File, TryLockError};
use std::io::{Seek, Write};

/// Held by the supervisor of a container, or by who makes sure that there is none.
#[derive(Debug)]
pub struct Guard {
    file: File,
}

impl Guard {
    /// Takes it; `None` when a supervisor lives.
    pub fn try_take(store: &Store, id: &ContainerId) -> Result<Option<Self>> {
        let path = store.supervisor(id);
        let doing = || format!("lock {}", path.display());
        let file = File::options().create(true).truncate(false).write(true).open(&path).doing(doing)?;
        match file.try_lock() {
            Ok(()) => Ok(Some(Self { file })),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(error)) => Err(error).doing(doing),
        }
    }

    /// Writes our name into it.
    pub fn sign(&mut self, me: &ProcessKey) -> Result<()> {
        let mut write = || {
            self.file.set_len(0)?;
            self.file.rewind()?;
            self.file.write_all(&serde_json::to_vec(me)?)
        };
        write().doing(|| "sign the supervisor's lock".to_owned())
    }

    /// Who last signed it.
    pub fn holder(store: &Store, id: &ContainerId) -> Option<ProcessKey> {
        serde_json::from_slice(&fs::read(store.supervisor(id)).ok()?).ok()
    }
}

impl Drop for Guard {
    /// Unlocks rather than only closes: a child that another thread has forked shares the open
    /// file until its exec, and with it the lock (flock(2)).
    fn drop(&mut self) {
        // When even this fails, the lock ends with the last copy of the descriptor.
        let _ = self.file.unlock();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_one_can_hold_it_and_it_says_who() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::new(folder.path(), folder.path());
        let id: ContainerId = "s.a.1.1".parse().unwrap();
        fs::create_dir_all(store.container(&id)).unwrap();
        assert_eq!(Guard::holder(&store, &id), None);
        let mut guard = Guard::try_take(&store, &id).unwrap().unwrap();
        let me = ProcessKey::of(std::process::id() as i32).unwrap();
        guard.sign(&me).unwrap();
        guard.sign(&me).unwrap();
        assert!(Guard::try_take(&store, &id).unwrap().is_none());
        assert_eq!(Guard::holder(&store, &id), Some(me));
        drop(guard);
        assert!(Guard::try_take(&store, &id).unwrap().is_some());
    }
    #[test]
    fn it_is_free_once_dropped_although_a_child_still_has_a_copy_of_its_descriptor() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::new(folder.path(), folder.path());
        let id: ContainerId = "s.a.1.1".parse().unwrap();
        fs::create_dir_all(store.container(&id)).unwrap();
        let guard = Guard::try_take(&store, &id).unwrap().unwrap();
        let copy = guard.file.try_clone().unwrap();
        drop(guard);
        assert!(Guard::try_take(&store, &id).unwrap().is_some());
        drop(copy);
    }
}
