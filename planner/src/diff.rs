//! Desired against Live, field by field.

use crate::desired::{ContainerId, Slot};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// How one field differs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FieldChange {
    /// Which field, in the words of the stack file: `environment.MODE`, `deploy.resources.limits.memory`.
    pub field: String,
    /// What exists; `None` when it was not set.
    pub from: Option<String>,
    /// What should be; `None` when it is no longer set.
    pub to: Option<String>,
}

/// What must become of one resource.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Change {
    /// It does not exist.
    Create,
    /// It is as it should be.
    Keep,
    /// It can be changed as it is.
    Update(Vec<FieldChange>),
    /// It must be made anew.
    Replace(Vec<FieldChange>),
    /// It is as it should be but does not run.
    Start,
    /// It should not exist.
    Remove,
}

/// What must become of every resource.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Diff {
    /// Networks by real name.
    pub networks: BTreeMap<String, Change>,
    /// Volumes by real name.
    pub volumes: BTreeMap<String, Change>,
    /// Slots, with the occupant that the change is about.
    pub containers: BTreeMap<Slot, (Option<ContainerId>, Change)>,
}

/// Whether a container of the one spec can become one of the other as it is.
pub fn changes_in_place(_from: &crate::ContainerSpec, _to: &crate::ContainerSpec) -> bool {
    true
}
