//! Which subnet a network gets, and which address a container: pure arithmetic.

use crate::store::fnv1a;
use ipnet::{IpNet, Ipv4Net, Ipv4Subnets, Ipv6Net};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Where subnets are taken from, in this order. Large parts of private space that other tools
/// rarely use by default.
const POOLS: [([u8; 4], u8); 4] =
    [([10, 201, 0, 0], 16), ([10, 202, 0, 0], 15), ([172, 24, 0, 0], 14), ([192, 168, 128, 0], 17)];
/// Size of a subnet from the pool: as many addresses as a bridge of the kernel has ports.
const PREFIX: u8 = 22;

/// Why there is no address.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Exhausted {
    /// Every subnet of the pools overlaps something that is used.
    #[error("every subnet of the pools is in use")]
    Subnets,
    /// Every address of the subnet is leased.
    #[error("all addresses of {subnet} are in use")]
    Addresses {
        /// The subnet.
        subnet: IpNet,
    },
}

/// Whether two subnets have an address in common.
pub(crate) fn overlap(one: impl Into<IpNet>, other: impl Into<IpNet>) -> bool {
    let (one, other) = (one.into(), other.into());
    one.contains(&other) || other.contains(&one)
}

/// A unique local subnet (RFC 4193) that has nothing in common with `used`. The number that should
/// be random is made of what tells this store from others, so that its networks are neighbours.
pub(crate) fn free_local_subnet(tag: &str, name: &str, used: &[Ipv6Net]) -> Result<Ipv6Net, Exhausted> {
    let [a, b, c, d] = fnv1a(tag.as_bytes()).to_be_bytes();
    let first = fnv1a(name.as_bytes()) as u16;
    let subnet = |turn: u16| {
        let [high, low] = first.wrapping_add(turn).to_be_bytes();
        let bytes = [0xfd, 0x73, a, b, c, d, high, low, 0, 0, 0, 0, 0, 0, 0, 0];
        Ipv6Net::new_assert(bytes.into(), 64)
    };
    let mut free = (0..=u16::MAX).map(subnet);
    free.find(|subnet| !used.iter().any(|other| overlap(*subnet, *other))).ok_or(Exhausted::Subnets)
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
pub(crate) fn default_gateway(subnet: IpNet) -> Option<IpAddr> {
    usable(subnet, subnet).next()
}

/// Whether containers can live in it: a gateway and at least one other address.
pub(crate) fn is_usable(subnet: IpNet) -> bool {
    subnet.prefix_len() + 2 <= subnet.max_prefix_len()
}

/// Whether a host of the subnet can have this address.
pub(crate) fn is_host(subnet: IpNet, address: IpAddr) -> bool {
    let is_broadcast = matches!(subnet, IpNet::V4(_)) && address == subnet.broadcast();
    subnet.contains(&address) && address != subnet.network() && !is_broadcast
}

/// Addresses of a part of the subnet that hosts can have.
fn usable(subnet: IpNet, part: IpNet) -> impl Iterator<Item = IpAddr> {
    // The first and the last of a part are addresses like any other.
    let all: Box<dyn Iterator<Item = IpAddr>> = match part {
        IpNet::V4(part) => {
            let (first, last) = (u32::from(part.network()), u32::from(part.broadcast()));
            Box::new((first..=last).map(|number| Ipv4Addr::from(number).into()))
        }
        IpNet::V6(part) => {
            let (first, last) = (u128::from(part.network()), u128::from(part.broadcast()));
            Box::new((first..=last).map(|number| Ipv6Addr::from(number).into()))
        }
    };
    all.filter(move |address| is_host(subnet, *address))
}

/// The lowest address of a part of the subnet that nobody has.
pub(crate) fn free_address(
    subnet: IpNet,
    part: IpNet,
    taken: impl Fn(&IpAddr) -> bool,
) -> Result<IpAddr, Exhausted> {
    let free = usable(subnet, part).find(|address| !taken(address));
    free.ok_or(Exhausted::Addresses { subnet: part })
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
        assert_eq!(free_subnet(&[]), Ok(net("10.201.0.0/22")));
        assert_eq!(free_subnet(&[net("10.201.0.0/24")]), Ok(net("10.201.4.0/22")));
        assert_eq!(free_subnet(&[net("10.201.3.128/25")]), Ok(net("10.201.4.0/22")));
        assert_eq!(free_subnet(&[net("10.201.0.77/32"), net("10.201.5.0/24")]), Ok(net("10.201.8.0/22")));
    }

    #[test]
    fn a_wide_route_of_the_host_moves_us_to_another_pool() {
        assert_eq!(free_subnet(&[net("10.0.0.0/8")]), Ok(net("172.24.0.0/22")));
        assert_eq!(free_subnet(&[net("10.0.0.0/8"), net("172.16.0.0/12")]), Ok(net("192.168.128.0/22")));
        let all = [net("10.0.0.0/8"), net("172.16.0.0/12"), net("192.168.0.0/16")];
        assert_eq!(free_subnet(&all), Err(Exhausted::Subnets));
    }

    #[test]
    fn a_full_part_is_told() {
        let [subnet, part] = ["10.9.0.0/24", "10.9.0.8/30"].map(|text| text.parse().unwrap());
        let address = |last: u8| IpAddr::from([10, 9, 0, last]);
        assert_eq!(free_address(subnet, part, |_| false), Ok(address(8)));
        assert_eq!(free_address(subnet, part, |one| *one < address(11)), Ok(address(11)));
        let error = free_address(subnet, part, |_| true).unwrap_err();
        assert_eq!(error.to_string(), "all addresses of 10.9.0.8/30 are in use");
    }

    #[test]
    fn subnets_too_small_for_two_are_refused() {
        let is_usable = |text: &str| is_usable(text.parse().unwrap());
        assert_eq!(["10.0.0.0/30", "fd00::/126"].map(is_usable), [true; 2]);
        assert_eq!(["10.0.0.0/31", "10.0.0.0/32", "fd00::/127"].map(is_usable), [false; 3]);
    }

    #[test]
    fn local_subnets_are_unique_to_store_and_network_and_what_is_used_is_skipped() {
        let free = |tag: &str, name: &str, used: &[Ipv6Net]| free_local_subnet(tag, name, used).unwrap();
        let first = free("t", "shop_default", &[]);
        assert_eq!(first, free("t", "shop_default", &[]));
        assert!(first.addr().is_unique_local() && first.prefix_len() == 64, "{first}");
        for other in
            [free("u", "shop_default", &[]), free("t", "shop_back", &[]), free("t", "shop_default", &[first])]
        {
            assert!(!overlap(first, other), "{first} {other}");
        }
        assert_eq!(free_local_subnet("t", "n", &["fc00::/7".parse().unwrap()]), Err(Exhausted::Subnets));
    }

    proptest! {
        #[test]
        fn an_address_is_free_lowest_and_never_reserved(
            length in 24u8..=30,
            taken in proptest::collection::btree_set(0u32..256, 0..200),
        ) {
            let subnet = Ipv4Net::new(Ipv4Addr::new(10, 9, 8, 0), length).unwrap();
            let at = |offset: u32| IpAddr::from(Ipv4Addr::from(u32::from(subnet.network()) + offset));
            let leased: std::collections::BTreeSet<_> = taken.iter().map(|offset| at(*offset)).collect();
            let possible = subnet.hosts().map(IpAddr::V4).filter(|one| !leased.contains(one)).min();
            let found = free_address(subnet.into(), subnet.into(), |one| leased.contains(one));
            prop_assert_eq!(found.ok(), possible);
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
                prop_assert_eq!(subnet.prefix_len(), 22);
            }
        }
    }
}
