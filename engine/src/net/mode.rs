//! Network namespaces that are not the container's own: the host's, or another container's.

use super::dns::upstream;
use super::{Connected, files, netns};
use crate::container::owner::owner;
use crate::container::record;
use crate::error::{Context, Error, Kind, Result};
use crate::store::Store;
use planner::desired::NetworkMode;
use planner::{ContainerId, ContainerSpec};
use std::fs;

/// How many containers may stand between one and the namespace that it is in.
const DEPTH: usize = 16;
/// Where the host has its own names.
const HOSTS: &str = "/etc/hosts";

/// Whether a container is in the network namespace of the host, itself or as another one's guest.
pub(crate) fn is_of_host(store: &Store, id: &ContainerId, spec: &ContainerSpec) -> Result<bool> {
    let (mut id, mut mode) = (id.clone(), spec.network_mode.clone());
    for _ in 0..DEPTH {
        if !mode.is_shared() {
            return Ok(mode == NetworkMode::Host);
        }
        id = owner(store, &id, &mode, "network")?;
        mode = record::read(store, &id)?.spec.network_mode;
    }
    Err(Error::new(Kind::Conflict, format!("{} is in the network of itself", id.name())))
}

/// The network of a container that has none of its own.
pub(super) fn join(store: &Store, id: &ContainerId, spec: &ContainerSpec) -> Result<Connected> {
    if is_of_host(store, id, spec)? {
        return of_host(store, id, spec);
    }
    let owner = owner(store, id, &spec.network_mode, "network")?;
    netns::share(&store.netns(&owner), &store.netns(id))?;
    let text = |name: &str| {
        let path = store.file(&owner, name);
        fs::read_to_string(&path).doing(|| format!("read {}", path.display()))
    };
    Ok(Connected {
        netns: store.netns(id),
        endpoints: Vec::new(),
        hostname: files::hostname(id, spec),
        hosts: text("hosts")?,
        resolv_conf: text("resolv.conf")?,
    })
}

fn of_host(store: &Store, id: &ContainerId, spec: &ContainerSpec) -> Result<Connected> {
    let hostname = files::hostname(id, spec);
    // A host without the file has no names.
    let known = fs::read_to_string(HOSTS).unwrap_or_default();
    Ok(Connected {
        netns: store.netns(id),
        endpoints: Vec::new(),
        hosts: files::hosts_of_host(&known, &files::own_names(id, spec), &spec.names.hosts),
        resolv_conf: files::resolv_conf_of_host(&upstream::Config::of_the_host(), &spec.names),
        hostname,
    })
}
