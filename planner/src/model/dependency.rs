//! What must be up before a service.

use super::Extensions;
use crate::diagnostic::Span;
use serde::{Deserialize, Serialize};

/// One edge of `depends_on`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Dependency {
    /// Where it stands.
    #[serde(skip_serializing)]
    pub span: Span,
    /// What the dependency must have reached.
    pub condition: Condition,
    /// Restart this service when the dependency is restarted or replaced.
    pub restart: bool,
    /// Whether it is an error when the dependency is missing or fails. Loading says so where
    /// the file does not.
    pub required: bool,
    /// Its `x-…` keys.
    pub extensions: Extensions,
}

/// What a dependency must have reached.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Condition {
    /// Its containers are started.
    #[default]
    ServiceStarted,
    /// Its health checks succeed.
    ServiceHealthy,
    /// Its containers ended with exit code 0.
    ServiceCompletedSuccessfully,
}
