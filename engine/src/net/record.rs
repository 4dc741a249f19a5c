//! Network records on disk, and the names derived from them.

use super::{NetworkRecord, lease};
use crate::error::{Context, Error, Kind, Result};
use crate::store::{self, Lock, LockKind, Store, fnv1a};
use planner::ContainerId;
use std::fs;
use std::io;
use std::path::Path;

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
    network.leases = lease::read(store, &network)?;
    Ok(Some(network))
}

/// Like [`find`]; a damaged record is none.
pub(crate) fn find_whole(store: &Store, name: &str) -> Result<Option<NetworkRecord>> {
    match find(store, name) {
        Err(error) if error.kind == Kind::Corrupt => Ok(None),
        found => found,
    }
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
