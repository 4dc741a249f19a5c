//! Pushes and pulls of a real registry over lines that break.

use super::real::{Real, have, load};
use super::*;
use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

/// A way to a server on which connections break after so many bytes.
struct Line {
    address: SocketAddr,
    connections: Arc<AtomicUsize>,
}

impl Line {
    /// The first `breaks` connections break. It lasts until the process ends.
    fn to(port: u16, bytes: usize, breaks: usize) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let connections = Arc::<AtomicUsize>::default();
        let count = Arc::clone(&connections);
        thread::spawn(move || {
            for near in listener.incoming() {
                let (near, far) = (near.unwrap(), TcpStream::connect(("127.0.0.1", port)).unwrap());
                let is_sound = count.fetch_add(1, Ordering::SeqCst) >= breaks;
                let bytes = if is_sound { usize::MAX } else { bytes };
                for (from, to) in [(&near, &far), (&far, &near)] {
                    let (from, to) = (from.try_clone().unwrap(), to.try_clone().unwrap());
                    thread::spawn(move || carry(&from, &to, bytes));
                }
            }
        });
        Self { address, connections }
    }
}

/// Carries bytes until the line breaks.
fn carry(mut from: &TcpStream, mut to: &TcpStream, bytes: usize) {
    let mut buffer = vec![0; 16 << 10];
    let mut left = bytes;
    while left > 0 {
        let most = left.min(buffer.len());
        let Ok(count @ 1..) = from.read(&mut buffer[..most]) else { break };
        if to.write_all(&buffer[..count]).is_err() {
            break;
        }
        left -= count;
    }
    for side in [from, to] {
        let _ = side.shutdown(Shutdown::Both);
    }
}

#[test]
fn a_push_comes_to_its_end_over_a_line_that_breaks_at_first() {
    let Some(images) = fixture::images().filter(|_| have(&["docker-registry", "setpriv"])) else { return };
    let registry = Real::new("", "", &[]);
    // This registry forgets what came of a blob of 200 kB: it must go in one piece.
    let line = Line::to(registry.port, 60_000, 3);
    let name: Reference = format!("{}/web:1", line.address).parse().unwrap();
    let id = load(&images, &name);
    let pushed = images.push(&name, &registries(), &|_| {}).unwrap();
    assert!(line.connections.load(Ordering::SeqCst) > 3);
    images.remove(&id, &|_| None).unwrap();
    let pulled = registry.pull(&images, "web:1", &registries()).unwrap();
    assert_eq!((pulled.id, pulled.digest), (id, pushed.digest));
}

#[test]
fn a_pull_goes_on_where_the_line_broke() {
    let Some(images) = fixture::images().filter(|_| have(&["docker-registry", "setpriv"])) else { return };
    let registry = Real::new("", "", &[]);
    let id = load(&images, &registry.name("web:1"));
    images.push(&registry.name("web:1"), &registries(), &|_| {}).unwrap();
    images.remove(&id, &|_| None).unwrap();
    // Nothing of a layer of 200 kB comes whole.
    let line = Line::to(registry.port, 60_000, usize::MAX);
    let name: Reference = format!("{}/web:1", line.address).parse().unwrap();
    let request = PullRequest { reference: name, platform: None };
    assert_eq!(images.pull(&request, &registries(), &|_| {}).unwrap().id, id);
    assert!(line.connections.load(Ordering::SeqCst) > 4);
}
