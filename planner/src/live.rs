//! One snapshot of what exists, as plain data.

use crate::desired::{ContainerId, ContainerSpec, MountSpec, NetworkSpec, RestartPolicy, Slot, VolumeSpec};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Everything that exists of one stack, and the images that it may use.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Live {
    /// The stack's name.
    pub stack: String,
    /// When this was seen, in seconds since 1970.
    #[serde(default)]
    pub now: u64,
    /// Containers. A slot can hold several occupants: generations.
    pub containers: BTreeMap<ContainerId, Container>,
    /// Networks of the stack, those that its containers use, and the external ones asked about, by
    /// real name.
    pub networks: BTreeMap<String, NetworkSpec>,
    /// Volumes of the stack, and the external ones asked about, by real name.
    pub volumes: BTreeMap<String, VolumeSpec>,
    /// What containers mount whose mounts services get too, by the names asked about. Volumes of
    /// others that are among it are in `volumes` as external ones.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub lent: BTreeMap<String, Vec<MountSpec>>,
    /// Images present, by the references asked about.
    pub images: BTreeMap<String, Image>,
}

/// One container that exists.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Container {
    /// What it was made from.
    pub spec: ContainerSpec,
    /// The content-addressed id of its image (`sha256:…`); empty when the container's record is
    /// damaged and the spec only guessed.
    pub image_id: String,
    /// Whether its health is checked: by its spec or, where that says nothing, by the image that it
    /// was made from, which may have lost its name since.
    pub checks_health: bool,
    /// What it is doing.
    pub state: State,
    /// It runs, but nothing leads to it: neither its names nor published ports.
    #[serde(default)]
    pub aside: bool,
}

/// What a container is doing. Each variant says what planning does with it when it should run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum State {
    /// Never started, or what was running was lost with the runtime folder or a reboot: start it.
    Created,
    /// Its process runs: keep it.
    Running {
        /// What the health check says.
        health: Health,
    },
    /// Its process runs but its supervisor is gone: start again means to adopt it.
    Unsupervised,
    /// Its process runs, but what is to run after its start has not run to its end: start it, which
    /// means to run that.
    Unprepared,
    /// Asked to end and about to: start it, which waits for the end.
    Stopping,
    /// Ended and waiting for its next start under the restart policy: keep it.
    Restarting,
    /// Paused: keep it.
    Paused,
    /// Its process ended.
    Exited {
        /// Exit code, 128 plus the signal number when killed by one.
        code: i32,
        /// Stopped on request rather than by itself: start it. By itself with code 0 and no
        /// restart policy it is completed: keep it.
        requested: bool,
    },
}

/// What the health check says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Health {
    /// There is no health check.
    None,
    /// No verdict yet.
    Starting,
    /// The last probe succeeded.
    Healthy,
    /// Too many probes failed in a row.
    Unhealthy,
}

/// One image that is present, as far as planning needs it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Image {
    /// Content-addressed id (`sha256:…`).
    pub id: String,
    /// Paths that its `VOLUME` instructions declare.
    pub volumes: Vec<String>,
    /// Whether it declares a health check.
    pub has_health: bool,
    /// What it runs on, as `os/arch[/variant]`; empty when it does not say.
    #[serde(default)]
    pub platform: String,
    /// When it was last pulled, built, loaded or tagged, in seconds since 1970.
    #[serde(default)]
    pub tagged_at: u64,
}

impl Live {
    /// The occupants of a slot, oldest generation first.
    pub fn occupants<'a>(&'a self, slot: &'a Slot) -> impl Iterator<Item = (&'a ContainerId, &'a Container)> {
        self.containers.iter().filter(move |(id, _)| id.slot == *slot)
    }

    /// Whether the health of a container made from this spec now would be checked. An image that
    /// is not here is given the benefit of the doubt.
    pub fn will_check_health(&self, spec: &ContainerSpec) -> bool {
        spec.checks_health(self.images.get(&spec.image).is_none_or(|image| image.has_health))
    }
}

impl Container {
    /// Whether it ended by itself as it should and nothing is to be done about it. What has a
    /// health check is meant to go on: that it ended is no completion.
    pub fn is_completed(&self, spec: &ContainerSpec) -> bool {
        let stays = matches!(spec.restart, RestartPolicy::No | RestartPolicy::OnFailure { .. });
        stays && !spec.checks_health(false) && self.state == State::Exited { code: 0, requested: false }
    }

    /// Whether a container that should run must be started, given what it should be.
    pub fn needs_start(&self, spec: &ContainerSpec) -> bool {
        match self.state {
            State::Created | State::Unsupervised | State::Unprepared | State::Stopping => true,
            State::Exited { .. } => !self.is_completed(spec),
            State::Running { .. } | State::Restarting | State::Paused => false,
        }
    }
}

impl State {
    /// Whether a process of the container exists.
    pub fn is_running(&self) -> bool {
        matches!(
            self,
            Self::Running { .. }
                | Self::Unsupervised
                | Self::Unprepared
                | Self::Stopping
                | Self::Paused
                | Self::Restarting
        )
    }
}
