//! Texts of /etc/hosts, /etc/resolv.conf and the host name of a container.

use super::Endpoint;
use super::dns::{ADDRESS, upstream};
use planner::desired::{HostEntry, NameSpec};
use planner::{ContainerId, ContainerSpec};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

/// Longest host name that the kernel takes (`HOST_NAME_MAX`).
const LONGEST: usize = 64;

/// The host name: as written, otherwise the container's name.
pub(crate) fn hostname(id: &ContainerId, spec: &ContainerSpec) -> String {
    let name = spec.hostname.clone().unwrap_or_else(|| id.name());
    name.chars()
        .scan(0, |length, one| {
            *length += one.len_utf8();
            (*length <= LONGEST).then_some(one)
        })
        .collect()
}

/// The text of /etc/hosts: loopback names, the container's own name for each address, and what the
/// spec adds.
pub(crate) fn hosts(own: &str, endpoints: &[Endpoint], more: &[HostEntry]) -> String {
    let mut text = String::from(
        "127.0.0.1\tlocalhost\n\
         ::1\tlocalhost ip6-localhost ip6-loopback\n\
         fe00::\tip6-localnet\n\
         ff00::\tip6-mcastprefix\n\
         ff02::1\tip6-allnodes\n\
         ff02::2\tip6-allrouters\n",
    );
    for endpoint in endpoints {
        text.extend(endpoint.address().map(|address| format!("{address}\t{own}\n")));
    }
    // What has no way to the host has only itself.
    let gateway = endpoints.first().and_then(Endpoint::gateway);
    add(&mut text, more, gateway.unwrap_or(Ipv4Addr::LOCALHOST.into()));
    text
}

/// The text of /etc/hosts in the network of the host: what the host knows, the name of the
/// container, and what the spec adds.
pub(crate) fn hosts_of_host(known: &str, own: &str, more: &[HostEntry]) -> String {
    let mut text = known.to_owned();
    if !text.is_empty() && !text.ends_with('\n') {
        text.push('\n');
    }
    let first = own.split(' ').next().unwrap_or_default();
    let words = |line: &str| {
        let line = line.split('#').next().unwrap_or_default();
        line.split_whitespace().any(|word| word == first)
    };
    if !known.lines().any(words) {
        text.push_str(&format!("127.0.1.1\t{own}\n"));
    }
    add(&mut text, more, Ipv4Addr::LOCALHOST.into());
    text
}

fn add(text: &mut String, more: &[HostEntry], gateway: IpAddr) {
    for entry in more {
        text.push_str(&format!("{}\t{}\n", entry.address.unwrap_or(gateway), entry.name));
    }
}

/// The names of a container for itself: its host name with the domain and without, and, where it
/// has dots, its first part.
pub(crate) fn own_names(id: &ContainerId, spec: &ContainerSpec) -> String {
    let hostname = hostname(id, spec);
    let domain = spec.domainname.as_ref();
    let mut names = domain.map_or_else(String::new, |domain| format!("{hostname}.{domain} "));
    names.push_str(&hostname);
    if let Some((short, _)) = hostname.split_once('.').filter(|(short, _)| !short.is_empty()) {
        names.push_str(&format!(" {short}"));
    }
    names
}

/// The text of /etc/resolv.conf: our responder, with the search list and options of the spec, or
/// of the host.
pub(crate) fn resolv_conf(names: &NameSpec) -> String {
    resolv_conf_like(&upstream::Config::of_the_host(), names)
}

fn resolv_conf_like(host: &upstream::Config, names: &NameSpec) -> String {
    text(&[ADDRESS.into()], host, names, true)
}

/// The text of /etc/resolv.conf in the network of the host, where no responder listens.
pub(crate) fn resolv_conf_of_host(host: &upstream::Config, names: &NameSpec) -> String {
    let of_host: Vec<IpAddr> = host.servers.iter().map(SocketAddr::ip).collect();
    let servers = if names.servers.is_empty() { &of_host } else { &names.servers };
    text(servers, host, names, false)
}

fn text(servers: &[IpAddr], host: &upstream::Config, names: &NameSpec, by_name: bool) -> String {
    let mut text: String = servers.iter().map(|server| format!("nameserver {server}\n")).collect();
    let search = names.search.as_ref().unwrap_or(&host.search);
    if !search.is_empty() {
        text.push_str(&format!("search {}\n", search.join(" ")));
    }
    let mut options = if names.options.is_empty() { host.options.clone() } else { names.options.clone() };
    if by_name && !options.iter().any(|option| option.starts_with("ndots:")) {
        // Service names have no dot: ask for them as they are before searching.
        options.push("ndots:0".into());
    }
    if !options.is_empty() {
        text.push_str(&format!("options {}\n", options.join(" ")));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::super::FourEndpoint;
    use super::*;

    fn endpoint(address: [u8; 4]) -> Endpoint {
        Endpoint {
            network: "shop_default".into(),
            four: Some(FourEndpoint { address: address.into(), prefix: 24, gateway: [10, 201, 0, 1].into() }),
            six: None,
            link_local: Vec::new(),
            mac: "02:73:0a:c9:00:02".into(),
            interface: "eth0".into(),
        }
    }

    #[test]
    fn hosts_names_the_container_for_each_of_its_addresses() {
        let more = [HostEntry::parse("db=10.9.0.1"), HostEntry::parse("me=host-gateway")].map(Option::unwrap);
        let id = "shop.web.1.1".parse().unwrap();
        let names = |hostname: &str, domain: Option<&str>| {
            let (hostname, domainname) = (Some(hostname.to_owned()), domain.map(str::to_owned));
            own_names(&id, &ContainerSpec { hostname, domainname, ..Default::default() })
        };
        assert_eq!(names("web", Some("example.org")), "web.example.org web");
        let text = hosts(
            &names("web.example.org", None),
            &[endpoint([10, 201, 0, 2]), endpoint([10, 201, 1, 2])],
            &more,
        );
        assert!(text.starts_with("127.0.0.1\tlocalhost\n"), "{text}");
        let own = "10.201.0.2\tweb.example.org web\n10.201.1.2\tweb.example.org web\n";
        let rest = "10.9.0.1\tdb\n10.201.0.1\tme\n";
        assert!(text.ends_with(&format!("{own}{rest}")), "{text}");
    }

    #[test]
    fn a_host_name_is_the_one_written_or_the_containers_and_never_too_long() {
        let id: ContainerId = "shop.web.1.3".parse().unwrap();
        let mut spec = ContainerSpec::default();
        assert_eq!(hostname(&id, &spec), "shop-web-1");
        spec.hostname = Some("front".into());
        assert_eq!(hostname(&id, &spec), "front");
        spec.hostname = Some("ü".repeat(50));
        assert_eq!(hostname(&id, &spec), "ü".repeat(32));
    }

    #[test]
    fn resolv_conf_asks_our_responder_with_the_search_list_of_the_host() {
        let host =
            upstream::Config::parse("nameserver 9.9.9.9\nsearch a.example b.example\noptions timeout:1\n");
        assert_eq!(
            resolv_conf_like(&host, &NameSpec::default()),
            "nameserver 127.0.0.11\nsearch a.example b.example\noptions timeout:1 ndots:0\n"
        );
        assert_eq!(
            resolv_conf_like(&upstream::Config::parse("options ndots:2"), &NameSpec::default()),
            "nameserver 127.0.0.11\noptions ndots:2\n"
        );
    }

    #[test]
    fn what_the_spec_says_takes_the_place_of_what_the_host_says() {
        let host = upstream::Config::parse("nameserver 9.9.9.9\nsearch a.example\noptions timeout:1\n");
        let names = NameSpec {
            servers: vec![[192, 0, 2, 53].into()],
            search: Some(Vec::new()),
            options: vec!["ndots:3".into()],
            ..NameSpec::default()
        };
        assert_eq!(resolv_conf_like(&host, &names), "nameserver 127.0.0.11\noptions ndots:3\n");
        assert_eq!(resolv_conf_of_host(&host, &names), "nameserver 192.0.2.53\noptions ndots:3\n");
        let nothing = NameSpec::default();
        let plain = "nameserver 9.9.9.9\nsearch a.example\noptions timeout:1\n";
        assert_eq!(resolv_conf_of_host(&host, &nothing), plain);
    }

    #[test]
    fn in_the_network_of_the_host_its_names_stay_and_the_container_knows_its_own() {
        let more = [HostEntry::parse("me=host-gateway").unwrap()];
        let text = hosts_of_host("127.0.0.1 localhost", "web", &more);
        assert_eq!(text, "127.0.0.1 localhost\n127.0.1.1\tweb\n127.0.0.1\tme\n");
        assert_eq!(hosts_of_host("10.0.0.1 web\n", "web", &[]), "10.0.0.1 web\n");
    }
}
