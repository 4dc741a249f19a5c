//! Steps of volumes. `up` never removes one: they hold data.

use super::draft::Draft;
use crate::desired::Desired;
use crate::diff::{Change, Diff, VOLUME, changes};
use crate::plan::{Cause, Step};

impl Draft<'_> {
    /// Volumes that are not there. What is kept is told, and what would be different now.
    pub(super) fn create_volumes(&mut self, desired: &Desired, diff: &Diff) {
        for (name, change) in &diff.volumes {
            let Some(spec) = desired.volumes.get(name) else { continue };
            if *change == Change::Create {
                self.steps.push(Step::CreateVolume { spec: spec.clone() }, Cause::Declared, Vec::new());
                continue;
            }
            self.keep(format!("volume {name}"), if spec.external { "external" } else { "unchanged" });
            let live = self.live.volumes.get(name).filter(|_| !spec.external);
            let differing = live.map(|live| changes(VOLUME, live, spec)).unwrap_or_default();
            if !differing.is_empty() {
                let fields: Vec<_> = differing.iter().map(|(change, _)| change.field.as_str()).collect();
                self.notes.push(format!(
                    "volume {name} is kept although {} changed: making it anew would lose its data",
                    fields.join(", ")
                ));
            }
        }
    }

    /// Removes a volume, with its data, after every container that mounts it.
    pub(super) fn remove_volume(&mut self, name: &str) {
        let users = self.live.containers.iter().filter(|(_, container)| container.spec.mounts_volume(name));
        let needs = users.filter_map(|(id, _)| self.steps.removes.get(id).copied()).collect();
        self.steps.push(Step::RemoveVolume { name: name.to_owned() }, Cause::Asked, needs);
    }
}
