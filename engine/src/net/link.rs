//! Links, addresses and routes: the dozen rtnetlink requests that we need (rtnetlink(7)).

use super::netlink::{Message, Reply, Socket};
use crate::error::Result;
use ipnet::IpNet;
use planner::desired::{DirectKind, IpvlanFlag, IpvlanMode, MacvlanMode};
use std::net::{IpAddr, Ipv6Addr};
use std::os::fd::{AsRawFd, BorrowedFd};

const CREATE: i32 = libc::NLM_F_CREATE | libc::NLM_F_EXCL;
/// Size of `struct ifinfomsg`.
const LINK: usize = 16;
/// Size of `struct ifaddrmsg`.
const ADDRESS: usize = 8;
/// Size of `struct rtmsg`.
const ROUTE: usize = 12;
/// `IFLA_INFO_SLAVE_KIND`, `IFLA_INFO_SLAVE_DATA` (linux/if_link.h).
const SLAVE_KIND: u16 = 4;
const SLAVE_DATA: u16 = 5;
/// `IFLA_BRPORT_STATE`, `IFLA_BRPORT_MODE`, `IFLA_BRPORT_ISOLATED` (linux/if_link.h).
const PORT_STATE: u16 = 1;
const PORT_HAIRPIN: u16 = 4;
const PORT_ISOLATED: u16 = 33;
/// `BR_STATE_FORWARDING` (linux/if_bridge.h).
const FORWARDING: u8 = 3;
/// `IFLA_BR_MCAST_SNOOPING` (linux/if_link.h).
const BRIDGE_SNOOPING: u16 = 23;
/// `VETH_INFO_PEER` (linux/veth.h).
const PEER: u16 = 1;
/// `IFLA_VLAN_ID`, `IFLA_MACVLAN_MODE`, `IFLA_IPVLAN_MODE`, `IFLA_IPVLAN_FLAGS` (linux/if_link.h).
const VLAN_ID: u16 = 1;
const MACVLAN_MODE: u16 = 1;
const IPVLAN_MODE: u16 = 1;
const IPVLAN_FLAGS: u16 = 2;
/// `IFLA_INET6_ADDR_GEN_MODE` and its value `none` (linux/if_link.h).
const ADDR_GEN_MODE: u16 = 8;
const ADDR_GEN_NONE: u8 = 1;

/// `IFLA_INET_CONF` (linux/if_link.h), `IPV4_DEVCONF_ROUTE_LOCALNET` (linux/ip.h).
const INET_CONF: u16 = 1;
const ROUTE_LOCALNET: u16 = 26;

/// The loopback device is the first of each namespace.
pub(crate) const LOOPBACK: u32 = 1;

/// A hardware address.
pub(crate) type Mac = [u8; 6];

/// What is known of a link.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Link {
    /// Its number in its namespace.
    pub(crate) index: u32,
    /// Administratively up.
    pub(crate) up: bool,
    /// As a bridge port: frames pass.
    pub(crate) forwarding: bool,
}

/// A pair of interfaces: one end on a bridge, the other born inside a container.
#[derive(Clone, Debug)]
pub(crate) struct Veth<'a> {
    /// Name of the host's end.
    pub(crate) host: &'a str,
    /// Name of the container's end.
    pub(crate) inside: &'a str,
    /// Hardware address of the container's end.
    pub(crate) mac: Mac,
    /// Number of the bridge.
    pub(crate) bridge: u32,
    /// Largest packet in bytes.
    pub(crate) mtu: u32,
    /// The container's network namespace.
    pub(crate) netns: BorrowedFd<'a>,
}

fn link_header(index: u32, up: bool) -> [u8; LINK] {
    let mut header = [0; LINK];
    let flags = if up { libc::IFF_UP as u32 } else { 0 };
    header[4..8].copy_from_slice(&index.to_ne_bytes());
    header[8..12].copy_from_slice(&flags.to_ne_bytes());
    header[12..16].copy_from_slice(&flags.to_ne_bytes());
    header
}

fn no_own_ipv6(message: Message) -> Message {
    message.nest(libc::IFLA_AF_SPEC, |families| {
        families.nest(libc::AF_INET6 as u16, |inet6| inet6.attr(ADDR_GEN_MODE, &[ADDR_GEN_NONE]))
    })
}

/// Makes a bridge, not yet up, with a hardware address that ports do not change.
pub(crate) fn add_bridge(name: &str, mac: Mac, mtu: Option<u32>) -> Message {
    let message = Message::new(libc::RTM_NEWLINK, CREATE, format!("create bridge {name}"))
        .raw(&link_header(0, false))
        .text(libc::IFLA_IFNAME, name)
        .attr(libc::IFLA_ADDRESS, &mac)
        .nest(libc::IFLA_LINKINFO, |info| {
            info.text(libc::IFLA_INFO_KIND, "bridge")
                .nest(libc::IFLA_INFO_DATA, |data| data.attr(BRIDGE_SNOOPING, &[0]))
        });
    with_mtu(message, mtu)
}

fn with_mtu(message: Message, mtu: Option<u32>) -> Message {
    match mtu {
        Some(mtu) => message.u32(libc::IFLA_MTU, mtu),
        None => message,
    }
}

/// Makes both ends of a pair in one message: the host's end up and on its bridge, the other one
/// in the container. Moving an end later would wait for RCU grace periods, 15 ms and more.
pub(crate) fn add_veth(veth: &Veth<'_>) -> Message {
    Message::new(libc::RTM_NEWLINK, CREATE, format!("create interfaces {} and {}", veth.host, veth.inside))
        .raw(&link_header(0, true))
        .text(libc::IFLA_IFNAME, veth.host)
        .u32(libc::IFLA_MASTER, veth.bridge)
        .u32(libc::IFLA_MTU, veth.mtu)
        .nest(libc::IFLA_LINKINFO, |info| {
            info.text(libc::IFLA_INFO_KIND, "veth").nest(libc::IFLA_INFO_DATA, |data| {
                data.nest(PEER, |peer| {
                    peer.raw(&link_header(0, false))
                        .text(libc::IFLA_IFNAME, veth.inside)
                        .u32(libc::IFLA_MTU, veth.mtu)
                        .attr(libc::IFLA_ADDRESS, &veth.mac)
                        .u32(libc::IFLA_NET_NS_FD, veth.netns.as_raw_fd() as u32)
                })
            })
        })
}

/// An interface of a container on an interface of the host.
#[derive(Clone, Debug)]
pub(crate) struct Branch<'a> {
    /// Number of the interface of the host.
    pub(crate) parent: u32,
    /// What it is.
    pub(crate) kind: DirectKind,
    /// Its name in the container.
    pub(crate) inside: &'a str,
    /// Its hardware address; `None` is that of the parent.
    pub(crate) mac: Option<Mac>,
    /// Largest packet in bytes; `None` is that of the parent.
    pub(crate) mtu: Option<u32>,
    /// The container's network namespace.
    pub(crate) netns: BorrowedFd<'a>,
}

/// Makes an interface on one of the host, in the container from the first.
pub(crate) fn add_branch(branch: &Branch<'_>) -> Message {
    let doing = format!("create {} interface {}", branch.kind, branch.inside);
    let mut message = Message::new(libc::RTM_NEWLINK, CREATE, doing)
        .raw(&link_header(0, false))
        .text(libc::IFLA_IFNAME, branch.inside)
        .u32(libc::IFLA_LINK, branch.parent)
        .u32(libc::IFLA_NET_NS_FD, branch.netns.as_raw_fd() as u32);
    if let Some(mac) = branch.mac {
        message = message.attr(libc::IFLA_ADDRESS, &mac);
    }
    with_mtu(message, branch.mtu).nest(libc::IFLA_LINKINFO, |info| {
        info.text(libc::IFLA_INFO_KIND, &branch.kind.to_string())
            .nest(libc::IFLA_INFO_DATA, |data| branch_data(data, branch.kind))
    })
}

fn branch_data(data: Message, kind: DirectKind) -> Message {
    match kind {
        DirectKind::Macvlan(mode) => {
            let number = match mode {
                MacvlanMode::Private => 1,
                MacvlanMode::Vepa => 2,
                MacvlanMode::Bridge => 4,
                MacvlanMode::Passthru => 8,
            };
            data.u32(MACVLAN_MODE, number)
        }
        DirectKind::Ipvlan(mode, flag) => {
            let mode = match mode {
                IpvlanMode::L2 => 0u16,
                IpvlanMode::L3 => 1,
                IpvlanMode::L3s => 2,
            };
            let flag = match flag {
                IpvlanFlag::Bridge => 0u16,
                IpvlanFlag::Private => 1,
                IpvlanFlag::Vepa => 2,
            };
            data.attr(IPVLAN_MODE, &mode.to_ne_bytes()).attr(IPVLAN_FLAGS, &flag.to_ne_bytes())
        }
    }
}

/// Makes an interface for the packets of one VLAN on another.
pub(crate) fn add_vlan(name: &str, parent: u32, number: u16) -> Message {
    Message::new(libc::RTM_NEWLINK, CREATE, format!("create VLAN interface {name}"))
        .raw(&link_header(0, false))
        .text(libc::IFLA_IFNAME, name)
        .u32(libc::IFLA_LINK, parent)
        .nest(libc::IFLA_LINKINFO, |info| {
            info.text(libc::IFLA_INFO_KIND, "vlan")
                .nest(libc::IFLA_INFO_DATA, |data| data.attr(VLAN_ID, &number.to_ne_bytes()))
        })
}

/// Lets a bridge port send frames back where they came from: a container reaches its own
/// published port.
pub(crate) fn set_hairpin(name: &str) -> Message {
    Message::new(libc::RTM_NEWLINK, 0, format!("set hairpin on {name}"))
        .raw(&link_header(0, false))
        .text(libc::IFLA_IFNAME, name)
        .nest(libc::IFLA_LINKINFO, |info| {
            info.text(SLAVE_KIND, "bridge").nest(SLAVE_DATA, |data| data.attr(PORT_HAIRPIN, &[1]))
        })
}

/// Keeps a bridge port from sending frames to other such ports: only the host is reached.
pub(crate) fn set_isolated(name: &str) -> Message {
    Message::new(libc::RTM_NEWLINK, 0, format!("isolate {name}"))
        .raw(&link_header(0, false))
        .text(libc::IFLA_IFNAME, name)
        .nest(libc::IFLA_LINKINFO, |info| {
            info.text(SLAVE_KIND, "bridge").nest(SLAVE_DATA, |data| data.attr(PORT_ISOLATED, &[1]))
        })
}

/// Keeps IPv6 from giving the link an address of its own, and the noise that comes with it.
pub(crate) fn set_no_own_ipv6(index: u32) -> Message {
    let message = Message::new(libc::RTM_SETLINK, 0, format!("set IPv6 address mode of link {index}"));
    no_own_ipv6(message.raw(&link_header(index, false)))
}

/// Lets the link route packets from or to 127.0.0.0/8.
pub(crate) fn set_route_localnet(index: u32) -> Message {
    Message::new(libc::RTM_SETLINK, 0, format!("let link {index} route local addresses"))
        .raw(&link_header(index, false))
        .nest(libc::IFLA_AF_SPEC, |families| {
            families.nest(libc::AF_INET as u16, |inet| {
                inet.nest(INET_CONF, |settings| settings.u32(ROUTE_LOCALNET, 1))
            })
        })
}

/// Notes on a link whose it is.
pub(crate) fn set_alias(index: u32, alias: &str) -> Message {
    Message::new(libc::RTM_SETLINK, 0, format!("set alias of link {index}"))
        .raw(&link_header(index, false))
        .attr(libc::IFLA_IFALIAS, alias.as_bytes())
}

/// Sets a link up.
pub(crate) fn set_up(index: u32) -> Message {
    Message::new(libc::RTM_SETLINK, 0, format!("set link {index} up")).raw(&link_header(index, true))
}

/// Deletes a link. For a veth it takes 16 ms under the lock of all links: only where its container
/// goes on without it.
pub(crate) fn delete(index: u32, name: &str) -> Message {
    Message::new(libc::RTM_DELLINK, 0, format!("delete interface {name}")).raw(&link_header(index, false))
}

/// Gives a link an address. Nobody else can have it, so that nobody is asked whether he does.
pub(crate) fn add_address(index: u32, address: IpAddr, subnet: IpNet) -> Message {
    let mut header = [0; ADDRESS];
    header[0] = family(address);
    header[1] = subnet.prefix_len();
    header[4..8].copy_from_slice(&index.to_ne_bytes());
    let message =
        Message::new(libc::RTM_NEWADDR, CREATE, format!("add address {address}/{}", subnet.prefix_len()));
    match (address, subnet.broadcast()) {
        (IpAddr::V4(address), IpAddr::V4(broadcast)) => message
            .raw(&header)
            .attr(libc::IFA_LOCAL, &address.octets())
            .attr(libc::IFA_ADDRESS, &address.octets())
            .attr(libc::IFA_BROADCAST, &broadcast.octets()),
        (address, _) => {
            header[2] = libc::IFA_F_NODAD as u8;
            message.raw(&header).attr(libc::IFA_ADDRESS, &octets(address))
        }
    }
}

/// The link-local address that belongs to a hardware address (RFC 4291, appendix A).
pub(crate) fn local_address(mac: Mac) -> Ipv6Addr {
    let [a, b, c, d, e, f] = mac;
    Ipv6Addr::from([0xfe, 0x80, 0, 0, 0, 0, 0, 0, a ^ 2, b, c, 0xff, 0xfe, d, e, f])
}

/// The subnet of such addresses.
pub(crate) fn local_subnet() -> IpNet {
    IpNet::new_assert(Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 0).into(), 64)
}

fn family(address: IpAddr) -> u8 {
    if address.is_ipv6() { libc::AF_INET6 as u8 } else { libc::AF_INET as u8 }
}

fn octets(address: IpAddr) -> Vec<u8> {
    match address {
        IpAddr::V4(address) => address.octets().to_vec(),
        IpAddr::V6(address) => address.octets().to_vec(),
    }
}

/// Sends everything that has no better route to the gateway.
pub(crate) fn add_default_route(index: u32, gateway: IpAddr) -> Message {
    let message =
        default_route(gateway, libc::RT_SCOPE_UNIVERSE, format!("add the default route through {gateway}"));
    message.attr(libc::RTA_GATEWAY, &octets(gateway)).u32(libc::RTA_OIF, index)
}

/// Sends everything of the family of an address that has no better route out of a link.
pub(crate) fn add_device_route(index: u32, like: IpAddr) -> Message {
    let scope = if like.is_ipv6() { libc::RT_SCOPE_UNIVERSE } else { libc::RT_SCOPE_LINK };
    default_route(like, scope, format!("add the default route out of link {index}")).u32(libc::RTA_OIF, index)
}

fn default_route(like: IpAddr, scope: u8, doing: String) -> Message {
    let header = [
        family(like),
        0,
        0,
        0,
        libc::RT_TABLE_MAIN,
        libc::RTPROT_STATIC,
        scope,
        libc::RTN_UNICAST,
        0,
        0,
        0,
        0,
    ];
    Message::new(libc::RTM_NEWROUTE, CREATE, doing).raw(&header)
}

/// Takes away all default routes of one family.
pub(crate) fn forget_default_routes(socket: &mut Socket, six: bool) -> Result<()> {
    let mut header = [0; ROUTE];
    header[0] = if six { libc::AF_INET6 as u8 } else { libc::AF_INET as u8 };
    let routes = socket.dump(&Message::new(libc::RTM_GETROUTE, 0, "list routes").raw(&header))?;
    header[4] = libc::RT_TABLE_MAIN;
    for route in routes {
        // Those without a destination; what is unreachable (as IPv6 has it) is no way.
        let (fixed, attrs) = (route.fixed(ROUTE), route.attrs(ROUTE));
        let is_way = fixed.get(1) == Some(&0) && fixed.get(7) == Some(&libc::RTN_UNICAST);
        if let (true, Some(gateway)) = (is_way, attrs.get(libc::RTA_GATEWAY)) {
            let message = Message::new(libc::RTM_DELROUTE, 0, "take a default route away").raw(&header);
            socket.request(&[message.attr(libc::RTA_GATEWAY, gateway)])?;
        }
    }
    Ok(())
}

/// Looks a link up by its name.
pub(crate) fn find(socket: &mut Socket, name: &str) -> Result<Option<Link>> {
    let message = Message::new(libc::RTM_GETLINK, 0, format!("look up link {name}"))
        .raw(&link_header(0, false))
        .text(libc::IFLA_IFNAME, name);
    Ok(socket.get(&message)?.as_ref().and_then(link))
}

/// All links that have an alias: name, alias, number.
pub(crate) fn aliased(socket: &mut Socket) -> Result<Vec<(String, String, u32)>> {
    let message = Message::new(libc::RTM_GETLINK, 0, "list links").raw(&link_header(0, false));
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim_end_matches('\0').to_owned();
    let aliased = |reply: &Reply| {
        let attrs = reply.attrs(LINK);
        let (name, alias) = (attrs.get(libc::IFLA_IFNAME)?, attrs.get(libc::IFLA_IFALIAS)?);
        Some((text(name), text(alias), link(reply)?.index))
    };
    Ok(socket.dump(&message)?.iter().filter_map(aliased).collect())
}

fn link(reply: &Reply) -> Option<Link> {
    let header = reply.fixed(LINK);
    let index = u32::from_ne_bytes(header.get(4..8)?.try_into().ok()?);
    let flags = u32::from_ne_bytes(header.get(8..12)?.try_into().ok()?);
    let port = reply.attrs(LINK).inside(libc::IFLA_LINKINFO).inside(SLAVE_DATA);
    Some(Link {
        index,
        up: flags & libc::IFF_UP as u32 != 0,
        forwarding: port.get(PORT_STATE) == Some(&[FORWARDING]),
    })
}

/// Every subnet of one family that this host has a route or an address in, but for those of the
/// links given. Default routes cover everything and say nothing; what every link has says nothing
/// either.
pub(crate) fn used_subnets(socket: &mut Socket, six: bool, except: &[u32]) -> Result<Vec<IpNet>> {
    let mut family = [0; ROUTE];
    family[0] = if six { libc::AF_INET6 as u8 } else { libc::AF_INET as u8 };
    let routes = socket.dump(&Message::new(libc::RTM_GETROUTE, 0, "list routes").raw(&family))?;
    let addresses =
        socket.dump(&Message::new(libc::RTM_GETADDR, 0, "list addresses").raw(&family[..ADDRESS]))?;
    let known = routes.iter().filter_map(route).chain(addresses.iter().filter_map(address));
    let is_of = |subnet: &IpNet| matches!(subnet, IpNet::V6(_)) == six && subnet.prefix_len() > 0;
    let is_everywhere = |subnet: &IpNet| match subnet.addr() {
        IpAddr::V6(address) => {
            address.is_unicast_link_local() || address.is_multicast() || address.is_loopback()
        }
        IpAddr::V4(_) => false,
    };
    let mut used: Vec<_> = known
        .filter(|(subnet, index)| is_of(subnet) && !is_everywhere(subnet) && !except.contains(index))
        .map(|(subnet, _)| subnet)
        .collect();
    used.sort();
    used.dedup();
    Ok(used)
}

/// An address of the family that the first byte of a header names; of no bytes it is the lowest.
fn read_address(family: u8, bytes: Option<&[u8]>) -> Option<IpAddr> {
    if i32::from(family) == libc::AF_INET6 {
        let bytes: [u8; 16] = bytes.unwrap_or(&[0; 16]).try_into().ok()?;
        return Some(IpAddr::from(bytes));
    }
    let bytes: [u8; 4] = bytes.unwrap_or(&[0; 4]).try_into().ok()?;
    (i32::from(family) == libc::AF_INET).then(|| bytes.into())
}

fn route(reply: &Reply) -> Option<(IpNet, u32)> {
    let header = reply.fixed(ROUTE);
    let attrs = reply.attrs(ROUTE);
    let destination = read_address(*header.first()?, attrs.get(libc::RTA_DST))?;
    let subnet = IpNet::new(destination, *header.get(1)?).ok()?.trunc();
    Some((subnet, attrs.u32(libc::RTA_OIF).unwrap_or(0)))
}

fn address(reply: &Reply) -> Option<(IpNet, u32)> {
    let header = reply.fixed(ADDRESS);
    let index = u32::from_ne_bytes(header.get(4..8)?.try_into().ok()?);
    let address = read_address(*header.first()?, Some(reply.attrs(ADDRESS).get(libc::IFA_ADDRESS)?))?;
    Some((IpNet::new(address, *header.get(1)?).ok()?.trunc(), index))
}
