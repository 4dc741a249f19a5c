//! Whether the store is sound: blobs, layers, records, mounts and the index are compared with one
//! another, and what can be mended is mended.
//!
//! Nothing that is in use is taken away. What only lost its place is put back, what nobody can use
//! any more is removed, and the rest is told with what to do about it.

mod containers;
mod images;
mod mend;
mod rest;

use crate::error::{Error, Result};
use crate::store::Store;
use mend::Mend;
use std::path::PathBuf;

/// Something that is not as it should be.
#[derive(Debug)]
pub struct Finding {
    /// What is wrong.
    pub what: String,
    /// Where.
    pub place: PathBuf,
    /// What helps.
    pub remedy: String,
    /// What became of it.
    pub outcome: Outcome,
    mend: Option<Mend>,
}

/// What became of a finding.
#[derive(Debug)]
pub enum Outcome {
    /// It is as it was; `true` when it can be mended.
    Told(bool),
    /// It is mended.
    Mended,
    /// It could not be mended.
    Failed(Error),
}

/// What `--repair` helps with.
const REPAIR: &str = "`sampan system check --repair`";

impl Finding {
    /// Something that must be mended by who uses it.
    fn told(what: impl Into<String>, place: impl Into<PathBuf>, remedy: impl Into<String>) -> Self {
        let (what, place, remedy) = (what.into(), place.into(), remedy.into());
        Self { what, place, remedy, outcome: Outcome::Told(false), mend: None }
    }

    /// Something that can be mended here.
    fn mendable(what: impl Into<String>, place: impl Into<PathBuf>, mend: Mend) -> Self {
        let told = Self::told(what, place, format!("{REPAIR} {}", mend.promise()));
        Self { outcome: Outcome::Told(true), mend: Some(mend), ..told }
    }

    fn mend(self, store: &Store) -> Self {
        let Some(mend) = &self.mend else { return self };
        let outcome = mend.apply(store).map_or_else(Outcome::Failed, |()| Outcome::Mended);
        Self { outcome, ..self }
    }
}

/// Looks for everything that is wrong, and mends what can be mended when told so.
pub fn check(store: &Store, repair: bool) -> Result<Vec<Finding>> {
    // What containers need of images is put back before what no image has is cleared away.
    let mut found = containers::examine(store)?;
    found.extend(images::examine(store)?);
    found.extend(rest::examine(store)?);
    if repair {
        found = found.into_iter().map(|finding| finding.mend(store)).collect();
    }
    Ok(found)
}

#[cfg(test)]
mod tests;
