//! Managed accounts.

use super::Extensions;
use serde::{Deserialize, Serialize};

/// `credential_spec`: a managed account (Windows).
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct CredentialSpec {
    /// The config that holds it.
    pub config: String,
    /// The file that holds it.
    pub file: String,
    /// The registry key that holds it.
    pub registry: String,
    /// Its `x-…` keys.
    pub extensions: Extensions,
}
