//! Appending to the journal, by many at once.
//!
//! A line goes into the file by one write(2) and begins with a line feed of its own: what a writer that
//! was killed or a full disk left of a line before it is a line by itself, which readers skip. Writers
//! share a lock on the file, which is renamed only by who has it alone, so that readers know that
//! nothing comes behind the end of a file that has another name.

use super::Entry;
use crate::store::Store;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};

/// Size from which on a new file is begun. With the one before it this is all that is kept.
const MOST: u64 = 4 << 20;

/// Longest line; labels are left out of one that would be longer.
const LONGEST: usize = 16 << 10;

/// Appends one entry.
pub(super) fn append(store: &Store, entry: &Entry) -> io::Result<()> {
    append_bounded(store, entry, MOST)
}

fn append_bounded(store: &Store, entry: &Entry, most: u64) -> io::Result<()> {
    let file = open(store)?;
    (&file).write_all(&line(entry)?)?;
    let is_full = file.metadata()?.len() >= most;
    drop(file);
    if is_full { rotate(store, most) } else { Ok(()) }
}

fn line(entry: &Entry) -> io::Result<Vec<u8>> {
    let mut text = serde_json::to_vec(entry)?;
    if text.len() > LONGEST {
        let known = ["name", "image"].map(str::to_owned);
        let mut short = entry.clone();
        short.attributes.retain(|name, _| known.contains(name));
        text = serde_json::to_vec(&short)?;
    }
    Ok([b"\n", text.as_slice(), b"\n"].concat())
}

/// The newest file, which keeps its name until it is closed. One that stands still while it renames
/// must not stop everybody: then the line may come into the file that is renamed.
fn open(store: &Store) -> io::Result<File> {
    loop {
        let path = store.journal();
        let file = OpenOptions::new().append(true).create(true).mode(0o600).open(&path)?;
        match file.try_lock_shared() {
            Err(TryLockError::WouldBlock) => return Ok(file),
            Err(TryLockError::Error(error)) => return Err(error),
            Ok(()) => {}
        }
        if is_newest(store, &file)? {
            return Ok(file);
        }
    }
}

fn is_newest(store: &Store, file: &File) -> io::Result<bool> {
    let own = file.metadata()?.ino();
    Ok(fs::metadata(store.journal()).is_ok_and(|newest| newest.ino() == own))
}

/// Who cannot have the file alone leaves it to the next one.
fn rotate(store: &Store, most: u64) -> io::Result<()> {
    let file = File::open(store.journal())?;
    if file.try_lock().is_err() || !is_newest(store, &file)? || file.metadata()?.len() < most {
        return Ok(());
    }
    fs::rename(store.journal(), store.old_journal())
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    pub(in crate::journal) fn place() -> (tempfile::TempDir, Store) {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::new(folder.path().join("root"), folder.path().join("run"));
        store.prepare().unwrap();
        (folder, store)
    }

    /// Appends entries of these names, a new file for every few.
    pub(in crate::journal) fn tell(store: &Store, names: &[&str], most: u64) {
        let entries = names.iter().map(|name| Entry::volume(name, None, "create"));
        entries.for_each(|entry| append_bounded(store, &entry, most).unwrap());
    }

    #[test]
    fn nobody_else_can_read_it_and_it_does_not_grow_for_ever() {
        let (_folder, store) = place();
        tell(&store, &["a", "b", "c", "d", "e"], 200);
        for path in [store.journal(), store.old_journal()] {
            let found = fs::metadata(path).unwrap();
            assert_eq!(found.mode() & 0o777, 0o600);
            assert!(found.len() < 400, "{}", found.len());
        }
        assert_eq!(fs::read_dir(store.journal().parent().unwrap()).unwrap().count(), 2);
    }

    #[test]
    fn many_labels_are_left_out() {
        let (_folder, store) = place();
        let entry = Entry::volume("v", None, "create").with("much", "x".repeat(LONGEST));
        append(&store, &entry).unwrap();
        let text = fs::read_to_string(store.journal()).unwrap();
        assert!(text.contains("\"name\":\"v\"") && !text.contains("much"), "{text}");
    }

    #[test]
    fn a_file_that_somebody_renames_is_written_to_all_the_same() {
        let (_folder, store) = place();
        tell(&store, &["a"], MOST);
        let renames = File::open(store.journal()).unwrap();
        renames.lock().unwrap();
        tell(&store, &["b"], MOST);
        assert!(fs::read_to_string(store.journal()).unwrap().contains("\"b\""));
    }
}
