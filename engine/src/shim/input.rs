//! What the process reads: a terminal, or a pipe that stays open for whoever attaches.
//!
//! The other end is held by a [keeper](crate::sys::keeper), too: a process does not lose its
//! terminal or input when its supervisor is killed.

use crate::container::state::ProcessKey;
use crate::error::{Context, Result};
use crate::store::Store;
use crate::sys::pty::{self, Size};
use crate::sys::{keeper, pidfd};
use nix::errno::Errno;
use nix::sys::stat::Mode;
use nix::unistd::mkfifo;
use planner::ContainerId;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use std::fs::File;
use std::io::{ErrorKind, Write};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::fs::{OpenOptionsExt, fchown};

/// More than this of what was typed is not taken before the process reads.
const MOST: usize = 64 << 10;

/// The way to the process's standard input. Nothing here ever blocks.
#[derive(Debug, Default)]
pub struct Input {
    file: Option<File>,
    is_terminal: bool,
    /// What the process has no room for yet.
    pending: Vec<u8>,
    /// There will be no more: the pipe is closed when nothing is pending.
    ends: bool,
    keeper: Option<Keeper>,
    /// Of the terminal, for the next one.
    size: Option<Size>,
}

/// Who holds the file beside us.
#[derive(Debug)]
struct Keeper {
    pidfd: OwnedFd,
    child: Option<crate::sandbox::Child>,
}

impl Input {
    /// Makes the pipe for a process that is about to start, and gives its end, which belongs to the
    /// process's user.
    pub fn pipe(&mut self, store: &Store, id: &ContainerId, owner: (u32, u32)) -> Result<OwnedFd> {
        self.close();
        let path = store.fifo(id, "in");
        let doing = || format!("create FIFO {}", path.display());
        match mkfifo(&path, Mode::S_IRUSR | Mode::S_IWUSR) {
            Ok(()) | Err(Errno::EEXIST) => {}
            Err(error) => return Err(error).doing(doing),
        }
        self.open_pipe(store, id)?;
        let end = File::open(&path).doing(doing)?;
        fchown(&end, Some(owner.0), Some(owner.1)).doing(doing)?;
        Ok(end.into())
    }

    fn open_pipe(&mut self, store: &Store, id: &ContainerId) -> Result<()> {
        let path = store.fifo(id, "in");
        // For reading, too: then it never breaks, and opening it does not wait for the process.
        let file = File::options().read(true).write(true).custom_flags(nix::libc::O_NONBLOCK).open(&path);
        self.file = Some(file.doing(|| format!("open FIFO {}", path.display()))?);
        Ok(())
    }

    /// This is the other end of the process's terminal.
    pub fn terminal(&mut self, master: File) {
        self.close();
        if let Some(size) = self.size {
            // It is only the size.
            let _ = pty::set_size(master.as_fd(), size);
        }
        self.file = Some(master);
        self.is_terminal = true;
    }

    /// Lets the file be held until the process has ended; gives who does.
    pub fn keep(&mut self, until: BorrowedFd<'_>) -> Result<Option<ProcessKey>> {
        let Some(file) = &self.file else { return Ok(None) };
        let child = keeper::hold(file.as_fd(), until).doing(|| "hold the container's input".to_owned())?;
        let key = ProcessKey::of(child.pid);
        let pidfd = child.pidfd.try_clone().doing(|| "hold the container's input".to_owned())?;
        self.keeper = Some(Keeper { pidfd, child: Some(child) });
        Ok(key)
    }

    /// Takes over from a supervisor that is gone; gives the terminal when it is one. When nobody
    /// holds the file any more, it was closed.
    pub fn adopt(
        &mut self,
        (store, id): (&Store, &ContainerId),
        keeper: Option<&ProcessKey>,
        is_terminal: bool,
    ) -> Result<Option<File>> {
        let doing = || "take over the container's input".to_owned();
        let pidfd = keeper.and_then(|key| Some((pidfd::open(key.pid).ok()?, key)));
        let Some((pidfd, _)) = pidfd.filter(|(_, key)| key.is_alive()) else { return Ok(None) };
        let file = keeper::held_by(pidfd.as_fd()).map(File::from).doing(doing)?;
        self.keeper = Some(Keeper { pidfd, child: None });
        if !is_terminal {
            self.open_pipe(store, id)?;
            return Ok(None);
        }
        let copy = file.try_clone().doing(doing)?;
        self.file = Some(file);
        self.is_terminal = true;
        Ok(Some(copy))
    }

    /// Whether more can be taken.
    pub fn has_room(&self) -> bool {
        self.pending.len() < MOST
    }

    /// To poll for writing, when something is pending.
    pub fn fd(&self) -> Option<BorrowedFd<'_>> {
        self.file.as_ref().filter(|_| !self.pending.is_empty()).map(AsFd::as_fd)
    }

    /// Passes on what somebody typed. Without an input it goes nowhere.
    pub fn take(&mut self, text: &[u8]) {
        if self.file.is_some() && !self.ends {
            self.pending.extend_from_slice(text);
            self.flush();
        }
    }

    /// Passes on what is pending, as far as there is room.
    pub fn flush(&mut self) {
        while let Some(file) = self.file.as_mut().filter(|_| !self.pending.is_empty()) {
            match file.write(&self.pending) {
                Ok(length) => drop(self.pending.drain(..length)),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => return,
                Err(_) => self.pending.clear(),
            }
        }
        if self.ends && self.pending.is_empty() {
            self.close();
        }
    }

    /// The process reads the end of its input once it has read what was typed. A terminal has none.
    pub fn end(&mut self) {
        if !self.is_terminal && self.file.is_some() {
            self.ends = true;
            self.flush();
        }
    }

    /// The size of the terminal that somebody looks at.
    pub fn resize(&mut self, size: Size) {
        self.size = Some(size);
        if let Some(file) = self.file.as_ref().filter(|_| self.is_terminal) {
            // It is only the size.
            let _ = pty::set_size(file.as_fd(), size);
        }
    }

    /// The process has ended, or is to read the end.
    pub fn close(&mut self) {
        self.file = None;
        self.keeper = None;
        self.pending = Vec::new();
        self.ends = false;
    }
}

impl Drop for Keeper {
    /// It would end by itself with the process; what it holds must go now.
    fn drop(&mut self) {
        let _ = pidfd::send_signal(self.pidfd.as_fd(), nix::libc::SIGKILL);
        // Until it has ended it holds the file.
        let patience = Timespec { tv_sec: 1, tv_nsec: 0 };
        let _ = poll(&mut [PollFd::new(&self.pidfd, PollFlags::IN)], Some(&patience));
        self.child.iter().for_each(crate::sandbox::Child::reap);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::io::Read;

    fn opened() -> (tempfile::TempDir, Store, ContainerId, Input, File) {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::new(folder.path().join("root"), folder.path().join("run"));
        let id: ContainerId = "s.a.1.1".parse().unwrap();
        fs::create_dir_all(store.runtime_container(&id)).unwrap();
        let mut input = Input::default();
        let (uid, gid) = (nix::unistd::getuid().as_raw(), nix::unistd::getgid().as_raw());
        let end = input.pipe(&store, &id, (uid, gid)).unwrap();
        (folder, store, id, input, File::from(end))
    }

    #[test]
    fn what_is_typed_arrives_and_then_its_end() {
        let (_folder, _store, _id, mut input, mut end) = opened();
        input.take(b"one\n");
        input.end();
        input.take(b"lost");
        let mut text = String::new();
        end.read_to_string(&mut text).unwrap();
        assert_eq!(text, "one\n");
    }

    #[test]
    fn more_than_the_process_reads_waits_and_nothing_of_it_is_lost() {
        let (_folder, _store, _id, mut input, mut end) = opened();
        let text: Vec<u8> = (0..300_000_u32).map(|number| number as u8).collect();
        let mut typed = text.chunks(10_000);
        let mut read = Vec::new();
        loop {
            while input.has_room() {
                match typed.next() {
                    Some(chunk) => input.take(chunk),
                    None => {
                        input.end();
                        break;
                    }
                }
            }
            let mut chunk = [0; 50_000];
            match end.read(&mut chunk).unwrap() {
                0 => break,
                length => read.extend_from_slice(&chunk[..length]),
            }
            input.flush();
        }
        assert!(read == text);
    }

    #[test]
    fn who_takes_over_finds_the_input_open_and_who_comes_after_its_end_finds_none() {
        if !rustix::process::geteuid().is_root() {
            return;
        }
        let (_folder, store, id, mut input, mut end) = opened();
        let mut process = std::process::Command::new("sleep").arg("60").spawn().unwrap();
        let until = pidfd::open(process.id().cast_signed()).unwrap();
        let key = input.keep(until.as_fd()).unwrap();
        // A supervisor that is killed runs no destructor.
        std::mem::forget(input);
        let mut next = Input::default();
        assert!(next.adopt((&store, &id), key.as_ref(), false).unwrap().is_none());
        next.take(b"hi");
        let mut text = [0; 2];
        end.read_exact(&mut text).unwrap();
        assert_eq!(&text, b"hi");
        drop(next);
        let mut late = Input::default();
        late.adopt((&store, &id), key.as_ref(), false).unwrap();
        assert!(late.file.is_none());
        process.kill().unwrap();
        process.wait().unwrap();
    }
}
