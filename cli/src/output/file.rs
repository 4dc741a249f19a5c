//! Results that go to a file.

use std::fs::{self, File, OpenOptions, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt, fchown};
use std::path::{Path, PathBuf};

/// Puts the text in place of what the file holds, all at once: who reads it meanwhile sees the
/// old text or the new one. Links are followed; what is no regular file is written to.
pub(crate) fn replace(path: &Path, text: &str) -> io::Result<()> {
    put(path, text, None)
}

/// As [`replace`], with these permissions instead of those of the file there.
pub(crate) fn put(path: &Path, text: &str, mode: Option<u32>) -> io::Result<()> {
    let mut file = Replacement::begin(path, mode)?;
    file.write_all(text.as_bytes())?;
    file.finish()
}

/// A file that takes the place of another when it is complete; dropped before, it never was.
pub(crate) struct Replacement {
    file: File,
    /// Where it lies until then, and where it will; `None` for what is no regular file.
    names: Option<(PathBuf, PathBuf)>,
    permissions: Option<Permissions>,
}

impl Replacement {
    /// Begins one. It keeps the owner of the file there and, without a mode, its permissions.
    pub(crate) fn begin(path: &Path, mode: Option<u32>) -> io::Result<Self> {
        let path = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
        let mut owner = None;
        let permissions = match fs::metadata(&path) {
            Ok(there) if !there.is_file() => {
                let file = OpenOptions::new().write(true).open(&path)?;
                return Ok(Self { file, names: None, permissions: None });
            }
            Ok(there) => {
                owner = Some((there.uid(), there.gid()));
                mode.map(Permissions::from_mode).or(Some(there.permissions()))
            }
            Err(_) => None,
        };
        let temporary = temporary(&path);
        let mut options = OpenOptions::new();
        let file = options.write(true).create_new(true).mode(mode.unwrap_or(0o666)).open(&temporary)?;
        let replacement = Self { file, names: Some((temporary, path)), permissions };
        if let Some((uid, gid)) = owner {
            // Only root may give files away, and only root meets those of others.
            let _ = fchown(&replacement.file, Some(uid), Some(gid));
        }
        Ok(replacement)
    }

    /// Puts it in its place.
    pub(crate) fn finish(mut self) -> io::Result<()> {
        if let Some((temporary, path)) = &self.names {
            self.permissions.take().map_or(Ok(()), |permissions| self.file.set_permissions(permissions))?;
            fs::rename(temporary, path)?;
            self.names = None;
        }
        Ok(())
    }
}

impl Write for Replacement {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

impl Drop for Replacement {
    fn drop(&mut self) {
        if let Some((temporary, _)) = &self.names {
            let _ = fs::remove_file(temporary);
        }
    }
}

/// A name beside the file that no other process uses.
fn temporary(path: &Path) -> PathBuf {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    path.with_file_name(format!(".{name}.{}.tmp", std::process::id()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::ErrorKind;
    use std::os::unix::fs::symlink;

    #[test]
    fn a_file_is_replaced_whole_and_keeps_its_permissions_and_links() {
        let folder = tempfile::tempdir().unwrap();
        let (file, link) = (folder.path().join("a"), folder.path().join("b"));
        replace(&file, "1").unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
        symlink(&file, &link).unwrap();
        let before = fs::File::open(&file).unwrap();
        replace(&link, "2").unwrap();
        assert_eq!(fs::read_to_string(&file).unwrap(), "2");
        assert_eq!(io::read_to_string(before).unwrap(), "1");
        assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2);
    }

    #[test]
    fn what_cannot_be_written_says_why_and_leaves_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let error = replace(&folder.path().join("no/file"), "1").unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotFound);
        assert_eq!(replace(folder.path(), "1").unwrap_err().kind(), ErrorKind::IsADirectory);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    }
}
