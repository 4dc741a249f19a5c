//! A proxy on a private host.

use crate::host::Host;
use std::io::{self, BufRead, BufReader, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

/// Takes whoever asks to where they want; knows the name `registry.example` as this very host.
#[derive(Debug)]
pub struct Proxy {
    address: SocketAddr,
    asked: Arc<Mutex<Vec<String>>>,
}

impl Proxy {
    /// Starts one, which lasts until the test ends.
    ///
    /// # Panics
    /// When it does not start.
    #[must_use]
    pub fn start(host: &Host) -> Self {
        let asked = Arc::<Mutex<Vec<String>>>::default();
        let told = Arc::clone(&asked);
        let start = || {
            host.enter_network();
            let listener = TcpListener::bind("127.0.0.1:0").expect("listen");
            let address = listener.local_addr().expect("it has an address");
            thread::spawn(move || {
                for near in listener.incoming().flatten() {
                    let told = Arc::clone(&told);
                    thread::spawn(move || drop(serve(&near, &told)));
                }
            });
            address
        };
        let address = thread::scope(|scope| scope.spawn(start).join()).expect("the proxy starts");
        Self { address, asked }
    }

    /// `http://host:port`.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Where it was asked to go since this was called last, as `host:port`.
    #[must_use]
    pub fn asked(&self) -> Vec<String> {
        std::mem::take(&mut self.asked.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// `CONNECT host:port HTTP/1.1`, further headers, an empty line; then bytes both ways.
fn serve(near: &TcpStream, asked: &Mutex<Vec<String>>) -> io::Result<()> {
    let mut reader = BufReader::new(near);
    let mut lines = (&mut reader).lines();
    let first = lines.next().transpose()?.unwrap_or_default();
    lines.take_while(|line| line.as_ref().is_ok_and(|line| !line.is_empty())).for_each(drop);
    let target = first.split(' ').nth(1).unwrap_or_default().to_owned();
    let far = TcpStream::connect(target.replace("registry.example", "127.0.0.1"))?;
    asked.lock().unwrap_or_else(PoisonError::into_inner).push(target);
    (&*near).write_all(b"HTTP/1.1 200 Connection established\r\n\r\n")?;
    thread::scope(|scope| {
        let there =
            scope.spawn(|| io::copy(&mut reader, &mut &far).and_then(|_| far.shutdown(Shutdown::Write)));
        let back = io::copy(&mut &far, &mut &*near).and_then(|_| near.shutdown(Shutdown::Both));
        there.join().unwrap_or(Ok(())).and(back)
    })
}
