//! Which container has which address of a network: an empty file for each, beside the record.

use super::record::{file_names, find};
use super::{NetworkRecord, ipam, netns};
use crate::error::{Context, Error, Kind, Result};
use crate::store::{self, Lock, LockKind, Store};
use ipnet::IpNet;
use planner::desired::Attachment;
use planner::{ContainerId, ContainerSpec};
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::path::PathBuf;

/// A lease is an empty file of this name: whatever its number, taking and giving back one touches
/// no other, and there is no content to be written.
fn file_name(id: &ContainerId, address: IpAddr) -> String {
    format!("{address}={id}")
}

fn parse(name: &str) -> Option<(IpAddr, ContainerId)> {
    let (address, id) = name.split_once('=')?;
    Some((address.parse().ok()?, id.parse().ok()?))
}

/// The addresses of a network that somebody has. One whose record was lost may have been given
/// another subnet since: what is not of this one does not count.
pub(super) fn read(store: &Store, network: &NetworkRecord) -> Result<BTreeMap<IpAddr, ContainerId>> {
    let all = file_names(&store.leases(&network.spec.name))?;
    let is_of = |address: &IpAddr| network.subnets().any(|subnet| subnet.contains(address));
    Ok(all.iter().filter_map(|name| parse(name)).filter(|(address, _)| is_of(address)).collect())
}

/// The addresses of a container on a network.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Lease {
    pub(crate) four: Option<Ipv4Addr>,
    pub(crate) six: Option<Ipv6Addr>,
}

impl Lease {
    /// One of them, of IPv4 if there is such.
    pub(crate) fn first(&self) -> Option<IpAddr> {
        self.four.map(IpAddr::V4).or(self.six.map(IpAddr::V6))
    }
}

/// Gives a container its addresses on a network: those that it has, those that it asks for, or the
/// lowest free ones. The caller holds the lock `net`.
pub(crate) fn take(
    store: &Store,
    network: &mut NetworkRecord,
    id: &ContainerId,
    wanted: &Attachment,
) -> Result<Lease> {
    let subnet = network.four.map(|four| four.subnet.into());
    let four = of_family(store, network, id, (subnet, wanted.ipv4.map(IpAddr::V4)), "it has no IPv4")?;
    let subnet = network.six.map(|six| six.subnet.into());
    let six = of_family(store, network, id, (subnet, wanted.ipv6.map(IpAddr::V6)), "it has no IPv6")?;
    Ok(Lease {
        four: four.and_then(|address| if let IpAddr::V4(four) = address { Some(four) } else { None }),
        six: six.and_then(|address| if let IpAddr::V6(six) = address { Some(six) } else { None }),
    })
}

fn of_family(
    store: &Store,
    network: &mut NetworkRecord,
    id: &ContainerId,
    (subnet, wanted): (Option<IpNet>, Option<IpAddr>),
    otherwise: &str,
) -> Result<Option<IpAddr>> {
    match (subnet, wanted) {
        (Some(subnet), wanted) => one(store, network, id, (subnet, wanted)).map(Some),
        (None, Some(address)) => Err(not_there(network, id, address, otherwise)),
        (None, None) => Ok(None),
    }
}

fn one(
    store: &Store,
    network: &mut NetworkRecord,
    id: &ContainerId,
    (subnet, wanted): (IpNet, Option<IpAddr>),
) -> Result<IpAddr> {
    match wanted {
        Some(address) => fixed(store, network, id, (subnet, address)),
        None => free(store, network, id, subnet),
    }
}

fn not_there(network: &NetworkRecord, id: &ContainerId, address: IpAddr, why: &str) -> Error {
    let doing = format!("give {} the address {address} on network {}", id.name(), network.spec.name);
    Error::new(Kind::Conflict, format!("{doing}: {why}"))
}

/// Another generation of a slot that is not connected gives its address to this one.
fn fixed(
    store: &Store,
    network: &mut NetworkRecord,
    id: &ContainerId,
    (subnet, address): (IpNet, IpAddr),
) -> Result<IpAddr> {
    match network.leases.get(&address).cloned() {
        Some(holder) if holder == *id => return Ok(address),
        Some(holder) if is_idle(store, &holder, id) => release(store, network, address)?,
        Some(holder) => return Err(not_there(network, id, address, &format!("{} has it", holder.name()))),
        None => {}
    }
    if !ipam::is_host(subnet, address) {
        let hint = "take one of the subnet; the file says it below `ipam`";
        return Err(not_there(network, id, address, &format!("it is not of {subnet}")).hint(hint));
    }
    if let Some(owner) = network.reserved_for(&address) {
        return Err(not_there(network, id, address, &format!("it is reserved for {owner}")));
    }
    let known = network.address_of(id, subnet);
    known.into_iter().try_for_each(|other| release(store, network, other))?;
    note(store, network, id, address)
}

/// Whether somebody who has an address does not use it and gives it to this one.
fn is_idle(store: &Store, holder: &ContainerId, id: &ContainerId) -> bool {
    let is_gone = !store.container(holder).exists();
    let is_before = holder.stack == id.stack && holder.slot == id.slot;
    (is_gone || is_before) && !netns::is_held(&store.netns(holder))
}

fn free(store: &Store, network: &mut NetworkRecord, id: &ContainerId, subnet: IpNet) -> Result<IpAddr> {
    if let Some(address) = network.address_of(id, subnet) {
        return Ok(address);
    }
    let part = network.part_of(subnet);
    let free = |network: &NetworkRecord| {
        let taken = |address: &IpAddr| {
            network.leases.contains_key(address) || network.reserved_for(address).is_some()
        };
        ipam::free_address(subnet, part, taken)
    };
    if free(network).is_err() {
        drop_void(store, network)?;
    }
    let address = free(network).map_err(|error| {
        Error::new(Kind::Conflict, format!("network {} has no free address", network.spec.name))
            .hint("give it a larger subnet under `ipam`, or put fewer containers on it")
            .because(error)
    })?;
    note(store, network, id, address)
}

fn note(store: &Store, network: &mut NetworkRecord, id: &ContainerId, address: IpAddr) -> Result<IpAddr> {
    let folder = store.leases(&network.spec.name);
    let make = || {
        fs::create_dir_all(&folder)?;
        File::create(folder.join(file_name(id, address)))
    };
    make().doing(|| format!("take an address on network {}", network.spec.name))?;
    network.leases.insert(address, id.clone());
    Ok(address)
}

fn release(store: &Store, network: &mut NetworkRecord, address: IpAddr) -> Result<()> {
    let Some(id) = network.leases.remove(&address) else { return Ok(()) };
    store::remove_optional(&store.leases(&network.spec.name).join(file_name(&id, address)))
}

/// Keeps the fixed addresses of a container that is made, before others take them by chance. One
/// that an older generation uses is taken over when that one is gone.
pub(super) fn keep_fixed(store: &Store, id: &ContainerId, spec: &ContainerSpec) -> Result<()> {
    let fixed_ones =
        |wanted: &Attachment| wanted.ipv4.map(IpAddr::V4).into_iter().chain(wanted.ipv6.map(IpAddr::V6));
    for wanted in spec.networks.iter().filter(|wanted| fixed_ones(wanted).next().is_some()) {
        let _lock = Lock::take(store, "net", LockKind::Exclusive)?;
        let Some(mut network) = find(store, &wanted.network)? else { continue };
        for address in fixed_ones(wanted) {
            let holder = network.leases.get(&address);
            if holder.is_some_and(|holder| holder.stack == id.stack && holder.slot == id.slot) {
                continue;
            }
            let of_family = |subnet: &IpNet| subnet.addr().is_ipv4() == address.is_ipv4();
            let Some(subnet) = network.subnets().find(of_family) else { continue };
            fixed(store, &mut network, id, (subnet, address))?;
        }
    }
    Ok(())
}

/// Gives the addresses of a container on a network back. Idempotent.
pub(crate) fn give_back(store: &Store, network: &mut NetworkRecord, id: &ContainerId) -> Result<()> {
    let own: Vec<IpAddr> =
        network.leases.iter().filter(|(_, holder)| *holder == id).map(|(address, _)| *address).collect();
    own.into_iter().try_for_each(|address| release(store, network, address))
}

/// The files of leases of containers or networks that are gone.
pub(crate) fn void_leases(store: &Store) -> Result<Vec<PathBuf>> {
    let mut void = Vec::new();
    for network in file_names(&store.leases_root())? {
        let has_record = store.network(&network).exists();
        for name in file_names(&store.leases(&network))? {
            let held = parse(&name).is_some_and(|(_, id)| store.container(&id).exists());
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
fn drop_void(store: &Store, network: &mut NetworkRecord) -> Result<()> {
    let holders: Vec<(IpAddr, ContainerId)> =
        network.leases.iter().map(|(address, id)| (*address, id.clone())).collect();
    let void = holders.into_iter().filter(|(_, id)| !store.container(id).exists());
    void.map(|(address, _)| address).try_for_each(|address| release(store, network, address))
}

impl NetworkRecord {
    /// Its subnets.
    pub(crate) fn subnets(&self) -> impl Iterator<Item = IpNet> {
        let four = self.four.map(|four| IpNet::from(four.subnet));
        four.into_iter().chain(self.six.map(|six| IpNet::from(six.subnet)))
    }

    /// Whether a container has an address on it.
    pub(crate) fn is_leased_to(&self, id: &ContainerId) -> bool {
        self.leases.values().any(|holder| holder == id)
    }

    fn address_of(&self, id: &ContainerId, subnet: IpNet) -> Option<IpAddr> {
        let own = self.leases.iter().find(|(address, holder)| *holder == id && subnet.contains(*address));
        own.map(|(address, _)| *address)
    }

    /// The part of a subnet from which addresses are given out.
    fn part_of(&self, subnet: IpNet) -> IpNet {
        let part = match subnet {
            IpNet::V4(_) => self.spec.ip_range.map(IpNet::from),
            IpNet::V6(_) => self.spec.ipv6.and_then(|six| six.ip_range).map(IpNet::from),
        };
        part.filter(|part| subnet.contains(part)).unwrap_or(subnet)
    }

    /// Who has an address that no container gets.
    fn reserved_for(&self, address: &IpAddr) -> Option<String> {
        let is_gateway = self.four.is_some_and(|four| *address == four.gateway)
            || self.six.is_some_and(|six| *address == six.gateway);
        let aux = self.spec.aux_addresses.iter().find(|(_, reserved)| *reserved == address);
        is_gateway.then(|| "the gateway".to_owned()).or_else(|| aux.map(|(name, _)| format!("`{name}`")))
    }
}
