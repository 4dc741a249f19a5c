//! A responder on loopback ports, with servers of the test's own behind it.

use super::super::table::{self, Names};
use super::*;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, mpsc};

/// `example.org` or another name, type A.
fn query(id: u16, name: &str) -> Vec<u8> {
    let mut packet = vec![0, 0, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0];
    packet::set_id(&mut packet, id);
    for label in name.split('.') {
        packet.push(label.len() as u8);
        packet.extend_from_slice(label.as_bytes());
    }
    packet.extend_from_slice(&[0, 0, 1, 0, 1]);
    packet
}

/// Runs a responder on a thread until it is dropped.
struct Running {
    udp: SocketAddr,
    tcp: SocketAddr,
    stop: Arc<AtomicBool>,
    thread: Option<std::thread::JoinHandle<()>>,
    _folder: tempfile::TempDir,
}

impl Drop for Running {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        let _ = self.thread.take().unwrap().join();
    }
}

fn run(servers: Vec<SocketAddr>) -> Running {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::new(folder.path().join("root"), folder.path().join("run"));
    let names = Names { names: vec!["web".into()], address: Some([10, 201, 0, 2].into()), six: None };
    table::write(&store, "n", &"shop.web.1.1".parse().unwrap(), &names).unwrap();
    let udp = UdpSocket::bind("127.0.0.1:0").unwrap();
    let tcp = TcpListener::bind("127.0.0.1:0").unwrap();
    let addresses = (udp.local_addr().unwrap(), tcp.local_addr().unwrap());
    let tables = Tables::of(&store, ["n"].into_iter());
    let mut responder = Responder::over(udp, tcp, tables, Servers::fixed(servers), true).unwrap();
    let stop = Arc::new(AtomicBool::new(false));
    let stopped = stop.clone();
    let thread = std::thread::spawn(move || {
        while !stopped.load(Ordering::Relaxed) {
            let mut fds = [PollFd::new(responder.as_fd(), PollFlags::POLLIN)];
            if poll(&mut fds, PollTimeout::from(20u8)).unwrap() > 0 {
                responder.handle();
            }
        }
    });
    Running { udp: addresses.0, tcp: addresses.1, stop, thread: Some(thread), _folder: folder }
}

fn ask_over_udp(running: &Running, query: &[u8]) -> Vec<u8> {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    socket.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    socket.send_to(query, running.udp).unwrap();
    let mut buffer = [0; 1500];
    let length = socket.recv(&mut buffer).unwrap();
    buffer[..length].to_vec()
}

/// A server that answers every question with this code and no records.
fn server(code: Code) -> (SocketAddr, mpsc::Receiver<Vec<u8>>) {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    let address = socket.local_addr().unwrap();
    let (tell, told) = mpsc::channel();
    std::thread::spawn(move || {
        let mut buffer = [0; 1500];
        while let Ok((length, from)) = socket.recv_from(&mut buffer) {
            let reply = Question::read(&buffer[..length]).unwrap().reply(code);
            let _ = tell.send(buffer[..length].to_vec());
            socket.send_to(&reply, from).unwrap();
        }
    });
    (address, told)
}

#[test]
fn own_names_are_answered_over_udp_and_tcp() {
    let running = run(Vec::new());
    let reply = ask_over_udp(&running, &query(7, "web"));
    assert_eq!(packet::id(&reply), Some(7));
    assert!(reply.ends_with(&[10, 201, 0, 2]));
    let mut stream = TcpStream::connect(running.tcp).unwrap();
    let question = query(8, "web");
    stream.write_all(&(question.len() as u16).to_be_bytes()).unwrap();
    stream.write_all(&question).unwrap();
    let mut length = [0; 2];
    stream.read_exact(&mut length).unwrap();
    let mut reply = vec![0; u16::from_be_bytes(length).into()];
    stream.read_exact(&mut reply).unwrap();
    assert_eq!(packet::id(&reply), Some(8));
    assert!(reply.ends_with(&[10, 201, 0, 2]));
}

#[test]
fn other_names_are_asked_upstream_under_another_number() {
    let (address, told) = server(Code::NoName);
    let running = run(vec![address]);
    let reply = ask_over_udp(&running, &query(7, "example.org"));
    assert_eq!((packet::id(&reply), reply[3] & 15), (Some(7), Code::NoName as u8));
    assert_eq!(told.recv().unwrap()[2..], query(7, "example.org")[2..]);
}

#[test]
fn a_server_that_refuses_or_is_not_there_gives_way_to_the_next() {
    let (refusing, _told) = server(Code::Failure);
    let (answering, _told) = server(Code::Good);
    let closed = UdpSocket::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let running = run(vec![closed, refusing, answering]);
    let reply = ask_over_udp(&running, &query(9, "example.org"));
    assert_eq!((packet::id(&reply), reply[3] & 15), (Some(9), Code::Good as u8));
}

#[test]
fn a_silent_server_ends_in_a_failure_and_holds_nobody_up() {
    let silent = UdpSocket::bind("127.0.0.1:0").unwrap();
    let running = run(vec![silent.local_addr().unwrap()]);
    let waiting = UdpSocket::bind("127.0.0.1:0").unwrap();
    waiting.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    waiting.send_to(&query(1, "example.org"), running.udp).unwrap();
    assert!(ask_over_udp(&running, &query(2, "web")).ends_with(&[10, 201, 0, 2]));
    let mut buffer = [0; 1500];
    let length = waiting.recv(&mut buffer).unwrap();
    assert_eq!((packet::id(&buffer[..length]), buffer[3] & 15), (Some(1), Code::Failure as u8));
}

/// Sends so many questions at once, without waiting, and counts the answers to each of them.
fn answered_of_a_burst(running: &Running, count: u16) -> usize {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    setsockopt(&socket, RcvBufForce, &WAITING).unwrap();
    socket.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
    for id in 0..count {
        socket.send_to(&query(id, "web"), running.udp).unwrap();
    }
    let mut answered = std::collections::BTreeSet::new();
    let mut buffer = [0; 1500];
    while answered.len() < count.into() {
        let Ok(length) = socket.recv(&mut buffer) else { break };
        assert!(buffer[..length].ends_with(&[10, 201, 0, 2]));
        answered.extend(packet::id(&buffer[..length]));
    }
    answered.len()
}

#[test]
fn none_of_a_thousand_questions_at_once_is_lost_even_with_a_thousand_others_open() {
    if !crate::testing::is_root() {
        return;
    }
    let silent = UdpSocket::bind("127.0.0.1:0").unwrap();
    let running = run(vec![silent.local_addr().unwrap()]);
    assert_eq!(answered_of_a_burst(&running, 1000), 1000);
    let waiting = UdpSocket::bind("127.0.0.1:0").unwrap();
    for id in 0..1000 {
        waiting.send_to(&query(id, "example.org"), running.udp).unwrap();
    }
    assert_eq!(answered_of_a_burst(&running, 1000), 1000);
}
