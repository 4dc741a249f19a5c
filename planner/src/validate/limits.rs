//! Memory, swap and limits of processes: numbers that the kernel or a program could not live with.

use super::{Named, Rules};
use crate::desired::{Limits, Swap};
use crate::model::units::{self, ULIMITS};
use crate::source::suggest::did_you_mean;

impl Rules<'_> {
    pub(super) fn memory(&mut self, service: Named<'_>) {
        let deploy: &[&str] = &["deploy", "resources", "limits", "memory"];
        let key = if service.node(deploy).is_some() { deploy } else { &["mem_limit"] };
        let limits = service.model.limits();
        if let Some(memory) = limits.memory.filter(|&memory| memory < Limits::MEMORY_MIN) {
            let message = format!("a memory limit of {} is too small", units::show_bytes(memory));
            self.error(service, key, message, "6m is the least");
        }
        match (limits.swap, limits.memory) {
            (Swap::Total(_), None) => {
                let message = "`memswap_limit` needs a memory limit".to_owned();
                self.error(service, &["memswap_limit"], message, "add `mem_limit`");
            }
            (Swap::Total(total), Some(memory)) if total < memory => {
                let message = format!(
                    "`memswap_limit` is {}, less than the memory limit of {}",
                    units::show_bytes(total),
                    units::show_bytes(memory)
                );
                let hint = "it counts memory and swap together; equal to the memory limit means no swap";
                self.error(service, &["memswap_limit"], message, hint);
            }
            _ => {}
        }
        self.reservation(service, &limits);
        self.notice(service, &limits);
        self.processor(service, &limits);
    }

    /// What is kept for it is a part of what it may use.
    fn reservation(&mut self, service: Named<'_>, limits: &Limits) {
        let deploy: &[&str] = &["deploy", "resources", "reservations", "memory"];
        let key = if service.node(deploy).is_some() { deploy } else { &["mem_reservation"] };
        let Some((kept, most)) = limits.reservation.zip(limits.memory) else { return };
        if kept > most {
            let (kept, most) = (units::show_bytes(kept), units::show_bytes(most));
            let message = format!("{kept} of memory are kept for it, more than its limit of {most}");
            self.error(service, key, message, "keep less, or raise the limit");
        }
    }

    /// It is told before its memory runs out, not after.
    fn notice(&mut self, service: Named<'_>, limits: &Limits) {
        let keys = ["x-sampan", "memory", "high"];
        let Some(notice) = service.model.sampan.as_ref().and_then(|own| own.memory.as_ref()) else { return };
        let Some(share) = notice.share() else { return };
        match (share.of(limits.memory), limits.memory) {
            (None, _) => {
                let message = "a part of the memory limit is meant, but there is none".to_owned();
                self.error(service, &keys[..2], message, "add `mem_limit`, or write `high` in bytes");
            }
            (Some(at), Some(limit)) if at >= limit => {
                let [at, limit] = [at, limit].map(units::show_bytes);
                let message = format!("{at} are never in use below the memory limit of {limit}");
                self.error(service, &keys, message, "write less than the limit, for example 80%");
            }
            _ => {}
        }
    }

    /// A quota is said in one way.
    fn processor(&mut self, service: Named<'_>, limits: &Limits) {
        let second = [("cpu_quota", limits.cpu_quota), ("cpu_period", limits.cpu_period)];
        if let Some((key, _)) =
            second.iter().find(|(_, number)| number.is_some() && limits.nano_cpus.is_some())
        {
            let message = format!("`{key}` and a number of CPUs both limit CPU time");
            self.error(service, &[key], message, "leave one of them out: 1.5 CPUs are 150000 of 100000");
        }
    }

    /// setrlimit(2) knows certain limits, and the soft one is below the hard one.
    pub(super) fn process_limits(&mut self, service: Named<'_>) {
        for (limit, values) in &service.model.ulimits {
            let keys = ["ulimits", limit];
            if !ULIMITS.contains(&limit.as_str()) {
                let hint = did_you_mean(limit, ULIMITS)
                    .unwrap_or_else(|| format!("known are {}", ULIMITS.join(", ")));
                let message = format!("`{}` is not a limit of a process", limit.escape_debug());
                self.error(service, &keys, message, &hint);
            }
            let unlimited = |value: i64| if value < 0 { i64::MAX } else { value };
            if unlimited(values.soft()) > unlimited(values.hard()) {
                let (soft, hard) = (values.soft(), values.hard());
                let message = format!("the soft limit {soft} is above the hard limit {hard}");
                self.error(service, &keys, message, "raise the hard limit, or lower the soft one");
            }
        }
    }
}
