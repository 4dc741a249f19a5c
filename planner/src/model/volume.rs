//! Volumes.

use super::Extensions;
use crate::diagnostic::Span;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// A top-level volume.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Volume {
    /// Where it stands.
    #[serde(skip_serializing)]
    pub span: Span,
    /// Real name: `name`, else `<stack>_<key>`; for external ones `name`, else the key.
    pub name: String,
    /// The driver; empty and `local`: a folder of the engine.
    pub driver: String,
    /// Options of the driver.
    pub driver_opts: BTreeMap<String, String>,
    /// Made by somebody else.
    pub external: bool,
    /// Labels.
    pub labels: BTreeMap<String, String>,
    /// Its `x-…` keys.
    pub extensions: Extensions,
}
