//! Network records on disk, and the names derived from them.

use super::{NetworkRecord, ipam};
use crate::error::{Context, Error, Kind, Result};
use crate::store::{self, Lock, LockKind, Store, fnv1a};
use planner::ContainerId;
use std::fs::{self, File};
use std::io;
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};

/// Name of a network's bridge: `sp` and 8 hex digits of the store's tag and the name.
pub(crate) fn bridge_name(store: &Store, network: &str) -> String {
    format!("sp{:08x}", fnv1a(format!("{}/{network}", store.tag()).as_bytes()))
}

/// Names for the host's end of a pair, to be tried in this order: `sv`, 8 hex digits of store,
/// container and network, and a letter. The kernel takes interfaces of a container that has
/// just stopped away in its own time, so the first name may still be there for a moment.
pub(crate) fn veth_names(store: &Store, id: &ContainerId, network: &str) -> impl Iterator<Item = String> {
    let hash = fnv1a(format!("{}/{id}/{network}", store.tag()).as_bytes());
    ('a'..='z').map(move |letter| format!("sv{hash:08x}{letter}"))
}

/// All network records, by name, without the damaged ones: they are no reason to let go of the
/// others. See [`repair`](super::repair).
pub(crate) fn all(store: &Store) -> Result<Vec<NetworkRecord>> {
    let mut names: Vec<_> = file_names(&store.networks())?
        .iter()
        .filter_map(|name| name.strip_suffix(".json").map(str::to_owned))
        .collect();
    names.sort();
    names.iter().filter_map(|name| find_whole(store, name).transpose()).collect()
}

/// Removes what interrupted commands left of records that they were writing.
pub fn sweep_records(store: &Store) -> Result<()> {
    if file_names(&store.networks())?.iter().all(|name| name.ends_with(".json")) {
        return Ok(());
    }
    let _lock = Lock::take(store, "net", LockKind::Exclusive)?;
    store::sweep_temporary(&store.networks())
}

/// The record of a network with its leases.
pub(crate) fn find(store: &Store, name: &str) -> Result<Option<NetworkRecord>> {
    let Some(mut network) = store::read_optional::<NetworkRecord>(&store.network(name))? else {
        return Ok(None);
    };
    let leases = file_names(&store.leases(name))?.into_iter().filter_map(|name| parse_lease(&name));
    // A network whose record was lost may have been given another subnet since.
    network.leases = leases.filter(|(_, address)| network.subnet.contains(address)).collect();
    Ok(Some(network))
}

/// Like [`find`]; a damaged record is none.
pub(crate) fn find_whole(store: &Store, name: &str) -> Result<Option<NetworkRecord>> {
    match find(store, name) {
        Err(error) if error.kind == Kind::Corrupt => Ok(None),
        found => found,
    }
}

/// A lease is an empty file of this name: whatever its number, taking and giving back one touches
/// no other, and there is no content to be written.
fn lease_name(id: &ContainerId, address: Ipv4Addr) -> String {
    format!("{address}={id}")
}

fn parse_lease(name: &str) -> Option<(ContainerId, Ipv4Addr)> {
    let (address, id) = name.split_once('=')?;
    Some((id.parse().ok()?, address.parse().ok()?))
}

/// The record of a network that must exist.
pub(crate) fn existing(store: &Store, name: &str) -> Result<NetworkRecord> {
    find(store, name)?.ok_or_else(|| Error::new(Kind::NotFound, format!("network {name} does not exist")))
}

/// The containers for which there is a file in a folder; others files are left out.
pub(crate) fn ids_in(folder: &Path) -> Result<Vec<ContainerId>> {
    Ok(file_names(folder)?.iter().filter_map(|name| name.parse().ok()).collect())
}

/// Names of what is in a folder, which may be missing.
pub(crate) fn file_names(folder: &Path) -> Result<Vec<String>> {
    let doing = || format!("list {}", folder.display());
    let entries = match fs::read_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries.doing(doing)?,
    };
    entries.map(|entry| Ok(entry.doing(doing)?.file_name().to_string_lossy().into_owned())).collect()
}

/// The address of a container on a network: the one that it has, or the lowest free one, which
/// is then recorded. The caller holds the lock `net`.
pub(crate) fn lease(store: &Store, network: &mut NetworkRecord, id: &ContainerId) -> Result<Ipv4Addr> {
    if let Some(address) = network.leases.get(id) {
        return Ok(*address);
    }
    let free = |network: &NetworkRecord| {
        ipam::free_address(network.subnet, network.gateway, &network.leases.values().copied().collect())
    };
    if free(network).is_err() {
        drop_void_leases(store, network)?;
    }
    let address = free(network).map_err(|error| {
        Error::new(Kind::Conflict, format!("network {} has no free address", network.spec.name))
            .hint("give it a larger subnet under `ipam`, or put fewer containers on it")
            .because(error)
    })?;
    let folder = store.leases(&network.spec.name);
    let make = || {
        fs::create_dir_all(&folder)?;
        File::create(folder.join(lease_name(id, address)))
    };
    make().doing(|| format!("take an address on network {}", network.spec.name))?;
    network.leases.insert(id.clone(), address);
    Ok(address)
}

/// Gives the address of a container on a network back. Idempotent.
pub(crate) fn give_back(store: &Store, network: &mut NetworkRecord, id: &ContainerId) -> Result<()> {
    let Some(address) = network.leases.remove(id) else { return Ok(()) };
    store::remove_optional(&store.leases(&network.spec.name).join(lease_name(id, address)))
}

/// The files of leases of containers or networks that are gone.
pub(crate) fn void_leases(store: &Store) -> Result<Vec<PathBuf>> {
    let mut void = Vec::new();
    for network in file_names(&store.leases_root())? {
        let has_record = store.network(&network).exists();
        for name in file_names(&store.leases(&network))? {
            let held = parse_lease(&name).is_some_and(|(id, _)| store.container(&id).exists());
            void.extend((!held || !has_record).then(|| store.leases(&network).join(name)));
        }
    }
    Ok(void)
}

/// Gives those addresses back.
pub(crate) fn sweep_leases(store: &Store) -> Result<()> {
    let _lock = Lock::take(store, "net", LockKind::Exclusive)?;
    void_leases(store)?.iter().try_for_each(|lease| store::remove_optional(lease))
}

/// Drops leases of containers that no longer exist: their removal was interrupted.
pub(crate) fn drop_void_leases(store: &Store, network: &mut NetworkRecord) -> Result<()> {
    let ids: Vec<ContainerId> = network.leases.keys().cloned().collect();
    let mut void = ids.iter().filter(|id| !store.container(id).exists());
    void.try_for_each(|id| give_back(store, network, id))
}
