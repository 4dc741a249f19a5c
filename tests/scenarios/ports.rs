//! Published ports answer from everywhere, and a clash names the culprit.

use e2e::{Host, eventually};

const WEB: &str = "
name: web
services:
  web:
    image: busybox
    command: httpd -f -p 80 -h /etc
    init: true
    ports: ['8080:80']
  peer:
    image: busybox
    command: sleep 1000
    init: true
    networks: [other]
networks:
  default:
  other:
";

#[test]
fn a_port_answers_from_the_host_from_outside_and_from_other_networks() {
    let Some(host) = Host::with_busybox() else { return };
    host.join_the_world();
    let project = host.project("web", WEB);
    project.up();
    let get = |url: &str| format!("curl -sS --max-time 3 http://{url}:8080/hostname");
    for url in ["127.0.0.1", "localhost", "192.0.2.1"] {
        eventually(url, || (host.shell(&get(url)).code == 0).then_some(()));
    }
    host.shell(&format!("ip netns exec world {}", get("192.0.2.1"))).succeeds();
    project.exec("peer", "timeout 3 wget -q -O - http://192.0.2.1:8080/hostname").succeeds();
    project.exec("web", "timeout 3 wget -q -O - http://192.0.2.1:8080/hostname").succeeds();
    project.sampan(["down", "-v", "-t", "1"]).succeeds();
    assert_ne!(host.shell(&get("127.0.0.1")).code, 0, "nothing answers any more");
}

#[test]
fn replicas_that_publish_the_same_port_share_its_connections() {
    let Some(host) = Host::with_busybox() else { return };
    let yaml = "
name: lb
services:
  web:
    image: busybox
    command: httpd -f -p 80 -h /etc
    init: true
    ports: ['127.0.0.1:8081:80']
    deploy: {replicas: 3}
";
    let project = host.project("lb", yaml);
    project.up();
    let script = "for i in 1 2 3 4 5 6 7 8 9 10 11 12; do curl -sS --max-time 3 http://127.0.0.1:8081/hostname; done | sort -u | wc -l";
    eventually("all three answer", || (host.shell(script).stdout.trim() == "3").then_some(()));
    project.down();
}

/// Not a test: the program of the container below, as busybox has none that answers datagrams.
#[test]
#[ignore = "runs inside a container"]
fn echo_datagrams() {
    let socket = std::net::UdpSocket::bind("0.0.0.0:7").expect("bind port 7");
    let mut buffer = [0; 64];
    loop {
        let (length, from) = socket.recv_from(&mut buffer).expect("receive");
        socket.send_to(&buffer[..length], from).expect("send");
    }
}

#[test]
fn udp_is_published_too() {
    let Some(host) = Host::with_busybox() else { return };
    let program = std::env::current_exe().expect("the test's own path");
    let yaml = format!(
        "
name: udp
services:
  echo:
    image: busybox
    command: [/echo, --ignored, --exact, 'scenarios::ports::echo_datagrams']
    init: true
    volumes: ['{}:/echo:ro']
    ports: ['7007:7/udp']
",
        program.display()
    );
    let project = host.project("udp", &yaml);
    project.up();
    let ask = "exec 3<>/dev/udp/127.0.0.1/7007; echo ahoy >&3; timeout 1 head -n 1 <&3";
    eventually("the datagram comes back", || {
        host.shell(&format!("bash -c '{ask}'")).stdout.contains("ahoy").then_some(())
    });
    project.down();
}

#[test]
fn a_port_answers_on_ipv6_of_the_host_though_the_network_has_none() {
    let Some(host) = Host::with_busybox() else { return };
    host.join_the_world();
    let six =
        "ip addr add 2001:db8::1/64 dev up0 nodad && ip -n world addr add 2001:db8::2/64 dev eth0 nodad";
    host.shell(six).succeeds();
    let project = host.project("web", &WEB.replace("'8080:80'", "'8080:80', '[::1]:8081:80'"));
    project.up();
    let get = |url: &str| format!("curl -sS --max-time 3 'http://{url}/hostname'");
    for url in ["[::1]:8080", "[::1]:8081", "[2001:db8::1]:8080", "127.0.0.1:8080"] {
        eventually(url, || (host.shell(&get(url)).code == 0).then_some(()));
    }
    host.shell(&format!("ip netns exec world {}", get("[2001:db8::1]:8080"))).succeeds();
    assert_ne!(host.shell(&get("[2001:db8::1]:8081")).code, 0, "published on ::1 only");
    project.sampan(["restart", "-t", "1", "web"]).succeeds();
    eventually("it answers again", || (host.shell(&get("[::1]:8080")).code == 0).then_some(()));
    host.leave_the_world();
    project.down();
}

#[test]
fn of_a_range_each_replica_has_a_port() {
    let Some(host) = Host::with_busybox() else { return };
    let yaml = "
name: range
services:
  web:
    image: busybox
    command: httpd -f -p 80 -h /etc
    init: true
    ports: ['8090-8092:80']
    deploy: {replicas: 3}
";
    let project = host.project("range", yaml);
    project.up();
    for port in 8090..=8092 {
        let get = format!("curl -sS --max-time 3 http://127.0.0.1:{port}/hostname");
        eventually(&get, || (host.shell(&get).code == 0).then_some(()));
    }
    let told = [1, 2, 3].map(|index| {
        project
            .sampan(["port", "--index", &index.to_string(), "web", "80"])
            .succeeds()
            .stdout
            .trim()
            .to_owned()
    });
    assert!(told.iter().all(|socket| socket.starts_with("0.0.0.0:809")), "{told:?}");
    project.down();
}

#[test]
fn a_port_in_use_is_refused_with_the_name_of_the_culprit() {
    let Some(host) = Host::with_busybox() else { return };
    let project = host.project("web", WEB);
    host.shell("busybox httpd -p 8080 -h /etc").succeeds();
    let output = project.sampan(["up", "-d"]).exits(1);
    output.says("8080").says("busybox");
    assert_ne!(project.state("web-web-1").as_deref(), Some("running"));
    assert_eq!(project.state("web-peer-1").as_deref(), Some("running"), "others are not affected");
    host.shell("kill $(busybox pidof busybox)");
    eventually("the port is free again", || (project.sampan(["up", "-d"]).code == 0).then_some(()));
    project.down();
}

#[test]
fn a_port_of_another_stack_is_refused_with_its_container() {
    let Some(host) = Host::with_busybox() else { return };
    let first = host.project("web", WEB);
    first.up();
    let second = host.project("second", &WEB.replace("name: web", "name: second"));
    second.sampan(["up", "-d"]).exits(1).says("8080").says("web-web-1");
    second.sampan(["down", "-v", "-t", "1"]).succeeds();
    first.down();
}

#[test]
fn a_port_without_a_host_side_gets_a_free_one_that_ps_tells() {
    let Some(host) = Host::with_busybox() else { return };
    let yaml = WEB.replace("'8080:80'", "'80'");
    let project = host.project("web", &yaml);
    project.up();
    let list = project.sampan(["ps", "--json"]).succeeds().json();
    let web = list.as_array().into_iter().flatten().find(|entry| entry["service"] == "web").cloned();
    let port =
        web.as_ref().and_then(|entry| entry["ports"][0]["published"].as_u64()).expect("ps tells the port");
    let get = format!("curl -sS --max-time 3 http://127.0.0.1:{port}/hostname");
    eventually("it answers", || (host.shell(&get).code == 0).then_some(()));
    project.down();
}
