//! How fast and how often a container is started again.

use crate::model::{Service, Time};
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// How fast and how often a container that ends is started again: `deploy.restart_policy`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct RestartPace {
    /// Time before each start; `None` grows from start to start.
    pub delay: Option<Duration>,
    /// Who ran this long has started well: attempts are counted anew. `None` counts all.
    pub window: Option<Duration>,
    /// At most so many attempts, however it ended; `None` has no end.
    pub attempts: Option<u32>,
}

impl Service {
    /// The pace of its restarts.
    pub(super) fn restart_pace(&self) -> RestartPace {
        let Some(policy) = self.deploy.as_ref().and_then(|deploy| deploy.restart_policy.as_ref()) else {
            return RestartPace::default();
        };
        let set = |time: Option<Time>| time.map(Time::duration);
        // That of failures alone is a part of the policy.
        let attempts = policy.max_attempts.filter(|_| policy.condition == "any");
        RestartPace {
            delay: set(policy.delay),
            window: set(policy.window).filter(|window| !window.is_zero()),
            attempts: attempts.map(|times| u32::try_from(times).unwrap_or(u32::MAX)),
        }
    }
}
