//! The container in whose namespaces another one is.

use super::state::{ProcessKey, StateRecord};
use super::{names, record};
use crate::error::{Error, Kind, Result};
use crate::sandbox::{Namespaces, Whose};
use crate::store::Store;
use crate::sys::pidfd;
use planner::desired::Namespace;
use planner::{ContainerId, ContainerSpec};
use std::os::fd::OwnedFd;

/// What is shared in a pid namespace.
const PROCESSES: &str = "pid namespace";
/// What is shared in an IPC namespace.
const MEMORY: &str = "IPC namespace";

/// Fails when one of the containers in whose namespaces it is to be does not run.
pub fn ensure_owners(store: &Store, id: &ContainerId, spec: &ContainerSpec) -> Result<()> {
    let all = [(&spec.namespaces.pid, PROCESSES), (&spec.namespaces.ipc, MEMORY)];
    let mut shared = all.into_iter().filter(|(namespace, _)| namespace.is_shared());
    shared.try_for_each(|(namespace, what)| owner(store, id, namespace, what).map(drop))
}

/// The container that runs and in whose namespace another one is; `what` is shared.
pub fn owner(store: &Store, guest: &ContainerId, namespace: &Namespace, what: &str) -> Result<ContainerId> {
    let named = match namespace {
        Namespace::Container(name) => names::find(store, name)?,
        _ => None,
    };
    let is_meant = |id: &&ContainerId| match namespace {
        Namespace::Service(name) => id.stack == guest.stack && id.slot.service == *name,
        Namespace::Container(_) => {
            named.as_ref().is_some_and(|named| id.stack == named.stack && id.slot == named.slot)
        }
        Namespace::Own | Namespace::Host => false,
    };
    let ids = record::ids(store);
    let mut meant = ids.iter().filter(is_meant).peekable();
    let exists = meant.peek().is_some();
    // Of several generations one runs; of several replicas it is the first.
    let mut running = meant.filter(|id| runs(store, id));
    running.next().cloned().ok_or_else(|| {
        let problem = if exists { "does not run" } else { "does not exist" };
        let doing = format!("{} is in the {what} of {namespace}, which {problem}", guest.name());
        Error::new(if exists { Kind::Conflict } else { Kind::NotFound }, doing).hint("start that one first")
    })
}

fn runs(store: &Store, id: &ContainerId) -> bool {
    StateRecord::now(store, id).is_ok_and(|state| state.is_running())
}

/// Whose namespaces the first process of a container is in: of what runs now.
pub fn namespaces(store: &Store, id: &ContainerId, spec: &ContainerSpec) -> Result<Namespaces> {
    let whose = |namespace: &Namespace, what: &str| match namespace {
        Namespace::Own => Ok(Whose::Own),
        Namespace::Host => Ok(Whose::Host),
        Namespace::Service(_) | Namespace::Container(_) => {
            first_process(store, id, namespace, what).map(Whose::Of)
        }
    };
    Ok(Namespaces {
        pid: whose(&spec.namespaces.pid, PROCESSES)?,
        ipc: whose(&spec.namespaces.ipc, MEMORY)?,
        without_memory: spec.namespaces.without_memory,
        uts_of_host: spec.namespaces.uts_of_host,
        cgroup_of_host: spec.namespaces.cgroup_of_host,
    })
}

/// The first process of the container in whose namespace another one is.
fn first_process(store: &Store, guest: &ContainerId, namespace: &Namespace, what: &str) -> Result<OwnedFd> {
    let owner = owner(store, guest, namespace, what)?;
    let process = StateRecord::read(store, &owner)?.and_then(|state| state.process);
    // Asked after opening: if the key still fits, the descriptor is of the same process.
    let open = |process: ProcessKey| pidfd::open(process.pid).ok().filter(|_| process.is_alive());
    process.and_then(open).ok_or_else(|| {
        let doing = format!("{} is in the {what} of {}, which does not run now", guest.name(), owner.name());
        Error::new(Kind::Conflict, doing).hint("try again once it runs")
    })
}
