//! This process's standard input, output and error as those of a container's first process.

use super::client;
use super::console::{Raw, signals};
use super::detach::DetachKeys;
use super::record;
use super::state::StateRecord;
use crate::error::{Context, Error, Kind, Result};
use crate::shim::frame::{Shown, Typed};
use crate::shim::wire::Request;
use crate::store::Store;
use crate::sys::pty;
use nix::sys::signal::Signal;
use nix::sys::signalfd::SignalFd;
use planner::ContainerId;
use rustix::event::{PollFd, PollFlags, poll};
use std::io::{self, ErrorKind, IsTerminal, Read, Write};
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::time::Duration;

/// How somebody attaches.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AttachOptions {
    /// Pass standard input on, when the container takes any.
    pub input: bool,
    /// Pass signals on to a container that has no terminal; otherwise they end this process.
    pub signals: bool,
    /// What to type to leave it alone again.
    pub detach: DetachKeys,
    /// Every byte counts: the container waits when they are not read. The end of standard input is
    /// the end of the container's.
    pub whole: bool,
}

/// How that ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AttachEnd {
    /// The container ended for good with this exit code.
    Ended(i32),
    /// The detach keys were typed: it goes on.
    Detached,
    /// This signal said to leave it alone: it goes on.
    Signalled(i32),
    /// Nobody reads our output any more: it goes on.
    Unread,
    /// Its supervisor is gone. It goes on, until somebody takes over.
    Lost,
}

/// The signals that are heard, and what they are called.
const SIGNALS: [(Signal, &str); 8] = [
    (Signal::SIGWINCH, "WINCH"),
    (Signal::SIGINT, "INT"),
    (Signal::SIGTERM, "TERM"),
    (Signal::SIGHUP, "HUP"),
    (Signal::SIGQUIT, "QUIT"),
    (Signal::SIGUSR1, "USR1"),
    (Signal::SIGUSR2, "USR2"),
    (Signal::SIGCONT, "CONT"),
];

/// Attaches to a container that runs until it ends or is left alone. Blocks.
pub fn attach(store: &Store, id: &ContainerId, options: &AttachOptions) -> Result<AttachEnd> {
    let record = record::read(store, id)?;
    let refuse = |problem: &str, hint: &str| {
        Err(Error::new(Kind::Container, format!("container {} {problem}", record::called(store, id)))
            .hint(hint.to_owned()))
    };
    match StateRecord::look(store, id)? {
        (_, live) if !live.is_running() => return refuse("is not running", "start it first"),
        (state, _) if state.paused => return refuse("is paused", "`sampan unpause` lets it go on"),
        _ => {}
    }
    let Some(stream) = client::attach(store, id, options.whole)? else {
        return refuse("has no supervisor", "`sampan up -d` gives it a new one");
    };
    let takes_input = options.input && record.spec.stdin_open;
    let doing = || format!("attach to {}", record::called(store, id));
    let mut session = Session {
        stream,
        received: Vec::new(),
        signals: signals(&SIGNALS.map(|(signal, _)| signal)).doing(doing)?,
        typing: takes_input,
        detach: options.detach.clone(),
        whole: options.whole,
        passes_on: options.signals && !record.spec.tty,
        told: 0,
        grace: record.spec.stop_grace_period,
        of: (store, id),
    };
    // Keys are the program's only where there is one that has a terminal and reads.
    let raw = (takes_input && record.spec.tty).then(Raw::enter);
    if record.spec.tty {
        session.tell_size().doing(doing)?;
    }
    let end = session.run(record.spec.tty);
    drop(raw);
    match end {
        // What concerns the socket has been dealt with where it is read and written.
        Err(error) if error.kind() == ErrorKind::BrokenPipe => {
            if options.whole {
                ask((store, id), &Request::Stop { grace: record.spec.stop_grace_period });
            }
            Ok(AttachEnd::Unread)
        }
        end => end.doing(doing),
    }
}

/// Somebody who is attached.
struct Session<'a> {
    stream: UnixStream,
    received: Vec<u8>,
    signals: SignalFd,
    /// Standard input is still passed on.
    typing: bool,
    detach: DetachKeys,
    whole: bool,
    passes_on: bool,
    /// How often it was told to end.
    told: u32,
    grace: Duration,
    of: (&'a Store, &'a ContainerId),
}

impl Session<'_> {
    fn run(&mut self, tty: bool) -> io::Result<AttachEnd> {
        loop {
            let stdin = io::stdin();
            let mut fds =
                vec![PollFd::new(&self.stream, PollFlags::IN), PollFd::new(&self.signals, PollFlags::IN)];
            if self.typing {
                fds.push(PollFd::new(&stdin, PollFlags::IN));
            }
            match poll(&mut fds, None) {
                Ok(_) | Err(rustix::io::Errno::INTR) => {}
                Err(error) => return Err(error.into()),
            }
            let ready: Vec<bool> = fds.iter().map(|fd| !fd.revents().is_empty()).collect();
            drop(fds);
            if ready[0]
                && let Some(end) = self.show()?
            {
                return Ok(end);
            }
            if ready[1]
                && let Some(end) = self.signalled(tty)?
            {
                return Ok(end);
            }
            if ready.get(2) == Some(&true) && self.type_on()? {
                return Ok(AttachEnd::Detached);
            }
        }
    }

    /// Prints what came; the end, if that came.
    fn show(&mut self) -> io::Result<Option<AttachEnd>> {
        let mut chunk = [0; 64 << 10];
        let read = match self.stream.read(&mut chunk) {
            Ok(read) => read,
            Err(error) if error.kind() == ErrorKind::Interrupted => return Ok(None),
            Err(error) if error.kind() == ErrorKind::ConnectionReset => 0,
            Err(error) => return Err(error),
        };
        self.received.extend_from_slice(&chunk[..read]);
        while let Some(shown) = Shown::decode(&mut self.received) {
            match shown.map_err(|()| io::Error::from(ErrorKind::InvalidData))? {
                Shown::Text(0, text) => write_all(&mut io::stdout().lock(), &text)?,
                Shown::Text(_, text) => write_all(&mut io::stderr().lock(), &text)?,
                Shown::Skipped(bytes) => {
                    let text = format!("\r\n[{bytes} bytes were passed over; `sampan logs` has them]\r\n");
                    write_all(&mut io::stderr().lock(), text.as_bytes())?;
                }
                Shown::Ended(code) => return Ok(Some(AttachEnd::Ended(code))),
            }
        }
        Ok((read == 0).then_some(AttachEnd::Lost))
    }

    /// Passes one read of standard input on; says whether the detach keys were in it.
    fn type_on(&mut self) -> io::Result<bool> {
        let mut chunk = [0; 16 << 10];
        // Not through the buffer of the library: what that holds would not wake us.
        let read = match rustix::io::read(io::stdin(), &mut chunk) {
            Ok(read) => read,
            Err(rustix::io::Errno::INTR | rustix::io::Errno::AGAIN) => return Ok(false),
            // A terminal that was closed under us.
            Err(_) => 0,
        };
        if read == 0 {
            self.typing = false;
            if self.whole {
                self.send(&Typed::End)?;
            }
            return Ok(false);
        }
        let (text, detached) = self.detach.filter(&chunk[..read]);
        if !text.is_empty() {
            self.send(&Typed::Text(text))?;
        }
        Ok(detached)
    }

    /// A supervisor that is gone is noticed where its words are read.
    fn send(&mut self, typed: &Typed) -> io::Result<()> {
        match self.stream.write_all(&typed.encode()) {
            Err(error) if matches!(error.kind(), ErrorKind::BrokenPipe | ErrorKind::ConnectionReset) => {
                self.typing = false;
                Ok(())
            }
            result => result,
        }
    }

    /// The size of our terminal, if we have one.
    fn tell_size(&mut self) -> io::Result<()> {
        match pty::size(io::stdout().as_fd()).or_else(|_| pty::size(io::stdin().as_fd())) {
            Ok(size) => self.send(&Typed::Size(size)),
            Err(_) => Ok(()),
        }
    }

    /// What was started here ends with us: the closing of our terminal and the usual signals stop it,
    /// a second Ctrl-C kills it. Says whether that is what the signal means.
    fn ends(&mut self, number: i32) -> bool {
        let interrupt = number == Signal::SIGINT as i32;
        if !interrupt && number != Signal::SIGTERM as i32 && number != Signal::SIGHUP as i32 {
            return false;
        }
        self.told += 1;
        let grace = if self.told > 1 { Duration::ZERO } else { self.grace };
        match interrupt && self.told == 1 && self.passes_on {
            true => pass_on(self.of.0, self.of.1, "INT"),
            false => ask(self.of, &Request::Stop { grace }),
        }
        true
    }

    fn signalled(&mut self, tty: bool) -> io::Result<Option<AttachEnd>> {
        let (store, id) = self.of;
        // What the closing of our own terminal says is not meant for the container.
        let is_looked_at = io::stdin().is_terminal() || io::stdout().is_terminal();
        while let Ok(Some(signal)) = self.signals.read_signal() {
            let number = signal.ssi_signo.cast_signed();
            if number == Signal::SIGWINCH as i32 {
                if tty {
                    self.tell_size()?;
                }
                continue;
            }
            let name = SIGNALS.iter().find(|(signal, _)| *signal as i32 == number).map(|(_, name)| *name);
            if self.whole && self.ends(number) {
                continue;
            }
            match name.filter(|name| self.passes_on && !(is_looked_at && *name == "HUP")) {
                Some(name) => pass_on(store, id, name),
                // Continued after a stop.
                None if number == Signal::SIGCONT as i32 => {}
                None => return Ok(Some(AttachEnd::Signalled(number))),
            }
        }
        Ok(None)
    }
}

fn pass_on(store: &Store, id: &ContainerId, name: &str) {
    ask((store, id), &Request::Signal { name: name.to_owned() });
}

/// A container that has just ended takes nothing any more: that is about to be told. A stop is not
/// waited for; what the container still prints is to be seen.
fn ask((store, id): (&Store, &ContainerId), request: &Request) {
    if let Ok(Some(client)) = client::Client::connect(store, id) {
        client.leave(request);
    }
}

fn write_all(to: &mut impl Write, text: &[u8]) -> io::Result<()> {
    to.write_all(text)?;
    to.flush()
}
