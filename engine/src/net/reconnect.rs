//! Networks, names and servers of a container that is already there: what changed is changed, the
//! rest goes on.

use super::endpoint::{self, Plug};
use super::netlink::Socket;
use super::netns::Netns;
use super::{Endpoint, files, lease, link, netns, publish, record};
use crate::error::{Context, Error, Kind, Result};
use crate::journal::Entry;
use crate::store::{self, Lock, LockKind, Store};
use planner::desired::Attachment;
use planner::{ContainerId, ContainerSpec};
use std::fs;

/// Whether there is anything to do here.
pub fn is_concerned(from: &ContainerSpec, to: &ContainerSpec) -> bool {
    from.networks != to.networks || from.names != to.names || from.name != to.name
}

/// Makes the network of a container be as another spec says. Idempotent: what an interrupted change
/// left is taken up. Its supervisor has still to be told.
pub fn reconnect(store: &Store, id: &ContainerId, from: &ContainerSpec, to: &ContainerSpec) -> Result<()> {
    to.networks.iter().try_for_each(|wanted| record::existing(store, &wanted.network).map(drop))?;
    let leaves = |one: &&Attachment| !to.is_on(&one.network);
    if from.network_mode.is_own() && netns::is_held(&store.netns(id)) {
        replug(store, id, from, to)?;
    } else {
        endpoint::declare(store, id, to)?;
    }
    from.networks.iter().filter(leaves).try_for_each(|gone| leave(store, id, &gone.network))
}

/// Gives back what a container had on a network that it is no longer on.
fn leave(store: &Store, id: &ContainerId, network: &str) -> Result<()> {
    store::remove_optional(&store.dns_entry(network, id))?;
    let _lock = Lock::take(store, "net", LockKind::Exclusive)?;
    match record::find(store, network)? {
        Some(mut network) => lease::give_back(store, &mut network, id),
        None => Ok(()),
    }
}

fn replug(store: &Store, id: &ContainerId, from: &ContainerSpec, to: &ContainerSpec) -> Result<()> {
    let mut netns = netns::open(&store.netns(id))?;
    let (mut kept, gone): (Vec<Endpoint>, Vec<Endpoint>) =
        endpoint::endpoints(store, id)?.into_iter().partition(|known| stays(&known.network, from, to));
    for known in &gone {
        unplug(&mut netns.socket, &known.interface)?;
        Entry::membership(&known.network, id, "disconnect").tell(store);
    }
    endpoint::write(store, id, &kept)?;
    let mut socket = Socket::route()?;
    for wanted in &to.networks {
        if kept.iter().all(|known| known.network != wanted.network) {
            let made = plug(store, id, to, wanted, (&mut netns, &mut socket, &kept))?;
            kept.push(made);
            endpoint::write(store, id, &kept)?;
        }
    }
    let place = |known: &Endpoint| to.networks.iter().position(|wanted| wanted.network == known.network);
    kept.sort_by_key(|known| place(known));
    endpoint::write(store, id, &kept)?;
    endpoint::route(store, &mut netns.socket, &kept)?;
    endpoint::announce(store, id, to, &kept)?;
    rewrite(store, id, to, &kept)?;
    let ports = publish::published(store, id)?;
    if ports.is_empty() { Ok(()) } else { publish::publish(store, id, &ports) }
}

/// Whether a container's interface is the same under both specs, whatever it is called by name.
fn stays(network: &str, from: &ContainerSpec, to: &ContainerSpec) -> bool {
    let on = |spec: &ContainerSpec| {
        let found = spec.networks.iter().find(|one| one.network == network).cloned();
        found.map(|one| Attachment { aliases: Vec::new(), ..one })
    };
    on(to).is_some() && on(from) == on(to)
}

fn unplug(socket: &mut Socket, interface: &str) -> Result<()> {
    match link::find(socket, interface)? {
        Some(link) => socket.request(&[link::delete(link.index, interface)]),
        None => Ok(()),
    }
}

fn plug(
    store: &Store,
    id: &ContainerId,
    to: &ContainerSpec,
    wanted: &Attachment,
    (netns, socket, kept): (&mut Netns, &mut Socket, &[Endpoint]),
) -> Result<Endpoint> {
    let is_taken = |name: &String| kept.iter().any(|known| known.interface == *name);
    let mut free = (0..).map(|number| format!("eth{number}")).filter(|name| !is_taken(name));
    let interface = wanted.interface.clone().or_else(|| free.next()).unwrap_or_default();
    if is_taken(&interface) {
        let doing = format!("{} has an interface {interface} already", id.name());
        return Err(Error::new(Kind::Conflict, doing).hint("recreate it: `sampan up --force-recreate`"));
    }
    // An interrupted change may have left it.
    unplug(&mut netns.socket, &interface)?;
    let plug = Plug { store, id, socket, netns, hairpin: !to.ports.is_empty() };
    plug.one(wanted, interface)
}

/// The files keep their place: the container has them mounted.
fn rewrite(store: &Store, id: &ContainerId, to: &ContainerSpec, endpoints: &[Endpoint]) -> Result<()> {
    let texts = [
        ("hosts", files::hosts(&files::own_names(id, to), endpoints, &to.names.hosts)),
        ("resolv.conf", files::resolv_conf(&to.names)),
    ];
    for (name, text) in texts {
        let path = store.file(id, name);
        if path.exists() {
            fs::write(&path, text).doing(|| format!("write {}", path.display()))?;
        }
    }
    Ok(())
}
