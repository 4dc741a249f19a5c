//! Steps to resources: what a plan means for each network, volume and container.

use super::Style;
use crate::desired::{ContainerId, PortSpec, Slot};
use crate::diff::FieldChange;
use crate::plan::{Cause, Node, Plan, Step};
use serde::Serialize;
use std::collections::BTreeSet;

/// What becomes of one resource.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ResourceChange {
    /// Which kind of resource.
    pub kind: Kind,
    /// The name that users know: `shop-web-1`, `shop_default`.
    pub resource: String,
    /// The generation, where the name alone would be ambiguous.
    pub generation: Option<u32>,
    /// What becomes of it.
    pub action: Action,
    /// Why.
    pub cause: Cause,
    /// What changes, field by field.
    pub fields: Vec<FieldChange>,
    /// Whether it is away meanwhile.
    pub interruption: Interruption,
    /// The host sockets that it opens: `0.0.0.0:8080/tcp`.
    pub opens: Vec<String>,
    /// Whether data of users goes with it.
    pub loses_data: bool,
}

/// Kinds of resources.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// An image.
    Image,
    /// A container.
    Container,
    /// A network.
    Network,
    /// A volume.
    Volume,
}

/// What can become of a resource.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Action {
    /// It is fetched from its registry.
    Pull,
    /// It is built.
    Build,
    /// It is sent to its registry.
    Push,
    /// It is made.
    Create,
    /// It is made anew.
    Replace,
    /// It changes in place.
    Update,
    /// It is stopped and started again, as it is.
    Restart,
    /// It is started.
    Start,
    /// It is stopped.
    Stop,
    /// It receives a signal.
    Kill,
    /// It stands still.
    Pause,
    /// It goes on.
    Unpause,
    /// It goes.
    Remove,
    /// It is only waited for.
    Await,
}

/// Whether something is away meanwhile.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Interruption {
    /// Nobody notices.
    None,
    /// It is away until it has started again.
    Restart,
    /// It runs and will not.
    Ends,
}

impl Action {
    /// Every action, in the order of summaries.
    pub const ALL: [Self; 14] = [
        Self::Pull,
        Self::Build,
        Self::Push,
        Self::Create,
        Self::Replace,
        Self::Update,
        Self::Restart,
        Self::Start,
        Self::Stop,
        Self::Kill,
        Self::Pause,
        Self::Unpause,
        Self::Remove,
        Self::Await,
    ];

    /// The sign in front of it: `+` makes, `-` ends, `~` changes, `±` makes anew.
    pub fn sign(self) -> char {
        match self {
            Self::Create | Self::Pull | Self::Build => '+',
            Self::Replace => '±',
            Self::Remove => '-',
            Self::Update
            | Self::Restart
            | Self::Start
            | Self::Stop
            | Self::Kill
            | Self::Pause
            | Self::Unpause
            | Self::Await
            | Self::Push => '~',
        }
    }

    /// The verb, as in `to create`.
    pub fn verb(self) -> &'static str {
        match self {
            Self::Pull => "pull",
            Self::Build => "build",
            Self::Push => "push",
            Self::Create => "create",
            Self::Replace => "replace",
            Self::Update => "update",
            Self::Restart => "restart",
            Self::Start => "start",
            Self::Stop => "stop",
            Self::Kill => "kill",
            Self::Pause => "pause",
            Self::Unpause => "unpause",
            Self::Remove => "remove",
            Self::Await => "wait for",
        }
    }

    pub(super) fn style(self) -> Style {
        match self {
            Self::Create | Self::Pull | Self::Build => Style::Create,
            Self::Replace => Style::Replace,
            Self::Remove => Style::Remove,
            _ => Style::Update,
        }
    }
}

impl ResourceChange {
    /// `container shop-web-1`.
    pub fn name(&self) -> String {
        let kind = match self.kind {
            Kind::Image => "image",
            Kind::Container => "container",
            Kind::Network => "network",
            Kind::Volume => "volume",
        };
        let generation = self.generation.map(|number| format!(", generation {number}"));
        format!("{kind} {}{}", self.resource, generation.unwrap_or_default())
    }

    /// Why, where the action and its fields do not say so already.
    pub(super) fn reason(&self) -> Option<String> {
        match &self.cause {
            Cause::Declared | Cause::Asked | Cause::Changed(_) => None,
            Cause::NotRunning(_) if self.action == Action::Replace => {
                Some("finishes an interrupted replacement".to_owned())
            }
            cause => Some(cause.to_string()),
        }
    }

    fn of(kind: Kind, resource: &str, action: Action, cause: &Cause) -> Self {
        let fields = if let Cause::Changed(fields) = cause { fields.clone() } else { Vec::new() };
        Self {
            kind,
            resource: resource.to_owned(),
            generation: None,
            action,
            cause: cause.clone(),
            fields,
            interruption: Interruption::None,
            opens: Vec::new(),
            loses_data: false,
        }
    }
}

/// What a plan means for each resource: images, networks and volumes that are made, containers, networks
/// and volumes that go, each in the order of the plan.
pub fn changes(plan: &Plan) -> Vec<ResourceChange> {
    let around = plan.nodes.iter().filter_map(|node| of_other(node, plan));
    let (mut changes, gone): (Vec<_>, Vec<_>) = around.partition(|change| change.action != Action::Remove);
    let mut seen: BTreeSet<&Slot> = BTreeSet::new();
    for slot in plan.nodes.iter().filter_map(|node| Some(&node.step.container()?.slot)) {
        if seen.insert(slot) {
            changes.extend(SlotSteps::of(plan, slot).changes(plan));
        }
    }
    changes.extend(gone);
    changes
}

/// What a step means that is not about a container.
fn of_other(node: &Node, plan: &Plan) -> Option<ResourceChange> {
    let creates = |wanted: &str| {
        let created = |step: &Step| matches!(step, Step::CreateNetwork { spec } if spec.name == wanted);
        plan.nodes.iter().any(|node| created(&node.step))
    };
    let removes = |wanted: &str| {
        let removed = |step: &Step| matches!(step, Step::RemoveNetwork { name } if name == wanted);
        plan.nodes.iter().any(|node| removed(&node.step))
    };
    let (kind, name, action) = match &node.step {
        Step::PullImage { reference, .. } => (Kind::Image, reference, Action::Pull),
        Step::BuildImage { reference, .. } => (Kind::Image, reference, Action::Build),
        Step::PushImage { reference, .. } => (Kind::Image, reference, Action::Push),
        Step::CreateNetwork { spec } if removes(&spec.name) => (Kind::Network, &spec.name, Action::Replace),
        Step::CreateNetwork { spec } => (Kind::Network, &spec.name, Action::Create),
        Step::UpdateNetwork { spec } => (Kind::Network, &spec.name, Action::Update),
        Step::RemoveNetwork { name } if !creates(name) => (Kind::Network, name, Action::Remove),
        Step::CreateVolume { spec } => (Kind::Volume, &spec.name, Action::Create),
        Step::RemoveVolume { name } => (Kind::Volume, name, Action::Remove),
        _ => return None,
    };
    let loses_data = kind == Kind::Volume && action == Action::Remove;
    Some(ResourceChange { loses_data, ..ResourceChange::of(kind, name, action, &node.cause) })
}

/// The steps that are about one slot.
#[derive(Default)]
struct SlotSteps<'a> {
    create: Option<&'a Node>,
    start: Option<&'a Node>,
    update: Option<&'a Node>,
    /// What happens to it while it runs.
    during: Option<(Action, &'a Node)>,
    wait: Option<&'a Node>,
    /// Another one takes over while it runs.
    switched: bool,
    stops: Vec<(&'a ContainerId, &'a Node)>,
    removes: Vec<(&'a ContainerId, &'a Node)>,
}

impl<'a> SlotSteps<'a> {
    fn of(plan: &'a Plan, slot: &Slot) -> Self {
        let mut steps = Self::default();
        for node in &plan.nodes {
            let Some(id) = node.step.container().filter(|id| id.slot == *slot) else { continue };
            match node.step {
                Step::CreateContainer { .. } => steps.create = Some(node),
                Step::StartContainer { .. } | Step::StartAside { .. } => steps.start = Some(node),
                Step::SwitchPorts { .. } => steps.switched = true,
                Step::UpdateContainer { .. } => steps.update = Some(node),
                Step::KillContainer { .. } => steps.during = Some((Action::Kill, node)),
                Step::PauseContainer { .. } => steps.during = Some((Action::Pause, node)),
                Step::UnpauseContainer { .. } => steps.during = Some((Action::Unpause, node)),
                Step::Await { .. } => steps.wait = Some(node),
                Step::StopContainer { .. } => steps.stops.push((id, node)),
                Step::RemoveContainer { .. } => steps.removes.push((id, node)),
                _ => {}
            }
        }
        steps
    }

    fn changes(&self, plan: &Plan) -> Vec<ResourceChange> {
        match self.main(plan) {
            Some(main) if main.action == Action::Replace => vec![main],
            // The name alone would say that the container which stays goes.
            Some(main) => {
                [main].into_iter().chain(self.removes.iter().map(|gone| self.leftover(gone, plan))).collect()
            }
            None if self.removes.iter().all(|(_, node)| is_beside(&node.cause)) => {
                self.removes.iter().map(|gone| self.leftover(gone, plan)).collect()
            }
            None => {
                self.removes.last().map(|gone| Self::removal(gone, &self.stops, plan)).into_iter().collect()
            }
        }
    }

    /// What becomes of the occupant that stays or comes.
    fn main(&self, plan: &Plan) -> Option<ResourceChange> {
        let others_go = !self.removes.is_empty();
        let (action, node) = match (self.create.or(self.start), self.update, self.stops.first()) {
            (Some(node), ..) if others_go => (Action::Replace, node),
            (Some(node), ..) if self.create.is_some() => (Action::Create, node),
            (Some(node), _, Some(_)) => (Action::Restart, node),
            (Some(node), ..) => (Action::Start, node),
            (None, Some(node), _) => (Action::Update, node),
            (None, None, Some((_, node))) if !others_go => (Action::Stop, *node),
            _ if others_go => return None,
            _ => self.during.or(self.wait.map(|node| (Action::Await, node)))?,
        };
        let id = node.step.container()?;
        let mut change = ResourceChange::of(Kind::Container, &plan.called(id), action, &node.cause);
        if let Some(Cause::Changed(fields)) = self.update.map(|node| &node.cause) {
            change.fields.clone_from(fields);
        }
        change.interruption = match action {
            Action::Stop | Action::Kill | Action::Pause => Interruption::Ends,
            Action::Replace | Action::Restart if !self.stops.is_empty() && !self.switched => {
                Interruption::Restart
            }
            _ => Interruption::None,
        };
        if let Some(Step::CreateContainer { spec, .. }) = self.create.map(|node| &node.step) {
            change.opens = spec.ports.iter().map(PortSpec::socket).collect();
        }
        Some(change)
    }

    fn leftover(&self, gone: &(&ContainerId, &Node), plan: &Plan) -> ResourceChange {
        let stops: Vec<_> = self.stops.iter().filter(|(id, _)| *id == gone.0).copied().collect();
        ResourceChange { generation: Some(gone.0.generation), ..Self::removal(gone, &stops, plan) }
    }

    /// The slot is empty in the end, however many generations it holds.
    fn removal(
        (id, node): &(&ContainerId, &Node),
        stops: &[(&ContainerId, &Node)],
        plan: &Plan,
    ) -> ResourceChange {
        let interruption = if stops.is_empty() { Interruption::None } else { Interruption::Ends };
        let change = ResourceChange::of(Kind::Container, &plan.called(id), Action::Remove, &node.cause);
        ResourceChange { interruption, ..change }
    }
}

/// Whether a container goes while another one keeps its slot.
fn is_beside(cause: &Cause) -> bool {
    matches!(cause, Cause::Leftover | Cause::UpdateFailed(_))
}
