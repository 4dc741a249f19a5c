//! Files to a Stack: the stages in order.

use crate::diagnostic::Diagnostics;
use crate::model::Stack;
use crate::source::Source;

/// What to load and how, as the command line said it.
#[derive(Clone, Debug, Default)]
pub struct LoadOptions {
    /// Stack files in merge order, as the user named them; at least one.
    pub files: Vec<String>,
    /// Stack name that overrides every other source of it.
    pub name: Option<String>,
    /// Base of relative paths: absolute.
    pub directory: String,
    /// Dotenv files that must exist; without any, `.env` of `directory` when it is there.
    pub env_files: Vec<String>,
    /// Active profiles.
    pub profiles: Vec<String>,
}

/// A stack and what its author should know.
#[derive(Clone, Debug)]
pub struct Loaded {
    /// The stack.
    pub stack: Stack,
    /// Warnings only.
    pub warnings: Diagnostics,
}

/// Loads a stack. Every error of every file is collected.
pub fn load(_options: &LoadOptions, _source: &dyn Source) -> Result<Loaded, Diagnostics> {
    Err(Diagnostics::default())
}
