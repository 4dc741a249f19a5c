//! Programs that talk over the network: a server for containers, and who calls it.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::{Child, Command};
use std::thread;
use std::time::{Duration, Instant};

/// Where [`serve`] says its name and gives back what it is sent.
pub const ECHO: u16 = 7;
/// Where [`serve`] takes what it is sent.
pub const DISCARD: u16 = 9;

/// How many connections stay open for all the time.
const KEPT: usize = 50;
/// How long nobody waits for an answer in vain.
const PATIENCE: Duration = Duration::from_secs(20);

/// Serves both ports, each connection on a thread of its own. Never returns but with a failure.
///
/// # Errors
/// When a port is taken.
pub fn serve() -> io::Result<()> {
    let [echo, discard] = [ECHO, DISCARD].map(|port| TcpListener::bind(("0.0.0.0", port)));
    let discard = discard?;
    thread::spawn(move || accept(&discard, |mut stream| io::copy(&mut stream, &mut io::sink()).map(drop)));
    let name = std::fs::read_to_string("/etc/hostname")?;
    accept(&echo?, move |mut stream| {
        stream.write_all(name.as_bytes())?;
        io::copy(&mut stream.try_clone()?, &mut stream).map(drop)
    });
    Ok(())
}

fn accept(listener: &TcpListener, answer: impl Fn(TcpStream) -> io::Result<()> + Clone + Send + 'static) {
    for stream in listener.incoming().flatten() {
        let answer = answer.clone();
        // Whoever goes away in between is answered no further.
        thread::spawn(move || drop(answer(stream)));
    }
}

/// Sends as much as goes through in this time; gives bytes for each second.
///
/// # Errors
/// Those of the connection.
pub fn pour(to: SocketAddr, time: Duration) -> io::Result<f64> {
    let mut stream = TcpStream::connect(to)?;
    let block = vec![0; 256 << 10];
    let (start, mut sent) = (Instant::now(), 0.0);
    while start.elapsed() < time {
        stream.write_all(&block)?;
        sent += block.len() as f64;
    }
    Ok(sent / start.elapsed().as_secs_f64())
}

/// What became of the connections of [`soak`].
#[derive(Debug, Default)]
pub struct Soaked {
    /// How many were made to the replica that lives all the time.
    pub living: usize,
    /// Those of them that broke.
    pub lost: usize,
    /// Those to replicas that went away.
    pub others: usize,
    /// Those that were never made.
    pub refused: usize,
    /// How often replicas went away or came.
    pub changes: usize,
}

/// Makes at least so many connections while `change` takes replicas away and brings them back, and
/// looks whether those to the replica that is there first, alone, last.
///
/// # Errors
/// When a change fails, or nobody is there at first.
pub fn soak(at: SocketAddr, total: usize, change: impl Fn(usize) -> Command) -> io::Result<Soaked> {
    let mut soaked = Soaked::default();
    let living = Connection::open(at)?.replica;
    let mut kept: Vec<Connection> = Vec::new();
    while soaked.living + soaked.others < total {
        let mut child = change(soaked.changes).spawn()?;
        let mut opened = Vec::new();
        while is_busy(&mut child)? {
            match Connection::open(at) {
                Ok(connection) => opened.push(connection),
                Err(_) => soaked.refused += 1,
            }
        }
        soaked.changes += 1;
        let all = opened.len();
        opened.retain(|connection| connection.replica == living);
        (soaked.living, soaked.others) = (soaked.living + opened.len(), soaked.others + all - opened.len());
        let count = opened.len();
        opened.retain_mut(|connection| connection.answers());
        soaked.lost += count - opened.len();
        opened.truncate(KEPT - kept.len());
        kept.append(&mut opened);
    }
    soaked.lost += kept.iter_mut().filter_map(|connection| (!connection.answers()).then_some(())).count();
    Ok(soaked)
}

/// Whether it still runs; it must end well.
fn is_busy(child: &mut Child) -> io::Result<bool> {
    match child.try_wait()? {
        None => Ok(true),
        Some(status) if status.success() => Ok(false),
        Some(status) => Err(io::Error::other(format!("a change of replicas ended with {status}"))),
    }
}

/// A connection to the echo of a replica.
#[derive(Debug)]
struct Connection {
    stream: BufReader<TcpStream>,
    replica: String,
}

impl Connection {
    fn open(at: SocketAddr) -> io::Result<Self> {
        let stream = TcpStream::connect_timeout(&at, PATIENCE)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        let mut stream = BufReader::new(stream);
        let mut replica = String::new();
        stream.read_line(&mut replica)?;
        if replica.is_empty() {
            Err(io::ErrorKind::UnexpectedEof.into())
        } else {
            Ok(Self { stream, replica })
        }
    }

    fn answers(&mut self) -> bool {
        let mut answer = [0; 5];
        let asked = self.stream.get_mut().write_all(b"ping\n");
        asked.and_then(|()| self.stream.read_exact(&mut answer)).is_ok() && &answer == b"ping\n"
    }
}
