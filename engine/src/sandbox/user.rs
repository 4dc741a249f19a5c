//! Who runs the program: names and numbers looked up in the container's own files.

use crate::error::{Context, Error, Kind, Result};
use rustix::fs::{CWD, Mode, OFlags, ResolveFlags};
use std::fs::File;
use std::io::{self, Read};
use std::os::fd::BorrowedFd;
use std::path::Path;

/// Larger account files are refused: they come from the image.
const ACCOUNT_FILE_BYTES_MAX: u64 = 16 << 20;

/// Who runs a program.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct User {
    /// User number.
    pub uid: u32,
    /// Main group.
    pub gid: u32,
    /// All further groups, sorted, each once.
    pub groups: Vec<u32>,
    /// Home directory, `/` when the user is not listed.
    pub home: String,
}

impl Default for User {
    /// Root, when nothing says otherwise.
    fn default() -> Self {
        Self { uid: 0, gid: 0, groups: Vec::new(), home: "/root".into() }
    }
}

impl User {
    /// Looks up `user[:group]` in `/etc/passwd` and `/etc/group` below `root`: a mount that may
    /// be detached, or `/proc/<pid>/root`. Empty is root. Links are followed inside `root` only.
    /// It is a member of the groups `further`, too: names or numbers.
    pub fn lookup(root: BorrowedFd<'_>, text: &str, further: &[String]) -> Result<Self> {
        let read = |path: &str| read_inside(root, path).doing(|| format!("read {path} of the image"));
        let group = read("etc/group")?;
        parse(text, &read("etc/passwd")?, &group)?.joining(&group, further)
    }

    fn joining(mut self, group: &str, further: &[String]) -> Result<Self> {
        for name in further {
            self.groups.push(find_group(group, name).ok_or_else(|| unknown("group", name, "group"))?);
        }
        self.groups.sort_unstable();
        self.groups.dedup();
        Ok(self)
    }

    /// The same, inside the container that this process belongs to.
    pub fn lookup_in(pid: i32, text: &str, further: &[String]) -> Result<Self> {
        let path = format!("/proc/{pid}/root");
        let root = rustix::fs::openat(CWD, Path::new(&path), OFlags::PATH | OFlags::CLOEXEC, Mode::empty())
            .doing(|| format!("open {path}"))?;
        Self::lookup(std::os::fd::AsFd::as_fd(&root), text, further)
    }
}

/// Text of a file below `root`; empty when there is none.
fn read_inside(root: BorrowedFd<'_>, path: &str) -> io::Result<String> {
    // Non-blocking, so that a FIFO in the image cannot hold us up.
    let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NONBLOCK;
    let file = match rustix::fs::openat2(root, path, flags, Mode::empty(), ResolveFlags::IN_ROOT) {
        Ok(file) => File::from(file),
        Err(rustix::io::Errno::NOENT | rustix::io::Errno::NOTDIR) => return Ok(String::new()),
        Err(error) => return Err(error.into()),
    };
    if !file.metadata()?.is_file() {
        return Ok(String::new());
    }
    let mut bytes = Vec::new();
    file.take(ACCOUNT_FILE_BYTES_MAX).read_to_end(&mut bytes)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// Finds out who `user[:group]` is, given the two files (passwd(5), group(5)). Numbers need no
/// line. A group that is asked for replaces all groups that the user is listed in.
fn parse(text: &str, passwd: &str, group: &str) -> Result<User> {
    let (user, wanted_group) = match text.split_once(':') {
        Some((user, group)) => (user, Some(group).filter(|group| !group.is_empty())),
        None => (text, None),
    };
    let user = if user.is_empty() { "0" } else { user };
    let account = accounts(passwd).find(|account| account.name == user);
    let number = user.parse::<u32>().ok();
    let account = account.or_else(|| accounts(passwd).find(|account| Some(account.uid) == number));
    let uid = account.as_ref().map(|account| account.uid).or(number);
    let uid = uid.ok_or_else(|| unknown("user", user, "passwd"))?;
    let home = account.as_ref().map(|account| account.home).filter(|home| !home.is_empty());
    let home = home.unwrap_or(if uid == 0 { "/root" } else { "/" }).to_owned();
    if let Some(name) = wanted_group {
        let gid = find_group(group, name).ok_or_else(|| unknown("group", name, "group"))?;
        return Ok(User { uid, gid, groups: Vec::new(), home });
    }
    let gid = account.as_ref().map_or(0, |account| account.gid);
    let groups = account.map_or_else(Vec::new, |account| groups_of(group, account.name));
    Ok(User { uid, gid, groups, home })
}

fn unknown(what: &str, name: &str, file: &str) -> Error {
    Error::new(Kind::NotFound, format!("there is no {what} `{name}` in the image"))
        .hint(format!("it must be listed in the image's /etc/{file}, or be a number"))
}

struct Account<'a> {
    name: &'a str,
    uid: u32,
    gid: u32,
    home: &'a str,
}

fn accounts(passwd: &str) -> impl Iterator<Item = Account<'_>> {
    passwd.lines().filter_map(|line| {
        let mut fields = line.split(':');
        let (name, _) = (fields.next()?, fields.next()?);
        let (uid, gid) = (fields.next()?.parse().ok()?, fields.next()?.parse().ok()?);
        Some(Account { name, uid, gid, home: fields.nth(1).unwrap_or_default() })
    })
}

fn groups(group: &str) -> impl Iterator<Item = (&str, u32, &str)> {
    group.lines().filter_map(|line| {
        let mut fields = line.split(':');
        let (name, _) = (fields.next()?, fields.next()?);
        Some((name, fields.next()?.parse().ok()?, fields.next().unwrap_or_default()))
    })
}

fn find_group(group: &str, name: &str) -> Option<u32> {
    groups(group).find(|(known, ..)| *known == name).map(|(_, gid, _)| gid).or_else(|| name.parse().ok())
}

fn groups_of(group: &str, user: &str) -> Vec<u32> {
    let listed = groups(group).filter(|(.., members)| members.split(',').any(|member| member.trim() == user));
    let mut gids: Vec<u32> = listed.map(|(_, gid, _)| gid).collect();
    gids.sort_unstable();
    gids.dedup();
    gids
}

#[cfg(test)]
mod tests {
    use super::*;

    const PASSWD: &str = "root:x:0:0:root:/root:/bin/sh\n\
        broken line\n\
        www:x:33:33:web:/var/www:/bin/false\n\
        1000:x:77:78::/home/digits:\n\
        db:x:70:70::/var/lib/db:/bin/sh\n";
    const GROUP: &str = "root:x:0:\nwww:x:33:\ndb:x:70:\nssl:x:101:db,www\nlog:x:4:www, db\ndup:x:4:www\n";

    #[test]
    fn who_runs_it_is_found_as_docker_finds_it() {
        let cases: [(&str, u32, u32, &[u32], &str); 9] = [
            ("", 0, 0, &[], "/root"),
            ("root", 0, 0, &[], "/root"),
            ("www", 33, 33, &[4, 101], "/var/www"),
            ("70", 70, 70, &[4, 101], "/var/lib/db"),
            ("12345", 12345, 0, &[], "/"),
            ("www:db", 33, 70, &[], "/var/www"),
            ("12345:678", 12345, 678, &[], "/"),
            ("1000", 77, 78, &[], "/home/digits"),
            ("www:", 33, 33, &[4, 101], "/var/www"),
        ];
        for (text, uid, gid, groups, home) in cases {
            let expected = User { uid, gid, groups: groups.to_vec(), home: home.into() };
            assert_eq!(parse(text, PASSWD, GROUP).unwrap(), expected, "user: {text}");
        }
    }

    #[test]
    fn further_groups_are_added_by_name_or_number() {
        let of = |text: &str, further: &[&str]| {
            let further: Vec<String> = further.iter().map(|name| (*name).to_owned()).collect();
            parse(text, PASSWD, GROUP).unwrap().joining(GROUP, &further)
        };
        assert_eq!(of("www", &["db", "7", "log"]).unwrap().groups, [4, 7, 70, 101]);
        assert_eq!(of("www:db", &["log"]).unwrap().groups, [4]);
        assert_eq!(of("", &["wheel"]).unwrap_err().doing, "there is no group `wheel` in the image");
    }

    #[test]
    fn an_unknown_name_says_where_it_was_looked_for() {
        let error = parse("nobody", PASSWD, GROUP).unwrap_err();
        assert_eq!(error.doing, "there is no user `nobody` in the image");
        let error = parse("root:wheel", PASSWD, GROUP).unwrap_err();
        assert_eq!(error.doing, "there is no group `wheel` in the image");
        assert!(error.hint.unwrap().contains("/etc/group"));
    }

    #[test]
    fn a_file_outside_the_root_is_never_read_through_a_link() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("etc")).unwrap();
        std::os::unix::fs::symlink("/etc/passwd", folder.path().join("etc/group")).unwrap();
        std::fs::write(folder.path().join("etc/passwd"), "me:x:7:8::/me:").unwrap();
        let root = File::open(folder.path()).unwrap();
        // The link leads to the passwd file inside, whose second number is 7.
        let user = User::lookup(std::os::fd::AsFd::as_fd(&root), "me:me", &[]).unwrap();
        assert_eq!((user.uid, user.gid), (7, 7));
    }
}
