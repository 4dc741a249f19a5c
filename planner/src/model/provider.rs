//! Services that another program provides.

use super::Extensions;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// `provider` of a service.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Provider {
    /// The program.
    #[serde(rename = "type")]
    pub kind: String,
    /// Its options; each can be given several times.
    pub options: BTreeMap<String, Vec<String>>,
    /// Its `x-…` keys.
    pub extensions: Extensions,
}
