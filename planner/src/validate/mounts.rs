//! Where a service has mounts: one at each place.

use super::{Named, Rules};
use crate::diagnostic::Span;
use crate::model::MountType;
use crate::source::mounts::parse_tmpfs;
use crate::source::tree::Tree;
use std::collections::{BTreeMap, BTreeSet};

/// The target of an entry of `tmpfs`, letter by letter.
pub(super) fn as_written(text: &str) -> Option<String> {
    Some(text.split(':').next().unwrap_or(text).to_owned())
}

/// The target of an entry of `tmpfs` as the kernel understands it.
pub(super) fn cleaned(text: &str) -> Option<String> {
    parse_tmpfs(text).ok().map(|tmpfs| tmpfs.target)
}

impl Rules<'_> {
    /// Reports places with two mounts. `target` reads entries of `tmpfs`.
    pub(super) fn targets(&mut self, service: Named<'_>, target: fn(&str) -> Option<String>) {
        let volumes = service.model.volumes.iter().map(|mount| (mount.target.clone(), mount.span.clone()));
        let tmpfs = service.node(&["tmpfs"]).map_or(&[][..], Tree::items).iter();
        let tmpfs = tmpfs.filter_map(|node| Some((target(node.as_text()?)?, node.span.clone())));
        let mut first_at: BTreeMap<String, Span> = BTreeMap::new();
        for (target, span) in volumes.chain(tmpfs).filter(|(target, _)| !target.is_empty()) {
            if let Some(first) = first_at.get(&target) {
                let message = format!("two mounts have the target `{}`", target.escape_debug());
                let hint = format!("the other one is at line {}, column {}", first.line, first.column);
                let path = format!("services.{}.volumes", service.name);
                self.diagnostics.error(&span, path, message).hint(hint);
            }
            first_at.entry(target).or_insert(span);
        }
    }

    /// Options that say nothing together.
    pub(super) fn mount_options(&mut self, service: Named<'_>) {
        for mount in &service.model.volumes {
            let recursive = mount.bind.as_ref().map_or("", |bind| bind.recursive.as_str());
            let (message, hint) = match mount.kind {
                MountType::Image if mount.source.is_empty() => {
                    ("a mount of an image needs a `source`", "name the image")
                }
                MountType::Bind if mount.source.is_empty() => {
                    ("a mount of the host needs a `source`", "name a path of the host")
                }
                MountType::Tmpfs if !mount.source.is_empty() => {
                    ("memory has no `source`", "leave it out, or use another type")
                }
                _ if matches!(recursive, "readonly" | "writable") && !mount.read_only => (
                    "`recursive` says how far `read_only` goes, which is not set",
                    "add `read_only: true`, or write enabled or disabled",
                ),
                _ => continue,
            };
            let path = format!("services.{}.volumes", service.name);
            self.diagnostics.error(&mount.span, path, message.to_owned()).hint(hint);
        }
    }

    /// Configs and secrets are where nothing else is.
    pub(super) fn files(&mut self, service: Named<'_>) {
        let model = service.model;
        let mut taken: BTreeSet<String> = model.volumes.iter().map(|mount| mount.target.clone()).collect();
        taken.extend(model.tmpfs.iter().filter_map(|text| cleaned(text)));
        let configs = model.configs.iter().map(|file| ("configs", file, file.place("")));
        let secrets = model.secrets.iter().map(|file| ("secrets", file, file.place("/run/secrets")));
        for (key, file, target) in configs.chain(secrets) {
            if !taken.insert(target.clone()) {
                let message = format!("something else has the target `{}`", target.escape_debug());
                let path = format!("services.{}.{key}", service.name);
                let hint = "give one of them another `target`";
                self.diagnostics.error(&file.span, path, message).hint(hint);
            }
        }
    }
}
