//! Rules that types cannot say.

use crate::diagnostic::Diagnostics;
use crate::model::Stack;
use crate::source::tree::{Tree, Value};

/// Checks a stack as a whole.
pub(crate) fn validate(stack: &mut Stack, tree: &Tree, diagnostics: &mut Diagnostics) {
    if stack.services.is_empty()
        && stack.disabled.is_empty()
        && tree.get("services").is_none_or(|s| s.value != Value::Bad)
    {
        diagnostics.error(&tree.span, "services", "the stack has no services".to_owned());
    }
}
