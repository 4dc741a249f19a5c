//! Networks on a private host: each test has network and mount namespaces of its own, with a
//! second machine, `remote`, behind a cable. Needs root.

use super::link::{self, Veth};
use super::netlink::Socket;
use super::{dns::Responder, *};
use crate::error::Kind;
use crate::store::Store;
use nix::mount::{MsFlags, mount};
use nix::sched::{CloneFlags, unshare};
use planner::desired::{Attachment, PortSpec};
use planner::{ContainerId, ContainerSpec};
use std::collections::BTreeMap;
use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};
use std::sync::mpsc;
use std::time::Duration;

const HOST: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 1);
const REMOTE: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 2);
const PATIENCE: Duration = Duration::from_secs(5);
/// Long enough for an answer of this machine, short enough for one that must not come.
const REFUSED: Duration = Duration::from_millis(300);

/// A machine of its own.
struct Host {
    folder: PathBuf,
    store: Store,
}

/// Runs a test on a private host, on a thread that ends with it.
#[expect(clippy::print_stderr, reason = "a test that is skipped says why")]
fn on_a_host(test: impl FnOnce(&Host) + Send) {
    if !nix::unistd::geteuid().is_root() {
        assert!(std::env::var_os("SAMPAN_REQUIRE_ROOT").is_none(), "this test needs root");
        eprintln!("skipped: network namespaces need root");
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    on_a_machine(folder.path(), test);
}

/// A machine with these disks, just booted: nothing of the network is there.
fn on_a_machine(folder: &Path, test: impl FnOnce(&Host) + Send) {
    let run = || {
        unshare(CloneFlags::CLONE_NEWNET | CloneFlags::CLONE_NEWNS).unwrap();
        mount(None::<&str>, "/", None::<&str>, MsFlags::MS_REC | MsFlags::MS_PRIVATE, None::<&str>).unwrap();
        let store = Store::new(folder.join("root"), folder.join("run"));
        let host = Host { folder: folder.to_owned(), store };
        host.store.prepare().unwrap();
        host.plug_remote();
        test(&host);
    };
    let outcome = std::thread::scope(|scope| scope.spawn(run).join());
    outcome.unwrap_or_else(|panic| std::panic::resume_unwind(panic));
}

fn id(text: &str) -> ContainerId {
    text.parse().unwrap()
}

fn spec(networks: &[&str]) -> ContainerSpec {
    let attach = |network: &&str| Attachment {
        network: (*network).to_owned(),
        aliases: vec!["web".into(), "www".into()],
    };
    ContainerSpec { networks: networks.iter().map(attach).collect(), ..Default::default() }
}

fn tcp(published: u16) -> Published {
    Published { host_ip: None, published, target: 80, protocol: Protocol::Tcp }
}

impl Host {
    fn plug_remote(&self) {
        let remote = netns::make(&self.remote()).unwrap();
        let mut socket = Socket::route().unwrap();
        let veth = Veth {
            host: "cable",
            inside: "eth0",
            mac: [2, 0, 0, 0, 0, 9],
            bridge: 0,
            netns: remote.file.as_fd(),
        };
        socket.request(&[link::set_up(1), link::add_veth(&veth)]).unwrap();
        let subnet = "192.0.2.0/24".parse().unwrap();
        let configure = |socket: &mut Socket, name: &str, address| {
            let index = link::find(socket, name).unwrap().unwrap().index;
            socket
                .request(&[link::set_up(1), link::add_address(index, address, subnet), link::set_up(index)])
                .unwrap();
            index
        };
        configure(&mut socket, "cable", HOST);
        let mut socket = remote.socket;
        let index = configure(&mut socket, "eth0", REMOTE);
        socket.request(&[link::add_default_route(index, HOST)]).unwrap();
    }

    fn remote(&self) -> PathBuf {
        self.folder.join("remote")
    }

    fn netns(&self, id: &ContainerId) -> PathBuf {
        self.store.netns(id)
    }

    fn network(&self, name: &str) -> NetworkRecord {
        create(&self.store, &NetworkSpec { name: name.into(), ..Default::default() }).unwrap()
    }

    /// Connects a container whose port 80 answers with its id, over TCP and UDP.
    fn serve(&self, name: &str, networks: &[&str], ports: &[Published]) -> Connected {
        let id = id(name);
        std::fs::create_dir_all(self.store.container(&id)).unwrap();
        let port = |port: &Published| PortSpec {
            host_ip: port.host_ip,
            published: Some(port.published),
            target: port.target,
            protocol: port.protocol,
        };
        let spec = ContainerSpec { ports: ports.iter().map(port).collect(), ..spec(networks) };
        let connected = connect(&self.store, &id, &spec).unwrap();
        serve_in(&connected.netns, name);
        publish(&self.store, &id, ports).unwrap();
        connected
    }

    fn links(&self) -> usize {
        link::aliased(&mut Socket::route().unwrap()).unwrap().len()
    }

    fn has_table(&self) -> bool {
        nft::exists(&firewall::table(&self.store)).unwrap()
    }
}

/// Answers each connection and datagram on port 80 inside a namespace with a word and with
/// the address that it came from, until the test ends.
fn serve_in(netns: &Path, word: &str) {
    let (tcp, udp) = netns::inside(netns, || {
        Ok((TcpListener::bind("0.0.0.0:80").unwrap(), UdpSocket::bind("0.0.0.0:80").unwrap()))
    })
    .unwrap();
    let word = word.to_owned();
    let datagram = word.clone();
    std::thread::spawn(move || {
        for mut stream in tcp.incoming().flatten() {
            let from = stream.peer_addr().unwrap().ip();
            let _ = stream.write_all(format!("{word} {from}").as_bytes());
        }
    });
    std::thread::spawn(move || {
        let mut buffer = [0; 16];
        while let Ok((_, from)) = udp.recv_from(&mut buffer) {
            let _ = udp.send_to(datagram.as_bytes(), from);
        }
    });
}

/// What answers, asked from a namespace or from the host.
fn ask(from: Option<&Path>, to: Ipv4Addr, port: u16) -> io::Result<String> {
    let ask = || {
        let patience = if to.is_loopback() { PATIENCE } else { PATIENCE.min(Duration::from_secs(2)) };
        let mut stream = TcpStream::connect_timeout(&SocketAddr::from((to, port)), patience)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        let mut text = String::new();
        stream.read_to_string(&mut text)?;
        Ok(text)
    };
    somewhere(from, ask)
}

/// Whether somebody listens, asked with little patience.
fn is_reached(from: Option<&Path>, to: Ipv4Addr, port: u16) -> bool {
    somewhere(from, || TcpStream::connect_timeout(&SocketAddr::from((to, port)), REFUSED)).is_ok()
}

fn ask_udp(from: Option<&Path>, to: Ipv4Addr, port: u16) -> io::Result<String> {
    somewhere(from, || {
        let socket = UdpSocket::bind("0.0.0.0:0")?;
        socket.set_read_timeout(Some(Duration::from_secs(2)))?;
        socket.send_to(b"?", (to, port))?;
        let mut buffer = [0; 64];
        let length = socket.recv(&mut buffer)?;
        Ok(String::from_utf8_lossy(&buffer[..length]).into_owned())
    })
}

fn somewhere<T>(from: Option<&Path>, work: impl FnOnce() -> T) -> T {
    match from {
        Some(netns) => netns::inside(netns, || Ok(work())).unwrap(),
        None => work(),
    }
}

fn word(answer: io::Result<String>) -> String {
    answer.unwrap().split_whitespace().next().unwrap().to_owned()
}

#[test]
fn containers_of_one_network_reach_each_other_and_see_who_asks() {
    on_a_host(|host| {
        let network = host.network("shop_default");
        let web = host.serve("shop.web.1.1", &["shop_default"], &[]);
        let api = host.serve("shop.api.1.1", &["shop_default"], &[]);
        let (one, other) = (&web.endpoints[0], &api.endpoints[0]);
        assert_eq!(network.gateway, network.subnet.hosts().next().unwrap());
        assert_eq!((one.interface.as_str(), one.prefix, one.gateway), ("eth0", 24, network.gateway));
        assert_ne!(one.address, other.address);
        let expected = format!("shop.api.1.1 {}", one.address);
        assert_eq!(ask(Some(&web.netns), other.address, 80).unwrap(), expected);
        assert_eq!(word(ask(Some(&api.netns), one.address, 80)), "shop.web.1.1");
        assert_eq!(word(ask_udp(Some(&api.netns), one.address, 80)), "shop.web.1.1");
        assert_eq!(word(ask(None, one.address, 80)), "shop.web.1.1");
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
        assert!(!is_reached(Some(&a.netns), b.endpoints[0].address, 80));
        assert!(!is_reached(Some(&b.netns), a.endpoints[0].address, 80));
        assert!(!is_reached(Some(&host.remote()), a.endpoints[0].address, 80));
        assert!(is_reached(Some(&both.netns), a.endpoints[0].address, 80));
        assert!(is_reached(Some(&both.netns), b.endpoints[0].address, 80));
        assert!(is_reached(Some(&b.netns), both.endpoints[1].address, 80));
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
        assert!(!is_reached(Some(&closed.netns), REMOTE, 80));
        assert!(is_reached(Some(&closed.netns), other.endpoints[0].address, 80));
    });
}

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
            ("the gateway address", None, network.gateway),
            ("another machine", Some(&remote), HOST),
            ("a neighbour", Some(&neighbour.netns), HOST),
            ("a neighbour through the gateway", Some(&neighbour.netns), network.gateway),
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
        assert!(!is_reached(Some(&remote), HOST, 8081));
    });
}

#[test]
fn a_port_published_on_one_host_address_is_there_only() {
    on_a_host(|host| {
        host.network("shop_a");
        let local = Published { host_ip: Some(Ipv4Addr::LOCALHOST.into()), ..tcp(8080) };
        host.serve("shop.web.1.1", &["shop_a"], &[local]);
        ask(None, Ipv4Addr::LOCALHOST, 8080).unwrap();
        assert!(!is_reached(None, HOST, 8080));
        assert!(!is_reached(Some(&host.remote()), HOST, 8080));
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
        nft::remove(&firewall::table(&host.store)).unwrap();
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
        assert_eq!(word(ask(None, first.endpoints[0].address, 80)), "shop.web.1.1");
        let other = host.serve("shop.api.1.1", &["shop_a"], &[]);
        disconnect(&host.store, &id("shop.web.1.1")).unwrap();
        assert_eq!(endpoints(&host.store, &id("shop.web.1.1")).unwrap(), []);
        assert_eq!(host.serve("shop.web.1.1", &["shop_a"], &[]).endpoints, first.endpoints);
        forget(&host.store, &id("shop.api.1.1")).unwrap();
        assert_eq!(host.serve("shop.db.1.1", &["shop_a"], &[]).endpoints, other.endpoints);
    });
}

#[test]
fn two_stores_live_side_by_side() {
    on_a_host(|host| {
        let one = host.network("shop_a");
        let store = Store::new(host.folder.join("root2"), host.folder.join("run2"));
        store.prepare().unwrap();
        let second = Host { folder: host.folder.clone(), store };
        let other = second.network("shop_a");
        assert!(one.bridge != other.bridge && one.subnet != other.subnet);
        let web = host.serve("shop.web.1.1", &["shop_a"], &[tcp(8080)]);
        let web2 = second.serve("shop.web.1.1", &["shop_a"], &[tcp(8081)]);
        assert!(!is_reached(Some(&web.netns), web2.endpoints[0].address, 80));
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
        socket.request(&[link::add_address(cable, Ipv4Addr::new(10, 201, 3, 9), vpn)]).unwrap();
        assert_eq!(host.network("shop_a").subnet.to_string(), "10.201.4.0/24");
        let wanted = "10.201.1.0/24".parse().ok();
        let error =
            create(&host.store, &NetworkSpec { name: "b".into(), subnet: wanted, ..Default::default() });
        let error = error.unwrap_err();
        assert_eq!(error.doing, "give network b the subnet 10.201.1.0/24");
        assert_eq!(error.hint.as_deref(), Some("this host has a route to 10.201.0.0/22"));
        let wanted = "10.201.4.128/25".parse().ok();
        let error =
            create(&host.store, &NetworkSpec { name: "c".into(), subnet: wanted, ..Default::default() });
        assert_eq!(error.unwrap_err().hint.as_deref(), Some("network shop_a has 10.201.4.0/24"));
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
        assert!(replies[0].ends_with(&web.endpoints[0].address.octets()), "{replies:?}");
        assert_eq!(replies[1][3] & 15, 2, "declared, but not running: ask again");
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
                connected.endpoints[0].address
            };
            (1..=4).map(one).collect::<Vec<_>>()
        };
        let addresses: Vec<_> = std::thread::scope(|scope| {
            let workers: Vec<_> = (0..4).map(|worker| scope.spawn(move || connect_some(worker))).collect();
            workers.into_iter().flat_map(|worker| worker.join().unwrap()).collect()
        });
        let distinct: std::collections::BTreeSet<_> = addresses.iter().collect();
        assert_eq!((addresses.len(), distinct.len()), (16, 16));
        let record = &list(&host.store).unwrap()[0];
        assert_eq!(record.leases.values().collect::<std::collections::BTreeSet<_>>(), distinct);
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
            let ports = vec![PortSpec { host_ip: None, published: Some(8080), target: 80, protocol }];
            let spec = ContainerSpec { ports, ..Default::default() };
            let hold = |id: &str| hold_ports(&host.store, &self::id(id), &spec);
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
        let wanted = firewall::wanted(&host.store, None).unwrap().unwrap().to_string();
        let numeric =
            [("type local", "type 2"), ("established,related", "0x2,0x4"), ("status dnat", "status 0x20")];
        let wanted = numeric.iter().fold(wanted, |text, (word, number)| text.replace(word, number));
        let mut shown = lines(&String::from_utf8(list.stdout).unwrap());
        let fingerprint: Vec<_> = shown.drain(1..4).collect();
        assert!(fingerprint[1].starts_with("accept comment \"sampan "), "{fingerprint:?}");
        assert_eq!(shown, lines(&wanted));
    });
}
