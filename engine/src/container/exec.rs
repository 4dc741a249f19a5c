//! One more process in a container that runs, with this process's own terminal or pipes.

mod terminal;

use super::record::{self, ContainerRecord};
use super::state::{StateRecord, UNKNOWN_CODE};
use super::volatile;
use crate::error::{Context, Error, Kind, Result};
use crate::journal;
use crate::sandbox::{self, Child, Confinement, Entry, Process, User};
use crate::shim::beside::exit_code;
use crate::shim::birth::confinement;
use crate::store::Store;
use crate::sys::pidfd;
use planner::ContainerId;
use rustix::event::{PollFd, PollFlags, poll};
use std::collections::BTreeMap;
use std::fs::File;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

/// What to run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ExecSpec {
    /// Program and arguments.
    pub argv: Vec<String>,
    /// Variables over those of the container.
    pub env: BTreeMap<String, String>,
    /// `user[:group]`; `None` is the container's.
    pub user: Option<String>,
    /// Working directory; `None` is the container's.
    pub cwd: Option<String>,
    /// Give it a terminal. Our standard input should be one, too.
    pub tty: bool,
    /// Do not wait for it; it reads nothing and what it prints is lost.
    pub detach: bool,
    /// All capabilities, no system call filter, whatever the container has.
    pub privileged: bool,
}

/// Runs it, with our standard input, output and error or a terminal between; gives its exit
/// code, 128 plus the signal number when killed by one. The calling process must have one thread.
pub fn exec(store: &Store, id: &ContainerId, spec: &ExecSpec) -> Result<i32> {
    let record = record::read(store, id)?;
    let state = StateRecord::read(store, id)?.filter(StateRecord::process_alive);
    let not_running =
        || Error::new(Kind::Container, format!("container {} is not running", record::called(store, id)));
    if state.as_ref().is_some_and(|state| state.paused) {
        let paused = format!("container {} is paused", record::called(store, id));
        return Err(Error::new(Kind::Container, paused).hint("`sampan unpause` lets it go on"));
    }
    let first = state.and_then(|state| state.process).ok_or_else(not_running)?;
    let pidfd = pidfd::open(first.pid).ok().filter(|_| first.is_alive()).ok_or_else(not_running)?;
    let inside = Inside { store, id, record: &record, pid: first.pid, pidfd };
    if spec.detach {
        let null = File::options().read(true).write(true).open("/dev/null");
        let null = null.doing(|| "open /dev/null".to_owned())?;
        return inside.spawn(spec, [null.as_fd(); 3]).map(|_| 0);
    }
    let code = if spec.tty {
        terminal::run(first.pid, |slave| inside.spawn(spec, [slave; 3]))?
    } else {
        let (stdin, stdout, stderr) = (io::stdin(), io::stdout(), io::stderr());
        let child = inside.spawn(spec, [stdin.as_fd(), stdout.as_fd(), stderr.as_fd()])?;
        wait(&child)?
    };
    journal::Entry::container(id, &record.spec, "exec_die").with("exitCode", code.to_string()).tell(store);
    Ok(code)
}

/// The container that it runs in.
struct Inside<'a> {
    store: &'a Store,
    id: &'a ContainerId,
    record: &'a ContainerRecord,
    pid: i32,
    pidfd: OwnedFd,
}

impl Inside<'_> {
    fn spawn(&self, spec: &ExecSpec, stdio: [BorrowedFd<'_>; 3]) -> Result<Child> {
        let of_container = &self.record.process;
        let user = spec.user.as_deref().unwrap_or(&of_container.user);
        let mut env = of_container.env.clone();
        if spec.tty {
            env.entry("TERM".to_owned()).or_insert_with(|| "xterm".to_owned());
        }
        env.extend(spec.env.clone());
        let child = sandbox::spawn_exec(&Entry {
            pidfd: self.pidfd.as_fd(),
            stdio,
            process: Process {
                argv: spec.argv.clone(),
                env,
                cwd: spec.cwd.clone().unwrap_or_else(|| of_container.cwd.clone()),
                user: User::lookup_in(self.pid, user, &self.record.spec.group_add)?,
            },
            confinement: self.confinement(spec)?,
            cgroup: volatile::group(self.store, self.id)?.join(),
            tty: spec.tty && !spec.detach,
        })?;
        // Only the program: arguments may be secret.
        let program = spec.argv.first().map(String::as_str).unwrap_or_default();
        journal::Entry::container(self.id, &self.record.spec, "exec_start")
            .with("program", program)
            .tell(self.store);
        Ok(child)
    }
}

impl Inside<'_> {
    fn confinement(&self, spec: &ExecSpec) -> Result<Confinement> {
        if !spec.privileged {
            return confinement(self.record);
        }
        let mut record = self.record.clone();
        record.spec.privileged = true;
        confinement(&record)
    }
}

fn wait(child: &Child) -> Result<i32> {
    loop {
        match poll(&mut [PollFd::new(&child.pidfd, PollFlags::IN)], None) {
            Ok(_) => return Ok(exit_code(child).unwrap_or(UNKNOWN_CODE)),
            Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(error).doing(|| "wait for the program".to_owned()),
        }
    }
}
