//! Networks beside the host: macvlan, ipvlan; and networks of IPv6 alone.

use e2e::{Host, eventually};

const BESIDE: &str = "
name: beside
services:
  a:
    image: busybox
    command: httpd -f -p 80 -h /etc
    init: true
    stop_grace_period: 1s
    networks: {wire: {mac_address: 02:00:00:00:00:77}}
  b: {image: busybox, command: sleep 1000, init: true, stop_grace_period: 1s, networks: [wire]}
networks:
  wire:
    driver: macvlan
    driver_opts: {parent: up0}
    ipam: {config: [{subnet: 192.0.2.0/24, ip_range: 192.0.2.64/28, gateway: 192.0.2.2}]}
";

#[test]
fn containers_of_a_macvlan_are_on_the_wire_of_the_host() {
    let Some(host) = Host::with_busybox() else { return };
    host.join_the_world();
    let project = host.project("beside", BESIDE);
    project.up();
    project.exec("a", "ip route").succeeds().says("default via 192.0.2.2");
    project.exec("a", "cat /sys/class/net/eth0/address").succeeds().says("02:00:00:00:00:77");
    let enter = format!("nsenter -t {} -n ip -d link show eth0", project.pid("beside-a-1"));
    host.shell(&enter).succeeds().says("macvlan mode bridge");
    let address = |service: &str| {
        let text = project.exec(service, "ip -4 addr show eth0 | grep -o 'inet [0-9.]*'").stdout;
        text.trim().trim_start_matches("inet ").to_owned()
    };
    let a = address("a");
    assert!(a.starts_with("192.0.2.6") && a != address("b"), "of the range: {a}");
    project.exec("b", "wget -q -O - http://a/hostname").succeeds();
    project.exec("b", "ping -c 1 -W 3 192.0.2.2").succeeds();
    host.shell(&format!("ip netns exec world curl -sS --max-time 3 http://{a}/hostname")).succeeds();
    let shown = host.sampan(["network", "inspect", "beside_wire"]).succeeds().json();
    assert_eq!((shown[0]["Driver"].as_str(), shown[0]["Interface"].as_str()), (Some("macvlan"), Some("up0")));
    assert_eq!(host.shell("nft list ruleset | grep -c up0").stdout.trim(), "0", "nothing passes the host");
    project.sampan(["restart", "a"]).succeeds();
    project.exec("b", "ping -c 1 -W 3 a").succeeds();
    project.sampan(["plan"]).succeeds().says("unchanged");
    project.edit("driver_opts: {parent: up0}", "driver_opts: {parent: up0, macvlan_mode: private}");
    project.sampan(["plan"]).succeeds().says("driver_opts.macvlan_mode").says("bridge").says("private");
    project.up();
    host.shell(&format!("nsenter -t {} -n ip -d link show eth0", project.pid("beside-a-1")))
        .succeeds()
        .says("macvlan mode private");
    project.sampan(["down"]).succeeds();
    host.shell("ip link show up0").succeeds();
    project.edit("parent: up0,", "parent: up9,");
    project.sampan(["up", "-d"]).exits(1).says("this host has no interface up9");
    host.leave_the_world();
    project.down();
}

#[test]
fn a_vlan_is_made_when_it_is_missing_and_goes_with_the_last_network_on_it() {
    let Some(host) = Host::with_busybox() else { return };
    host.join_the_world();
    let outside = "ip -n world link add link eth0 name eth0.10 type vlan id 10 \
                   && ip -n world addr add 10.10.0.1/24 dev eth0.10 && ip -n world link set eth0.10 up";
    let has_vlans = host.shell(outside).code == 0;
    let yaml = "
name: vlan
services:
  a: {image: busybox, command: sleep 1000, init: true, stop_grace_period: 1s}
networks:
  default:
    driver: macvlan
    driver_opts: {parent: up0.10}
    ipam: {config: [{subnet: 10.10.0.0/24, gateway: 10.10.0.1}]}
";
    let project = host.project("vlan", yaml);
    if !has_vlans {
        project.sampan(["up", "-d"]).exits(1).says("this kernel has no VLANs");
        host.leave_the_world();
        return project.down();
    }
    project.up();
    host.shell("ip -d link show up0.10").succeeds().says("vlan protocol 802.1Q id 10");
    project.exec("a", "ping -c 1 -W 3 10.10.0.1").succeeds();
    host.sampan("network create -d macvlan -o parent=up0.10 --subnet 10.11.0.0/24 more".split(' '))
        .succeeds();
    project.sampan(["down"]).succeeds();
    host.shell("ip link show up0.10").succeeds();
    host.sampan(["network", "rm", "more"]).succeeds();
    assert_ne!(host.shell("ip link show up0.10").code, 0, "nobody needs it");
    host.shell("ip link show up0").succeeds();
    host.leave_the_world();
    project.down();
}

#[test]
fn without_a_parent_there_is_no_way_out() {
    let Some(host) = Host::with_busybox() else { return };
    let yaml = "
name: alone
services:
  a: {image: busybox, command: httpd -f -p 80 -h /etc, init: true, stop_grace_period: 1s}
  b: {image: busybox, command: sleep 1000, init: true, stop_grace_period: 1s}
networks: {default: {driver: macvlan}}
";
    let project = host.project("alone", yaml);
    project.up();
    project.exec("b", "wget -q -O - http://a/hostname").succeeds();
    assert_eq!(project.exec("b", "ip route | grep -c default").stdout.trim(), "0");
    project.edit("driver: macvlan", "driver: ipvlan");
    let up = project.sampan(["up", "-d"]);
    // Not every kernel has it; then this is what is said.
    if up.code == 0 {
        project.exec("b", "wget -q -O - http://a/hostname").succeeds();
    } else {
        up.says("this kernel has no ipvlan");
    }
    project.down();
    project.edit("sleep 1000, init: true,", "sleep 1000, init: true, ports: ['80'],");
    project.sampan(["up", "-d"]).exits(15).says("its networks do not pass the host");
}

#[test]
fn a_network_of_ipv6_alone_has_names_ports_and_a_way_out() {
    let Some(host) = Host::with_busybox() else { return };
    let yaml = "
name: only
services:
  a: {image: busybox, command: 'httpd -f -p [::]:80 -h /etc', init: true, stop_grace_period: 1s, ports: ['8089:80']}
  b: {image: busybox, command: sleep 1000, init: true, stop_grace_period: 1s}
networks: {default: {enable_ipv4: false, enable_ipv6: true}}
";
    host.join_the_world();
    let six =
        "ip addr add 2001:db8::1/64 dev up0 nodad && ip -n world addr add 2001:db8::2/64 dev eth0 nodad";
    host.shell(six).succeeds();
    let project = host.project("only", yaml);
    project.up();
    assert_eq!(project.exec("b", "ip -4 addr show eth0").stdout, "");
    project.exec("b", "ping -6 -c 1 -W 3 2001:db8::2").succeeds();
    project.exec("b", "wget -q -O - 'http://a/hostname'").succeeds();
    let asked = project.exec("b", "nslookup -type=a a 127.0.0.11");
    assert!(!asked.stdout.contains("NXDOMAIN"), "the name is there: {}", asked.stdout);
    for get in [
        "ip netns exec world curl -sS --max-time 3 'http://[2001:db8::1]:8089/hostname'",
        "curl -sS --max-time 3 'http://[::1]:8089/hostname'",
    ] {
        eventually(get, || (host.shell(get).code == 0).then_some(()));
    }
    project.sampan(["ps", "--format", "json"]).succeeds();
    project.sampan(["plan"]).succeeds().says("unchanged");
    project.edit("enable_ipv4: false, ", "");
    project.sampan(["plan"]).succeeds().says("enable_ipv4");
    project.up();
    assert_ne!(project.exec("b", "ip -4 addr show eth0").stdout, "");
    host.leave_the_world();
    project.down();
}
