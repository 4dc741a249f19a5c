//! `--chown`: names are those of the image that is copied into.

use crate::error::{Error, Kind, Result};
use crate::sandbox::User;
use std::os::fd::BorrowedFd;

/// User and group.
pub(in crate::build) type Owner = (u32, u32);

/// Finds out who `user[:group]` is. A number stands for the group of the same number, too; a name for
/// its own group.
pub(in crate::build) fn find(root: BorrowedFd<'_>, text: &str) -> Result<Owner> {
    let (user, group) = text.split_once(':').unwrap_or((text, ""));
    let uid = number(user, text)?;
    let found = match uid {
        Some(uid) => (uid, uid),
        None => {
            let found = User::lookup(root, user, &[])?;
            (found.uid, found.gid)
        }
    };
    if group.is_empty() {
        return Ok(found);
    }
    let gid = match number(group, text)? {
        Some(gid) => gid,
        None => User::lookup(root, &format!("0:{group}"), &[])?.gid,
    };
    Ok((found.0, gid))
}

fn number(name: &str, text: &str) -> Result<Option<u32>> {
    if name.is_empty() || !name.bytes().all(|digit| digit.is_ascii_digit()) {
        return Ok(None);
    }
    // The highest one stands for "leave it as it is".
    let id = name.parse().ok().filter(|id| *id != u32::MAX);
    id.map(Some)
        .ok_or_else(|| Error::new(Kind::Unsupported, format!("`{text}` is out of range for an owner")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs::{self, File};
    use std::os::fd::AsFd;

    #[test]
    fn names_are_looked_up_in_the_image_and_numbers_are_what_they_are() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("etc")).unwrap();
        fs::write(folder.path().join("etc/passwd"), "web:x:33:34::/:\n").unwrap();
        fs::write(folder.path().join("etc/group"), "log:x:40:\n").unwrap();
        let root = File::open(folder.path()).unwrap();
        let find = |text: &str| find(root.as_fd(), text);
        for (text, expected) in [
            ("web", (33, 34)),
            ("web:log", (33, 40)),
            ("web:7", (33, 7)),
            ("12", (12, 12)),
            ("33", (33, 33)),
            ("12:log", (12, 40)),
            (":7", (0, 7)),
        ] {
            assert_eq!(find(text).unwrap(), expected, "{text}");
        }
        assert_eq!(find("nobody").unwrap_err().doing, "there is no user `nobody` in the image");
        assert_eq!(find("0:wheel").unwrap_err().doing, "there is no group `wheel` in the image");
        assert_eq!(find("4294967295").unwrap_err().kind, Kind::Unsupported);
    }
}
