//! What happens to a service while its files are edited.

use super::{Extensions, Hook};
use serde::{Deserialize, Serialize};

/// `develop` of a service.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Develop {
    /// What is watched, and what follows.
    pub watch: Vec<Watch>,
    /// Its `x-…` keys.
    pub extensions: Extensions,
}

/// One rule of `develop.watch`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Watch {
    /// File or folder of the host.
    pub path: String,
    /// What follows a change.
    pub action: WatchAction,
    /// Where files go in the container.
    pub target: String,
    /// What runs in the container after a copy.
    pub exec: Hook,
    /// Patterns of files that count; empty: all.
    pub include: Vec<String>,
    /// Patterns of files that do not count.
    pub ignore: Vec<String>,
    /// Files are copied once at the beginning.
    pub initial_sync: bool,
    /// Its `x-…` keys.
    pub extensions: Extensions,
}

/// What follows a change of a file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum WatchAction {
    /// It is copied into the container.
    #[default]
    Sync,
    /// The image is built and the container replaced.
    Rebuild,
    /// The container is restarted.
    Restart,
    /// It is copied and the container restarted.
    #[serde(rename = "sync+restart")]
    SyncRestart,
    /// It is copied and something run in the container.
    #[serde(rename = "sync+exec")]
    SyncExec,
}
