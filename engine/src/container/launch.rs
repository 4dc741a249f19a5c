//! Starting the supervisor of a container: this program again, in a process of its own.

use super::guard::Guard;
use super::volatile;
use crate::error::{Context, Error, Kind, Result};
use crate::shim::ready::{Made, Ready};
use crate::store::Store;
use crate::sys::clone::{Child, clone};
use crate::sys::process::{self, StringList};
use crate::sys::{exe, fd, pidfd};
use nix::sys::signal::{SigSet, SigmaskHow};
use nix::sys::wait::{WaitStatus, waitpid};
use nix::unistd::Pid;
use planner::ContainerId;
use std::ffi::{CString, OsStr};
use std::fs::{self, File};
use std::io::{self, BufRead, BufReader, Write};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Stdio};

/// All that the supervisor has in its environment: freed memory that glibc keeps at hand for its
/// one thread would stay for the container's life, 60 KB.
const VARIABLE: (&str, &str) = ("GLIBC_TUNABLES", "glibc.malloc.tcache_count=0");

/// Starts the supervisor and waits until it says that the container runs, or why not. It gets ready
/// while we do what comes `meanwhile`, and ends when that fails. Once it is told that all is there it
/// goes on without us, should we be killed.
pub(super) fn launch(
    of: (&Store, &Path, &ContainerId),
    (guard, adopt): (Guard, bool),
    meanwhile: impl FnOnce(&dyn Fn(Made)) -> Result<()>,
    tell: &mut dyn FnMut(String),
) -> Result<()> {
    let (store, program, id) = of;
    let doing = || format!("start the supervisor of {}", id.name());
    let complaints = File::create(store.complaints(id)).doing(doing)?;
    // It is what enters the container: its own file must be out of the container's reach.
    let sealed = exe::seal(program).doing(doing)?;
    let image = Image::new(&sealed, &command_line(of, adopt)).doing(doing)?;
    let (ours, theirs) = UnixStream::pair().doing(doing)?;
    let group = volatile::supervisors(store)?.open();
    let stdio = [guard.as_fd(), theirs.as_fd(), complaints.as_fd()];
    let shim = image.execute(stdio, group).doing(doing)?;
    drop(theirs);
    guard.hand_over();
    // One that has failed hears nothing; what it said is read below.
    let made = |what: Made| drop((&ours).write_all(&what.word()));
    if let Err(error) = meanwhile(&made) {
        drop(ours);
        // The guard is free when it has ended.
        wait(&shim).doing(doing)?;
        return Err(error);
    }
    // Taking its mount away takes the kernel a while, in which the supervisor gets on.
    drop(sealed);
    let mut line = String::new();
    // A reset is what remains of one that died with our word unread.
    let _ = BufReader::new(ours).read_line(&mut line);
    match serde_json::from_str::<Ready>(&line) {
        Ok(Ready::Started { remark }) => {
            remark.into_iter().for_each(tell);
            Ok(())
        }
        Ok(Ready::Failed(failure)) => {
            // It is about to end; a failure to wait for it would hide the one that matters.
            let _ = wait(&shim);
            Err(failure.into())
        }
        Err(_) => {
            let status = wait(&shim).doing(doing)?;
            let complaints = fs::read_to_string(store.complaints(id)).unwrap_or_default();
            Err(Error::new(Kind::System, format!("the supervisor of {} died ({status:?})", id.name()))
                .evidence(complaints.lines().map(str::to_owned).collect()))
        }
    }
}

/// What [`crate::shim::order::Order`] reads.
fn command_line(of: (&Store, &Path, &ContainerId), adopt: bool) -> Vec<Vec<u8>> {
    let (store, program, id) = of;
    let paths = [("--root", store.root()), ("--runtime", store.runtime())];
    let paths = paths.map(|(option, path)| [option.as_bytes(), path.as_os_str().as_bytes()]);
    let words = [program.as_os_str().as_bytes(), b"shim"].into_iter().chain(paths.into_iter().flatten());
    let words = words.map(<[u8]>::to_vec).chain([id.to_string().into_bytes()]);
    words.chain(adopt.then(|| b"--adopt".to_vec())).collect()
}

/// A program with its arguments, as execve(2) wants them.
struct Image {
    path: CString,
    arguments: StringList,
    environment: StringList,
}

impl Image {
    fn new(sealed: &exe::Sealed, line: &[Vec<u8>]) -> io::Result<Self> {
        let words =
            line.iter().map(|word| CString::new(word.clone())).collect::<std::result::Result<_, _>>()?;
        Ok(Self {
            path: CString::new(sealed.path().as_os_str().as_bytes())?,
            arguments: StringList::new(words),
            environment: StringList::new(vec![CString::new(format!("{}={}", VARIABLE.0, VARIABLE.1))?]),
        })
    }

    /// Executes it in a new process with these as standard input, output and error, in a group of
    /// version 2. Without it, as before Linux 5.7, it moves there itself.
    fn execute(&self, stdio: [BorrowedFd<'_>; 3], group: Option<OwnedFd>) -> io::Result<Child> {
        match group.map(|group| self.execute_in(stdio, group.as_fd())) {
            Some(Ok(born)) => Ok(born),
            _ => self.execute_here(stdio),
        }
    }

    /// In the group of this process, without the copy of its memory that a clone takes.
    fn execute_here(&self, stdio: [BorrowedFd<'_>; 3]) -> io::Result<Child> {
        let text = |word: &CString| OsStr::from_bytes(word.as_bytes()).to_owned();
        let mut words = self.arguments.strings().iter().map(text);
        let [input, output, errors] = stdio.map(|fd| fd.try_clone_to_owned().map(Stdio::from));
        let mut command = Command::new(text(&self.path));
        command.arg0(words.next().unwrap_or_default()).args(words).env_clear().envs([VARIABLE]);
        let shim = command.stdin(input?).stdout(output?).stderr(errors?).spawn()?;
        let pid = shim.id().cast_signed();
        Ok(Child { pid, pidfd: pidfd::open(pid)? })
    }

    fn execute_in(&self, stdio: [BorrowedFd<'_>; 3], group: BorrowedFd<'_>) -> io::Result<Child> {
        // Handlers of this process must not run in the copy of it.
        let mask = SigSet::all().thread_swap_mask(SigmaskHow::SIG_SETMASK);
        let child = clone(0, Some(group), || self.become_it(stdio));
        // The mask was a valid one before.
        let _ = mask.map(|mask| mask.thread_set_mask());
        Ok(child?)
    }

    /// In the child; it returns when that fails.
    fn become_it(&self, stdio: [BorrowedFd<'_>; 3]) {
        let became = fd::make_standard(stdio)
            .and_then(|()| process::reset_signals())
            .map(|()| process::execute(&self.path, &self.arguments, &self.environment));
        let (Ok(errno) | Err(errno)) = became;
        let text = nix::errno::Errno::from_raw(errno.raw_os_error()).desc();
        // Who waits for us reads it there.
        let _ = rustix::io::write(stdio[2], text.as_bytes());
    }
}

fn wait(child: &Child) -> io::Result<WaitStatus> {
    Ok(waitpid(Pid::from_raw(child.pid), None)?)
}
