//! What a command asks for. `up`, `down`, `stop` and the others differ only here.

use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// What the command asks, and of which services.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Goal {
    /// What should become of the services in scope.
    pub verb: Verb,
    /// The services named on the command line; empty means all.
    pub services: BTreeSet<String>,
    /// Grace period that overrides every service's own.
    pub stop_timeout: Option<Duration>,
}

/// What should become of the services in scope.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Verb {
    /// Exist as the stack says, and run.
    Up(UpOptions),
    /// Be gone, with networks; with volumes when `volumes` is set.
    Down {
        /// Also remove the stack's named and anonymous volumes.
        volumes: bool,
    },
    /// Existing containers run.
    Start,
    /// Existing containers are stopped, not removed.
    Stop,
    /// Existing containers are stopped and started again, as they are.
    Restart,
    /// Existing containers receive this signal at once.
    Kill {
        /// A signal name without `SIG`, such as `KILL`.
        signal: String,
    },
}

/// The ways in which `up` can be varied.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct UpOptions {
    /// The plan ends with every service running, healthy or completed.
    pub wait: bool,
    /// How long all waiting may take.
    pub wait_timeout: Option<Duration>,
    /// Replace containers that did not change.
    pub force_recreate: bool,
    /// Leave the services that the named ones depend on alone.
    pub no_deps: bool,
    /// Remove containers whose service left the file.
    pub remove_orphans: bool,
    /// Replica counts that override the file's.
    pub scale: BTreeMap<String, u32>,
}

impl Goal {
    /// A goal for all services of the stack.
    pub fn all(verb: Verb) -> Self {
        Self { verb, services: BTreeSet::new(), stop_timeout: None }
    }
}
