//! Where a path leads below a folder that may be hostile, also when its end does not exist yet.

use crate::image::paths;
use rustix::fs::{self, FileType, OFlags};
use rustix::io::Errno;
use std::io;
use std::os::fd::BorrowedFd;

/// As many links as the kernel follows in one path.
const LINKS_MAX: u32 = 40;

/// A path without links.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Resolved {
    /// Its steps.
    pub(super) steps: Vec<Vec<u8>>,
    /// How many of them exist.
    pub(super) known: usize,
}

impl Resolved {
    /// Whether all of it exists.
    pub(super) fn exists(&self) -> bool {
        self.known == self.steps.len()
    }

    /// The path, without a slash at either end.
    pub(super) fn path(&self) -> Vec<u8> {
        self.steps.join(&b'/')
    }
}

/// Follows links and `..` with `root` as the root, as the kernel does. A link that leads to nothing
/// stands for what could be made there.
pub(super) fn resolve(root: BorrowedFd<'_>, path: &[u8]) -> io::Result<Resolved> {
    let mut ahead: Vec<Vec<u8>> = steps(path).rev().collect();
    let mut done = Resolved::default();
    let mut links = 0;
    while let Some(step) = ahead.pop() {
        if step == b".." {
            done.steps.pop();
            done.known = done.known.min(done.steps.len());
            continue;
        }
        done.steps.push(step);
        if done.known + 1 < done.steps.len() {
            continue;
        }
        match look(root, &done.path())? {
            Found::Nothing => {}
            Found::Something => done.known = done.steps.len(),
            Found::Link(to) => {
                links += 1;
                if links > LINKS_MAX {
                    return Err(Errno::LOOP.into());
                }
                done.steps.pop();
                if to.starts_with(b"/") {
                    done.steps.clear();
                }
                done.known = done.steps.len();
                ahead.extend(steps(&to).rev());
            }
        }
    }
    Ok(done)
}

fn steps(path: &[u8]) -> impl DoubleEndedIterator<Item = Vec<u8>> {
    let named = |step: &&[u8]| !step.is_empty() && *step != b".";
    path.split(|byte| *byte == b'/').filter(named).map(<[u8]>::to_vec)
}

enum Found {
    Nothing,
    Something,
    Link(Vec<u8>),
}

fn look(root: BorrowedFd<'_>, path: &[u8]) -> io::Result<Found> {
    let entry = match paths::resolve(root, path, OFlags::PATH | OFlags::NOFOLLOW) {
        Err(Errno::NOENT) => return Ok(Found::Nothing),
        entry => entry?,
    };
    let stat = fs::fstat(&entry)?;
    Ok(match FileType::from_raw_mode(stat.st_mode) {
        FileType::Symlink => Found::Link(fs::readlinkat(&entry, c"", Vec::new())?.into_bytes()),
        // So a single layer shows what it deletes.
        FileType::CharacterDevice if stat.st_rdev == 0 => Found::Nothing,
        _ => Found::Something,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tree::open_path;
    use std::os::fd::AsFd;
    use std::os::unix::fs::symlink;

    #[test]
    fn links_are_followed_inside_and_the_rest_is_what_could_be_made() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        std::fs::create_dir_all(path("usr/lib")).unwrap();
        std::fs::write(path("usr/file"), "").unwrap();
        for (to, at) in [
            ("usr/lib", "lib"),
            ("/usr", "absolute"),
            ("../../../etc", "out"),
            ("loop", "loop"),
            ("/new/place", "dangling"),
        ] {
            symlink(to, path(at)).unwrap();
        }
        let root = open_path(folder.path()).unwrap();
        let found = |path: &str| {
            let found = resolve(root.as_fd(), path.as_bytes())?;
            Ok::<_, io::Error>((String::from_utf8(found.path()).unwrap(), found.known))
        };
        let table = [
            ("", "", 0),
            ("/usr//lib/.", "usr/lib", 2),
            ("lib/x", "usr/lib/x", 2),
            ("lib/../file", "usr/file", 2),
            ("absolute/lib", "usr/lib", 2),
            ("out/x", "etc/x", 0),
            ("../../usr", "usr", 1),
            ("dangling", "new/place", 0),
            ("a/../usr", "usr", 1),
        ];
        for (given, expected, known) in table {
            assert_eq!(found(given).unwrap(), (expected.to_owned(), known), "{given}");
        }
        assert_eq!(found("loop").unwrap_err().raw_os_error(), Some(libc::ELOOP));
        assert_eq!(found("usr/file/x").unwrap_err().raw_os_error(), Some(libc::ENOTDIR));
    }
}
