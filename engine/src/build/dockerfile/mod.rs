//! Reads a Dockerfile: text in, stages and instructions out, and everything that is wrong with it.
//!
//! Nothing here touches a disk, and no text makes it panic. [`ast`] says what a Dockerfile is,
//! [`expand`] what its words mean once variables have values, [`mount`] what a `RUN --mount` asks
//! for.

pub mod ast;
pub mod expand;
mod fields;
pub mod mount;
mod pattern;

pub use ast::{Dockerfile, Instruction, Stage, Statement, Word};
pub use expand::{ExpandError, Expander};

use planner::Diagnostics;

/// What came of reading a Dockerfile.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Parsed {
    /// What it says. Where there are errors, what they are about is missing.
    pub dockerfile: Dockerfile,
    /// What is wrong with it, sorted by place. The text is in there too, for excerpts.
    pub diagnostics: Diagnostics,
}

/// Reads a Dockerfile. `name` is what diagnostics call the file.
#[must_use]
pub fn parse(text: &str, name: &str) -> Parsed {
    let mut parsed = Parsed::default();
    parsed.diagnostics.add_file(name, text);
    parsed
}

/// Reads a trigger that an image keeps, see [`ast::OnBuild::text`].
///
/// # Errors
/// When it is not one instruction that may be a trigger.
pub fn parse_trigger(text: &str) -> Result<Statement, Diagnostics> {
    Err(parse(text, "ONBUILD").diagnostics)
}
