//! What the user wrote, typed: the result of [`load`](crate::load). One noun a file.
//!
//! The types have every attribute of the Compose Specification, in the order in which Docker
//! Compose prints them. A new attribute is one field: the tree is read, and the canonical forms
//! are printed, by what serde derives. Texts that are empty, numbers that are 0 and lists that
//! are empty are not set; `Option` is where that would mean something.

mod blkio;
mod build;
mod credential;
pub(crate) mod decode;
mod dependency;
mod deploy;
mod develop;
mod device;
mod env_file;
mod extended;
mod file;
mod from_tree;
mod health;
mod hook;
mod hosts;
mod isolate;
mod logging;
mod models;
mod mount;
mod network;
mod order;
mod plain;
mod port;
mod print;
mod provider;
mod quantity;
mod sampan;
mod service;
mod stack;
#[cfg(test)]
mod tests;
mod ulimit;
pub(crate) mod units;
mod volume;
pub(crate) mod words;

pub use blkio::{Blkio, ThrottleDevice, WeightDevice};
pub use build::Build;
pub use credential::CredentialSpec;
pub use dependency::{Condition, Dependency};
pub use deploy::{
    Deploy, DiscreteResource, GenericResource, Placement, PlacementPreference, ResourceAmounts, Resources,
    RestartConfig, UpdateConfig, UpdateOrder,
};
pub use develop::{Develop, Watch, WatchAction};
pub use device::{DeviceMapping, DeviceRequest};
pub use env_file::EnvFile;
pub use extended::Extended;
pub use file::{Config, FileReference, Secret};
pub use health::HealthCheck;
pub use hook::Hook;
pub use hosts::{Hosts, SshKeys};
pub use logging::Logging;
pub use models::{Model, ServiceModel};
pub use mount::{BindOptions, ImageOptions, Mount, MountType, TmpfsOptions, VolumeOptions};
pub use network::{Ipam, Network, ServiceNetwork, Subnet};
pub use plain::{Extensions, Name, Plain};
pub use port::Port;
pub use print::Form;
pub use provider::Provider;
pub use quantity::{Bytes, Cores, DeviceCount, FileMode, Limit, Most, Swappiness, Time};
pub use sampan::{MemoryNotice, OnPressure, Sampan, Share};
pub use service::Service;
pub use stack::{Contents, Stack};
pub use ulimit::Ulimit;
pub use units::{parse_bytes, parse_duration, signal_name, signal_names};
pub use volume::Volume;
