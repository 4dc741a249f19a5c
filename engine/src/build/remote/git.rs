//! A repository: `https://host/name.git#branch:folder`, `git@host:name.git`, or with a query such as
//! `?branch=main&subdir=folder`.

use super::program::git;
use super::{Reach, Said};
use crate::build::copy::CopySource;
use crate::error::{Context, Error, Kind, Result};
use crate::tree;
use rustix::fs::{AtFlags, CWD, Timespec, Timestamps, utimensat};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// Hexadecimal digits of a commit.
const COMMIT: usize = 40;

/// Where it is, and what of it is wanted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Repository {
    url: String,
    /// A branch, a tag, `refs/…` or a commit; `None` is what the server gives first.
    reference: Option<String>,
    /// Only this folder of it.
    folder: String,
    /// The commit that it must be, or its beginning.
    checksum: Option<String>,
    /// Its `.git` is wanted, too.
    keep: bool,
}

impl Repository {
    /// `None` is something else.
    pub(super) fn parse(text: &str, said: &Said) -> Result<Option<Self>> {
        let (rest, fragment) = text.split_once('#').unwrap_or((text, ""));
        let (url, query) = rest.split_once('?').unwrap_or((rest, ""));
        let is_web = url.starts_with("http://") || url.starts_with("https://");
        let is_git = ["git://", "ssh://"].iter().any(|scheme| url.starts_with(scheme))
            || url.starts_with("git@") && url.contains(':')
            || is_web && url.ends_with(".git");
        if !is_git {
            return Ok(None);
        }
        let (reference, folder) = fragment.split_once(':').unwrap_or((fragment, ""));
        let mut found = Self {
            url: url.to_owned(),
            reference: Some(reference.to_owned()).filter(|reference| !reference.is_empty()),
            folder: folder.to_owned(),
            checksum: said.checksum.clone(),
            keep: said.keep_git_dir.unwrap_or(false),
        };
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            found.set(pair)?;
        }
        found.check()?;
        Ok(Some(found))
    }

    fn set(&mut self, pair: &str) -> Result<()> {
        let (key, value) = pair.split_once('=').unwrap_or((pair, "true"));
        match key {
            "ref" => self.reference = Some(value.to_owned()),
            "branch" => self.reference = Some(format!("refs/heads/{value}")),
            "tag" => self.reference = Some(format!("refs/tags/{value}")),
            "subdir" => value.clone_into(&mut self.folder),
            "checksum" | "commit" => self.checksum = Some(value.to_owned()),
            "keep-git-dir" => self.keep = planner::source::truth(value).unwrap_or(false),
            _ => {
                let error = Error::new(Kind::Unsupported, format!("a repository has no `{key}`"));
                return Err(error.hint("there are ref, branch, tag, subdir, checksum and keep-git-dir"));
            }
        }
        Ok(())
    }

    fn check(&self) -> Result<()> {
        let is_hex = |text: &str| text.chars().all(|digit| digit.is_ascii_hexdigit());
        if let Some(text) = self.checksum.as_ref().filter(|text| !is_hex(text) || text.len() < 7) {
            let error = Error::new(Kind::Unsupported, format!("`{text}` is no checksum of a repository"));
            return Err(error.hint("write the commit, at least 7 of its digits"));
        }
        match &self.reference {
            // It would be read as an option.
            Some(name) if name.starts_with('-') || name.contains(char::is_whitespace) => {
                Err(Error::new(Kind::Unsupported, format!("`{name}` is no branch, tag or commit")))
            }
            _ => Ok(()),
        }
    }

    /// The commit that is meant now.
    pub(super) fn commit(&self, reach: Reach<'_>) -> Result<String> {
        let name = self.reference.as_deref().unwrap_or("HEAD");
        if name.len() == COMMIT && name.chars().all(|digit| digit.is_ascii_hexdigit()) {
            return self.checked(name.to_ascii_lowercase());
        }
        let peeled = format!("{name}^{{}}");
        let said = git(reach, reach.folder, &["ls-remote", "--", &self.url, name, &peeled])
            .map_err(|error| Error { doing: format!("ask for {}", self.url), ..error })?;
        let commit = chosen(&said, name).ok_or_else(|| {
            Error::new(Kind::NotFound, format!("{} has no branch or tag `{name}`", self.url))
        })?;
        self.checked(commit)
    }

    fn checked(&self, commit: String) -> Result<String> {
        match &self.checksum {
            Some(wanted) if !commit.starts_with(&wanted.to_ascii_lowercase()) => {
                let error = Error::new(Kind::Corrupt, format!("{} is at another commit", self.url));
                Err(error.evidence(vec![format!("expected {wanted}"), format!("found    {commit}")]))
            }
            _ => Ok(commit),
        }
    }

    /// Checks it out.
    pub(super) fn bring(&self, reach: Reach<'_>) -> Result<()> {
        let commit = self.commit(reach)?;
        let place = place(reach.folder);
        let doing = |error: Error| Error { doing: format!("fetch {}: {}", self.url, error.doing), ..error };
        tree::remove(&place)?;
        fs::create_dir_all(&place).doing(|| format!("create {}", place.display()))?;
        let run = |args: &[&str]| git(reach, &place, args).map_err(doing);
        run(&["init", "-q"])?;
        run(&["remote", "add", "--", "origin", &self.url])?;
        // Not all servers give a commit that they are asked for.
        if run(&["fetch", "-q", "--depth=1", "--no-tags", "origin", &commit]).is_err() {
            run(&["fetch", "-q", "--tags", "origin"])?;
        }
        run(&["checkout", "-q", &commit])?;
        run(&["submodule", "update", "-q", "--init", "--recursive", "--depth=1"])?;
        let time = run(&["log", "-1", "--format=%ct"])?;
        let time = time.trim().parse().unwrap_or(0);
        self.settle(&place, time).doing(|| format!("look through {}", place.display()))
    }

    /// Gives all files the time of the commit, and takes `.git` away.
    fn settle(&self, folder: &Path, time: i64) -> io::Result<()> {
        for entry in fs::read_dir(folder)? {
            let entry = entry?;
            let path = entry.path();
            if entry.file_name() == ".git" && !self.keep {
                tree::remove(&path).map_err(io::Error::other)?;
            } else if entry.file_type()?.is_dir() {
                self.settle(&path, time)?;
            } else {
                set_time(&path, time)?;
            }
        }
        set_time(folder, time)
    }

    pub(super) fn source(&self, folder: &Path) -> CopySource {
        CopySource::Folder { path: place(folder), below: self.folder.clone() }
    }
}

fn place(folder: &Path) -> PathBuf {
    folder.join("checkout")
}

fn set_time(path: &Path, seconds: i64) -> io::Result<()> {
    let time = Timespec { tv_sec: seconds, tv_nsec: 0 };
    let times = Timestamps { last_access: time, last_modification: time };
    Ok(utimensat(CWD, path, &times, AtFlags::SYMLINK_NOFOLLOW)?)
}

/// Of `<commit> TAB <name>` lines the one that is meant: tags before branches, and of a tag with a text
/// of its own the commit that it is for.
fn chosen(said: &str, name: &str) -> Option<String> {
    let wanted = [
        format!("{name}^{{}}"),
        name.to_owned(),
        format!("refs/tags/{name}^{{}}"),
        format!("refs/tags/{name}"),
        format!("refs/heads/{name}"),
    ];
    let lines: Vec<(&str, &str)> = said.lines().filter_map(|line| line.split_once('\t')).collect();
    let found = wanted.iter().find_map(|wanted| lines.iter().find(|(_, own)| own == wanted));
    found.map(|(commit, _)| (*commit).to_owned()).filter(|commit| commit.len() == COMMIT)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Option<Repository> {
        Repository::parse(text, &Said::default()).unwrap()
    }

    #[test]
    fn a_repository_is_told_by_its_url() {
        let all = parse("https://example.com/a/b.git#v1:docs/x").unwrap();
        assert_eq!(all.url, "https://example.com/a/b.git");
        assert_eq!((all.reference.as_deref(), all.folder.as_str()), (Some("v1"), "docs/x"));
        let query = parse("https://example.com/b.git?branch=main&subdir=x&keep-git-dir").unwrap();
        assert_eq!((query.reference.as_deref(), query.folder.as_str()), (Some("refs/heads/main"), "x"));
        assert!(query.keep);
        for text in ["git@example.com:a/b.git", "git://example.com/a", "ssh://git@example.com/a"] {
            assert!(parse(text).is_some(), "{text}");
        }
        for text in ["https://example.com/b.git.txt", "https://example.com/b#x.git", "a.git", "dir/git@x"] {
            assert_eq!(parse(text), None, "{text}");
        }
        for text in ["git://h/a#--upload-pack=x", "git://h/a?depth=1", "git://h/a?checksum=xyz"] {
            assert!(Repository::parse(text, &Said::default()).is_err(), "{text}");
        }
    }

    #[test]
    fn tags_come_before_branches_and_stand_for_their_commits() {
        let id = |digit: &str| digit.repeat(COMMIT);
        let said = format!(
            "{}\trefs/heads/v1\n{}\trefs/tags/v1\n{}\trefs/tags/v1^{{}}\n{}\trefs/heads/x/v1\n",
            id("1"),
            id("2"),
            id("3"),
            id("4")
        );
        assert_eq!(chosen(&said, "v1"), Some(id("3")));
        assert_eq!(chosen(&said, "refs/heads/v1"), Some(id("1")));
        assert_eq!(chosen(&said, "v2"), None);
    }
}
