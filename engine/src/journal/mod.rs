//! What happened, in the order in which it did: one line of JSON for each event, in a file that
//! everybody who does something appends to. Supervisors do, too, so it is complete when no command
//! runs.
//!
//! The journal tells; nothing relies on it. Where it cannot be written what it would tell of is
//! done all the same. It is bounded: when the file is large enough it takes the place of the one
//! before it.

mod read;
mod write;

pub use read::{JournalOptions, read};

use crate::store::Store;
use jiff::Timestamp;
use planner::{ContainerId, ContainerSpec};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt;

/// One thing that happened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// When.
    pub time: Timestamp,
    /// To what sort of thing.
    #[serde(rename = "type")]
    pub kind: Subject,
    /// What, in Docker's word where it has one: `start`, `die`, `health_status: healthy`, …
    pub action: String,
    /// To which one: the id of a container, the name of anything else.
    pub id: String,
    /// The stack that it belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stack: Option<String>,
    /// The service of a container.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service: Option<String>,
    /// More about it: `name`, `image`, `exitCode`, labels, …
    #[serde(default)]
    pub attributes: BTreeMap<String, String>,
}

/// The sort of thing to which something happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Subject {
    /// A container.
    Container,
    /// An image.
    Image,
    /// A network.
    Network,
    /// A volume.
    Volume,
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Container => "container",
            Self::Image => "image",
            Self::Network => "network",
            Self::Volume => "volume",
        })
    }
}

impl Entry {
    fn now(kind: Subject, id: &str, action: &str) -> Self {
        Self {
            time: Timestamp::now(),
            kind,
            action: action.to_owned(),
            id: id.to_owned(),
            stack: None,
            service: None,
            attributes: BTreeMap::new(),
        }
    }

    /// Something happens to a container. Labels come along, so that one can choose by them.
    pub(crate) fn container(id: &ContainerId, spec: &ContainerSpec, action: &str) -> Self {
        let mut entry = Self::now(Subject::Container, &id.to_string(), action);
        entry.stack = Some(id.stack.clone());
        entry.service = Some(id.slot.service.clone());
        entry.attributes.clone_from(&spec.labels);
        entry.with("name", spec.called(id)).with("image", &spec.image)
    }

    /// Something happens to a network.
    pub(crate) fn network(name: &str, stack: Option<&String>, action: &str) -> Self {
        Self { stack: stack.cloned(), ..Self::now(Subject::Network, name, action) }.with("name", name)
    }

    /// A container joins or leaves a network.
    pub(crate) fn membership(network: &str, id: &ContainerId, action: &str) -> Self {
        Self::network(network, Some(&id.stack), action).with("container", id.to_string())
    }

    /// Something happens to a volume.
    pub(crate) fn volume(name: &str, stack: Option<&String>, action: &str) -> Self {
        Self { stack: stack.cloned(), ..Self::now(Subject::Volume, name, action) }.with("name", name)
    }

    /// Something happens to an image.
    pub(crate) fn image(name: &str, action: &str) -> Self {
        Self::now(Subject::Image, name, action).with("name", name)
    }

    /// With one attribute more.
    pub(crate) fn with(mut self, name: &str, value: impl Into<String>) -> Self {
        self.attributes.insert(name.to_owned(), value.into());
        self
    }

    /// Puts it into the journal; see the head of this module for what becomes of a failure.
    pub(crate) fn tell(self, store: &Store) {
        let _ = write::append(store, &self);
    }
}
