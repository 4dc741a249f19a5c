//! Containers find each other by name, and only on the networks that they share.

use e2e::{Host, eventually};

const NETS: &str = "
name: nets
services:
  web:
    image: busybox
    command: httpd -f -p 80 -h /etc
    init: true
    networks: {front: {aliases: [shop, till]}}
  both:
    image: busybox
    command: sleep 1000
    init: true
    networks: [front, back]
  db:
    image: busybox
    command: httpd -f -p 80 -h /etc
    init: true
    networks: [back]
    deploy: {replicas: 2}
networks:
  front:
  back: {internal: true}
";

#[test]
fn names_resolve_to_services_aliases_and_containers() {
    let Some(host) = Host::with_busybox() else { return };
    let project = host.project("nets", NETS);
    project.up();
    for name in ["web", "shop", "till", "nets-web-1", "nets-db-2"] {
        let get = format!("timeout 2 wget -q -O - http://{name}/hostname");
        eventually(name, || (project.exec("both", &get).code == 0).then_some(()));
    }
    let both = project.exec("both", "nslookup db 127.0.0.11 2>/dev/null | grep -c '^Address.*10\\.'").stdout;
    assert_eq!(both.trim(), "2", "a service name has the addresses of all replicas");
    project.down();
}

#[test]
fn networks_are_isolated_from_each_other() {
    let Some(host) = Host::with_busybox() else { return };
    let project = host.project("nets", NETS);
    project.up();
    let address = project.exec("db", "hostname -i").succeeds().stdout;
    let address = address.split_whitespace().next().expect("db has an address").to_owned();
    project.exec("both", &format!("timeout 2 wget -q -O - http://{address}/hostname")).succeeds();
    assert_ne!(project.exec("web", &format!("timeout 1 wget -q -O - http://{address}/hostname")).code, 0);
    assert_ne!(project.exec("web", "nslookup db 127.0.0.11").code, 0, "names of other networks are unknown");
    project.down();
}

#[test]
fn each_container_has_hosts_hostname_and_resolver_of_its_own() {
    let Some(host) = Host::with_busybox() else { return };
    let yaml = "
name: files
services:
  a: {image: busybox, command: sleep 1000, init: true, hostname: captain}
";
    let project = host.project("files", yaml);
    project.up();
    project.exec("a", "hostname").succeeds().says("captain");
    project.exec("a", "cat /etc/hostname").succeeds().says("captain");
    project.exec("a", "cat /etc/hosts").succeeds().says("127.0.0.1").says("captain");
    project.exec("a", "cat /etc/resolv.conf").succeeds().says("nameserver 127.0.0.11");
    project.down();
}

#[test]
fn a_container_reaches_the_world_through_the_host_but_not_from_an_internal_network() {
    let Some(host) = Host::with_busybox() else { return };
    host.join_the_world();
    let project = host.project("nets", NETS);
    project.up();
    project.exec("web", "ping -c 1 -W 2 192.0.2.2").succeeds();
    assert_ne!(project.exec("db", "ping -c 1 -W 1 192.0.2.2").code, 0);
    host.leave_the_world();
    project.down();
}

#[test]
fn a_subnet_of_the_file_is_used() {
    let Some(host) = Host::with_busybox() else { return };
    let yaml = "
name: sub
services:
  a: {image: busybox, command: sleep 1000, init: true}
networks:
  default:
    ipam: {config: [{subnet: 172.30.7.0/24, gateway: 172.30.7.254}]}
";
    let project = host.project("sub", yaml);
    project.up();
    project.exec("a", "ip route").succeeds().says("default via 172.30.7.254").says("172.30.7.0/24");
    project.down();
}

#[test]
fn a_firewall_of_the_host_that_stops_containers_is_told_by_plan() {
    let Some(host) = Host::with_busybox() else { return };
    let chain = "add table ip filter; add chain ip filter FORWARD { type filter hook forward priority 0; policy drop; }";
    host.shell(&format!("nft '{chain}'")).succeeds();
    let project = host.project("nets", NETS);
    project
        .sampan(["plan"])
        .succeeds()
        .says("FORWARD of table ip filter")
        .says("nft insert rule ip filter FORWARD");
    project.up();
    let left = host.shell("nft list chain ip filter FORWARD").succeeds().stdout;
    assert!(!left.contains("accept"), "it is left as it is: {left}");
    project.sampan(["down", "-v", "-t", "1"]).succeeds();
    host.shell("nft delete table ip filter").succeeds();
    host.is_clean();
}
