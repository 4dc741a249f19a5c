//! Which subnet a network gets, and which address a container: pure arithmetic.

use ipnet::{Ipv4Net, Ipv4Subnets};
use std::collections::BTreeSet;
use std::net::Ipv4Addr;

/// Where subnets are taken from, in this order. Large parts of private space that other tools
/// rarely use by default.
const POOLS: [([u8; 4], u8); 4] =
    [([10, 201, 0, 0], 16), ([10, 202, 0, 0], 15), ([172, 24, 0, 0], 14), ([192, 168, 128, 0], 17)];
/// Size of a subnet from the pool.
const PREFIX: u8 = 24;

/// Why there is no address.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Exhausted {
    /// Every subnet of the pools overlaps something that is used.
    #[error("every subnet of the pools is in use")]
    Subnets,
    /// Every address of the subnet is leased.
    #[error("all {count} addresses of {subnet} are in use")]
    Addresses {
        /// The subnet.
        subnet: Ipv4Net,
        /// How many containers it can hold.
        count: usize,
    },
}

/// Whether two subnets have an address in common.
pub(crate) fn overlap(one: Ipv4Net, other: Ipv4Net) -> bool {
    one.contains(&other) || other.contains(&one)
}

/// The first subnet of the pools that has nothing in common with `used`.
pub(crate) fn free_subnet(used: &[Ipv4Net]) -> Result<Ipv4Net, Exhausted> {
    let candidates = POOLS.into_iter().flat_map(|(base, length)| {
        let first = u32::from_be_bytes(base);
        let last = first | (u32::MAX >> length);
        Ipv4Subnets::new(first.into(), last.into(), PREFIX)
    });
    let mut free = candidates.filter(|subnet| !used.iter().any(|other| overlap(*subnet, *other)));
    free.next().ok_or(Exhausted::Subnets)
}

/// The gateway of a subnet for which none was asked: its first host address.
pub(crate) fn default_gateway(subnet: Ipv4Net) -> Option<Ipv4Addr> {
    usable(subnet).next()
}

/// Whether containers can live in it: a gateway and at least one other address.
pub(crate) fn is_usable(subnet: Ipv4Net) -> bool {
    subnet.prefix_len() <= 30
}

/// Addresses that are neither the network's nor the broadcast address.
fn usable(subnet: Ipv4Net) -> impl Iterator<Item = Ipv4Addr> {
    let (network, broadcast) = (subnet.network(), subnet.broadcast());
    subnet.hosts().filter(move |address| *address != network && *address != broadcast)
}

/// The lowest address of the subnet that nobody has.
pub(crate) fn free_address(
    subnet: Ipv4Net,
    gateway: Ipv4Addr,
    leased: &BTreeSet<Ipv4Addr>,
) -> Result<Ipv4Addr, Exhausted> {
    let mut free = usable(subnet).filter(|address| *address != gateway && !leased.contains(address));
    free.next().ok_or_else(|| Exhausted::Addresses {
        subnet,
        count: usable(subnet).filter(|address| *address != gateway).count(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn net(text: &str) -> Ipv4Net {
        text.parse().unwrap()
    }

    #[test]
    fn the_first_subnet_comes_first_and_used_ones_are_skipped() {
        assert_eq!(free_subnet(&[]), Ok(net("10.201.0.0/24")));
        assert_eq!(free_subnet(&[net("10.201.0.0/24")]), Ok(net("10.201.1.0/24")));
        assert_eq!(free_subnet(&[net("10.201.0.128/25")]), Ok(net("10.201.1.0/24")));
        assert_eq!(free_subnet(&[net("10.201.0.77/32"), net("10.201.1.0/24")]), Ok(net("10.201.2.0/24")));
    }

    #[test]
    fn a_wide_route_of_the_host_moves_us_to_another_pool() {
        assert_eq!(free_subnet(&[net("10.0.0.0/8")]), Ok(net("172.24.0.0/24")));
        assert_eq!(free_subnet(&[net("10.0.0.0/8"), net("172.16.0.0/12")]), Ok(net("192.168.128.0/24")));
        let all = [net("10.0.0.0/8"), net("172.16.0.0/12"), net("192.168.0.0/16")];
        assert_eq!(free_subnet(&all), Err(Exhausted::Subnets));
    }

    #[test]
    fn a_full_subnet_says_how_many_it_holds() {
        let subnet = net("10.9.0.0/29");
        let leased = (2..7).map(|last| Ipv4Addr::new(10, 9, 0, last)).collect();
        let error = free_address(subnet, Ipv4Addr::new(10, 9, 0, 1), &leased).unwrap_err();
        assert_eq!(error.to_string(), "all 5 addresses of 10.9.0.0/29 are in use");
    }

    #[test]
    fn subnets_too_small_for_two_are_refused() {
        assert!(is_usable(net("10.0.0.0/30")));
        assert!(!is_usable(net("10.0.0.0/31")));
        assert!(!is_usable(net("10.0.0.0/32")));
    }

    proptest! {
        #[test]
        fn an_address_is_free_lowest_and_never_reserved(
            length in 24u8..=30,
            gateway_at in 1u32..4,
            taken in proptest::collection::btree_set(0u32..256, 0..200),
        ) {
            let subnet = Ipv4Net::new(Ipv4Addr::new(10, 9, 8, 0), length).unwrap();
            let at = |offset: u32| Ipv4Addr::from(u32::from(subnet.network()) + offset);
            let gateway = at(gateway_at.min(2));
            let leased: BTreeSet<_> = taken.iter().map(|offset| at(*offset)).collect();
            let possible: Vec<_> = subnet
                .hosts()
                .filter(|one| *one != gateway && !leased.contains(one))
                .collect();
            match free_address(subnet, gateway, &leased) {
                Ok(address) => {
                    prop_assert_eq!(Some(&address), possible.iter().min());
                    prop_assert!(address != subnet.network() && address != subnet.broadcast());
                }
                Err(_) => prop_assert!(possible.is_empty()),
            }
        }

        #[test]
        fn a_chosen_subnet_touches_nothing_that_is_used(
            used in proptest::collection::vec((any::<u32>(), 8u8..=32), 0..40),
            near in proptest::collection::vec((0u32..0x4_0000, 18u8..=32), 0..40),
        ) {
            let far = used.into_iter().map(|(base, length)| (base.into(), length));
            let close = near.into_iter().map(|(offset, length)| ((0x0ac9_0000 + offset).into(), length));
            let used: Vec<Ipv4Net> =
                far.chain(close).map(|(base, length)| Ipv4Net::new(base, length).unwrap().trunc()).collect();
            if let Ok(subnet) = free_subnet(&used) {
                prop_assert!(used.iter().all(|other| !overlap(subnet, *other)));
                prop_assert_eq!(subnet.prefix_len(), 24);
            }
        }
    }
}
