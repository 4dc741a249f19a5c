//! Memory, swap, replicas, health: numbers that must go together.

use super::Rules;
use crate::desired::{HealthTest, Swap};
use crate::model::{Service, units};
use crate::source::tree::{Tree, Value};

/// A container with less cannot start.
const LEAST_MEMORY: u64 = 6 << 20;

impl Rules<'_> {
    pub(super) fn resources(&mut self, name: &str, service: &Service) {
        self.memory(name, service);
        for (key, deploy) in [
            ("mem_limit", ["deploy", "resources", "limits", "memory"].as_slice()),
            ("cpus", &["deploy", "resources", "limits", "cpus"]),
            ("pids_limit", &["deploy", "resources", "limits", "pids"]),
            ("scale", &["deploy", "replicas"]),
        ] {
            self.agree((name, service), key, deploy);
        }
        self.health(name, service);
    }

    /// One thing said in two ways must be said the same.
    fn agree(&mut self, service: (&str, &Service), key: &str, deploy: &[&str]) {
        let one = self.node(service.0, &[key]).map(|node| &node.value);
        let other = self.node(service.0, deploy).map(|node| &node.value);
        let (Some(one), Some(other)) = (one, other) else { return };
        if one != other && ![one, other].contains(&&Value::Bad) {
            let message = format!("`{key}` and `{}` differ", deploy.join("."));
            self.error(service, &[key], message, "give one of them");
        }
    }

    fn memory(&mut self, name: &str, service: &Service) {
        let deploy: &[&str] = &["deploy", "resources", "limits", "memory"];
        let key = if self.node(name, deploy).is_some() { deploy } else { &["mem_limit"] };
        let spoilt = self.node(name, key).is_some_and(|node| node.value == Value::Bad);
        let limits = service.limits();
        if let Some(memory) = limits.memory
            && memory < LEAST_MEMORY
        {
            let message = format!("a memory limit of {} is too small", units::show_bytes(memory));
            self.error((name, service), key, message, "6m is the least");
        }
        match (limits.swap, limits.memory) {
            (Swap::Total(_), None) if !spoilt => {
                let message = "`memswap_limit` needs a memory limit".to_owned();
                self.error((name, service), &["memswap_limit"], message, "add `mem_limit`");
            }
            (Swap::Total(total), Some(memory)) if total < memory => {
                let message = format!(
                    "`memswap_limit` is {}, less than the memory limit of {}",
                    units::show_bytes(total),
                    units::show_bytes(memory)
                );
                let hint = "it counts memory and swap together; equal to the memory limit means no swap";
                self.error((name, service), &["memswap_limit"], message, hint);
            }
            _ => {}
        }
    }

    fn health(&mut self, name: &str, service: &Service) {
        let Some(check) = &service.healthcheck else { return };
        let disabled = check.test() == Some(HealthTest::Disabled);
        let asked = self.node(name, &["healthcheck", "disable"]).and_then(Tree::as_bool) == Some(true);
        let runs = self.node(name, &["healthcheck", "test"]).and_then(|test| test.items().first());
        if asked && runs.and_then(Tree::as_text).is_some_and(|word| word != "NONE") {
            let message = "`disable` and `test` contradict each other".to_owned();
            self.error((name, service), &["healthcheck", "disable"], message, "keep one of them");
        }
        for (key, time) in [
            ("interval", check.interval),
            ("timeout", check.timeout),
            ("start_period", check.start_period),
            ("start_interval", check.start_interval),
        ] {
            if let Some(time) = time
                && !disabled
                && (1..1_000_000).contains(&time.0)
            {
                let message = format!("{} is too short for a health check", time);
                self.error((name, service), &["healthcheck", key], message, "1ms is the least");
            }
        }
    }
}
