//! Damaged network records, made again from what else is known.

use super::{Endpoint, Four, NetworkRecord, Six, bridge, endpoint, firewall, record};
use crate::error::{Kind, Result};
use crate::store::{self, Lock, LockKind, Store};
use ipnet::{Ipv4Net, Ipv6Net};
use planner::desired::Ipv6Spec;
use planner::{ContainerId, NetworkSpec};

/// Names of the networks whose record cannot be read.
pub fn damaged(store: &Store) -> Result<Vec<String>> {
    let is_damaged = |name: &String| {
        let record = store::read_optional::<NetworkRecord>(&store.network(name));
        record.is_err_and(|error| error.kind == Kind::Corrupt)
    };
    let files = record::file_names(&store.networks())?;
    let names = files.iter().filter_map(|file| file.strip_suffix(".json"));
    Ok(names.map(str::to_owned).filter(is_damaged).collect())
}

/// Makes a damaged record anew for the stack that the network belongs to. What runs there keeps
/// its addresses; when nothing does the network gets a subnet as if it were new. Labels and form
/// are lost: when the stack file wants some, the network is replaced.
pub fn repair(store: &Store, name: &str, stack: &str) -> Result<()> {
    let _lock = Lock::take(store, "net", LockKind::Exclusive)?;
    let spec = NetworkSpec { name: name.to_owned(), stack: Some(stack.to_owned()), ..NetworkSpec::default() };
    let connected = connected(store, name)?;
    let ipv6 = connected.iter().find_map(|(_, one)| one.six).map(|_| Ipv6Spec::default());
    let without_ipv4 = connected.iter().any(|(_, one)| one.four.is_none());
    let spec = NetworkSpec { ipv6, without_ipv4, ..spec };
    store::remove_optional(&store.network(name))?;
    match connected.first() {
        Some((_, one)) => {
            let network = NetworkRecord {
                spec,
                bridge: record::bridge_name(store, name),
                four: one.four.and_then(|four| {
                    let subnet = Ipv4Net::new(four.gateway, four.prefix).ok()?.trunc();
                    Some(Four { subnet, gateway: four.gateway })
                }),
                six: one.six.and_then(|six| {
                    let subnet = Ipv6Net::new(six.gateway, six.prefix).ok()?.trunc();
                    Some(Six { subnet, gateway: six.gateway })
                }),
                // They are files of their own and were not damaged with it.
                leases: Default::default(),
            };
            store::write_durable(&store.network(name), &network)?;
        }
        None => drop(bridge::establish(store, &spec)?),
    }
    firewall::refresh(store)
}

/// The containers that are connected to a network, with what they have there.
fn connected(store: &Store, name: &str) -> Result<Vec<(ContainerId, Endpoint)>> {
    let mut found = Vec::new();
    for id in record::ids_in(&store.endpoints_root())? {
        let endpoints = endpoint::endpoints(store, &id)?.into_iter();
        found.extend(endpoints.filter(|one| one.network == name).map(|one| (id.clone(), one)));
    }
    Ok(found)
}
