//! Connections and datagrams through doors on `::1`.

use super::*;
use rustix::event::{PollFd, PollFlags, poll};
use std::io::{Read, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// A proxy with one door, and its address.
fn proxy(protocol: Protocol, target: u16) -> (Proxy, SocketAddr) {
    let any = SocketAddr::from((std::net::Ipv6Addr::LOCALHOST, 0));
    let (socket, at): (OwnedFd, _) = match protocol {
        Protocol::Udp => {
            let socket = UdpSocket::bind(any).unwrap();
            let at = socket.local_addr().unwrap();
            (socket.into(), at)
        }
        _ => {
            let socket = TcpListener::bind(any).unwrap();
            let at = socket.local_addr().unwrap();
            (socket.into(), at)
        }
    };
    let published = Published { host_ip: None, published: at.port(), target, protocol };
    let held = HeldPort { published, sockets: vec![socket] };
    (Proxy::open(&[held], Ipv4Addr::LOCALHOST.into()).unwrap().unwrap(), at)
}

/// Lets the proxy work while `test` does.
fn serve<T>(mut proxy: Proxy, test: impl FnOnce() -> T) -> T {
    let over = Arc::new(AtomicBool::new(false));
    std::thread::scope(|scope| {
        let stop = over.clone();
        scope.spawn(move || {
            let patience = rustix::event::Timespec { tv_sec: 0, tv_nsec: 20_000_000 };
            while !stop.load(Ordering::Relaxed) {
                let _ = poll(&mut [PollFd::new(&proxy, PollFlags::IN)], Some(&patience));
                proxy.handle();
            }
        });
        let result = test();
        over.store(true, Ordering::Relaxed);
        result
    })
}

#[test]
fn what_is_sent_arrives_whole_and_the_end_too() {
    let server = TcpListener::bind("127.0.0.1:0").unwrap();
    let (proxy, at) = proxy(Protocol::Tcp, server.local_addr().unwrap().port());
    let sent: Vec<u8> = (0..5_000_000u32).map(|number| number as u8).collect();
    let echo = std::thread::spawn(move || {
        let (mut stream, _) = server.accept().unwrap();
        let mut all = Vec::new();
        stream.read_to_end(&mut all).unwrap();
        stream.write_all(&all).unwrap();
    });
    let heard = serve(proxy, || {
        let mut stream = TcpStream::connect(at).unwrap();
        stream.write_all(&sent).unwrap();
        stream.shutdown(std::net::Shutdown::Write).unwrap();
        let mut heard = Vec::new();
        stream.read_to_end(&mut heard).unwrap();
        heard
    });
    echo.join().unwrap();
    assert!(heard == sent, "{} of {} bytes", heard.len(), sent.len());
}

#[test]
fn where_nobody_listens_the_connection_ends() {
    let nobody = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let (proxy, at) = proxy(Protocol::Tcp, nobody);
    let heard = serve(proxy, || {
        let mut stream = TcpStream::connect(at).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
        let mut byte = [0];
        stream.read(&mut byte)
    });
    assert!(!heard.is_err_and(|error| error.kind() == io::ErrorKind::WouldBlock), "it does not hang");
}

#[test]
fn answers_to_datagrams_go_to_who_asked() {
    let server = UdpSocket::bind("127.0.0.1:0").unwrap();
    let (proxy, at) = proxy(Protocol::Udp, server.local_addr().unwrap().port());
    let echo = std::thread::spawn(move || {
        let mut buffer = [0; 16];
        for _ in 0..4 {
            let (length, from) = server.recv_from(&mut buffer).unwrap();
            server.send_to(&buffer[..length], from).unwrap();
        }
    });
    let heard = serve(proxy, || {
        let clients = [1u8, 2].map(|word| (word, UdpSocket::bind("[::1]:0").unwrap()));
        for (word, client) in clients.iter().chain(&clients) {
            client.send_to(&[*word], at).unwrap();
        }
        clients.map(|(word, client)| {
            client.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
            let mut buffer = [0; 16];
            (word, client.recv(&mut buffer).map(|length| buffer[..length].to_vec()).unwrap())
        })
    });
    echo.join().unwrap();
    assert_eq!(heard, [(1, vec![1]), (2, vec![2])]);
}
