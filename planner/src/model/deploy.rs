//! How many containers, with which resources, and what only a cluster does.

use super::{Bytes, Cores, DeviceRequest, Extensions, Limit, Time};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// `deploy` of a service.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Deploy {
    /// `replicated`, `global`, `replicated-job`, `global-job`.
    pub mode: String,
    /// Number of containers; unset: one.
    pub replicas: Option<i64>,
    /// Labels of the service, not of its containers.
    pub labels: BTreeMap<String, String>,
    /// How replicas are replaced.
    pub update_config: Option<UpdateConfig>,
    /// How a replacement that fails is undone.
    pub rollback_config: Option<UpdateConfig>,
    /// Limits and reservations.
    pub resources: Resources,
    /// What happens when a container ends; stands above `restart`.
    pub restart_policy: Option<RestartConfig>,
    /// Which machines of a cluster.
    pub placement: Placement,
    /// How a cluster balances: `vip`, `dnsrr`.
    pub endpoint_mode: String,
    /// Its `x-…` keys.
    pub extensions: Extensions,
}

/// How replicas are replaced, or replaced back.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct UpdateConfig {
    /// So many at once; 0 is all.
    pub parallelism: Option<u64>,
    /// Time between two groups.
    pub delay: Time,
    /// What follows a failure: `pause`, `continue`, `rollback`.
    pub failure_action: String,
    /// Time for which a new container is watched for failure.
    pub monitor: Time,
    /// Part of containers that may fail, 0 to 1.
    pub max_failure_ratio: f32,
    /// Whether the old one stops before the new one starts.
    pub order: Option<UpdateOrder>,
    /// Its `x-…` keys.
    pub extensions: Extensions,
}

/// Which comes first when a container is replaced.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum UpdateOrder {
    /// The old one stops, then the new one starts.
    StopFirst,
    /// The new one starts, then the old one stops.
    StartFirst,
}

/// `deploy.resources`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Resources {
    /// What a container may use.
    pub limits: Option<ResourceAmounts>,
    /// What a container can count on.
    pub reservations: Option<ResourceAmounts>,
    /// Its `x-…` keys.
    pub extensions: Extensions,
}

/// Amounts of resources.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct ResourceAmounts {
    /// CPU time.
    pub cpus: Cores,
    /// Memory.
    pub memory: Bytes,
    /// Number of tasks.
    pub pids: Limit,
    /// Devices.
    pub devices: Vec<DeviceRequest>,
    /// What an administrator counts on each machine.
    pub generic_resources: Vec<GenericResource>,
    /// Its `x-…` keys.
    pub extensions: Extensions,
}

/// Something that an administrator counts.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct GenericResource {
    /// A number of whole things.
    pub discrete_resource_spec: Option<DiscreteResource>,
    /// Its `x-…` keys.
    pub extensions: Extensions,
}

/// A number of whole things.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct DiscreteResource {
    /// What they are.
    pub kind: String,
    /// How many.
    pub value: i64,
    /// Its `x-…` keys.
    pub extensions: Extensions,
}

/// `deploy.restart_policy`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct RestartConfig {
    /// `none`, `on-failure`, `any`.
    pub condition: String,
    /// Time between two starts.
    pub delay: Option<Time>,
    /// At most so many times.
    pub max_attempts: Option<u64>,
    /// Time after which a start has succeeded.
    pub window: Option<Time>,
    /// Its `x-…` keys.
    pub extensions: Extensions,
}

/// `deploy.placement`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Placement {
    /// What a machine must be: `node.labels.disk==ssd`.
    pub constraints: Vec<String>,
    /// How containers are spread.
    pub preferences: Vec<PlacementPreference>,
    /// At most so many on one machine.
    pub max_replicas_per_node: u64,
    /// Its `x-…` keys.
    pub extensions: Extensions,
}

/// One preference of placement.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct PlacementPreference {
    /// The label over whose values containers are spread.
    pub spread: String,
    /// Its `x-…` keys.
    pub extensions: Extensions,
}
