//! Networks by themselves, without a stack file.

use super::{NetworkRecord, bridge, record};
use crate::container::{self, ContainerStatus, list};
use crate::error::{Error, Kind, Result};
use crate::stacks;
use crate::store::Store;
use planner::desired::{Attachment, NetworkMode};
use planner::{ContainerId, ContainerSpec, NetworkSpec};

/// Longest name: it is part of the names of files.
const LONGEST: usize = 200;

/// Makes a network of no stack. One of this name that exists is a conflict.
pub fn make(store: &Store, spec: &NetworkSpec) -> Result<NetworkRecord> {
    let is_open = |letter: char| letter.is_ascii_alphanumeric();
    let fits = spec.name.starts_with(is_open) && spec.name.len() <= LONGEST;
    if !fits || !spec.name.chars().all(|letter| is_open(letter) || "_.-".contains(letter)) {
        let doing = format!("`{}` is not a name for a network", spec.name.escape_debug());
        return Err(Error::new(Kind::Unsupported, doing).hint("use letters, digits, `_`, `.` and `-`"));
    }
    if record::find(store, &spec.name)?.is_some() {
        let doing = format!("network {} exists already", spec.name);
        return Err(Error::new(Kind::Conflict, doing).hint("`sampan network inspect` tells what it is"));
    }
    bridge::create(store, spec)
}

/// A network that may not exist.
pub fn get(store: &Store, name: &str) -> Result<Option<NetworkRecord>> {
    record::find(store, name)
}

/// All containers that are on a network, whether they run or not.
pub fn users(store: &Store, name: &str) -> Result<Vec<ContainerStatus>> {
    let all = list::list(store, None)?;
    Ok(all.into_iter().filter(|one| one.spec.is_on(name)).collect())
}

/// Removes a network on which no container runs. Those that do not run are taken off.
pub fn remove(store: &Store, name: &str) -> Result<()> {
    let network = record::existing(store, name)?;
    let _lock = network.spec.stack.as_ref().map(|stack| stacks::lock(store, stack)).transpose()?;
    container::vacate::vacate(store, name)?;
    bridge::remove(store, name)?;
    bridge::sweep(store)
}

/// The container of this name, id, or slot: `shop-web-1`, `shop.web.1.1`.
pub fn find_container(store: &Store, name: &str) -> Result<ContainerId> {
    let missing = || {
        Error::new(Kind::NotFound, format!("no container {name}"))
            .hint("`sampan ps -a` lists those of a stack")
    };
    container::names::find(store, name)?.ok_or_else(missing)
}

/// Puts a container on a network, whether it runs or not.
pub fn join(store: &Store, id: &ContainerId, wanted: Attachment) -> Result<()> {
    record::existing(store, &wanted.network)?;
    change(store, id, |spec| {
        if spec.is_on(&wanted.network) {
            let doing = format!("{} is on network {} already", spec.called(id), wanted.network);
            return Err(Error::new(Kind::Conflict, doing));
        }
        let aliases = [vec![id.slot.service.clone()], wanted.aliases.clone()].concat();
        spec.networks.push(Attachment { aliases, ..wanted.clone() });
        Ok(())
    })
}

/// Takes a container off a network.
pub fn leave(store: &Store, id: &ContainerId, network: &str) -> Result<()> {
    change(store, id, |spec| {
        if !spec.is_on(network) {
            let doing = format!("{} is not on network {network}", spec.called(id));
            return Err(Error::new(Kind::NotFound, doing));
        }
        spec.networks.retain(|one| one.network != network);
        Ok(())
    })
}

fn change(store: &Store, id: &ContainerId, how: impl FnOnce(&mut ContainerSpec) -> Result<()>) -> Result<()> {
    container::update::change(store, id, |spec| {
        if spec.network_mode != NetworkMode::Own {
            let doing = format!("{} is in the network of {}", spec.called(id), spec.network_mode);
            return Err(Error::new(Kind::Conflict, doing).hint("it has no networks of its own"));
        }
        how(spec)
    })
}
