//! Devices: of the host, and by what they can do.

use super::{DeviceCount, Extensions};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// One entry of `devices`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct DeviceMapping {
    /// Path on the host, or a CDI name (`vendor.com/class=name`).
    pub source: String,
    /// Path in the container.
    pub target: String,
    /// What is allowed: some of `rwm`.
    pub permissions: String,
    /// Its `x-…` keys.
    pub extensions: Extensions,
}

/// Devices by what they can do: `gpus`, `deploy.resources.reservations.devices`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct DeviceRequest {
    /// What they can do: `gpu`, `tpu`.
    pub capabilities: Vec<String>,
    /// Who provides them: `nvidia`.
    pub driver: String,
    /// How many.
    pub count: DeviceCount,
    /// Which ones, in place of how many.
    pub device_ids: Vec<String>,
    /// Options of the driver.
    pub options: BTreeMap<String, String>,
}
