//! Builds: a Dockerfile becomes an image.
//!
//! - [`dockerfile`] reads the text: stages, instructions, and what is wrong with them.
//! - [`ignore`] says which files of the context a build does not see.
//! - [`snapshot`] is the file system between two instructions; [`run`] and [`copy`] execute one.
//! - [`BuildEvent`] is told while it happens.

pub mod cancel;
pub mod copy;
pub mod dockerfile;
mod event;
pub(crate) mod files;
pub mod ignore;
pub mod run;
pub mod snapshot;

pub use cancel::Cancel;
pub use event::{BuildEvent, BuildStep, Missed, StepId};

use std::collections::BTreeMap;
use std::path::PathBuf;

/// What a build needs to know of its caller, beside what it should make.
#[derive(Clone, Debug, Default)]
pub struct BuildInputs {
    /// Content of the secrets that come from the environment, by their id.
    pub secrets: BTreeMap<String, Vec<u8>>,
    /// Socket of the caller's ssh agent.
    pub agent: Option<PathBuf>,
    /// Steps that run at a time; `None` is one for each core.
    pub jobs: Option<usize>,
}

/// An image that was built.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Built {
    /// `sha256:…`.
    pub image_id: String,
    /// The tags that it was given, as people write them.
    pub references: Vec<String>,
    /// Steps whose results were taken from the cache.
    pub cached: usize,
    /// Steps that were done.
    pub done: usize,
}
