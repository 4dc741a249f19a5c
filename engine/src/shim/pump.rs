//! From the container's output to its log, and to those that are attached.
//!
//! Standard output and error are FIFOs that everybody opens for reading and writing: the
//! process never sees the end of its reader, so that it survives a supervisor that is killed, and
//! what it wrote meanwhile waits in the FIFO for the next one. A terminal is one stream for both; we
//! hold both of its ends, so that it is never hung up.

use super::log::{Cutter, Label, LogWriter, Rotation};
use crate::error::{Context, Result};
use crate::store::Store;
use crate::sys::pty;
use jiff::Timestamp;
use nix::errno::Errno;
use nix::sys::stat::Mode;
use nix::unistd::mkfifo;
use planner::ContainerId;
use planner::desired::LogSpec;
use std::fs::File;
use std::io::{ErrorKind, Read};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::fs::{OpenOptionsExt, fchown};
use std::path::PathBuf;

/// Bytes read at once. They live on the stack for the time of a read only.
const CHUNK: usize = 16 << 10;

/// Both streams and the log.
#[derive(Debug)]
pub struct Pump {
    streams: Vec<Pipe>,
    /// Unless none is kept.
    log: Option<LogWriter>,
    lost: Option<Lost>,
}

#[derive(Debug)]
struct Pipe {
    name: &'static str,
    origin: Origin,
    file: File,
    cutter: Cutter,
}

/// Where a stream comes from.
#[derive(Debug)]
enum Origin {
    Fifo(PathBuf),
    /// A terminal, with the end that the process has.
    Terminal(#[expect(dead_code, reason = "held so that the terminal is not hung up")] OwnedFd),
}

impl Pump {
    /// Makes the FIFOs where they are missing and continues the log. With a terminal there is no
    /// stream before [`Pump::take_terminal`].
    pub fn open(store: &Store, id: &ContainerId, tty: bool, kept: LogSpec) -> Result<Self> {
        let stream = |file, name| Pipe::open(store.fifo(id, file), name);
        Ok(Self {
            streams: if tty { Vec::new() } else { vec![stream("out", "stdout")?, stream("err", "stderr")?] },
            log: match kept.none {
                true => None,
                false => Some(LogWriter::open(&store.log(id), Rotation::of(kept))?),
            },
            lost: None,
        })
    }

    /// What the process gets as standard output and error, owned by its user so that it can open
    /// `/dev/stdout` anew; nothing when it has a terminal.
    pub fn ends(&self, uid: u32, gid: u32) -> Result<Vec<OwnedFd>> {
        self.streams.iter().filter_map(|pipe| pipe.end(uid, gid).transpose()).collect()
    }

    /// This terminal is what the process writes to from now on.
    pub fn take_terminal(&mut self, master: File) -> Result<()> {
        let doing = || "take the other end of the terminal".to_owned();
        nonblocking(&master).doing(doing)?;
        let peer = pty::peer(master.as_fd()).doing(doing)?;
        let origin = Origin::Terminal(peer);
        self.streams = vec![Pipe { name: "stdout", origin, file: master, cutter: Cutter::default() }];
        Ok(())
    }

    /// To poll for reading: output, error; or the terminal.
    pub fn fds(&self) -> impl Iterator<Item = (usize, BorrowedFd<'_>)> {
        self.streams.iter().map(|pipe| pipe.file.as_fd()).enumerate()
    }

    /// Logs what can be read now of one stream, after it was shown to `see`; says whether there was
    /// anything.
    pub fn pump(&mut self, stream: usize, see: &mut dyn FnMut(usize, &[u8])) -> bool {
        let mut chunk = [0; CHUNK];
        let Some(pipe) = self.streams.get_mut(stream) else { return false };
        let length = match pipe.file.read(&mut chunk) {
            Ok(length) => length,
            Err(error) if error.kind() == ErrorKind::Interrupted => return true,
            Err(_) => return false,
        };
        see(stream, &chunk[..length]);
        let mut records = Vec::with_capacity(length + 64);
        pipe.cutter.cut(&chunk[..length], &pipe.label(), &mut records);
        self.append(&records);
        length > 0
    }

    /// The process is dead: logs all that it left.
    pub fn drain(&mut self, see: &mut dyn FnMut(usize, &[u8])) {
        for stream in 0..self.streams.len() {
            while self.pump(stream, see) {}
            let mut records = Vec::new();
            let pipe = &mut self.streams[stream];
            pipe.cutter.end(&pipe.label(), &mut records);
            self.append(&records);
        }
    }

    /// A word of our own in the log.
    pub fn note(&mut self, text: &str) {
        self.append(&note(text));
    }

    /// A full disk loses log lines; it must not stop the container. The log says how many as soon as
    /// there is room again.
    fn append(&mut self, records: &[u8]) {
        let Some(log) = self.log.as_mut().filter(|_| !records.is_empty()) else { return };
        if let Some(lost) = &mut self.lost {
            if log.write(&lost.note()).is_err() {
                return lost.add(records);
            }
            self.lost = None;
        }
        if let Err(why) = log.write(records) {
            self.lost.insert(Lost { lines: 0, why }).add(records);
        }
    }
}

/// Lines that were not written.
#[derive(Debug)]
struct Lost {
    lines: usize,
    why: std::io::Error,
}

impl Lost {
    fn add(&mut self, records: &[u8]) {
        self.lines += records.iter().filter(|byte| **byte == b'\n').count();
    }

    fn note(&self) -> Vec<u8> {
        note(&format!("{} lines could not be written here: {}", self.lines, self.why))
    }
}

/// A record with a word of our own.
fn note(text: &str) -> Vec<u8> {
    let mut record = Vec::new();
    let label = Label::new(Timestamp::now(), "stderr");
    Cutter::default().cut(format!("sampan: {text}\n").as_bytes(), &label, &mut record);
    record
}

impl Pipe {
    fn open(path: PathBuf, name: &'static str) -> Result<Self> {
        let doing = || format!("create FIFO {}", path.display());
        match mkfifo(&path, Mode::S_IRUSR | Mode::S_IWUSR) {
            Ok(()) | Err(Errno::EEXIST) => {}
            Err(error) => return Err(error).doing(doing),
        }
        let mut options = File::options();
        options.read(true).write(true).custom_flags(nix::libc::O_NONBLOCK);
        let file = options.open(&path).doing(doing)?;
        Ok(Self { name, origin: Origin::Fifo(path), file, cutter: Cutter::default() })
    }

    /// Another open file description: that ours does not block is no affair of the process.
    fn end(&self, uid: u32, gid: u32) -> Result<Option<OwnedFd>> {
        let Origin::Fifo(path) = &self.origin else { return Ok(None) };
        let doing = || format!("open FIFO {}", path.display());
        fchown(&self.file, Some(uid), Some(gid)).doing(doing)?;
        Ok(Some(File::options().read(true).write(true).open(path).doing(doing)?.into()))
    }

    /// A terminal ends each line as a typewriter does, which is no part of the text.
    fn label(&self) -> Label {
        let label = Label::new(Timestamp::now(), self.name);
        if matches!(self.origin, Origin::Terminal(_)) { label.without_returns() } else { label }
    }
}

fn nonblocking(file: &File) -> rustix::io::Result<()> {
    let flags = rustix::fs::fcntl_getfl(file)?;
    rustix::fs::fcntl_setfl(file, flags | rustix::fs::OFlags::NONBLOCK)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::io::Write;

    #[test]
    fn output_reaches_the_log_and_survives_a_change_of_reader() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::new(folder.path().join("root"), folder.path().join("run"));
        let id: ContainerId = "s.a.1.1".parse().unwrap();
        fs::create_dir_all(store.container(&id)).unwrap();
        fs::create_dir_all(store.runtime_container(&id)).unwrap();
        let mut first = Pump::open(&store, &id, false, LogSpec::default()).unwrap();
        let (uid, gid) = (nix::unistd::getuid().as_raw(), nix::unistd::getgid().as_raw());
        let mut ends = first.ends(uid, gid).unwrap().into_iter();
        let (Some(out), Some(err)) = (ends.next(), ends.next()) else { panic!("two streams") };
        File::from(err).write_all(b"oops").unwrap();
        let mut out = File::from(out);
        out.write_all(b"one\n").unwrap();
        let mut seen = Vec::new();
        first.drain(&mut |stream, text| seen.push((stream, text.to_vec())));
        assert_eq!(seen, [(0, b"one\n".to_vec()), (1, b"oops".to_vec())]);
        drop(first);
        out.write_all(b"two\n").unwrap();
        let mut second = Pump::open(&store, &id, false, LogSpec::default()).unwrap();
        assert!(second.pump(0, &mut |_, _| {}));
        assert!(!second.pump(0, &mut |_, _| {}));
        second.note("three");
        let log = fs::read_to_string(store.log(&id)).unwrap();
        let lines: Vec<&str> = log.lines().map(|line| line.split_once(' ').unwrap().1).collect();
        assert_eq!(lines, ["stdout F one", "stderr F oops", "stdout F two", "stderr F sampan: three"]);
    }

    #[test]
    fn lines_of_a_terminal_are_logged_without_its_line_ends() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::new(folder.path().join("root"), folder.path().join("run"));
        let id: ContainerId = "s.a.1.1".parse().unwrap();
        fs::create_dir_all(store.container(&id)).unwrap();
        let mut pump = Pump::open(&store, &id, true, LogSpec::default()).unwrap();
        let pty = pty::open().unwrap();
        pump.take_terminal(File::from(pty.master)).unwrap();
        let mut slave = File::from(pty.slave);
        slave.write_all(b"one\ntwo").unwrap();
        drop(slave);
        let mut seen = Vec::new();
        pump.drain(&mut |_, text| seen.extend_from_slice(text));
        assert_eq!(seen, b"one\r\ntwo", "as the terminal has it");
        let log = fs::read_to_string(store.log(&id)).unwrap();
        let lines: Vec<&str> = log.lines().map(|line| line.split_once(' ').unwrap().1).collect();
        assert_eq!(lines, ["stdout F one", "stdout F two"]);
    }
}
