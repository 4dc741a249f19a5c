//! Health checks.

use super::{Extensions, Time};
use serde::{Deserialize, Serialize};

/// `healthcheck`; what is not set comes from the image, then from the defaults.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct HealthCheck {
    /// What to run: begins with `CMD`, `CMD-SHELL` or `NONE`.
    pub test: Vec<String>,
    /// Time that one probe may take; 30 s by default.
    pub timeout: Option<Time>,
    /// Time between two probes; 30 s by default.
    pub interval: Option<Time>,
    /// Failures in a row that make it unhealthy; 3 by default.
    pub retries: Option<u64>,
    /// Time after start in which failures do not count; none by default.
    pub start_period: Option<Time>,
    /// Time between two probes in the start period; 5 s by default.
    pub start_interval: Option<Time>,
    /// No check, even if the image has one.
    pub disable: bool,
    /// Its `x-…` keys.
    pub extensions: Extensions,
}
