//! Folders to work in: what is half made lies here, never in the store.

use super::Images;
use super::layer::Place;
use crate::error::{Context, Result};
use crate::tree;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

/// A folder to work in, removed when dropped; the next one removes those of processes that
/// ended before they could.
#[derive(Debug)]
pub(crate) struct Scratch {
    folder: PathBuf,
    /// Held locked; lies in the folder.
    lock: fs::File,
}

impl Scratch {
    pub(crate) fn new(images: &Images) -> Result<Self> {
        let tmp = images.root().join("tmp");
        let lock = images.lock()?;
        let left = left_behind(&tmp).doing(|| format!("look into {}", tmp.display()))?;
        let scratch = Self::make(&tmp).doing(|| format!("create a folder in {}", tmp.display()))?;
        images.discard_distrusted(&scratch.folder)?;
        drop(lock);
        left.iter().try_for_each(|old| tree::remove(&old.0))?;
        Ok(scratch)
    }

    /// No name is ever used again: who still removes an old folder by its name would remove this one.
    fn make(tmp: &Path) -> io::Result<Self> {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |now| now.as_nanos());
        for number in now.. {
            let folder = tmp.join(number.to_string());
            match fs::create_dir(&folder) {
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                done => {
                    done?;
                    let lock = fs::File::create(folder.join("lock"))?;
                    lock.lock()?;
                    return Ok(Self { folder, lock });
                }
            }
        }
        Err(io::ErrorKind::AlreadyExists.into())
    }

    /// As [`Scratch::new`]; `None` when the disk has no room even for that.
    pub(crate) fn unless_full(images: &Images) -> Result<Option<Self>> {
        match Self::new(images) {
            Err(error) if error.is_full() => Ok(None),
            scratch => scratch.map(Some),
        }
    }

    pub(crate) fn path(&self) -> &Path {
        &self.folder
    }

    /// New folders inside, for one layer.
    pub(crate) fn place(&self, name: &str) -> Result<Place> {
        Ok(Place {
            folder: self.folder(&format!("layer-{name}"))?,
            frame: self.folder(&format!("frame-{name}"))?,
        })
    }

    pub(crate) fn folder(&self, name: &str) -> Result<PathBuf> {
        let path = self.folder.join(name);
        let make = || {
            fs::create_dir(&path)?;
            fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o755))
        };
        make().doing(|| format!("create {}", path.display()))?;
        Ok(path)
    }

    /// Writes what is in it to the disk: one call, however many files there are.
    pub(crate) fn sync(&self) -> Result<()> {
        rustix::fs::syncfs(&self.lock).doing(|| format!("write {} to the disk", self.folder.display()))
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // What cannot be removed now is removed by the next one.
        let _ = tree::remove(&self.folder);
    }
}

/// Folders that processes left which ended before they could remove them.
pub(crate) fn abandoned(images: &Images) -> Result<Vec<PathBuf>> {
    let tmp = images.root().join("tmp");
    let left = left_behind(&tmp).doing(|| format!("look into {}", tmp.display()))?;
    Ok(left.into_iter().map(|(folder, _)| folder).collect())
}

/// Folders whose lock nobody holds, with their lock: so nobody else takes them for left behind.
fn left_behind(tmp: &Path) -> io::Result<Vec<(PathBuf, Option<fs::File>)>> {
    fs::create_dir_all(tmp)?;
    let mut left = Vec::new();
    for entry in fs::read_dir(tmp)? {
        let folder = entry?.path();
        match fs::File::open(folder.join("lock")) {
            Ok(lock) => {
                if lock.try_lock().is_ok() {
                    left.push((folder, Some(lock)));
                }
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => left.push((folder, None)),
            Err(error) => return Err(error),
        }
    }
    Ok(left)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::Store;

    #[test]
    fn folders_that_come_and_go_at_the_same_time_leave_one_another_alone() {
        let top = tempfile::tempdir().unwrap();
        let store = Store::new(top.path().join("root"), top.path().join("run"));
        store.prepare().unwrap();
        let images = Images::new(&store);
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    for _ in 0..30 {
                        let scratch = Scratch::new(&images).unwrap();
                        (0..10).for_each(|number| drop(scratch.folder(&number.to_string()).unwrap()));
                        assert_eq!(fs::read_dir(scratch.path()).unwrap().count(), 11);
                    }
                });
            }
        });
        assert_eq!(fs::read_dir(images.root().join("tmp")).unwrap().count(), 0);
    }
}
