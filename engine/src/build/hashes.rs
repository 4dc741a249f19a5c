//! Digests of files that were read before: a file that has not changed is not read again.
//!
//! A file is known by device, inode, size and the times of its content and of its inode. The
//! second of these cannot be set by programs. A file that was changed a moment before it was read
//! could change again without any of them changing: it is not remembered.

use crate::error::{Context, Result};
use crate::image::digest::Hashing;
use crate::store;
use rustix::fs::Stat;
use std::collections::HashMap;
use std::fmt::Write;
use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

/// Changes within this time of one another may have the same time of change.
const MOMENT_SECONDS: i64 = 2;
/// First line of the file.
const FORM: &str = "sampan hashes 1";

/// What tells a file, as it is now, from all others.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Identity {
    device: u64,
    inode: u64,
    size: u64,
    modified: (i64, i64),
    changed: (i64, i64),
}

/// Digests by what tells a file from others.
#[derive(Debug, Default)]
pub(super) struct Hashes {
    before: HashMap<Identity, String>,
    /// Those that were asked for.
    used: HashMap<Identity, String>,
    is_new: bool,
}

impl Hashes {
    /// Those of an earlier build; none when there are none, or they are damaged.
    pub(super) fn load(path: &Path) -> Self {
        let text = std::fs::read_to_string(path).unwrap_or_default();
        let before = parse(&text).unwrap_or_default();
        Self { before, ..Self::default() }
    }

    /// Keeps those that were asked for, unless all of them were kept already.
    pub(super) fn save(&self, path: &Path) -> Result<()> {
        if !self.is_new {
            return Ok(());
        }
        let mut text = format!("{FORM}\n");
        for (identity, digest) in &self.used {
            let Identity { device, inode, size, modified, changed } = identity;
            // Writing to a String cannot fail.
            let _ = writeln!(
                text,
                "{device} {inode} {size} {} {} {} {} {digest}",
                modified.0, modified.1, changed.0, changed.1
            );
        }
        store::replace_file(path, text.as_bytes(), false).doing(|| format!("write {}", path.display()))
    }

    /// The digest of a file that has not changed since it was read.
    pub(super) fn known(&mut self, stat: &Stat) -> Option<String> {
        let identity = identity(stat)?;
        if let Some(digest) = self.used.get(&identity) {
            return Some(digest.clone());
        }
        let digest = self.before.get(&identity)?.clone();
        self.used.insert(identity, digest.clone());
        Some(digest)
    }

    /// Reads a file and gives its digest.
    pub(super) fn read(&mut self, file: &File) -> io::Result<String> {
        let before = file.metadata()?;
        let digest = Hashing::new(file.take(u64::MAX)).finish()?;
        let after = file.metadata()?;
        let identity = |found: &std::fs::Metadata| Identity {
            device: found.dev(),
            inode: found.ino(),
            size: found.size(),
            modified: (found.mtime(), found.mtime_nsec()),
            changed: (found.ctime(), found.ctime_nsec()),
        };
        let found = identity(&after);
        if found == identity(&before) && !is_fresh(found.changed.0) {
            self.used.insert(found, digest.clone());
            self.is_new = true;
        }
        Ok(digest)
    }
}

fn identity(stat: &Stat) -> Option<Identity> {
    Some(Identity {
        device: stat.st_dev,
        inode: stat.st_ino,
        size: u64::try_from(stat.st_size).ok()?,
        modified: (stat.st_mtime, i64::try_from(stat.st_mtime_nsec).ok()?),
        changed: (stat.st_ctime, i64::try_from(stat.st_ctime_nsec).ok()?),
    })
}

fn is_fresh(seconds: i64) -> bool {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |now| now.as_secs());
    i64::try_from(now).is_ok_and(|now| seconds + MOMENT_SECONDS > now)
}

fn parse(text: &str) -> Option<HashMap<Identity, String>> {
    let lines = text.strip_prefix(FORM)?.strip_prefix('\n')?;
    lines.lines().map(line).collect()
}

fn line(text: &str) -> Option<(Identity, String)> {
    let mut words = text.split(' ');
    let identity = Identity {
        device: words.next()?.parse().ok()?,
        inode: words.next()?.parse().ok()?,
        size: words.next()?.parse().ok()?,
        modified: (words.next()?.parse().ok()?, words.next()?.parse().ok()?),
        changed: (words.next()?.parse().ok()?, words.next()?.parse().ok()?),
    };
    let digest = words.next().filter(|digest| crate::image::digest::is_sha256(digest))?;
    Some((identity, digest.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::image::digest;

    fn identity_of(number: u64) -> Identity {
        Identity { device: 1, inode: number, size: 3, modified: (4, 5), changed: (-6, 7) }
    }

    #[test]
    fn what_was_asked_for_is_kept_and_the_rest_forgotten() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("hashes");
        let digest = digest::of(b"abc");
        let used = HashMap::from([(identity_of(2), digest.clone())]);
        Hashes { before: HashMap::from([(identity_of(1), digest)]), used: used.clone(), is_new: true }
            .save(&path)
            .unwrap();
        assert_eq!(Hashes::load(&path).before, used);
    }

    #[test]
    fn damage_is_nothing_known() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("hashes");
        assert!(Hashes::load(&path).before.is_empty());
        for text in
            ["", "other form\n", "sampan hashes 1\n1 2 3 4 5 6 7 sha256:short\n", "sampan hashes 1\n1 2"]
        {
            std::fs::write(&path, text).unwrap();
            assert!(Hashes::load(&path).before.is_empty(), "{text}");
        }
    }

    #[test]
    fn a_file_changed_a_moment_ago_is_read_again() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a");
        std::fs::write(&path, "abc").unwrap();
        let mut hashes = Hashes::default();
        let file = File::open(&path).unwrap();
        assert_eq!(hashes.read(&file).unwrap(), digest::of(b"abc"));
        assert_eq!(hashes.known(&rustix::fs::fstat(&file).unwrap()), None);
    }

    #[test]
    fn a_file_that_has_not_changed_is_known() {
        let file = File::open("/proc/self/exe").unwrap();
        let mut hashes = Hashes::default();
        let stat = rustix::fs::fstat(&file).unwrap();
        let changed = (stat.st_ctime, i64::try_from(stat.st_ctime_nsec).unwrap());
        assert_eq!(identity(&stat).unwrap().changed, changed);
        hashes.before.insert(identity(&stat).unwrap(), "known".to_owned());
        assert_eq!(hashes.known(&stat).as_deref(), Some("known"));
        assert!(is_fresh(i64::MAX - MOMENT_SECONDS) && !is_fresh(0));
    }
}
