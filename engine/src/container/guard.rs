//! One supervisor for each container: a lock that it holds for life, signed with its name.
//!
//! The lock is a file in the durable folder. It says who supervises even when the runtime folder
//! was wiped, and it is free exactly when no supervisor lives.

use super::state::ProcessKey;
use crate::error::{Context, Error, Kind, Result};
use crate::shim::order::Order;
use crate::store::Store;
use nix::unistd::dup2_stdin;
use planner::ContainerId;
use std::ffi::OsStr;
use std::fs::{self, File, TryLockError};
use std::io::ErrorKind;
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;

/// Held by the supervisor of a container, or by who makes sure that there is none.
#[derive(Debug)]
pub struct Guard {
    path: PathBuf,
    file: File,
    handed_over: bool,
}

impl Guard {
    /// Takes it; `None` when a supervisor lives.
    pub fn try_take(store: &Store, id: &ContainerId) -> Result<Option<Self>> {
        let path = store.supervisor(id);
        let doing = || format!("lock {}", path.display());
        let file = match File::options().create(true).truncate(false).write(true).open(&path) {
            // Locking needs no writing, and what runs on a disk that became read-only can be stopped.
            Err(error) if error.kind() == ErrorKind::ReadOnlyFilesystem => File::open(&path),
            opened => opened,
        };
        let file = file.doing(doing)?;
        match file.try_lock() {
            Ok(()) => Ok(Some(Self { path, file, handed_over: false })),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(error)) => Err(error).doing(doing),
        }
    }

    /// Whether a supervisor lives, or is about to.
    pub fn is_held(store: &Store, id: &ContainerId) -> Result<bool> {
        Ok(store.supervisor(id).exists() && Self::try_take(store, id)?.is_none())
    }

    /// Leaves it to a process that was started with a copy of it as standard input: a lock of
    /// flock(2) belongs to all copies of the descriptor, so there is no moment without it.
    pub fn hand_over(mut self) {
        self.handed_over = true;
    }

    /// Takes over what was handed to us as standard input.
    pub fn inherit(store: &Store, id: &ContainerId) -> Result<Self> {
        let path = store.supervisor(id);
        let inherit = || {
            let file = File::from(std::io::stdin().as_fd().try_clone_to_owned()?);
            let (ours, wanted) = (file.metadata()?, fs::metadata(&path)?);
            // Succeeds at once when it is ours already.
            file.try_lock()?;
            dup2_stdin(File::open("/dev/null")?)?;
            Ok::<_, std::io::Error>(
                (ours.ino() == wanted.ino() && ours.dev() == wanted.dev()).then_some(file),
            )
        };
        let handed = inherit().doing(|| format!("take over {}", path.display()))?;
        let stray =
            || Error::new(Kind::Conflict, format!("nobody handed the supervision of {} to us", id.name()));
        handed.map(|file| Self { path, file, handed_over: false }).ok_or_else(stray)
    }

    /// Writes our name into it.
    pub fn sign(&self, me: &ProcessKey) -> Result<()> {
        let sign = || fs::write(&self.path, serde_json::to_vec(me)?);
        sign().doing(|| format!("sign {}", self.path.display()))
    }

    /// Who last signed it; when that cannot be read, who does the work.
    pub fn holder(store: &Store, id: &ContainerId) -> Option<ProcessKey> {
        let signature = fs::read(store.supervisor(id)).ok()?;
        serde_json::from_slice(&signature).ok().or_else(|| find(store, id))
    }
}

/// The supervisor of a container, known by its command line.
fn find(store: &Store, id: &ContainerId) -> Option<ProcessKey> {
    let entries = fs::read_dir("/proc").ok()?.flatten();
    let pids = entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    let is_it = |pid: &i32| {
        let line = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        let words: Vec<&[u8]> = line.split(|byte| *byte == 0).filter(|word| !word.is_empty()).collect();
        let [_, b"shim", order @ ..] = words.as_slice() else { return false };
        let order = Order::parse(order.iter().map(|word| OsStr::from_bytes(word).to_owned()));
        order.is_some_and(|order| order.store == *store && order.id == *id)
    };
    pids.into_iter().find(is_it).and_then(ProcessKey::of)
}

impl Drop for Guard {
    /// Unlocks rather than only closes: a child that another thread has forked shares the open
    /// file until its exec, and with it the lock (flock(2)).
    fn drop(&mut self) {
        if !self.handed_over {
            // When even this fails, the lock ends with the last copy of the descriptor.
            let _ = self.file.unlock();
        }
    }
}

impl AsFd for Guard {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.file.as_fd()
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
        let guard = Guard::try_take(&store, &id).unwrap().unwrap();
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
