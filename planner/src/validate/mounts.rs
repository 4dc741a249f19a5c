//! Where a service has mounts: one at each place.

use super::{Named, Rules};
use crate::diagnostic::Span;
use crate::source::mounts::parse_tmpfs;
use crate::source::tree::Tree;
use std::collections::BTreeMap;

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
}
