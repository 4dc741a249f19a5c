//! From what a child must be to the list of its acts. Pure.

use super::{Birth, Entry, Program};
use crate::error::{Error, Kind, Result};

/// The acts that make a container's first process.
pub fn compile(_birth: &Birth<'_>) -> Result<Program> {
    Err(Error::new(Kind::Unsupported, "compile"))
}

/// The acts that make one more process in a container that lives.
pub fn compile_exec(_entry: &Entry<'_>) -> Result<Program> {
    Err(Error::new(Kind::Unsupported, "compile"))
}
