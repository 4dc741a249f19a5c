//! Health checks and dependencies that could never do what they are for.

use super::{Named, Rules};
use crate::desired::HealthTest;
use crate::model::{Condition, HealthCheck, Stack};

impl Rules<'_> {
    pub(super) fn health(&mut self, service: Named<'_>) {
        let Some(check) = &service.model.healthcheck else { return };
        if check.disable && check.test.first().is_some_and(|word| word != "NONE") {
            let message = "`disable` and `test` contradict each other".to_owned();
            self.error(service, &["healthcheck", "disable"], message, "keep one of them");
        }
        if check.test() == Some(HealthTest::Disabled) {
            return;
        }
        for (key, time) in [
            ("interval", check.interval),
            ("timeout", check.timeout),
            ("start_period", check.start_period),
            ("start_interval", check.start_interval),
        ] {
            if let Some(time) = time.filter(|time| (1..1_000_000).contains(&time.0)) {
                let message = format!("{time} is too short for a health check");
                self.error(service, &["healthcheck", key], message, "1ms is the least");
            }
        }
    }

    /// Nobody waits for the health of what is never probed.
    pub(super) fn unprobed(&mut self, service: Named<'_>, stack: &Stack) {
        for (target, edge) in &service.model.depends_on {
            let check = stack.services.get(target).and_then(|other| other.healthcheck.as_deref());
            let disabled = check.and_then(HealthCheck::test) == Some(HealthTest::Disabled);
            if disabled && edge.condition == Condition::ServiceHealthy {
                let message = format!("`{target}` can never become healthy: its health check is disabled");
                let path = format!("services.{}.depends_on.{target}", service.name);
                let hint = "wait for service_started instead";
                self.diagnostics.error(&edge.span, path, message).hint(hint);
            }
        }
    }
}
