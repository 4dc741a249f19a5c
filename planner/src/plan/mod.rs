//! A plan: the DAG of steps from Live to Desired, each with its cause.

pub mod build;
pub mod check;
pub mod render;
mod saved;
mod step;

pub use build::{Problem, ProblemKind, Refusal, plan};
pub use saved::Saved;
pub use step::{Step, Until};

use crate::desired::{ContainerId, Slot};
use crate::diff::FieldChange;
pub use crate::policy::rollout::Rollout;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Position of a step in [`Plan::nodes`].
pub type StepId = usize;

/// What is to be done, in an order that respects every dependency.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plan {
    /// The stack's name.
    pub stack: String,
    /// The steps. A node needs only nodes before it: topological by construction.
    pub nodes: Vec<Node>,
    /// What is left as it is, and why, for people who wonder.
    pub kept: Vec<Kept>,
    /// What people should know although nothing is done about it (orphans, for example).
    pub notes: Vec<String>,
    /// The names of the containers for which one was chosen.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub names: BTreeMap<ContainerId, String>,
    /// The services whose containers give way to others in groups.
    #[serde(default)]
    pub rollouts: Vec<Rollout>,
}

impl Plan {
    /// The name of a container that the plan is about, when all is done.
    pub fn called(&self, id: &ContainerId) -> String {
        self.names.get(id).cloned().unwrap_or_else(|| id.name())
    }

    /// The part of the plan that is about images, which comes first and on which the rest rests;
    /// `None` when there is no such part.
    pub fn images_first(&self) -> Option<Self> {
        let count = self.nodes.iter().take_while(|node| node.step.image().is_some()).count();
        let nodes = self.nodes[..count].to_vec();
        (count > 0).then(|| Self { stack: self.stack.clone(), nodes, ..Self::default() })
    }

    /// Whether the goal is reached although this step fails: a transfer that may fail, or a wait
    /// that only dependents with `required: false` asked for. They come after it, however it ends.
    pub fn is_optional(&self, step: StepId) -> bool {
        if let Step::PullImage { may_fail, .. } | Step::PushImage { may_fail, .. } = self.nodes[step].step {
            return may_fail;
        }
        let is_wait = matches!(self.nodes[step].step, Step::Await { .. });
        let asked = self.nodes[step].cause == Cause::Asked;
        is_wait
            && !asked
            && self.nodes.iter().any(|node| node.after.contains(&step))
            && !self.nodes.iter().any(|node| node.needs.contains(&step))
    }
}

/// One step, why it is done, and what must be done before.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Node {
    /// What is done.
    pub step: Step,
    /// Why it is done.
    pub cause: Cause,
    /// Steps that must be done first; each is less than this node's own position.
    pub needs: Vec<StepId>,
    /// Steps that must be over first, whether they succeeded or not (`required: false`); each
    /// is less than this node's own position.
    #[serde(default)]
    pub after: Vec<StepId>,
}

/// Something that the plan leaves alone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Kept {
    /// What: `container shop-web-1`, `network shop_default`, `volume shop_data`.
    pub resource: String,
    /// Why: `unchanged`, `completed`, `volumes are kept without -v`, …
    pub reason: String,
}

/// Why a step is done.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Cause {
    /// The file declares it and it does not exist.
    Declared,
    /// The file says something else than what exists.
    Changed(Vec<FieldChange>),
    /// It exists but is not running; holds the state in words.
    NotRunning(String),
    /// The command asked for it.
    Asked,
    /// `--force-recreate`.
    Forced,
    /// The service asks for fewer replicas.
    ScaledDown,
    /// The file no longer declares it.
    NotInFile,
    /// A newer generation takes the slot.
    ReplacedBy(ContainerId),
    /// A left-over of an interrupted command.
    Leftover,
    /// The network it is on is replaced.
    NetworkReplaced(String),
    /// A dependency was replaced or restarted and `depends_on.restart` is set.
    DependencyRestarted(String),
    /// This slot waits for it.
    NeededBy(Slot),
    /// The image must be pulled or built, as its policy says; holds the policy in words.
    Policy(String),
    /// The image could not be pulled.
    NotPulled,
    /// The newer generation that should have taken its place failed.
    UpdateFailed(ContainerId),
}
