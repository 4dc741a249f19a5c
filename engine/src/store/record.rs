//! Versioned records on disk, replaced as a whole by rename.

use crate::error::{Context, Error, Kind, Result};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// A value on disk, with the version of its form.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record<T> {
    /// Version of the form; this program writes and reads 1.
    pub version: u32,
    /// The value.
    #[serde(flatten)]
    pub value: T,
}

/// Replaces the record at `path`. Readers see the old or the new one, never a part.
pub fn write<T: Serialize>(path: &Path, value: &T) -> Result<()> {
    replace(path, value, false)
}

/// Like [`write`], and on the disk when it returns: for what must survive a power cut.
pub fn write_durable<T: Serialize>(path: &Path, value: &T) -> Result<()> {
    replace(path, value, true)
}

fn replace<T: Serialize>(path: &Path, value: &T, durable: bool) -> Result<()> {
    let doing = || format!("write {}", path.display());
    let text = serde_json::to_vec(&Record { version: 1, value }).map_err(io::Error::other).doing(doing)?;
    replace_file(path, &text, durable).doing(doing)
}

/// Replaces a file as a whole. A failure leaves the old one, and nothing beside it.
pub fn replace_file(path: &Path, content: &[u8], durable: bool) -> io::Result<()> {
    let temporary = temporary(path);
    let write = || {
        let mut file = File::create(&temporary)?;
        file.write_all(content)?;
        if durable {
            file.sync_all()?;
        }
        fs::rename(&temporary, path)
    };
    write().inspect_err(|_| drop(fs::remove_file(&temporary)))
}

/// What a record is called until it is complete. Each record has one writer at a time, and what
/// one that was killed has left is overwritten by the next, or removed with the record.
fn temporary(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(TEMPORARY);
    name.into()
}

const TEMPORARY: &str = ".tmp";

/// Removes what killed writers have left in a folder. The caller keeps others from writing there.
pub fn sweep_temporary(folder: &Path) -> Result<()> {
    let doing = || format!("clean up {}", folder.display());
    for entry in fs::read_dir(folder).doing(doing)? {
        let path = entry.doing(doing)?.path();
        if path.as_os_str().as_encoded_bytes().ends_with(TEMPORARY.as_bytes()) {
            remove_file(&path)?;
        }
    }
    Ok(())
}

/// Reads a record.
pub fn read<T: DeserializeOwned>(path: &Path) -> Result<T> {
    let text = fs::read(path).doing(|| format!("read {}", path.display()))?;
    let corrupt = || Error::new(Kind::Corrupt, format!("record {} is damaged", path.display()));
    let record: Record<T> = serde_json::from_slice(&text).map_err(|error| corrupt().because(error))?;
    if record.version != 1 {
        let doing = format!("record {} has version {}", path.display(), record.version);
        return Err(Error::new(Kind::Unsupported, doing).hint("a newer sampan wrote it: use that one"));
    }
    Ok(record.value)
}

/// Reads a record that may not be there.
pub fn read_optional<T: DeserializeOwned>(path: &Path) -> Result<Option<T>> {
    match read(path) {
        Ok(value) => Ok(Some(value)),
        Err(error) if error.kind == Kind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// Reads a record that may not be there, or be damaged: for what can be made again.
pub fn read_whole<T: DeserializeOwned>(path: &Path) -> Result<Option<T>> {
    match read_optional(path) {
        Err(error) if error.kind == Kind::Corrupt => Ok(None),
        other => other,
    }
}

/// Whether there is a record, or the beginning of one.
pub fn is_begun(path: &Path) -> bool {
    path.exists() || temporary(path).exists()
}

/// Removes a file that may not be there, and what an interrupted writer left beside it.
pub fn remove_optional(path: &Path) -> Result<()> {
    remove_file(&temporary(path))?;
    remove_file(path)
}

fn remove_file(path: &Path) -> Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(error).doing(|| format!("remove {}", path.display()))
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_reads_back_and_says_where_it_is_damaged() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.json");
        assert_eq!(read_optional::<Vec<u32>>(&path).unwrap(), None);
        let value = std::collections::BTreeMap::from([("a".to_owned(), 1)]);
        write_durable(&path, &value).unwrap();
        assert_eq!(read_optional(&path).unwrap(), Some(value));
        fs::write(&path, "{\"version\":1,").unwrap();
        let error = read::<std::collections::BTreeMap<String, u32>>(&path).unwrap_err();
        assert_eq!(error.kind, Kind::Corrupt);
        assert_eq!(read_whole::<Vec<u32>>(&path).unwrap(), None);
        fs::write(&path, "{\"version\":2}").unwrap();
        assert_eq!(read_whole::<()>(&path).unwrap_err().kind, Kind::Unsupported);
        assert!(error.doing.contains("a.json"), "{}", error.doing);
    }

    #[test]
    fn what_an_interrupted_writer_left_goes_with_the_record_or_is_swept() {
        let folder = tempfile::tempdir().unwrap();
        let [one, other] = ["one.json", "other.json"].map(|name| folder.path().join(name));
        let count = || fs::read_dir(folder.path()).unwrap().count();
        [&one, &other].iter().for_each(|path| fs::write(temporary(path), "{\"ver").unwrap());
        assert!(is_begun(&one) && is_begun(&other));
        write(&one, &std::collections::BTreeMap::from([("a", 1)])).unwrap();
        assert_eq!(count(), 2);
        fs::write(temporary(&one), "").unwrap();
        remove_optional(&one).unwrap();
        assert_eq!(count(), 1);
        sweep_temporary(folder.path()).unwrap();
        assert_eq!(count(), 0);
    }
}
