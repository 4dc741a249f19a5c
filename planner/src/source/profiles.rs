//! Which services are on: those without profiles and those with an active one.

use super::tree::Tree;
use crate::model::Stack;

/// Moves the services that no active profile selects to `disabled`.
pub(crate) fn apply(stack: &mut Stack, active: &[String]) {
    let on = |profile: &String| active.iter().any(|name| name == "*" || name == profile);
    let services = std::mem::take(&mut stack.services);
    let (enabled, disabled) = services
        .into_iter()
        .partition(|(_, service)| service.profiles.is_empty() || service.profiles.iter().any(on));
    stack.services = enabled;
    stack.disabled = disabled;
}

/// Whether a service is on.
pub(crate) fn is_active(service: &Tree, active: &[String]) -> bool {
    let own = service.get("profiles").map(Tree::items).unwrap_or_default();
    let on =
        |profile: &Tree| active.iter().any(|name| name == "*" || Some(name.as_str()) == profile.as_text());
    own.is_empty() || own.iter().any(on)
}
