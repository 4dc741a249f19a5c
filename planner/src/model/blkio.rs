//! Block devices: shares and limits.

use super::Bytes;
use serde::{Deserialize, Serialize};

/// `blkio_config` of a service.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Blkio {
    /// Share of bandwidth, 10 to 1000.
    pub weight: u16,
    /// The same for single devices.
    pub weight_device: Vec<WeightDevice>,
    /// Bytes read in a second.
    pub device_read_bps: Vec<ThrottleDevice>,
    /// Reads in a second.
    pub device_read_iops: Vec<ThrottleDevice>,
    /// Bytes written in a second.
    pub device_write_bps: Vec<ThrottleDevice>,
    /// Writes in a second.
    pub device_write_iops: Vec<ThrottleDevice>,
}

/// The share of one device.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct WeightDevice {
    /// Path of the device.
    #[serde(alias = "Path")]
    pub path: String,
    /// Share of bandwidth, 10 to 1000.
    #[serde(alias = "Weight")]
    pub weight: u16,
}

/// The limit of one device.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct ThrottleDevice {
    /// Path of the device.
    #[serde(alias = "Path")]
    pub path: String,
    /// Bytes or operations in a second.
    #[serde(alias = "Rate")]
    pub rate: Bytes,
}
