//! What a `RUN` reaches.

use crate::Test;
use crate::bench::{Bench, fail};
use engine::Kind;
use engine::build::run::{BuildNetwork, RunNetwork, sweep};
use std::fs;
use std::io::{Read, Write};
use std::net::{TcpListener, UdpSocket};

pub(crate) const TESTS: &[Test] = &[
    ("without_a_network_there_is_only_loopback", none),
    ("the_default_network_reaches_this_host_by_address_and_name", default),
    ("the_network_of_the_host_is_that_of_the_host", host),
    ("the_build_network_stays_as_long_as_it_is_held", held),
];

fn on(bench: &Bench, network: RunNetwork, line: &str) -> Vec<String> {
    bench.run_with(line, |request| request.network = network).0.out()
}

fn none(bench: &Bench) {
    let line =
        "ip -o link | cut -d: -f2; ip -4 -o addr | awk '{print $4}'; ip route; wc -c < /etc/resolv.conf";
    assert_eq!(on(bench, RunNetwork::None, line), [" lo", "127.0.0.1/8", "0"]);
    let line = "echo hello | nc -l -p 7 & until nc 127.0.0.1 7 < /dev/null 2>&1; do :; done | grep hello";
    assert_eq!(on(bench, RunNetwork::None, line), ["hello"]);
}

/// A resolver that knows one name, as the host's.
fn resolver() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("resolv.conf");
    fs::write(&file, "nameserver 127.0.0.1\n").unwrap();
    let bind = nix::mount::MsFlags::MS_BIND;
    nix::mount::mount(Some(&file), "/etc/resolv.conf", None::<&str>, bind, None::<&str>).unwrap();
    let socket = UdpSocket::bind("127.0.0.1:53").unwrap();
    std::thread::spawn(move || {
        let mut question = [0; 512];
        while let Ok((length, from)) = socket.recv_from(&mut question) {
            let mut answer = question[..length].to_vec();
            // An answer with as many records as it is a question for an address (type 1).
            let is_address = question[length - 3] == 1;
            answer[2..8].copy_from_slice(&[0x81, 0x80, 0, 1, 0, u8::from(is_address)]);
            answer[8..12].fill(0);
            if is_address {
                answer.extend([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 9, 0, 4, 192, 0, 2, 7]);
            }
            socket.send_to(&answer, from).unwrap();
        }
    });
}

fn default(bench: &Bench) {
    resolver();
    let server = TcpListener::bind("0.0.0.0:7001").unwrap();
    let answer = std::thread::spawn(move || {
        let mut said = Vec::new();
        for _ in 0..2 {
            let (mut caller, from) = server.accept().unwrap();
            caller.write_all(b"from the host\n").unwrap();
            caller.shutdown(std::net::Shutdown::Write).unwrap();
            let mut heard = String::new();
            caller.read_to_string(&mut heard).unwrap();
            said.push(from.ip().to_string());
        }
        said
    });
    let line = "ip -o link | wc -l; nc $(ip route | awk '/default/ {print $3}') 7001 < /dev/null; \
                nc gate 7001 < /dev/null; nslookup registry.example 2>&1 | grep -c 192.0.2.7; grep -c '10.9.8.7.*db' /etc/hosts; cat /etc/resolv.conf";
    let (ran, snapshot) = bench.run_with(line, |request| {
        request.network = RunNetwork::Default;
        request.extra_hosts = vec![("gate".into(), "host-gateway".into()), ("db".into(), "10.9.8.7".into())];
    });
    let out = ran.out();
    assert_eq!(out[..4], ["2", "from the host", "from the host", "1"], "{out:?}");
    assert_eq!(out[4..6], ["1", "nameserver 127.0.0.11"]);
    assert!(crate::bench::tree(&snapshot.upper).is_empty());
    let from = answer.join().unwrap();
    assert!(from.iter().all(|address| address.starts_with("10.")), "{from:?}");
    nix::mount::umount("/etc/resolv.conf").unwrap();
}

fn host(bench: &Bench) {
    let server = TcpListener::bind("127.0.0.1:7002").unwrap();
    let answer = std::thread::spawn(move || server.accept().unwrap().0.write_all(b"hi\n").unwrap());
    let setting = "/proc/sys/net/ipv4/ip_unprivileged_port_start";
    let before = fs::read_to_string(setting).unwrap();
    assert_eq!(on(bench, RunNetwork::Host, "nc 127.0.0.1 7002 < /dev/null"), ["hi"]);
    answer.join().unwrap();
    assert_eq!(fs::read_to_string(setting).unwrap(), before, "the host's own settings stay");
    let ours = fs::read_link("/proc/self/ns/net").unwrap();
    let theirs = on(bench, RunNetwork::Host, "readlink /proc/self/ns/net");
    assert_eq!(theirs, [ours.to_str().unwrap()]);
    let snapshot = bench.snapshot();
    let bad = |request: &mut engine::build::run::RunRequest<'_>| {
        request.extra_hosts = vec![("db".into(), "nowhere".into())];
    };
    assert_eq!(bench.try_run(&snapshot, "true", bad).unwrap_err().kind, Kind::Unsupported);
}

fn held(bench: &Bench) {
    let networks = || fs::read_dir(bench.store.networks()).unwrap().count();
    let one = BuildNetwork::hold(&bench.store).unwrap_or_else(|error| fail(&error));
    let other = BuildNetwork::hold(&bench.store).unwrap_or_else(|error| fail(&error));
    on(bench, RunNetwork::Default, "true");
    drop(one);
    sweep(&bench.store).unwrap();
    assert_eq!(networks(), 1);
    drop(other);
    assert_eq!(networks(), 0);
}
