//! The parent's side: clone, then hear whether the child got as far as its program.

use super::{Birth, Child, Entry};
use crate::error::{Error, Kind, Result};

/// Brings a container's first process to life. It returns when the program was executed, or with
/// the act that failed: `mount /proc: Operation not permitted (step 7 of 41)`. The child is the
/// caller's own: it must be waited for. A program that is not there is [`Kind::NotFound`] (exit
/// code 127 by custom), one that cannot be executed [`Kind::Denied`] or [`Kind::Unsupported`] (126).
pub fn spawn(_birth: &Birth<'_>) -> Result<Child> {
    Err(Error::new(Kind::Unsupported, "spawn"))
}

/// Starts one more process in a container that lives; otherwise like [`spawn`].
pub fn spawn_exec(_entry: &Entry<'_>) -> Result<Child> {
    Err(Error::new(Kind::Unsupported, "spawn"))
}
