//! Reads a Dockerfile: text in, stages and instructions out, and everything that is wrong with it.
//!
//! Nothing here touches a disk, and no text makes it panic. [`ast`] says what a Dockerfile is,
//! [`expand`] what its words mean once variables have values, [`mount`] what a `RUN --mount` asks
//! for.

pub mod ast;
mod checks;
mod directives;
pub mod expand;
mod fields;
mod flags;
mod heredoc;
mod instruction;
mod lines;
pub mod mount;
mod parser;
mod pattern;
mod reading;
mod references;
mod text;
mod words;

pub use ast::{Dockerfile, Instruction, Stage, Statement, Word};
pub use expand::{ExpandError, Expander};
pub use parser::{parse, parse_in, parse_trigger};

use planner::Diagnostics;

/// What came of reading a Dockerfile.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Parsed {
    /// What it says. Where there are errors, what they are about is missing.
    pub dockerfile: Dockerfile,
    /// What is wrong with it, sorted by place. The text is in there too, for excerpts.
    pub diagnostics: Diagnostics,
}

#[cfg(test)]
mod mistakes;
#[cfg(test)]
mod properties;
#[cfg(test)]
mod tests;
