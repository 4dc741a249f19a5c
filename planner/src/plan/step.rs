//! One atomic act. The engine implements exactly these.

use crate::desired::{BuildSpec, ContainerId, ContainerSpec, NetworkSpec, VolumeSpec};
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// One atomic act. Every step is idempotent: done again after an interruption it ends in
/// the same state.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Step {
    /// Ensures: the reference names the image that its registry has for the platform.
    PullImage {
        /// The reference as written.
        reference: String,
        /// `os/arch[/variant]`; `None` is this machine.
        platform: Option<String>,
        /// The goal can be reached although this fails: the image is built then.
        may_fail: bool,
    },
    /// Requires: images of its contexts. Ensures: the reference names what was built.
    BuildImage {
        /// The reference that services use, one of its tags.
        reference: String,
        /// What is built.
        spec: Box<BuildSpec>,
    },
    /// Requires: the image. Ensures: its registry has it under this reference.
    PushImage {
        /// The reference.
        reference: String,
        /// The goal can be reached although this fails.
        may_fail: bool,
    },
    /// Requires: no network of this name. Ensures: it exists, with its bridge.
    CreateNetwork {
        /// The network.
        spec: NetworkSpec,
    },
    /// Requires: it exists. Ensures: its record is as the spec says; only labels differ from
    /// before, and nobody on it loses a connection.
    UpdateNetwork {
        /// What it is from now on.
        spec: NetworkSpec,
    },
    /// Requires: no container on it runs. Ensures: it is gone; one that does not run is taken off, and
    /// has an address again when it starts on a network of this name.
    RemoveNetwork {
        /// Real name.
        name: String,
    },
    /// Requires: no volume of this name. Ensures: it exists and is empty.
    CreateVolume {
        /// The volume.
        spec: VolumeSpec,
    },
    /// Requires: no container that mounts it. Ensures: it and its data are gone.
    RemoveVolume {
        /// Real name.
        name: String,
    },
    /// Requires: its networks, volumes and image. Ensures: it exists in state Created.
    CreateContainer {
        /// Which occupant of which slot.
        id: ContainerId,
        /// What it is made from.
        spec: Box<ContainerSpec>,
        /// The image that the spec's reference meant when the plan was made; empty when steps before
        /// this one change that. Then the plan is only to be looked at, and another one made behind them.
        image_id: String,
    },
    /// Requires: it and its networks exist. Ensures: its process runs under a supervisor; a running
    /// process without one is adopted.
    StartContainer {
        /// Which container.
        id: ContainerId,
    },
    /// Requires: it and its networks exist. Ensures: its process runs under a supervisor, and nothing
    /// leads to it: its names and ports go on to mean who has them, until they are switched.
    StartAside {
        /// Which container.
        id: ContainerId,
    },
    /// Requires: it was started. Ensures: names and published ports lead to it, if it runs, and from then
    /// on no longer to the others; connections to these go on.
    SwitchPorts {
        /// To which container.
        to: ContainerId,
        /// From which others of its slot.
        from: Vec<ContainerId>,
    },
    /// Requires: it exists. Ensures: nobody is connected to it, or so much time has passed.
    Drain {
        /// Which container.
        id: ContainerId,
        /// How long that may take.
        most: Duration,
    },
    /// Ensures: so much time has passed since the steps that it comes after were over. Of these no
    /// more than so many have failed; otherwise it is not done.
    Proceed {
        /// Whose containers are replaced in groups.
        service: String,
        /// Which group may begin, from 2.
        group: usize,
        /// Time between two groups.
        delay: Duration,
        /// So many may have failed; `None` is any number.
        spare: Option<usize>,
    },
    /// Requires: it was started. Ensures: it reached the condition; fails as soon as it cannot.
    Await {
        /// Which container.
        id: ContainerId,
        /// What it must reach.
        until: Until,
        /// How long that may take; `None` is as long as it needs.
        timeout: Option<Duration>,
    },
    /// Requires: it exists. Ensures: no process of it runs, and it does not restart.
    StopContainer {
        /// Which container.
        id: ContainerId,
        /// Time between the stop signal and `KILL`.
        grace: Duration,
    },
    /// Requires: it is running. Ensures: the signal was sent to its first process. `KILL` is a stop
    /// without grace, for which it need not run.
    KillContainer {
        /// Which container.
        id: ContainerId,
        /// Signal name without `SIG`.
        signal: String,
    },
    /// Requires: it is running. Ensures: every process of it stands still where it is, and its health
    /// is not checked.
    PauseContainer {
        /// Which container.
        id: ContainerId,
    },
    /// Requires: it exists. Ensures: what stood still goes on.
    UnpauseContainer {
        /// Which container.
        id: ContainerId,
    },
    /// Requires: it is not running. Ensures: it, its writable layer and its log are gone.
    RemoveContainer {
        /// Which container.
        id: ContainerId,
    },
    /// Requires: it exists. Ensures: it is as the spec says, without a restart; only fields that
    /// can be changed in place differ from before (limits, restart policy, stop signal and grace), and
    /// those that need a restart only while it does not run.
    UpdateContainer {
        /// Which container.
        id: ContainerId,
        /// What it is from now on.
        spec: Box<ContainerSpec>,
    },
}

impl Step {
    /// The image that it is about, by its reference.
    pub fn image(&self) -> Option<&str> {
        match self {
            Self::PullImage { reference, .. }
            | Self::BuildImage { reference, .. }
            | Self::PushImage { reference, .. } => Some(reference),
            _ => None,
        }
    }

    /// Whether it only waits: it changes nothing and can be given up at any time.
    pub fn is_wait(&self) -> bool {
        matches!(self, Self::Await { .. } | Self::Drain { .. } | Self::Proceed { .. })
    }

    /// The container that it is about; `None` for images, networks, volumes and groups.
    pub fn container(&self) -> Option<&ContainerId> {
        match self {
            Self::CreateContainer { id, .. }
            | Self::StartContainer { id }
            | Self::StartAside { id }
            | Self::SwitchPorts { to: id, .. }
            | Self::Drain { id, .. }
            | Self::Await { id, .. }
            | Self::StopContainer { id, .. }
            | Self::KillContainer { id, .. }
            | Self::PauseContainer { id }
            | Self::UnpauseContainer { id }
            | Self::RemoveContainer { id }
            | Self::UpdateContainer { id, .. } => Some(id),
            Self::PullImage { .. }
            | Self::BuildImage { .. }
            | Self::PushImage { .. }
            | Self::Proceed { .. }
            | Self::CreateNetwork { .. }
            | Self::UpdateNetwork { .. }
            | Self::RemoveNetwork { .. }
            | Self::CreateVolume { .. }
            | Self::RemoveVolume { .. } => None,
        }
    }
}

/// What an [`Step::Await`] waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Until {
    /// Its health check succeeds. Fails when it ends, has no health check, or is unhealthy after a
    /// probe that ended since the wait began: an older verdict may be about what was mended since.
    Healthy,
    /// It ended with exit code 0. Fails when it ended otherwise.
    Completed,
    /// It runs and, with a health check, is healthy, or it ended with exit code 0.
    Ready,
    /// As `Ready`; without a health check it has run for so long. Fails when it ends otherwise, also
    /// when it is started again then.
    Steady(Duration),
}
