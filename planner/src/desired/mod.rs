//! What should exist, fully decided: the specs that the engine is handed.

mod attachment;
mod bridge;
mod build;
mod build_lower;
mod container;
mod devices;
mod direct;
mod file;
mod hook;
mod id;
mod image;
mod interface;
mod limits;
pub(crate) mod logging;
mod lower;
mod lower_network;
mod mount;
mod mounts;
mod namespaces;
mod network;
mod owners;
mod pace;
mod pressure;
mod rollout;
mod security;
mod service;
mod setting;
mod volume_mount;

pub use attachment::{Attachment, HostEntry, Mac, NameSpec, NetworkMode};
pub use bridge::{BridgeFault, BridgeOptions};
pub use build::{
    BuildContext, BuildNetwork, BuildSecret, BuildSpec, CachePlace, DockerfileSource, SshSource,
};
pub(crate) use build_lower::build_spec;
pub use container::{
    ContainerSpec, HealthSpec, HealthTest, OneOff, PortSpec, Protocol, RestartPolicy, Ulimit,
};
pub(crate) use devices::is_named;
pub use devices::{Access, DeviceKind, DeviceRule, DeviceSpec, Devices};
pub use direct::{DirectKind, DirectSpec, IpvlanFlag, IpvlanMode, MacvlanMode};
pub use file::{Content, FileSpec};
pub use hook::HookSpec;
pub(crate) use hook::{init_name, with_init_services};
pub use id::{ContainerId, ParseContainerIdError, Slot};
pub use image::{ImageSpec, PullPolicy, images};
pub(crate) use interface::interface_settings;
pub use limits::{Disk, Disks, Limits, Swap};
pub use logging::LogSpec;
pub(crate) use lower::depends_on;
pub use lower::lower;
pub use mount::{Memory, MountKind, MountSpec, Propagation, Submounts};
pub use namespaces::{Namespace, Namespaces};
pub use network::{Ipv6Spec, NetworkSpec, VolumeSpec};
pub use owners::OwnerRange;
pub use pace::RestartPace;
pub use pressure::{Pressure, Tell};
pub use security::{Seccomp, Security};
pub use setting::setting_path;
pub use volume_mount::{VolumeMount, shown_options};

use crate::model::Condition;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Everything that should exist for one stack.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Desired {
    /// The stack's name.
    pub stack: String,
    /// Networks by their real name (`shop_default`).
    pub networks: BTreeMap<String, NetworkSpec>,
    /// Volumes by their real name (`shop_data`).
    pub volumes: BTreeMap<String, VolumeSpec>,
    /// One spec for each slot that should be occupied.
    pub containers: BTreeMap<Slot, ContainerSpec>,
    /// What each service waits for, by service and dependency. Every service in scope has an
    /// entry, those without replicas and without dependencies too.
    pub depends_on: BTreeMap<String, BTreeMap<String, DependsOn>>,
}

impl Desired {
    /// The slots of a service.
    pub fn of_service(&self, service: &str) -> impl Iterator<Item = (&Slot, &ContainerSpec)> {
        let first = Slot { service: service.to_owned(), index: 0 };
        self.containers.range(&first..).take_while(move |(slot, _)| slot.service == first.service)
    }
}

/// One edge of the dependency graph.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DependsOn {
    /// What the dependency must have reached.
    pub condition: Condition,
    /// Restart the dependent when the dependency is replaced or restarted.
    pub restart: bool,
    /// Whether a missing or failing dependency is an error.
    pub required: bool,
    /// The dependent is in a namespace of the dependency, which goes with it.
    pub shares: bool,
}
