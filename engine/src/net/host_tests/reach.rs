//! Who reaches whom.

use super::*;

#[test]
fn containers_of_one_network_reach_each_other_and_see_who_asks() {
    on_a_host(|host| {
        let network = host.network("shop_default");
        let web = host.serve("shop.web.1.1", &["shop_default"], &[]);
        let api = host.serve("shop.api.1.1", &["shop_default"], &[]);
        let (one, other) = (&web.endpoints[0], &api.endpoints[0]);
        assert_eq!(network.four.unwrap().gateway, network.four.unwrap().subnet.hosts().next().unwrap());
        assert_eq!(
            (one.interface.as_str(), one.four.unwrap().prefix, one.four.unwrap().gateway),
            ("eth0", 22, network.four.unwrap().gateway)
        );
        assert_ne!(one.four.unwrap().address, other.four.unwrap().address);
        let expected = format!("shop.api.1.1 {}", one.four.unwrap().address);
        assert_eq!(ask(Some(&web.netns), other.four.unwrap().address, 80).unwrap(), expected);
        assert_eq!(word(ask(Some(&api.netns), one.four.unwrap().address, 80)), "shop.web.1.1");
        assert_eq!(word(ask_udp(Some(&api.netns), one.four.unwrap().address, 80)), "shop.web.1.1");
        assert_eq!(word(ask(None, one.four.unwrap().address, 80)), "shop.web.1.1");
    });
}

#[test]
fn networks_are_closed_to_each_other_and_to_the_outside() {
    on_a_host(|host| {
        host.network("shop_a");
        host.network("shop_b");
        let a = host.serve("shop.web.1.1", &["shop_a"], &[]);
        let b = host.serve("shop.db.1.1", &["shop_b"], &[]);
        let both = host.serve("shop.api.1.1", &["shop_a", "shop_b"], &[]);
        assert!(is_cut_off(Some(&a.netns), b.endpoints[0].four.unwrap().address, 80));
        assert!(is_cut_off(Some(&b.netns), a.endpoints[0].four.unwrap().address, 80));
        assert!(is_cut_off(Some(&host.remote()), a.endpoints[0].four.unwrap().address, 80));
        assert!(is_reached(Some(&both.netns), a.endpoints[0].four.unwrap().address, 80));
        assert!(is_reached(Some(&both.netns), b.endpoints[0].four.unwrap().address, 80));
        assert!(is_reached(Some(&b.netns), both.endpoints[1].four.unwrap().address, 80));
        assert_eq!(both.endpoints[1].interface, "eth1");
    });
}

#[test]
fn a_network_goes_out_as_the_host_and_an_internal_one_does_not() {
    on_a_host(|host| {
        host.network("open");
        let spec = NetworkSpec { name: "closed".into(), internal: true, ..Default::default() };
        create(&host.store, &spec).unwrap();
        serve_in(&host.remote(), "remote");
        let open = host.serve("shop.web.1.1", &["open"], &[]);
        let closed = host.serve("shop.db.1.1", &["closed"], &[]);
        let other = host.serve("shop.db.2.1", &["closed"], &[]);
        assert_eq!(ask(Some(&open.netns), REMOTE, 80).unwrap(), format!("remote {HOST}"));
        assert!(is_cut_off(Some(&closed.netns), REMOTE, 80));
        assert!(is_reached(Some(&closed.netns), other.endpoints[0].four.unwrap().address, 80));
    });
}

#[test]
fn a_container_asks_its_responder_for_names() {
    on_a_host(|host| {
        host.network("shop_a");
        declare(&host.store, &id("shop.db.1.1"), &spec(&["shop_a"])).unwrap();
        let web = host.serve("shop.web.1.1", &["shop_a"], &[]);
        let mut responder = Responder::open(&host.store, &id("shop.web.1.1"), &spec(&["shop_a"])).unwrap();
        let (tell, told) = mpsc::channel();
        let netns = web.netns.clone();
        let asker = std::thread::spawn(move || {
            let ask = |name: &[u8]| {
                let mut query = b"\x12\x34\x01\0\0\x01\0\0\0\0\0\0".to_vec();
                query.extend_from_slice(name);
                query.extend_from_slice(b"\0\0\x01\0\x01");
                let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
                socket.set_read_timeout(Some(PATIENCE)).unwrap();
                socket.send_to(&query, (dns::ADDRESS, 53)).unwrap();
                let mut reply = [0; 512];
                let length = socket.recv(&mut reply).unwrap();
                reply[..length].to_vec()
            };
            let replies =
                netns::inside(&netns, || Ok([ask(b"\x0ashop-web-1"), ask(b"\x09shop-db-1")])).unwrap();
            tell.send(replies).unwrap();
        });
        let replies = loop {
            responder.handle();
            match told.recv_timeout(Duration::from_millis(5)) {
                Ok(replies) => break replies,
                Err(error) => assert_eq!(error, mpsc::RecvTimeoutError::Timeout),
            }
        };
        asker.join().unwrap();
        assert!(replies[0].ends_with(&web.endpoints[0].four.unwrap().address.octets()), "{replies:?}");
        assert_eq!(replies[1][3] & 15, 2, "declared, but not running: ask again");
    });
}
