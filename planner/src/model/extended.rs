//! What a service extends.

use serde::{Deserialize, Serialize};

/// `extends` of a service.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Extended {
    /// The file that has the other service; empty for the same one.
    pub file: String,
    /// The other service.
    pub service: String,
}
