//! The build cache of other machines: taken from the places of `cache_from`, given to those of
//! `cache_to`.
//!
//! ```text
//! manifest ─▶ config: `Shared`, what came of steps, by the key that the cache finds them by
//!          └▶ the layers that those steps made
//! ```
//!
//! It lies in a registry, in a folder in the OCI layout, or inline in the config of an image.
//! A place that cannot be reached, is damaged or has something else is told and passed over:
//! it never fails a build. Layers come only when a step needs them, and are checked as those of
//! images are.

mod folder;
mod give;
mod place;
mod take;

pub(super) use give::{Given, give, inline};
pub(super) use take::{Into, Takes};

use super::cache::Made;
use super::event::BuildEvent;
use crate::error::{Error, Kind, Result};
use planner::{Diagnostic, Diagnostics, Severity};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Media type of the config.
const KIND: &str = "application/vnd.sampan.build-cache.v1+json";
const VERSION: u32 = 1;

/// What came of steps.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Shared {
    version: u32,
    /// By the keys of the steps.
    steps: BTreeMap<String, Made>,
}

impl Shared {
    fn parse(json: &[u8], whose: &str) -> Result<Self> {
        let shared: Self = serde_json::from_slice(json).map_err(|error| {
            Error::new(Kind::Corrupt, format!("the cache of {whose} is damaged")).because(error)
        })?;
        match shared.version {
            VERSION => Ok(shared),
            other => Err(Error::new(
                Kind::Unsupported,
                format!("the cache of {whose} has the version {other}, which is not known here"),
            )),
        }
    }
}

/// Something went wrong that does not matter to the image.
fn warning(what: &str, error: &Error) -> BuildEvent {
    let mut diagnostics = Diagnostics::default();
    let evidence = error.evidence.first().map(|line| format!(" ({line})")).unwrap_or_default();
    diagnostics.items.push(Diagnostic {
        severity: Severity::Warning,
        message: format!("{what}: {}{evidence}", error.chain()),
        hint: error.hint.clone(),
        ..Diagnostic::default()
    });
    BuildEvent::Warnings(diagnostics)
}

/// What must end the build all the same.
fn is_fatal(error: &Error) -> bool {
    error.kind == Kind::Cancelled || error.is_full()
}
