//! Texts of /etc/hosts, /etc/resolv.conf and the host name of a container.

use super::Endpoint;
use super::dns::{ADDRESS, upstream};
use planner::{ContainerId, ContainerSpec};

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

/// The text of /etc/hosts: loopback names, and the container's own names for each address.
pub(crate) fn hosts(hostname: &str, domain: Option<&str>, endpoints: &[Endpoint]) -> String {
    let mut text = String::from(
        "127.0.0.1\tlocalhost\n\
         ::1\tlocalhost ip6-localhost ip6-loopback\n\
         fe00::\tip6-localnet\n\
         ff00::\tip6-mcastprefix\n\
         ff02::1\tip6-allnodes\n\
         ff02::2\tip6-allrouters\n",
    );
    let mut names = domain.map_or_else(String::new, |domain| format!("{hostname}.{domain} "));
    names.push_str(hostname);
    if let Some((short, _)) = hostname.split_once('.').filter(|(short, _)| !short.is_empty()) {
        names.push_str(&format!(" {short}"));
    }
    for endpoint in endpoints {
        text.push_str(&format!("{}\t{names}\n", endpoint.address));
    }
    text
}

/// The text of /etc/resolv.conf: our responder, with the host's search list and options.
pub(crate) fn resolv_conf() -> String {
    resolv_conf_like(&upstream::Config::of_the_host())
}

fn resolv_conf_like(host: &upstream::Config) -> String {
    let mut text = format!("nameserver {ADDRESS}\n");
    if !host.search.is_empty() {
        text.push_str(&format!("search {}\n", host.search.join(" ")));
    }
    let mut options = host.options.clone();
    if !options.iter().any(|option| option.starts_with("ndots:")) {
        // Service names have no dot: ask for them as they are before searching.
        options.push("ndots:0".into());
    }
    text.push_str(&format!("options {}\n", options.join(" ")));
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn endpoint(address: [u8; 4]) -> Endpoint {
        Endpoint {
            network: "shop_default".into(),
            address: address.into(),
            prefix: 24,
            gateway: [10, 201, 0, 1].into(),
            mac: "02:73:0a:c9:00:02".into(),
            interface: "eth0".into(),
        }
    }

    #[test]
    fn hosts_names_the_container_for_each_of_its_addresses() {
        let text = hosts("web.example.org", None, &[endpoint([10, 201, 0, 2]), endpoint([10, 201, 1, 2])]);
        assert!(text.starts_with("127.0.0.1\tlocalhost\n"), "{text}");
        assert!(
            text.ends_with("10.201.0.2\tweb.example.org web\n10.201.1.2\tweb.example.org web\n"),
            "{text}"
        );
        let text = hosts("web", Some("example.org"), &[endpoint([10, 201, 0, 2])]);
        assert!(text.ends_with("10.201.0.2\tweb.example.org web\n"), "{text}");
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
            resolv_conf_like(&host),
            "nameserver 127.0.0.11\nsearch a.example b.example\noptions timeout:1 ndots:0\n"
        );
        assert_eq!(
            resolv_conf_like(&upstream::Config::parse("options ndots:2")),
            "nameserver 127.0.0.11\noptions ndots:2\n"
        );
    }
}
