//! Removing what is named, one after the other.

use crate::context::Context;
use crate::error::{Exit, Failure};
use engine::Kind;

/// Removes each that can be and prints its name, whatever becomes of the others. With `force` those
/// that do not exist are no error.
pub(super) fn remove(
    names: &[String],
    force: bool,
    context: &Context,
    remove: impl Fn(&str) -> engine::Result<()>,
) -> Result<Exit, Failure> {
    let mut exit = Exit::Done;
    for name in names {
        match remove(name) {
            Ok(()) => context.screen.print(&format!("{name}\n"))?,
            Err(error) if force && error.kind == Kind::NotFound => {}
            Err(error) => {
                context.screen.failure(&error.into());
                exit = Exit::NotReached;
            }
        }
    }
    Ok(exit)
}
