//! IPv6: addresses, ways out and in.

use super::*;
use planner::desired::Ipv6Spec;
use std::net::Ipv6Addr;

const HOST6: Ipv6Addr = Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1);
const REMOTE6: Ipv6Addr = Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 2);

/// What answers, asked over IPv6 from a namespace or from the host.
fn ask6(from: Option<&Path>, to: Ipv6Addr, port: u16) -> io::Result<String> {
    somewhere(from, || {
        let mut stream = TcpStream::connect_timeout(&SocketAddr::from((to, port)), Duration::from_secs(2))?;
        stream.set_read_timeout(Some(PATIENCE))?;
        let mut text = String::new();
        stream.read_to_string(&mut text)?;
        Ok(text)
    })
}

/// Answers each connection to port 80 inside a namespace with the address that it came from.
fn serve_six(netns: &Path) {
    let listener = netns::inside(netns, || Ok(TcpListener::bind("[::]:80").unwrap())).unwrap();
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let from = stream.peer_addr().unwrap().ip();
            let _ = stream.write_all(from.to_string().as_bytes());
        }
    });
}

impl Host {
    /// Gives both ends of the cable an IPv6 address; the other machine knows no way to ours.
    fn plug_six(&self) {
        let add = |name: &str, address: Ipv6Addr| {
            let mut socket = Socket::route().unwrap();
            let index = link::find(&mut socket, name).unwrap().unwrap().index;
            let subnet = "2001:db8::/64".parse().unwrap();
            socket.request(&[link::add_address(index, address.into(), subnet)]).unwrap();
        };
        add("cable", HOST6);
        netns::inside(&self.remote(), || {
            add("eth0", REMOTE6);
            Ok(())
        })
        .unwrap();
    }

    fn network_six(&self, name: &str, ipv6: Ipv6Spec) -> NetworkRecord {
        create(&self.store, &NetworkSpec { name: name.into(), ipv6: Some(ipv6), ..Default::default() })
            .unwrap()
    }

    fn connect_six(&self, name: &str, network: &str) -> Connected {
        let id = id(name);
        std::fs::create_dir_all(self.store.container(&id)).unwrap();
        let connected = connect(&self.store, &id, &spec(&[network])).unwrap();
        serve_six(&connected.netns);
        connected
    }
}

#[test]
fn a_network_with_ipv6_reaches_its_own_and_the_world_as_the_host() {
    on_a_host(|host| {
        host.plug_six();
        let network = host.network_six("six", Ipv6Spec::default());
        let six = network.six.unwrap();
        assert!(six.gateway.is_unique_local() && six.subnet.contains(&six.gateway));
        let one = host.connect_six("shop.web.1.1", "six");
        let other = host.connect_six("shop.api.1.1", "six");
        let address = |connected: &Connected| connected.endpoints[0].six.unwrap().address;
        assert_eq!(ask6(Some(&other.netns), address(&one), 80).unwrap(), address(&other).to_string());
        assert_eq!(ask6(None, address(&one), 80).unwrap(), six.gateway.to_string());
        serve_six(&host.remote());
        assert_eq!(ask6(Some(&one.netns), REMOTE6, 80).unwrap(), HOST6.to_string());
    });
}

#[test]
fn a_published_port_leads_to_the_ipv6_address_and_nothing_else_does() {
    on_a_host(|host| {
        host.plug_six();
        host.network_six("six", Ipv6Spec::default());
        let web = host.connect_six("shop.web.1.1", "six");
        let port = Published { published: 8080, ..tcp(8080) };
        publish(&host.store, &id("shop.web.1.1"), &[port]).unwrap();
        assert_eq!(ask6(Some(&host.remote()), HOST6, 8080).unwrap(), REMOTE6.to_string());
        let direct = web.endpoints[0].six.unwrap().address;
        netns::inside(&host.remote(), || {
            let mut socket = Socket::route()?;
            let index = link::find(&mut socket, "eth0")?.unwrap().index;
            socket.request(&[link::add_default_route(index, HOST6.into())])
        })
        .unwrap();
        assert!(ask6(Some(&host.remote()), direct, 80).is_err(), "only what is published is open");
        unpublish(&host.store, &id("shop.web.1.1")).unwrap();
        assert!(ask6(Some(&host.remote()), HOST6, 8080).is_err());
    });
}

#[test]
fn a_udp_client_of_ipv6_that_keeps_talking_follows_to_the_new_container() {
    on_a_host(|host| {
        host.plug_six();
        host.network_six("six", Ipv6Spec::default());
        let client = UdpSocket::bind((HOST6, 0)).unwrap();
        client.set_read_timeout(Some(Duration::from_secs(2))).unwrap();
        let answer = || {
            let mut buffer = [0; 64];
            client.send_to(b"?", (HOST6, 8080)).unwrap();
            client.recv(&mut buffer).map(|length| String::from_utf8_lossy(&buffer[..length]).into_owned())
        };
        // Tracked as a conversation with the host itself.
        assert!(answer().is_err());
        for name in ["shop.web.1.1", "shop.web.1.2"] {
            let web = host.connect_six(name, "six");
            let socket = netns::inside(&web.netns, || Ok(UdpSocket::bind("[::]:80").unwrap())).unwrap();
            std::thread::spawn(move || {
                let mut buffer = [0; 16];
                while let Ok((_, from)) = socket.recv_from(&mut buffer) {
                    let _ = socket.send_to(name.as_bytes(), from);
                }
            });
            let udp = Published { protocol: Protocol::Udp, ..tcp(8080) };
            publish(&host.store, &id(name), &[udp]).unwrap();
            assert_eq!(answer().unwrap(), name);
            disconnect(&host.store, &id(name)).unwrap();
        }
    });
}

#[test]
fn the_file_says_addresses_and_ranges_and_what_it_reserves_nobody_gets() {
    on_a_host(|host| {
        let ipv6 = Ipv6Spec {
            subnet: "2001:db8:5::/64".parse().ok(),
            gateway: "2001:db8:5::ff".parse().ok(),
            ip_range: "2001:db8:5::100/124".parse().ok(),
        };
        let spec = NetworkSpec {
            name: "n".into(),
            subnet: "10.9.0.0/24".parse().ok(),
            ip_range: "10.9.0.64/30".parse().ok(),
            aux_addresses: [("printer".to_owned(), "10.9.0.64".parse().unwrap())].into(),
            ipv6: Some(ipv6),
            ..Default::default()
        };
        create(&host.store, &spec).unwrap();
        let connect_as = |name: &str, attachment: Attachment| {
            let id = id(name);
            std::fs::create_dir_all(host.store.container(&id)).unwrap();
            let networks = vec![Attachment { network: "n".into(), ..attachment }];
            let spec = ContainerSpec { networks, ..Default::default() };
            declare(&host.store, &id, &spec)?;
            connect(&host.store, &id, &spec).map(|connected| connected.endpoints[0].clone())
        };
        let free = connect_as("shop.web.1.1", Attachment::default()).unwrap();
        assert_eq!(
            (free.four.unwrap().address.to_string().as_str(), free.four.unwrap().prefix),
            ("10.9.0.65", 24)
        );
        assert_eq!(free.six.unwrap().address.to_string(), "2001:db8:5::100");
        let fixed = Attachment {
            ipv4: "10.9.0.9".parse().ok(),
            ipv6: "2001:db8:5::9".parse().ok(),
            mac: planner::desired::Mac::parse("02:00:00:00:00:09"),
            interface: Some("front0".into()),
            link_local: vec!["169.254.8.8".parse().unwrap()],
            ..Default::default()
        };
        let got = connect_as("shop.db.1.1", fixed.clone()).unwrap();
        assert_eq!(
            (got.four.unwrap().address.to_string().as_str(), got.mac.as_str()),
            ("10.9.0.9", "02:00:00:00:00:09")
        );
        assert_eq!((got.six.unwrap().address, got.interface.as_str()), (fixed.ipv6.unwrap(), "front0"));
        let shown = netns::inside(&host.netns(&id("shop.db.1.1")), || {
            let mut socket = Socket::route()?;
            Ok((link::find(&mut socket, "front0")?, link::used_subnets(&mut socket, false, &[])?))
        });
        let (link, subnets) = shown.unwrap();
        assert!(link.is_some_and(|link| link.up));
        assert!(subnets.contains(&"169.254.0.0/16".parse().unwrap()), "{subnets:?}");
        let error = connect_as("shop.api.1.1", fixed.clone()).unwrap_err();
        assert!(error.doing.ends_with("10.9.0.9 on network n: shop-db-1 has it"), "{error}");
        for (address, why) in [
            ("10.9.0.64", "it is reserved for `printer`"),
            ("10.9.0.1", "it is reserved for the gateway"),
            ("10.8.0.1", "it is not of 10.9.0.0/24"),
        ] {
            let wanted = Attachment { ipv4: address.parse().ok(), ..Default::default() };
            let error = connect_as("shop.api.1.1", wanted).unwrap_err();
            assert!(error.doing.ends_with(why), "{error}");
        }
        disconnect(&host.store, &id("shop.db.1.1")).unwrap();
        assert_eq!(
            connect_as("shop.db.1.2", fixed).unwrap().four.unwrap().address.to_string(),
            "10.9.0.9",
            "the next generation"
        );
    });
}
