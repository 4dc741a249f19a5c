//! AI models, and their use by a service.

use super::Extensions;
use crate::diagnostic::Span;
use serde::{Deserialize, Serialize};

/// A top-level AI model.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Model {
    /// Where it stands.
    #[serde(skip_serializing)]
    pub span: Span,
    /// Its name; empty: the key.
    pub name: String,
    /// OCI reference.
    pub model: String,
    /// Tokens that it keeps in mind.
    pub context_size: i64,
    /// Flags of the program that runs it.
    pub runtime_flags: Vec<String>,
    /// Its `x-…` keys.
    pub extensions: Extensions,
}

/// How a service is told of a model.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct ServiceModel {
    /// The variable that gets its URL; empty: `<MODEL>_URL`.
    pub endpoint_var: String,
    /// The variable that gets its name; empty: `<MODEL>_MODEL`.
    pub model_var: String,
    /// Its `x-…` keys.
    pub extensions: Extensions,
}
