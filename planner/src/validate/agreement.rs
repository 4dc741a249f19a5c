//! One thing said in two ways must be said the same.

use super::{Named, Rules};
use crate::model::{ResourceAmounts, Service};

impl Rules<'_> {
    pub(super) fn agreement(&mut self, service: Named<'_>) {
        self.numbers(service);
        self.presence(service);
        let Some(deploy) = &service.model.deploy else { return };
        let Service { cpus, mem_limit, mem_reservation, pids_limit, .. } = service.model;
        let nothing = ResourceAmounts::default();
        let limits = deploy.resources.limits.as_ref();
        let held = deploy.resources.reservations.as_ref();
        let (most, least) = (limits.unwrap_or(&nothing), held.unwrap_or(&nothing));
        let pairs = [
            ("cpus", ["limits", "cpus"], limits, cpus.0 != 0.0 && *cpus != most.cpus),
            ("mem_limit", ["limits", "memory"], limits, mem_limit.0 != 0 && *mem_limit != most.memory),
            ("pids_limit", ["limits", "pids"], limits, pids_limit.0 != 0 && *pids_limit != most.pids),
            (
                "mem_reservation",
                ["reservations", "memory"],
                held,
                mem_reservation.0 != 0 && *mem_reservation != least.memory,
            ),
        ];
        for (key, [block, name], _, _) in pairs.into_iter().filter(|pair| pair.2.is_some() && pair.3) {
            self.differ(service, key, &["deploy", "resources", block, name]);
        }
    }

    /// As many containers in both ways, and not several of one name.
    fn numbers(&mut self, service: Named<'_>) {
        let Service { scale, deploy, container_name, .. } = service.model;
        let deployed = deploy.as_ref().and_then(|deploy| deploy.replicas);
        if scale.is_some() && deployed.is_some() && *scale != deployed {
            self.differ(service, "scale", &["deploy", "replicas"]);
        }
        if service.model.replicas() > 1 && !container_name.is_empty() {
            let message = format!("{} containers cannot have one name", service.model.replicas());
            self.error(service, &["container_name"], message, "take `container_name` out");
        }
    }

    /// A network namespace from elsewhere has its networks already.
    fn presence(&mut self, service: Named<'_>) {
        let Service { network_mode, networks, .. } = service.model;
        if !network_mode.is_empty() && !networks.is_empty() {
            let message = "`network_mode` and `networks` contradict each other".to_owned();
            self.error(service, &["network_mode"], message, "keep one of them");
        }
    }

    fn differ(&mut self, service: Named<'_>, key: &str, other: &[&str]) {
        if service.spoilt(&[key]) || service.spoilt(other) {
            return;
        }
        let (message, hint) = match service.node(other) {
            Some(_) => (format!("`{key}` and `{}` differ", other.join(".")), "give one of them".to_owned()),
            None => {
                let block = other[..other.len() - 1].join(".");
                (format!("`{key}` is not part of `{block}`"), format!("write it as `{}`", other.join(".")))
            }
        };
        self.error(service, &[key], message, &hint);
    }
}
