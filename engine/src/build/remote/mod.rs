//! `ADD` of what is elsewhere: a file of a web server, or a repository.
//!
//! What stands for it in the cache is its content (a file), or its commit (a repository), so that a
//! step is done anew only when it has changed there.

mod git;
mod program;
mod web;

use super::BuildInputs;
use super::cancel::Cancel;
use super::copy::CopySource;
use crate::error::{Context, Result};
use git::Repository;
use std::fs;
use std::path::Path;
use web::Page;

/// What the instruction says of it, beside where it is.
#[derive(Clone, Debug, Default)]
pub(super) struct Said {
    /// `--checksum`.
    pub(super) checksum: Option<String>,
    /// `--keep-git-dir`.
    pub(super) keep_git_dir: Option<bool>,
}

/// Something elsewhere.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Remote {
    /// A file.
    Web(Page),
    /// A repository.
    Git(Repository),
}

/// What reaching it needs.
#[derive(Clone, Copy)]
pub(super) struct Reach<'a> {
    pub(super) inputs: &'a BuildInputs,
    pub(super) cancel: &'a Cancel,
    /// A folder of its own, in which it is put.
    pub(super) folder: &'a Path,
}

impl Remote {
    /// Whether a source is elsewhere, and where.
    pub(super) fn parse(text: &str, said: &Said) -> Result<Option<Self>> {
        if let Some(repository) = Repository::parse(text, said)? {
            return Ok(Some(Self::Git(repository)));
        }
        Ok(Page::parse(text, said)?.map(Self::Web))
    }

    /// What it is now; `None` when what is written says so already.
    pub(super) fn identity(&self, reach: Reach<'_>) -> Result<Option<String>> {
        let folder = reach.folder;
        fs::create_dir_all(folder).doing(|| format!("create {}", folder.display()))?;
        match self {
            Self::Web(page) => page.identity(reach),
            Self::Git(repository) => repository.commit(reach).map(Some),
        }
    }

    /// Brings it here; then it can be copied.
    pub(super) fn bring(&self, reach: Reach<'_>) -> Result<()> {
        let folder = reach.folder;
        fs::create_dir_all(folder).doing(|| format!("create {}", folder.display()))?;
        match self {
            Self::Web(page) => page.bring(reach),
            Self::Git(repository) => repository.bring(reach),
        }
    }

    /// As what it is copied, once it is here.
    pub(super) fn source(&self, folder: &Path) -> CopySource {
        match self {
            Self::Web(page) => page.source(folder),
            Self::Git(repository) => repository.source(folder),
        }
    }
}
