//! A file of a web server: named as in its URL, only for its owner, and as old as the server says.

use super::{Reach, Said};
use crate::build::copy::CopySource;
use crate::error::{Context, Error, Kind, Result};
use crate::image::digest::is_sha256;
use crate::image::registry::download;
use std::fs::{File, OpenOptions};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, UNIX_EPOCH};

/// Permissions that a downloaded file has.
const MODE: u32 = 0o600;

/// Where the file is, and what it must be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Page {
    url: String,
    checksum: Option<String>,
}

impl Page {
    pub(super) fn parse(text: &str, said: &Said) -> Result<Option<Self>> {
        if !text.starts_with("http://") && !text.starts_with("https://") {
            return Ok(None);
        }
        if let Some(checksum) = said.checksum.as_deref().filter(|checksum| !is_sha256(checksum)) {
            let error =
                Error::new(Kind::Unsupported, format!("`--checksum={checksum}` is not one of a file"));
            return Err(error.hint("write `sha256:` and 64 hexadecimal digits in lower case"));
        }
        Ok(Some(Self { url: text.to_owned(), checksum: said.checksum.clone() }))
    }

    /// A file with a checksum need not be here to know what it is.
    pub(super) fn identity(&self, reach: Reach<'_>) -> Result<Option<String>> {
        if self.checksum.is_some() {
            return Ok(None);
        }
        let (digest, modified) = self.download(reach)?;
        Ok(Some(format!("{digest} {modified}")))
    }

    /// Downloads it unless that was done to know what it is.
    pub(super) fn bring(&self, reach: Reach<'_>) -> Result<()> {
        if let Some(wanted) = &self.checksum {
            let (found, _) = self.download(reach)?;
            if found != *wanted {
                let error = Error::new(Kind::Corrupt, format!("{} does not have the checksum", self.url));
                let evidence = vec![format!("expected {wanted}"), format!("found    {found}")];
                return Err(error.evidence(evidence).hint("is it another version of the file?"));
            }
        }
        Ok(())
    }

    pub(super) fn source(&self, folder: &Path) -> CopySource {
        CopySource::File { path: place(folder), name: name(&self.url) }
    }

    /// Downloads it; gives its digest and time.
    fn download(&self, reach: Reach<'_>) -> Result<(String, i64)> {
        let path = place(reach.folder);
        let open = || OpenOptions::new().create(true).truncate(true).write(true).mode(MODE).open(&path);
        let mut file: File = open().doing(|| format!("create {}", path.display()))?;
        let check = || reach.cancel.check();
        let done = download(&reach.inputs.registries, &self.url, &mut file, &check)?;
        let modified = done.modified.unwrap_or(0).max(0);
        let time = UNIX_EPOCH + Duration::from_secs(modified.unsigned_abs());
        file.set_modified(time).doing(|| format!("set the time of {}", path.display()))?;
        Ok((done.digest, modified))
    }
}

fn place(folder: &Path) -> PathBuf {
    folder.join("file")
}

/// The last part of the path; empty when there is none.
fn name(url: &str) -> String {
    let path = url.split(['?', '#']).next().unwrap_or_default();
    let (_, behind) = path.split_once("://").unwrap_or(("", path));
    let (_, path) = behind.split_once('/').unwrap_or((behind, ""));
    let last = decoded(path.trim_end_matches('/').rsplit('/').next().unwrap_or_default());
    // What was hidden in percent signs is no way out of a folder.
    match last.rsplit('/').next() {
        Some(".." | ".") | None => String::new(),
        Some(last) => last.replace('\0', ""),
    }
}

/// With what percent signs stand for.
fn decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, behind)) = rest.split_first() {
        let code = behind.get(..2).and_then(|code| std::str::from_utf8(code).ok());
        match code.filter(|_| *first == b'%').and_then(|code| u8::from_str_radix(code, 16).ok()) {
            Some(byte) => {
                bytes.push(byte);
                rest = &behind[2..];
            }
            None => {
                bytes.push(*first);
                rest = behind;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_named_as_the_end_of_its_path() {
        for (url, expected) in [
            ("https://example.com/a/b.tar.gz", "b.tar.gz"),
            ("https://example.com/a/b.tar.gz?x=/y#z", "b.tar.gz"),
            ("https://example.com/a/", "a"),
            ("https://example.com/a%20b", "a b"),
            ("https://example.com/%2e%2e", ""),
            ("https://example.com/a%2f..%2Fb", "b"),
            ("https://example.com/100%", "100%"),
            ("https://example.com", ""),
            ("https://example.com/", ""),
        ] {
            assert_eq!(name(url), expected, "{url}");
        }
    }

    #[test]
    fn only_a_checksum_of_a_file_is_one() {
        let parse = |checksum: &str| {
            let said = Said { checksum: Some(checksum.to_owned()), ..Said::default() };
            Page::parse("https://example.com/a", &said)
        };
        assert!(parse(&format!("sha256:{}", "0".repeat(64))).is_ok());
        for wrong in ["", "sha256:0", "0123", "md5:0"] {
            assert!(parse(wrong).is_err(), "{wrong}");
        }
    }
}
