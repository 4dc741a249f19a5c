//! Results that go to a file.

use std::fs::{self, File, OpenOptions, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

/// Puts the text in place of what the file holds, see [`stream`].
pub(crate) fn replace(path: &Path, text: &str) -> io::Result<()> {
    stream(path, |file| file.write_all(text.as_bytes()))
}

/// As [`replace`]; then only the owner may read the file, and never anybody else meanwhile.
pub(crate) fn replace_private(path: &Path, text: &str) -> io::Result<()> {
    put(path, Some(0o600), |file| file.write_all(text.as_bytes()))
}

/// Puts what `fill` writes in place of what the file holds, all at once: who reads it meanwhile sees
/// the old content or the new one. Links are followed; what is no regular file is written to.
pub(crate) fn stream<E: From<io::Error>>(
    path: &Path,
    fill: impl FnOnce(&mut File) -> Result<(), E>,
) -> Result<(), E> {
    put(path, None, fill)
}

fn put<E: From<io::Error>>(
    path: &Path,
    mode: Option<u32>,
    fill: impl FnOnce(&mut File) -> Result<(), E>,
) -> Result<(), E> {
    let path = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    let permissions = match fs::metadata(&path) {
        Ok(there) if !there.is_file() => {
            return fill(&mut OpenOptions::new().write(true).truncate(true).open(path)?);
        }
        Ok(there) => mode.map(Permissions::from_mode).or(Some(there.permissions())),
        Err(_) => None,
    };
    let temporary = temporary(&path);
    let mut options = OpenOptions::new();
    let mut file = options.write(true).create_new(true).mode(mode.unwrap_or(0o666)).open(&temporary)?;
    let filled = fill(&mut file).and_then(|()| {
        permissions.map_or(Ok(()), |permissions| file.set_permissions(permissions))?;
        Ok(fs::rename(&temporary, &path)?)
    });
    filled.inspect_err(|_| {
        let _ = fs::remove_file(&temporary);
    })
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
    fn a_private_file_is_for_its_owner_whatever_it_was_before() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("a");
        let mode = || fs::metadata(&file).unwrap().permissions().mode() & 0o777;
        replace_private(&file, "1").unwrap();
        assert_eq!(mode(), 0o600);
        fs::set_permissions(&file, Permissions::from_mode(0o644)).unwrap();
        replace_private(&file, "2").unwrap();
        assert_eq!(mode(), 0o600);
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
