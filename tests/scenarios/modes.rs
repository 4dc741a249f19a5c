//! Network namespaces that are not a container's own, and names beyond its networks.

use e2e::{Host, eventually};

const SHARED: &str = "
name: mode
services:
  app:
    image: busybox
    command: httpd -f -p 80 -h /etc
    init: true
    stop_grace_period: 1s
  side:
    image: busybox
    command: sleep 1000
    init: true
    stop_grace_period: 1s
    network_mode: service:app
  alone:
    image: busybox
    command: sleep 1000
    init: true
    stop_grace_period: 1s
    network_mode: none
  host:
    image: busybox
    command: sleep 1000
    init: true
    stop_grace_period: 1s
    network_mode: host
    extra_hosts: [me=host-gateway]
    dns: 192.0.2.53
";

const NAMESPACE: &str = "readlink /proc/self/ns/net";

#[test]
fn a_container_is_in_the_network_of_another_one_of_the_host_or_of_nobody() {
    let Some(host) = Host::with_busybox() else { return };
    let project = host.project("mode", SHARED);
    project.up();
    let namespace = |service: &str| project.exec(service, NAMESPACE).succeeds().stdout;
    assert_eq!(namespace("side"), namespace("app"));
    assert_eq!(namespace("host"), host.shell(NAMESPACE).stdout);
    assert_ne!(namespace("alone"), namespace("app"));
    project.exec("side", "wget -q -O - http://127.0.0.1/hostname").succeeds();
    assert_eq!(project.exec("alone", "ls /sys/class/net").succeeds().stdout.trim(), "lo");
    project.exec("host", "cat /etc/hosts").succeeds().says("127.0.0.1\tme");
    project.exec("host", "cat /etc/resolv.conf").succeeds().says("nameserver 192.0.2.53");
    let shared = project.exec("side", "cat /etc/hosts").succeeds().stdout;
    assert_eq!(shared, project.exec("app", "cat /etc/hosts").stdout, "names go with the network");
    project.sampan(["plan"]).succeeds().says("unchanged");
    project.down();
}

#[test]
fn who_is_in_the_network_of_another_one_follows_it() {
    let Some(host) = Host::with_busybox() else { return };
    let project = host.project("mode", SHARED);
    project.up();
    let same = |what: &str| {
        let [app, side] = ["app", "side"].map(|service| project.exec(service, NAMESPACE).succeeds().stdout);
        assert_eq!(app, side, "{what}");
    };
    project.sampan(["restart", "app"]).succeeds();
    same("after a restart of its owner");
    project.edit("command: httpd -f -p 80 -h /etc", "command: httpd -f -p 81 -h /etc");
    project.up();
    same("after its owner was made anew");
    project.sampan(["stop", "app"]).succeeds();
    project.sampan(["start", "app"]).succeeds();
    same("after its owner was away");
    project.exec("side", "wget -q -O - http://127.0.0.1:81/hostname").succeeds();
    project.down();
}

#[test]
fn names_and_servers_of_the_file_are_those_of_the_container() {
    let Some(host) = Host::with_busybox() else { return };
    let yaml = "
name: names
services:
  a:
    image: busybox
    command: sleep 1000
    init: true
    dns: [192.0.2.53]
    dns_search: [one.example, two.example]
    dns_opt: [ndots:2, timeout:1]
    extra_hosts: ['db=10.9.9.9', 'db=10.9.9.8', 'me=host-gateway']
    links: ['b:other']
  b: {image: busybox, command: httpd -f -p 80 -h /etc, init: true}
";
    let project = host.project("names", yaml);
    project.up();
    let resolver = project.exec("a", "cat /etc/resolv.conf").succeeds();
    resolver.says("search one.example two.example").says("options ndots:2 timeout:1");
    let hosts = project.exec("a", "cat /etc/hosts").succeeds();
    let hosts = hosts.says("10.9.9.9\tdb").says("10.9.9.8\tdb");
    let gateway = project.exec("a", "ip route | sed -n 's/^default via \\([^ ]*\\).*/\\1/p'").stdout;
    hosts.says(&format!("{}\tme", gateway.trim()));
    eventually("the link answers", || {
        (project.exec("a", "timeout 2 wget -q -O - http://other/hostname").code == 0).then_some(())
    });
    project.down();
}
