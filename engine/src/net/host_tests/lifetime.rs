//! What is made, kept, made again and taken away.

use super::*;
use planner::desired::DirectSpec;

#[test]
fn nothing_is_left_when_everything_is_removed() {
    on_a_host(|host| {
        host.network("shop_a");
        host.network("shop_b");
        let before = std::fs::read_to_string("/proc/thread-self/mounts").unwrap();
        let web = host.serve("shop.web.1.1", &["shop_a", "shop_b"], &[tcp(8080)]);
        assert_eq!((host.links(), host.has_table()), (2, true));
        let busy = remove(&host.store, "shop_a").unwrap_err();
        assert_eq!(
            (busy.kind, busy.doing.as_str()),
            (Kind::Conflict, "remove network shop_a: shop-web-1 is on it")
        );
        for _ in 0..2 {
            disconnect(&host.store, &id("shop.web.1.1")).unwrap();
            forget(&host.store, &id("shop.web.1.1")).unwrap();
        }
        assert!(!web.netns.exists());
        assert_eq!(std::fs::read_to_string("/proc/thread-self/mounts").unwrap(), before);
        for name in ["shop_a", "shop_b", "shop_a"] {
            remove(&host.store, name).unwrap();
        }
        sweep(&host.store).unwrap();
        assert_eq!((host.links(), host.has_table()), (0, false));
        let left = |folder: PathBuf| std::fs::read_dir(folder).unwrap().count();
        assert_eq!(left(host.store.networks()) + left(host.store.dns_root()) + left(host.store.ports()), 0);
    });
}

#[test]
fn after_a_reboot_a_connection_is_made_again_with_the_same_address() {
    on_a_host(|host| {
        host.network("shop_a");
        let before = host.serve("shop.web.1.1", &["shop_a"], &[tcp(8080)]);
        let folder = host.folder.clone();
        netns::release(&host.netns(&id("shop.web.1.1"))).unwrap();
        netns::release(&host.remote()).unwrap();
        std::fs::remove_dir_all(host.store.runtime()).unwrap();
        on_a_machine(&folder, |host| {
            assert!(!host.has_table());
            let after = host.serve("shop.web.1.1", &["shop_a"], &[tcp(8080)]);
            assert_eq!(before.endpoints, after.endpoints);
            assert_eq!(word(ask(Some(&host.remote()), HOST, 8080)), "shop.web.1.1");
        });
    });
}

#[test]
fn a_bridge_or_table_that_somebody_removed_is_made_again() {
    on_a_host(|host| {
        let network = host.network("shop_a");
        nft::remove(nft::Family::Four, &firewall::table(&host.store)).unwrap();
        let mut socket = Socket::route().unwrap();
        let index = link::find(&mut socket, &network.bridge).unwrap().unwrap().index;
        socket.request(&[link::delete(index, &network.bridge)]).unwrap();
        serve_in(&host.remote(), "remote");
        let web = host.serve("shop.web.1.1", &["shop_a"], &[]);
        assert_eq!(ask(Some(&web.netns), REMOTE, 80).unwrap(), format!("remote {HOST}"));
    });
}

#[test]
fn connecting_again_changes_nothing_and_an_address_stays_until_it_is_forgotten() {
    on_a_host(|host| {
        host.network("shop_a");
        let first = host.serve("shop.web.1.1", &["shop_a"], &[]);
        let again = connect(&host.store, &id("shop.web.1.1"), &spec(&["shop_a"])).unwrap();
        assert_eq!(first, again);
        assert_eq!(word(ask(None, first.endpoints[0].four.unwrap().address, 80)), "shop.web.1.1");
        let other = host.serve("shop.api.1.1", &["shop_a"], &[]);
        disconnect(&host.store, &id("shop.web.1.1")).unwrap();
        assert_eq!(endpoints(&host.store, &id("shop.web.1.1")).unwrap(), []);
        assert_eq!(host.serve("shop.web.1.1", &["shop_a"], &[]).endpoints, first.endpoints);
        forget(&host.store, &id("shop.api.1.1")).unwrap();
        assert_eq!(host.serve("shop.db.1.1", &["shop_a"], &[]).endpoints, other.endpoints);
    });
}

#[test]
fn a_network_on_an_interface_that_is_not_there_is_not_made() {
    on_a_host(|host| {
        let direct =
            DirectSpec { parent: Some("eth7.10".into()), ..DirectSpec::of_driver("macvlan").unwrap() };
        let spec = NetworkSpec { name: "shop_a".into(), direct: Some(direct), ..Default::default() };
        let error = create(&host.store, &spec).unwrap_err();
        assert_eq!(error.kind, Kind::NotFound, "{error}");
        assert_eq!(list(&host.store).unwrap(), []);
        host.network("shop_a");
    });
}

#[test]
fn records_of_before_there_were_networks_without_ipv4_are_read() {
    let endpoint = r#"{"network": "n", "address": "10.9.0.2", "prefix": 24, "gateway": "10.9.0.1",
                       "mac": "02:73:0a:09:00:02", "interface": "eth0"}"#;
    let endpoint: Endpoint = serde_json::from_str(endpoint).unwrap();
    assert_eq!(endpoint.address(), Some([10, 9, 0, 2].into()));
    let network =
        r#"{"spec": {"name": "n"}, "bridge": "sp1", "subnet": "10.9.0.0/24", "gateway": "10.9.0.1"}"#;
    let network: NetworkRecord = serde_json::from_str(network).unwrap();
    assert_eq!(network.four.unwrap().subnet.to_string(), "10.9.0.0/24");
    assert!(!network.is_direct() && !network.spec.without_ipv4);
}

#[test]
fn two_stores_live_side_by_side() {
    on_a_host(|host| {
        let one = host.network("shop_a");
        let store = Store::new(host.folder.join("root2"), host.folder.join("run2"));
        store.prepare().unwrap();
        let second = Host { folder: host.folder.clone(), store };
        let other = second.network("shop_a");
        assert!(one.bridge != other.bridge && one.four != other.four);
        let web = host.serve("shop.web.1.1", &["shop_a"], &[tcp(8080)]);
        let web2 = second.serve("shop.web.1.1", &["shop_a"], &[tcp(8081)]);
        assert!(is_cut_off(Some(&web.netns), web2.endpoints[0].four.unwrap().address, 80));
        assert!(is_reached(Some(&web.netns), HOST, 8081));
        forget(&second.store, &id("shop.web.1.1")).unwrap();
        remove(&second.store, "shop_a").unwrap();
        assert!(!second.has_table());
        assert!(host.has_table() && is_reached(None, Ipv4Addr::LOCALHOST, 8080));
    });
}

#[test]
fn a_subnet_that_the_host_uses_is_avoided_and_refused() {
    on_a_host(|host| {
        let mut socket = Socket::route().unwrap();
        let cable = link::find(&mut socket, "cable").unwrap().unwrap().index;
        let vpn = "10.201.0.0/22".parse().unwrap();
        socket.request(&[link::add_address(cable, [10, 201, 3, 9].into(), vpn)]).unwrap();
        assert_eq!(host.network("shop_a").four.unwrap().subnet.to_string(), "10.201.4.0/22");
        let wanted = "10.201.1.0/24".parse().ok();
        let error =
            create(&host.store, &NetworkSpec { name: "b".into(), subnet: wanted, ..Default::default() });
        let error = error.unwrap_err();
        assert_eq!(error.doing, "give network b the subnet 10.201.1.0/24");
        assert_eq!(error.hint.as_deref(), Some("this host has a route to 10.201.0.0/22"));
        let wanted = "10.201.4.128/25".parse().ok();
        let error =
            create(&host.store, &NetworkSpec { name: "c".into(), subnet: wanted, ..Default::default() });
        assert_eq!(error.unwrap_err().hint.as_deref(), Some("network shop_a has 10.201.4.0/22"));
    });
}

#[test]
fn a_full_network_is_named_and_leases_of_vanished_containers_are_taken_back() {
    on_a_host(|host| {
        let subnet = "10.77.0.0/30".parse().ok();
        create(&host.store, &NetworkSpec { name: "tiny".into(), subnet, ..Default::default() }).unwrap();
        host.serve("shop.web.1.1", &["tiny"], &[]);
        let error = connect(&host.store, &id("shop.web.2.1"), &spec(&["tiny"])).unwrap_err();
        assert_eq!((error.kind, error.doing.as_str()), (Kind::Conflict, "network tiny has no free address"));
        assert!(!host.netns(&id("shop.web.2.1")).exists());
        std::fs::remove_dir_all(host.store.container(&id("shop.web.1.1"))).unwrap();
        connect(&host.store, &id("shop.web.2.1"), &spec(&["tiny"])).unwrap();
    });
}

#[test]
fn a_network_that_does_not_exist_is_named_and_leaves_nothing() {
    on_a_host(|host| {
        let error = connect(&host.store, &id("shop.web.1.1"), &spec(&["nowhere"])).unwrap_err();
        assert_eq!((error.kind, error.doing.as_str()), (Kind::NotFound, "network nowhere does not exist"));
        assert!(!host.netns(&id("shop.web.1.1")).exists());
    });
}

#[test]
fn containers_that_connect_at_once_get_addresses_of_their_own() {
    on_a_host(|host| {
        host.network("shop_a");
        let connect_some = |worker: u32| {
            let one = |index| {
                let id = id(&format!("shop.w{worker}.{index}.1"));
                let connected = connect(&host.store, &id, &spec(&["shop_a"])).unwrap();
                publish(&host.store, &id, &[tcp(8000)]).unwrap();
                connected.endpoints[0].four.unwrap().address
            };
            (1..=4).map(one).collect::<Vec<_>>()
        };
        let addresses: Vec<_> = std::thread::scope(|scope| {
            let workers: Vec<_> = (0..4).map(|worker| scope.spawn(move || connect_some(worker))).collect();
            workers.into_iter().flat_map(|worker| worker.join().unwrap()).collect()
        });
        let distinct: std::collections::BTreeSet<_> = addresses.iter().copied().map(IpAddr::V4).collect();
        assert_eq!((addresses.len(), distinct.len()), (16, 16));
        let record = &list(&host.store).unwrap()[0];
        assert_eq!(record.leases.keys().copied().collect::<std::collections::BTreeSet<_>>(), distinct);
    });
}

#[test]
fn the_kernel_holds_the_rules_that_the_text_shows() {
    on_a_host(|host| {
        host.network("shop_a");
        let spec = NetworkSpec { name: "closed".into(), internal: true, ..Default::default() };
        create(&host.store, &spec).unwrap();
        host.serve("shop.web.1.1", &["shop_a"], &[tcp(8080)]);
        host.serve("shop.web.2.1", &["shop_a"], &[tcp(8080)]);
        let list = std::process::Command::new("nft")
            .args(["-n", "list", "table", "ip"])
            .arg(firewall::table(&host.store))
            .output();
        // Where nft is not installed the other tests show what the rules do.
        let Ok(list) = list else { return };
        let lines = |text: &str| -> Vec<String> {
            text.lines().map(|line| line.trim().to_owned()).filter(|line| !line.is_empty()).collect()
        };
        let wanted = firewall::wanted(&host.store).unwrap().unwrap().to_string();
        let numeric =
            [("type local", "type 2"), ("established,related", "0x2,0x4"), ("status dnat", "status 0x20")];
        let wanted = numeric.iter().fold(wanted, |text, (word, number)| text.replace(word, number));
        let mut shown = lines(&String::from_utf8(list.stdout).unwrap());
        let fingerprint: Vec<_> = shown.drain(1..4).collect();
        assert!(fingerprint[1].starts_with("accept comment \"sampan "), "{fingerprint:?}");
        assert_eq!(shown, lines(&wanted));
    });
}
