//! Namespaces that are shared: whose they are decides what a service can have of its own.

use super::{Named, Rules};
use crate::desired::setting_path;
use crate::model::Stack;

impl Rules<'_> {
    /// Another service whose memory is shared shares it.
    pub(super) fn shared_memory(&mut self, service: Named<'_>, stack: &Stack) {
        let Some(target) = service.model.ipc.strip_prefix("service:") else { return };
        let keeps = |ipc: &str| ["private", "none"].contains(&ipc);
        if let Some(other) = stack.services.get(target).filter(|other| keeps(&other.ipc)) {
            let message = format!("`{target}` keeps its shared memory to itself: its `ipc` is {}", other.ipc);
            self.error(service, &["ipc"], message, "write `ipc: shareable` there");
        }
    }

    /// What is set in a namespace is set for everybody in it.
    pub(super) fn foreign_settings(&mut self, service: Named<'_>) {
        let spec = service.model;
        if spec.uts == "host" {
            for key in ["hostname", "domainname"] {
                if service
                    .node(&[key])
                    .is_some_and(|node| node.as_text().is_some_and(|text| !text.is_empty()))
                {
                    let message = format!("`{key}` cannot be had: with `uts: host` it is the host's");
                    self.error(service, &[key], message, "take one of them out");
                }
            }
        }
        let is_foreign = |mode: &str| mode == "host" || mode.contains(':');
        for name in spec.sysctls.keys() {
            let path = setting_path(name).unwrap_or_default();
            let (key, mode) = match path.split('/').next() {
                Some("net") => ("network_mode", &spec.network_mode),
                _ => ("ipc", &spec.ipc),
            };
            if is_foreign(mode) {
                let message = format!("`{}` cannot be set: `{key}` is {mode}", name.escape_debug());
                self.error(service, &["sysctls", name], message, "set it where that namespace belongs");
            }
        }
    }
}
