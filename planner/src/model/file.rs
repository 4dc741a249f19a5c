//! Configs and secrets: what they hold, and where a service sees them.

use super::{Extensions, FileMode};
use crate::diagnostic::Span;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// A top-level config.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Config {
    /// Where it stands.
    #[serde(skip_serializing)]
    pub span: Span,
    /// Real name: `name`, else `<stack>_<key>`; for external ones `name`, else the key.
    pub name: String,
    /// The file that holds it, absolute.
    pub file: String,
    /// The variable that holds it.
    pub environment: String,
    /// What it holds; with `environment` the value of that variable.
    pub content: String,
    /// Made by somebody else.
    pub external: bool,
    /// Labels.
    pub labels: BTreeMap<String, String>,
    /// The driver of a cluster that fills in templates.
    pub template_driver: String,
    /// Its `x-…` keys.
    pub extensions: Extensions,
}

/// A top-level secret.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Secret {
    /// Where it stands.
    #[serde(skip_serializing)]
    pub span: Span,
    /// Real name: `name`, else `<stack>_<key>`; for external ones `name`, else the key.
    pub name: String,
    /// The file that holds it, absolute.
    pub file: String,
    /// The variable that holds it.
    pub environment: String,
    /// What it holds; never printed.
    pub content: String,
    /// Made by somebody else.
    pub external: bool,
    /// Labels.
    pub labels: BTreeMap<String, String>,
    /// The driver of a cluster that holds it.
    pub driver: String,
    /// Options of that driver.
    pub driver_opts: BTreeMap<String, String>,
    /// The driver of a cluster that fills in templates.
    pub template_driver: String,
    /// Its `x-…` keys.
    pub extensions: Extensions,
}

/// A config or secret as a service or a build sees it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct FileReference {
    /// Where it stands.
    #[serde(skip_serializing)]
    pub span: Span,
    /// Key of the config or secret.
    pub source: String,
    /// Path in the container; for a build the id of the secret.
    pub target: String,
    /// Owner.
    pub uid: String,
    /// Group.
    pub gid: String,
    /// Permissions; unset: 0444.
    pub mode: Option<FileMode>,
    /// Its `x-…` keys.
    pub extensions: Extensions,
}
