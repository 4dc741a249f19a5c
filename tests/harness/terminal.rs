//! A command with a terminal, as a person has one.

use nix::fcntl::{FcntlArg, FdFlag, fcntl};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::pty::{OpenptyResult, Winsize, openpty};
use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::AsFd;
use std::process::{Child, Command, ExitStatus};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// A command that runs on a terminal of its own, and who sits there.
#[derive(Debug)]
pub struct Terminal {
    keys: File,
    screen: Receiver<Vec<u8>>,
    seen: String,
    child: Child,
    closed: Arc<AtomicBool>,
    reading: JoinHandle<()>,
}

impl Terminal {
    /// Runs a command that starts a session (setsid(1)) on a new terminal of 33 lines of 111 characters.
    ///
    /// # Panics
    /// When that cannot be done.
    pub(crate) fn run(command: &mut Command) -> Self {
        let size = Winsize { ws_row: 33, ws_col: 111, ws_xpixel: 0, ws_ypixel: 0 };
        let OpenptyResult { master, slave } = openpty(Some(&size), None).expect("open a terminal");
        for end in [&master, &slave] {
            fcntl(end, FcntlArg::F_SETFD(FdFlag::FD_CLOEXEC)).expect("keep the terminal to ourselves");
        }
        let end = || slave.try_clone().expect("copy the terminal");
        let child = command.stdin(end()).stdout(end()).stderr(end()).spawn().expect("start the command");
        drop(slave);
        let mut reader = File::from(master.try_clone().expect("copy the terminal"));
        let (send, screen) = channel();
        let closed = Arc::new(AtomicBool::new(false));
        let is_closed = closed.clone();
        let reading = std::thread::spawn(move || {
            let mut chunk = [0; 4096];
            // It also ends when nobody has the terminal any more.
            while !is_closed.load(Ordering::SeqCst) {
                let mut look = [PollFd::new(reader.as_fd(), PollFlags::POLLIN)];
                match poll(&mut look, PollTimeout::from(20_u8)) {
                    Ok(0) | Err(_) => continue,
                    Ok(_) => {}
                }
                let Ok(length @ 1..) = reader.read(&mut chunk) else { return };
                if send.send(chunk[..length].to_vec()).is_err() {
                    return;
                }
            }
        });
        Self { keys: File::from(master), screen, seen: String::new(), child, closed, reading }
    }

    /// Types.
    ///
    /// # Panics
    /// When nobody has the terminal any more.
    pub fn types(&mut self, keys: &str) {
        self.keys.write_all(keys.as_bytes()).expect("type");
    }

    /// Waits until this is to be seen behind what was waited for before; gives what was seen until then.
    ///
    /// # Panics
    /// When it is not seen in time.
    #[track_caller]
    pub fn sees(&mut self, text: &str) -> String {
        let start = Instant::now();
        loop {
            if let Some(at) = self.seen.find(text) {
                return self.seen.drain(..at + text.len()).collect();
            }
            let left = crate::patiently(Duration::from_secs(20)).saturating_sub(start.elapsed());
            match self.screen.recv_timeout(left) {
                Ok(more) => self.seen.push_str(&String::from_utf8_lossy(&more)),
                Err(why) => panic!("`{text}` was never seen ({why}), but: {:?}", self.seen),
            }
        }
    }

    /// Waits for the end of the command; gives its exit code, and what was still to be seen.
    ///
    /// # Panics
    /// When it cannot be waited for.
    #[track_caller]
    pub fn ends(mut self) -> (Option<i32>, String) {
        let status: ExitStatus = self.child.wait().expect("wait for the command");
        // The terminal is closed with the last who has it.
        while let Ok(more) = self.screen.recv_timeout(Duration::from_millis(200)) {
            self.seen.push_str(&String::from_utf8_lossy(&more));
        }
        (status.code(), self.seen)
    }

    /// Closes the terminal as a window is closed.
    pub fn closes(self) {
        let Self { keys, mut child, closed, reading, .. } = self;
        closed.store(true, Ordering::SeqCst);
        let _ = reading.join();
        drop(keys);
        // What it does about that is seen elsewhere.
        let _ = child.wait();
    }
}
