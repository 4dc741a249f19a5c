//! From the container's output to its log.
//!
//! Standard output and error are FIFOs that everybody opens for reading and writing: the
//! process never sees the end of its reader, so that it survives a supervisor that is killed, and
//! what it wrote meanwhile waits in the FIFO for the next one.

use super::log::{Cutter, Label, LogWriter, Rotation};
use crate::error::{Context, Result};
use crate::store::Store;
use jiff::Timestamp;
use nix::errno::Errno;
use nix::sys::stat::Mode;
use nix::unistd::mkfifo;
use planner::ContainerId;
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
    streams: [Pipe; 2],
    log: LogWriter,
}

#[derive(Debug)]
struct Pipe {
    name: &'static str,
    path: PathBuf,
    fifo: File,
    cutter: Cutter,
}

impl Pump {
    /// Makes the FIFOs where they are missing and continues the log.
    pub fn open(store: &Store, id: &ContainerId) -> Result<Self> {
        let stream = |file, name| Pipe::open(store.fifo(id, file), name);
        Ok(Self {
            streams: [stream("out", "stdout")?, stream("err", "stderr")?],
            log: LogWriter::open(&store.log(id), Rotation::default())?,
        })
    }

    /// What the process gets as standard output and error, owned by its user so that it can open
    /// `/dev/stdout` anew.
    pub fn ends(&self, uid: u32, gid: u32) -> Result<[OwnedFd; 2]> {
        let [out, err] = &self.streams;
        Ok([out.end(uid, gid)?, err.end(uid, gid)?])
    }

    /// To poll for reading: output, error.
    pub fn fds(&self) -> [BorrowedFd<'_>; 2] {
        [self.streams[0].fifo.as_fd(), self.streams[1].fifo.as_fd()]
    }

    /// Logs what can be read now of one stream; says whether there was anything.
    pub fn pump(&mut self, stream: usize) -> bool {
        let mut chunk = [0; CHUNK];
        let pipe = &mut self.streams[stream];
        let length = match pipe.fifo.read(&mut chunk) {
            Ok(length) => length,
            Err(error) if error.kind() == ErrorKind::Interrupted => return true,
            Err(_) => return false,
        };
        let mut records = Vec::with_capacity(length + 64);
        pipe.cutter.cut(&chunk[..length], &Label::new(Timestamp::now(), pipe.name), &mut records);
        self.append(&records);
        length > 0
    }

    /// The process is dead: logs all that it left.
    pub fn drain(&mut self) {
        for stream in 0..self.streams.len() {
            while self.pump(stream) {}
            let mut records = Vec::new();
            let pipe = &mut self.streams[stream];
            pipe.cutter.end(&Label::new(Timestamp::now(), pipe.name), &mut records);
            self.append(&records);
        }
    }

    /// A word of our own in the log.
    pub fn note(&mut self, text: &str) {
        let mut records = Vec::new();
        let label = Label::new(Timestamp::now(), "stderr");
        Cutter::default().cut(format!("sampan: {text}\n").as_bytes(), &label, &mut records);
        self.append(&records);
    }

    /// A full disk loses log lines; it must not stop the container.
    fn append(&mut self, records: &[u8]) {
        if !records.is_empty() {
            let _ = self.log.write(records);
        }
    }
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
        let fifo = options.open(&path).doing(doing)?;
        Ok(Self { name, path, fifo, cutter: Cutter::default() })
    }

    /// Another open file description: that ours does not block is no affair of the process.
    fn end(&self, uid: u32, gid: u32) -> Result<OwnedFd> {
        let doing = || format!("open FIFO {}", self.path.display());
        fchown(&self.fifo, Some(uid), Some(gid)).doing(doing)?;
        Ok(File::options().read(true).write(true).open(&self.path).doing(doing)?.into())
    }
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
        let mut first = Pump::open(&store, &id).unwrap();
        let (uid, gid) = (nix::unistd::getuid().as_raw(), nix::unistd::getgid().as_raw());
        let [out, err] = first.ends(uid, gid).unwrap();
        File::from(err).write_all(b"oops").unwrap();
        let mut out = File::from(out);
        out.write_all(b"one\n").unwrap();
        first.drain();
        drop(first);
        out.write_all(b"two\n").unwrap();
        let mut second = Pump::open(&store, &id).unwrap();
        assert!(second.pump(0));
        assert!(!second.pump(0));
        second.note("three");
        let log = fs::read_to_string(store.log(&id)).unwrap();
        let lines: Vec<&str> = log.lines().map(|line| line.split_once(' ').unwrap().1).collect();
        assert_eq!(lines, ["stdout F one", "stderr F oops", "stdout F two", "stderr F sampan: three"]);
    }
}
