//! Where the output of a container goes.

use super::Extensions;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// `logging` of a service.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Logging {
    /// The driver; empty: the engine's default.
    pub driver: String,
    /// Options of the driver.
    pub options: BTreeMap<String, String>,
    /// Its `x-…` keys.
    pub extensions: Extensions,
}
