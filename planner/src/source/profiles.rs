//! Which services are on: those without profiles and those with an active one.

use super::tree::Tree;
use crate::model::{Service, Stack};

/// Moves the services that no active profile selects to `disabled`.
pub(crate) fn apply(stack: &mut Stack, active: &[String]) {
    let is_off = |service: &Service| !is_on(service.profiles.iter().map(String::as_str), active);
    stack.disabled = stack.services.extract_if(.., |_, service| is_off(service)).collect();
}

/// Whether a service is on, while it is still a tree.
pub(crate) fn is_active(service: &Tree, active: &[String]) -> bool {
    let own = service.get("profiles").map(Tree::items).unwrap_or_default();
    is_on(own.iter().map(|profile| profile.as_text().unwrap_or_default()), active)
}

/// Whether these profiles of a service turn it on: one of them is active, or there are none.
fn is_on<'a>(own: impl Iterator<Item = &'a str>, active: &[String]) -> bool {
    let mut own = own.peekable();
    own.peek().is_none() || own.any(|profile| active.iter().any(|name| name == "*" || name == profile))
}
