//! Published ports.

use super::*;

#[test]
fn a_published_port_is_reached_from_everywhere() {
    on_a_host(|host| {
        let network = host.network("shop_a");
        host.network("shop_b");
        let udp = Published { protocol: Protocol::Udp, ..tcp(8080) };
        let web = host.serve("shop.web.1.1", &["shop_a"], &[tcp(8080), udp]);
        let neighbour = host.serve("shop.api.1.1", &["shop_a"], &[]);
        let stranger = host.serve("shop.db.1.1", &["shop_b"], &[]);
        let remote = host.remote();
        let askers: [(&str, Option<&Path>, Ipv4Addr); 8] = [
            ("localhost", None, Ipv4Addr::LOCALHOST),
            ("the host's own address", None, HOST),
            ("the gateway address", None, network.four.unwrap().gateway),
            ("another machine", Some(&remote), HOST),
            ("a neighbour", Some(&neighbour.netns), HOST),
            ("a neighbour through the gateway", Some(&neighbour.netns), network.four.unwrap().gateway),
            ("another network", Some(&stranger.netns), HOST),
            ("itself", Some(&web.netns), HOST),
        ];
        for (who, from, to) in askers {
            assert_eq!(
                word(ask(from, to, 8080).map_err(|error| io::Error::other(format!("{who}: {error}")))),
                "shop.web.1.1"
            );
            let answer = ask_udp(from, to, 8080);
            assert_eq!(answer.unwrap_or_else(|error| format!("{who}: {error}")), "shop.web.1.1");
        }
        let seen = ask(Some(&remote), HOST, 8080).unwrap();
        assert_eq!(seen, format!("shop.web.1.1 {REMOTE}"));
        assert!(is_cut_off(Some(&remote), HOST, 8081));
    });
}

#[test]
fn a_port_published_on_one_host_address_is_there_only() {
    on_a_host(|host| {
        host.network("shop_a");
        let local = Published { host_ip: Some(Ipv4Addr::LOCALHOST.into()), ..tcp(8080) };
        host.serve("shop.web.1.1", &["shop_a"], &[local]);
        ask(None, Ipv4Addr::LOCALHOST, 8080).unwrap();
        assert!(is_cut_off(None, HOST, 8080));
        assert!(is_cut_off(Some(&host.remote()), HOST, 8080));
    });
}

#[test]
fn replicas_take_turns_and_one_that_leaves_is_no_longer_asked() {
    on_a_host(|host| {
        host.network("shop_a");
        for index in 1..=3 {
            host.serve(&format!("shop.web.{index}.1"), &["shop_a"], &[tcp(8080)]);
        }
        let count = |times: u32| {
            let mut counts = BTreeMap::<String, u32>::new();
            for _ in 0..times {
                *counts.entry(word(ask(None, Ipv4Addr::LOCALHOST, 8080))).or_default() += 1;
            }
            counts
        };
        let third = |index| (format!("shop.web.{index}.1"), 2);
        assert_eq!(count(6), BTreeMap::from([third(1), third(2), third(3)]));
        unpublish(&host.store, &id("shop.web.2.1")).unwrap();
        assert_eq!(count(4), BTreeMap::from([third(1), third(3)]));
        assert_eq!(published(&host.store, &id("shop.web.2.1")).unwrap(), []);
        assert_eq!(published(&host.store, &id("shop.web.1.1")).unwrap(), [tcp(8080)]);
    });
}

#[test]
fn a_udp_client_that_keeps_talking_follows_to_the_new_container() {
    on_a_host(|host| {
        host.network("shop_a");
        let udp = Published { protocol: Protocol::Udp, ..tcp(8080) };
        let client = UdpSocket::bind((HOST, 0)).unwrap();
        client.set_read_timeout(Some(Duration::from_secs(2))).unwrap();
        client.send_to(b"?", (HOST, 8080)).unwrap();
        let answer = || {
            let mut buffer = [0; 64];
            client.send_to(b"?", (HOST, 8080)).unwrap();
            let length = client.recv(&mut buffer).unwrap();
            String::from_utf8_lossy(&buffer[..length]).into_owned()
        };
        host.serve("shop.web.1.1", &["shop_a"], std::slice::from_ref(&udp));
        assert_eq!(answer(), "shop.web.1.1");
        host.serve("shop.web.1.2", &["shop_a"], std::slice::from_ref(&udp));
        disconnect(&host.store, &id("shop.web.1.1")).unwrap();
        assert_eq!(answer(), "shop.web.1.2");
    });
}

/// A process that looks like the supervisor of a container and has a socket open.
fn supervisor(host: &Host, id: &str, port: HeldPort) -> std::process::Child {
    use std::os::unix::process::CommandExt;
    let mut sockets = port.sockets.into_iter();
    std::fs::write(host.folder.join("shim"), "read -r line <&1\n").unwrap();
    let runtime = host.store.runtime().to_str().unwrap();
    // Standard input and output are the sockets for IPv4 and IPv6; the script waits for its end.
    std::process::Command::new("/bin/sh")
        .arg0("sampan")
        .args(["shim", "--root", "/r", "--runtime", runtime, id])
        .current_dir(&host.folder)
        .stdin(sockets.next().unwrap())
        .stderr(sockets.next().unwrap())
        .stdout(std::process::Stdio::from(
            UdpSocket::bind("127.0.0.1:0").map(std::os::fd::OwnedFd::from).unwrap(),
        ))
        .spawn()
        .unwrap()
}

#[test]
fn replicas_share_a_host_port_and_another_service_is_told_who_has_it() {
    on_a_host(|host| {
        for protocol in [Protocol::Tcp, Protocol::Udp] {
            let ports = vec![PortSpec { published: Some(8080), target: 80, protocol, ..Default::default() }];
            let spec = ContainerSpec { ports, ..Default::default() };
            let hold = |id: &str| hold_ports(&host.store, &self::id(id), &spec, &[]);
            let mut first = hold("shop.web.1.1").unwrap();
            let mut shim = supervisor(host, "shop.web.1.1", first.remove(0));
            let replica = hold("shop.web.2.1");
            let other = hold("shop.api.1.1");
            shim.kill().unwrap();
            shim.wait().unwrap();
            assert_eq!(replica.unwrap()[0].published.published, 8080);
            let error = other.unwrap_err();
            assert_eq!(error.kind, Kind::Conflict);
            assert!(error.doing.ends_with(" is already in use by container shop-web-1"), "{error}");
            assert!(hold("shop.api.1.1").is_ok(), "the port is free again");
        }
    });
}
