//! Addresses that the file says, and IPv6.

use e2e::{Host, eventually};

const FIXED: &str = "
name: fix
services:
  a:
    image: busybox
    command: httpd -f -p 80 -h /etc
    init: true
    stop_grace_period: 1s
    networks:
      front:
        ipv4_address: 10.77.0.9
        ipv6_address: fd77::9
        mac_address: 02:00:00:00:00:09
        interface_name: front0
        link_local_ips: [169.254.8.8]
        aliases: [shop]
      back: {gw_priority: 1}
  b: {image: busybox, command: sleep 1000, init: true, stop_grace_period: 1s, networks: [front]}
networks:
  front:
    enable_ipv6: true
    ipam:
      config:
        - {subnet: 10.77.0.0/24, ip_range: 10.77.0.64/28, aux_addresses: {printer: 10.77.0.64}}
        - {subnet: 'fd77::/64'}
  back:
";

#[test]
fn a_container_has_the_addresses_of_the_file_and_others_get_what_is_left() {
    let Some(host) = Host::with_busybox() else { return };
    let project = host.project("fix", FIXED);
    project.up();
    let shown = project.exec("a", "ip addr show front0; ip route").succeeds();
    let shown = shown.says("10.77.0.9/24").says("fd77::9/64").says("169.254.8.8/16");
    let back = project.exec("a", "ip route | grep -c 'default.*eth'").stdout;
    assert_eq!(back.trim(), "1", "the default route is on the other network: {}", shown.stdout);
    project.exec("a", "cat /sys/class/net/front0/address").succeeds().says("02:00:00:00:00:09");
    project.exec("b", "ip addr show eth0").succeeds().says("10.77.0.65/24");
    eventually("the name leads to both addresses", || {
        let found = project.exec("b", "nslookup shop 127.0.0.11").stdout;
        (found.contains("10.77.0.9") && found.contains("fd77::9")).then_some(())
    });
    project.exec("b", "wget -q -O - 'http://[fd77::9]/hostname'").succeeds();
    project.edit("command: httpd -f -p 80 -h /etc", "command: httpd -f -p 81 -h /etc");
    project.sampan(["up", "-d"]).succeeds();
    project.exec("a", "ip addr show front0").succeeds().says("10.77.0.9/24").says("fd77::9/64");
    project.down();
}

#[test]
fn ipv6_is_had_for_the_asking() {
    let Some(host) = Host::with_busybox() else { return };
    let yaml = "
name: six
services:
  a: {image: busybox, command: httpd -f -p 80 -h /etc, init: true, ports: ['8086:80']}
  b: {image: busybox, command: sleep 1000, init: true}
networks: {default: {enable_ipv6: true}}
";
    host.join_the_world();
    let six =
        "ip addr add 2001:db8::1/64 dev up0 nodad && ip -n world addr add 2001:db8::2/64 dev eth0 nodad";
    host.shell(six).succeeds();
    let project = host.project("six", yaml);
    project.up();
    project.exec("b", "ip -6 route").succeeds().says("default via fd73:");
    project.exec("b", "ping -6 -c 1 -W 3 2001:db8::2").succeeds();
    let get = "curl -sS --max-time 3 'http://[2001:db8::1]:8086/hostname'";
    eventually("it answers the other machine", || {
        (host.shell(&format!("ip netns exec world {get}")).code == 0).then_some(())
    });
    host.shell(get).succeeds();
    project.exec("b", "wget -q -O - 'http://[2001:db8::1]:8086/hostname'").succeeds();
    host.leave_the_world();
    project.down();
}

const MOVING: &str = "
name: move
services:
  a:
    image: busybox
    command: sh -c 'httpd -p 80 -h /etc; exec sleep 1000'
    init: true
    stop_grace_period: 1s
    ports: ['8085:80']
    networks: [front]
  b: {image: busybox, command: sleep 1000, init: true, stop_grace_period: 1s, networks: [back]}
networks:
  front:
  back:
";

#[test]
fn a_running_container_joins_and_leaves_networks() {
    let Some(host) = Host::with_busybox() else { return };
    let project = host.project("move", MOVING);
    project.up();
    let pid = project.pid("move-a-1");
    assert_ne!(project.exec("b", "timeout 1 wget -q -O - http://a/hostname").code, 0, "not yet");
    let change = |from: &str, to: &str| {
        project.edit(from, to);
        project.sampan(["plan"]).succeeds().says("networks.");
        project.up();
        assert_eq!(project.pid("move-a-1"), pid, "nobody was restarted");
        project.sampan(["plan"]).succeeds().says("unchanged");
    };
    change("networks: [front]", "networks: [back, front]");
    eventually("the name is known", || {
        (project.exec("b", "timeout 2 wget -q -O - http://a/hostname").code == 0).then_some(())
    });
    assert_eq!(project.exec("a", "ip route | grep -c default").stdout.trim(), "1");
    change("networks: [back, front]", "networks: {back: {aliases: [shop]}}");
    let interfaces = project.exec("a", "ls /sys/class/net").succeeds().stdout;
    assert_eq!(interfaces.split_whitespace().count(), 2, "{interfaces}");
    eventually("the alias is known", || {
        (project.exec("b", "timeout 2 wget -q -O - http://shop/hostname").code == 0).then_some(())
    });
    for address in ["127.0.0.1", "[::1]"] {
        let get = format!("curl -sS --max-time 3 'http://{address}:8085/hostname'");
        eventually(address, || (host.shell(&get).code == 0).then_some(()));
    }
    project.down();
}

#[test]
fn networks_are_made_looked_at_joined_and_removed_without_a_stack_file() {
    let Some(host) = Host::with_busybox() else { return };
    let create = "network create --ipv6 --subnet 10.88.0.0/24 --subnet fd88::/64 --ip-range 10.88.0.16/28 \
                  --aux-address printer=10.88.0.16 -o com.docker.network.bridge.name=br-tools \
                  -o com.docker.network.driver.mtu=1400 --label team=blue tools";
    host.sampan(create.split_whitespace()).succeeds().says("tools");
    host.shell("ip link show br-tools").succeeds().says("mtu 1400");
    host.sampan(["network", "create", "tools"]).exits(1).says("exists already");
    host.sampan(["network", "create", "--subnet", "10.88.0.128/25", "more"])
        .exits(1)
        .says("network tools has");
    host.sampan(["network", "create", "a/b"]).exits(1).says("is not a name");
    let yaml = "
name: tool
services:
  a: {image: busybox, command: sleep 1000, init: true, stop_grace_period: 1s}
";
    let project = host.project("tool", yaml);
    project.up();
    host.sampan(["network", "connect", "--ip", "10.88.0.99", "--alias", "saw", "tools", "tool-a-1"])
        .succeeds();
    project.exec("a", "ip addr show eth1").succeeds().says("10.88.0.99/24").says("mtu 1400");
    eventually("the alias is known", || {
        project.exec("a", "nslookup saw 127.0.0.11").stdout.contains("10.88.0.99").then_some(())
    });
    let shown = host.sampan(["network", "inspect", "tools"]).succeeds().json();
    assert_eq!(shown[0]["Containers"]["tool-a-1"]["IPv4Address"], "10.88.0.99/24");
    assert_eq!(shown[0]["IPAM"]["AuxiliaryAddresses"]["printer"], "10.88.0.16");
    host.sampan(["network", "ls"]).succeeds().says("tools").says("tool_default").says("tool-a-1");
    host.sampan(["network", "rm", "tools"]).exits(1).says("tool-a-1");
    project.sampan(["plan"]).succeeds().says("networks.tools");
    host.sampan(["network", "disconnect", "tools", "tool-a-1"]).succeeds();
    assert_eq!(project.exec("a", "ls /sys/class/net").stdout.split_whitespace().count(), 2);
    host.sampan(["network", "disconnect", "tools", "tool-a-1"]).exits(1).says("is not on network");
    host.sampan(["network", "prune", "-f"]).succeeds().says("removed network tools");
    project.down();
}

#[test]
fn options_of_a_bridge_hold() {
    let Some(host) = Host::with_busybox() else { return };
    let yaml = "
name: opts
services:
  a: {image: busybox, command: httpd -f -p 80 -h /etc, init: true, ports: ['8087:80']}
  b: {image: busybox, command: sleep 1000, init: true}
networks:
  default:
    driver_opts:
      com.docker.network.driver.mtu: 1300
      com.docker.network.bridge.enable_icc: 'false'
      com.docker.network.bridge.host_binding_ipv4: 127.0.0.1
";
    host.join_the_world();
    let project = host.project("opts", yaml);
    project.up();
    project.exec("b", "ip link show eth0").succeeds().says("mtu 1300");
    assert_ne!(
        project.exec("b", "timeout 1 wget -q -O - http://a/hostname").code,
        0,
        "neighbours are strangers"
    );
    let get = |url: &str| format!("curl -sS --max-time 2 http://{url}:8087/hostname");
    eventually("the host reaches it", || (host.shell(&get("127.0.0.1")).code == 0).then_some(()));
    assert_ne!(host.shell(&get("192.0.2.1")).code, 0, "it is published on 127.0.0.1 only");
    host.leave_the_world();
    project.down();
}

#[test]
fn settings_of_an_interface_are_made_before_the_program_runs_and_change_in_place() {
    let Some(host) = Host::with_busybox() else { return };
    let yaml = "
name: tune
services:
  a:
    image: busybox
    command: sh -c 'cat /proc/sys/net/ipv4/conf/front0/log_martians; exec sleep 1000'
    init: true
    stop_grace_period: 1s
    networks:
      default:
        interface_name: front0
        driver_opts:
          com.docker.network.endpoint.sysctls: net.ipv4.conf.IFNAME.log_martians=1,net.ipv6.conf.IFNAME.hop_limit=33
";
    let project = host.project("tune", yaml);
    project.up();
    assert_eq!(project.sampan(["logs", "--no-log-prefix"]).succeeds().stdout, "1\n");
    let files = "/proc/sys/net/ipv4/conf/front0/log_martians /proc/sys/net/ipv6/conf/front0/hop_limit";
    let read = || project.exec("a", &format!("cat {files}")).succeeds().stdout;
    assert_eq!(read(), "1\n33\n");
    let pid = project.pid("tune-a-1");
    project.edit("IFNAME.log_martians=1", "IFNAME.log_martians=0");
    project.sampan(["plan"]).succeeds().says("log_martians=1").says("log_martians=0");
    project.up();
    assert_eq!(read(), "0\n33\n");
    assert_eq!(project.pid("tune-a-1"), pid, "nobody was restarted");
    project.sampan(["plan"]).succeeds().says("unchanged");
    project.edit("IFNAME.log_martians=0", "IFNAME.nonsense=0");
    project.sampan(["up", "-d"]).exits(1).says("set net.ipv4.conf.IFNAME.nonsense of front0 to 0");
    project.edit("IFNAME.nonsense=0", "all.log_martians=0");
    project.sampan(["up", "-d"]).exits(15).says("is no setting of an interface");
    project.down();
}
