//! Which namespaces a container has of its own, besides that of its network.

use super::ContainerSpec;
use super::attachment::NetworkMode;
use crate::model::Service;
use serde::{Deserialize, Serialize};

/// Whose namespace of one kind a container is in: what there is for networks there is for others.
pub type Namespace = NetworkMode;

/// Whose namespaces a container is in.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Namespaces {
    /// Processes: whom it sees and can signal.
    pub pid: Namespace,
    /// System V objects, message queues and `/dev/shm`.
    pub ipc: Namespace,
    /// It has no `/dev/shm`.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub without_memory: bool,
    /// Host and domain name: those of the host.
    pub uts_of_host: bool,
    /// It sees all control groups of the host.
    pub cgroup_of_host: bool,
}

impl Namespaces {
    /// What a service says of them.
    pub(super) fn of(service: &Service) -> Self {
        Self {
            pid: namespace(&service.pid),
            ipc: namespace(&service.ipc),
            without_memory: service.ipc == "none",
            uts_of_host: service.uts == "host",
            cgroup_of_host: service.cgroup == "host",
        }
    }

    fn shared(&self) -> impl Iterator<Item = &Namespace> {
        [&self.pid, &self.ipc].into_iter()
    }
}

/// What `pid` or `ipc` says.
fn namespace(text: &str) -> Namespace {
    match text.split_once(':') {
        Some(("service", name)) => Namespace::Service(name.to_owned()),
        Some(("container", name)) => Namespace::Container(name.to_owned()),
        _ if text == "host" => Namespace::Host,
        _ => Namespace::Own,
    }
}

impl ContainerSpec {
    /// The services in whose namespaces it is.
    pub fn hosts(&self) -> impl Iterator<Item = &str> {
        let all = self.namespaces.shared().chain([&self.network_mode]);
        all.filter_map(|namespace| match namespace {
            Namespace::Service(name) => Some(name.as_str()),
            _ => None,
        })
    }

    /// Whether it is in a namespace of the containers of this service.
    pub fn is_in_namespace_of(&self, service: &str) -> bool {
        self.hosts().any(|name| name == service)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_namespace_is_its_own_unless_it_is_said_whose() {
        assert_eq!(namespace(""), Namespace::Own);
        assert_eq!(namespace("shareable"), Namespace::Own);
        assert_eq!(namespace("host"), Namespace::Host);
        assert_eq!(namespace("service:db"), Namespace::Service("db".into()));
        assert_eq!(namespace("container:shop-db-1"), Namespace::Container("shop-db-1".into()));
        let namespaces = Namespaces { ipc: namespace("service:db"), ..Namespaces::default() };
        let spec = ContainerSpec { namespaces, ..ContainerSpec::default() };
        assert!(spec.is_in_namespace_of("db") && !spec.is_in_namespace_of("web"));
    }
}
