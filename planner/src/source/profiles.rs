//! Which services are on: those without profiles and those with an active one.

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
