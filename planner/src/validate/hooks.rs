//! Commands around the life of a container.

use super::{Named, Rules};
use crate::desired::init_name;
use crate::model::{Hook, Stack};

impl Rules<'_> {
    /// Each has something to run, and the services that are made of some do not exist already.
    pub(super) fn hooks(&mut self, service: Named<'_>, stack: &Stack) {
        let model = service.model;
        let idle = |hook: &Hook| hook.command.as_ref().is_none_or(Vec::is_empty);
        for (key, hooks) in [("post_start", &model.post_start), ("pre_stop", &model.pre_stop)] {
            if hooks.iter().any(idle) {
                let message = format!("a command of `{key}` is empty");
                self.error(service, &[key], message, "for example `command: [./migrate, --all]`");
            }
        }
        if model.pre_start.iter().any(|hook| idle(hook) && hook.image.is_empty()) {
            let message = "an entry of `pre_start` has neither a command nor an image".to_owned();
            self.error(service, &["pre_start"], message, "for example `command: [./migrate, --all]`");
        }
        for number in 1..=model.pre_start.len() {
            let name = init_name(service.name, number);
            if stack.services.contains_key(&name) || stack.disabled.contains_key(&name) {
                let message = format!("`{}` is the name that its `pre_start` needs", name.escape_debug());
                self.error(service, &["pre_start"], message, "give the other service another name");
            }
        }
    }
}
