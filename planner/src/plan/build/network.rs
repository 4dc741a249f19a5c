//! Steps of networks.

use super::draft::Draft;
use super::slot::replaced_networks;
use crate::desired::{Desired, NetworkSpec};
use crate::diff::{Change, Diff};
use crate::plan::{Cause, Step, StepId};

impl Draft<'_> {
    /// Networks that are not there, and those that change in place. What is kept is told.
    pub(super) fn settle_networks(&mut self, desired: &Desired, diff: &Diff) {
        for (name, change) in &diff.networks {
            match (change, desired.networks.get(name)) {
                (Change::Create, Some(spec)) => self.create_network(spec, Cause::Declared, Vec::new()),
                (Change::Update(fields), Some(spec)) => {
                    let step = Step::UpdateNetwork { spec: spec.clone() };
                    self.steps.push(step, Cause::Changed(fields.clone()), Vec::new());
                }
                (Change::Keep, Some(spec)) => {
                    self.keep(
                        format!("network {name}"),
                        if spec.external { "external" } else { "unchanged" },
                    );
                }
                _ => {}
            }
        }
    }

    /// Networks that must be made anew; every container that ran on them is gone by now.
    pub(super) fn replace_networks(&mut self, desired: &Desired, diff: &Diff) {
        for name in replaced_networks(diff) {
            let (Some(spec), Some(Change::Replace(fields))) =
                (desired.networks.get(name), diff.networks.get(name))
            else {
                continue;
            };
            let cause = Cause::Changed(fields.clone());
            let removed = self.remove_network(name, cause.clone());
            self.create_network(spec, cause, vec![removed]);
        }
    }

    fn create_network(&mut self, spec: &NetworkSpec, cause: Cause, needs: Vec<StepId>) {
        self.steps.push(Step::CreateNetwork { spec: spec.clone() }, cause, needs);
    }

    /// Removes a network after every container on it that goes.
    pub(super) fn remove_network(&mut self, name: &str, cause: Cause) -> StepId {
        let on_it = self.live.containers.iter().filter(|(_, container)| container.spec.is_on(name));
        let needs = on_it.filter_map(|(id, _)| self.steps.removes.get(id).copied()).collect();
        self.steps.push(Step::RemoveNetwork { name: name.to_owned() }, cause, needs)
    }
}
