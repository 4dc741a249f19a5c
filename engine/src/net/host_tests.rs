//! Networks on a private host: each test has network and mount namespaces of its own, with a
//! second machine, `remote`, behind a cable. Needs root.

mod foreign;
mod lifetime;
mod published;
mod reach;
mod six;

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
        ..Default::default()
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
            mtu: 1500,
            netns: remote.file.as_fd(),
        };
        socket.request(&[link::set_up(1), link::add_veth(&veth)]).unwrap();
        let subnet = "192.0.2.0/24".parse().unwrap();
        let configure = |socket: &mut Socket, name: &str, address| {
            let index = link::find(socket, name).unwrap().unwrap().index;
            socket
                .request(&[
                    link::set_up(1),
                    link::add_address(index, IpAddr::V4(address), subnet),
                    link::set_up(index),
                ])
                .unwrap();
            index
        };
        configure(&mut socket, "cable", HOST);
        let mut socket = remote.socket;
        let index = configure(&mut socket, "eth0", REMOTE);
        socket.request(&[link::add_default_route(index, HOST.into())]).unwrap();
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
            published_last: None,
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
        nft::exists(nft::Family::Four, &firewall::table(&self.store)).unwrap()
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

/// Whether somebody listens, asked as long as a busy machine may need.
fn is_reached(from: Option<&Path>, to: Ipv4Addr, port: u16) -> bool {
    somewhere(from, || TcpStream::connect_timeout(&SocketAddr::from((to, port)), PATIENCE)).is_ok()
}

/// Whether nobody answers, asked with little patience.
fn is_cut_off(from: Option<&Path>, to: Ipv4Addr, port: u16) -> bool {
    somewhere(from, || TcpStream::connect_timeout(&SocketAddr::from((to, port)), REFUSED)).is_err()
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
