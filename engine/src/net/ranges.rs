//! Which addresses a new network has: those that the file asks for, or free ones.

use super::netlink::Socket;
use super::{Four, NetworkRecord, Six, ipam, link, record};
use crate::error::{Error, Kind, Result};
use crate::store::Store;
use ipnet::{IpNet, Ipv4Net, Ipv6Net};
use planner::NetworkSpec;
use planner::desired::Ipv6Spec;
use std::net::IpAddr;

/// Who has addresses already.
struct Taken {
    networks: Vec<NetworkRecord>,
    hosts: Vec<IpNet>,
}

/// The addresses of a network. What the links given have does not count.
pub(super) fn ranges(
    store: &Store,
    spec: &NetworkSpec,
    socket: &mut Socket,
    except: &[u32],
) -> Result<(Option<Four>, Option<Six>)> {
    let networks = record::all(store)?;
    let mut taken = Taken { networks, hosts: link::used_subnets(socket, false, except)? };
    let four = if spec.without_ipv4 { None } else { Some(taken.four(spec)?) };
    let Some(wanted) = spec.ipv6 else { return Ok((four, None)) };
    taken.hosts = link::used_subnets(socket, true, except)?;
    let subnet = taken.subnet6(store, spec, wanted)?;
    inside(spec, subnet.into(), wanted.ip_range.map(IpNet::V6))?;
    match gateway(spec, subnet.into(), wanted.gateway.map(IpAddr::V6))? {
        IpAddr::V6(gateway) => Ok((four, Some(Six { subnet, gateway }))),
        IpAddr::V4(_) => Err(not_of(spec, subnet.into())),
    }
}

impl Taken {
    fn four(&self, spec: &NetworkSpec) -> Result<Four> {
        let subnet = self.subnet(spec)?;
        inside(spec, subnet.into(), spec.ip_range.map(IpNet::V4))?;
        match gateway(spec, subnet.into(), spec.gateway.map(IpAddr::V4))? {
            IpAddr::V4(gateway) => Ok(Four { subnet, gateway }),
            IpAddr::V6(_) => Err(not_of(spec, subnet.into())),
        }
    }

    fn subnet(&self, spec: &NetworkSpec) -> Result<Ipv4Net> {
        if let Some(wanted) = spec.subnet.map(|subnet| subnet.trunc()) {
            return self.ensure_free(spec, wanted.into()).map(|()| wanted);
        }
        let of_networks = self.networks.iter().filter_map(|network| Some(network.four?.subnet));
        let of_host =
            self.hosts.iter().filter_map(|net| if let IpNet::V4(net) = net { Some(*net) } else { None });
        let used: Vec<Ipv4Net> = of_networks.chain(of_host).collect();
        ipam::free_subnet(&used).map_err(|error| none_free(spec, error))
    }

    fn subnet6(&self, store: &Store, spec: &NetworkSpec, wanted: Ipv6Spec) -> Result<Ipv6Net> {
        if let Some(wanted) = wanted.subnet.map(|subnet| subnet.trunc()) {
            return self.ensure_free(spec, wanted.into()).map(|()| wanted);
        }
        let of_networks = self.networks.iter().filter_map(|network| Some(network.six?.subnet));
        let of_host =
            self.hosts.iter().filter_map(|net| if let IpNet::V6(net) = net { Some(*net) } else { None });
        let used: Vec<Ipv6Net> = of_networks.chain(of_host).collect();
        ipam::free_local_subnet(&store.tag(), &spec.name, &used).map_err(|error| none_free(spec, error))
    }

    fn ensure_free(&self, spec: &NetworkSpec, wanted: IpNet) -> Result<()> {
        let doing = format!("give network {} the subnet {wanted}", spec.name);
        if !ipam::is_usable(wanted) {
            let hint = format!("it is too small: take a /{} or larger", wanted.max_prefix_len() - 2);
            return Err(Error::new(Kind::Unsupported, doing).hint(hint));
        }
        let subnets = self.networks.iter().flat_map(|one| one.subnets().map(move |subnet| (one, subnet)));
        if let Some((other, subnet)) = subnets.into_iter().find(|(_, subnet)| ipam::overlap(*subnet, wanted))
        {
            let hint = format!("network {} has {subnet}", other.spec.name);
            return Err(Error::new(Kind::Conflict, doing).hint(hint));
        }
        // Beside the host containers have addresses of the same subnet as it has.
        let is_beside = spec.direct.is_some();
        let mut hosts = self.hosts.iter().filter(|_| !is_beside);
        if let Some(other) = hosts.find(|other| ipam::overlap(**other, wanted)) {
            return Err(Error::new(Kind::Conflict, doing).hint(format!("this host has a route to {other}")));
        }
        Ok(())
    }
}

fn none_free(spec: &NetworkSpec, error: ipam::Exhausted) -> Error {
    Error::new(Kind::Conflict, format!("find a subnet for network {}", spec.name))
        .hint("remove networks that are no longer needed, or give it a subnet under `ipam`")
        .because(error)
}

/// A part from which addresses are given out is part of the subnet.
fn inside(spec: &NetworkSpec, subnet: IpNet, part: Option<IpNet>) -> Result<()> {
    match part.filter(|part| !subnet.contains(part)) {
        None => Ok(()),
        Some(part) => {
            let doing = format!("the range {part} of network {} is not part of {subnet}", spec.name);
            Err(Error::new(Kind::Unsupported, doing))
        }
    }
}

fn gateway(spec: &NetworkSpec, subnet: IpNet, wanted: Option<IpAddr>) -> Result<IpAddr> {
    let gateway = wanted.or_else(|| ipam::default_gateway(subnet));
    gateway.filter(|gateway| ipam::is_host(subnet, *gateway)).ok_or_else(|| not_of(spec, subnet))
}

fn not_of(spec: &NetworkSpec, subnet: IpNet) -> Error {
    let doing = format!("the gateway of network {} is no host address of {subnet}", spec.name);
    Error::new(Kind::Unsupported, doing)
}
