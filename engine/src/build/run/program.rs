//! The program of a `RUN`: born, listened to, waited for.

use super::mounts::Mounts;
use super::network::{HOSTNAME, Network};
use super::output::Output;
use super::request::{RunRequest, Sink, Stream};
use crate::build::cancel::Cancel;
use crate::cgroup::Group;
use crate::error::{Context, Result};
use crate::sandbox::{self, Birth, CapSet, Child, Confinement, Namespaces, Process, User, host_devices};
use crate::sys::{pidfd, reaper};
use nix::sys::wait::{WaitStatus, waitpid};
use nix::unistd::Pid;
use rustix::event::{PollFd, PollFlags, poll};
use rustix::io::Errno;
use std::fs::File;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

/// Docker's size of `/dev/shm`.
const SHM_SIZE: u64 = 64 << 20;

/// A program to be born.
pub(super) struct Program<'a> {
    pub(super) request: &'a RunRequest<'a>,
    pub(super) argv: Vec<String>,
    pub(super) mounts: &'a Mounts,
    pub(super) network: &'a Network,
}

impl Program<'_> {
    /// Starts it. It is killed when the calling thread ends.
    pub(super) fn start(self, rootfs: &OwnedFd, group: &Group) -> Result<Running> {
        let request = self.request;
        let (out, out_end) = Output::open(Stream::Stdout)?;
        let (err, err_end) = Output::open(Stream::Stderr)?;
        let null = File::open("/dev/null").doing(|| "open /dev/null".to_owned())?;
        let user = User::lookup(rootfs.as_fd(), &request.user, &[])?;
        own(&user, [&out_end, &err_end])?;
        let mut env = request.env.clone();
        env.extend(self.mounts.env().iter().cloned());
        let birth = Birth {
            rootfs: rootfs.as_fd(),
            stdio: [null.as_fd(), out_end.as_fd(), err_end.as_fd()],
            process: Process { argv: self.argv, env, cwd: request.cwd.clone(), user },
            confinement: confinement(request),
            hostname: HOSTNAME.to_owned(),
            domainname: None,
            sysctls: Vec::new(),
            netns: self.network.netns.clone(),
            namespaces: Namespaces::default(),
            cgroup: group.join(),
            mounts: self.mounts.list().to_vec(),
            files: Vec::new(),
            shm_size: request.shm_size.unwrap_or(SHM_SIZE),
            devices: if request.privileged { host_devices()? } else { Vec::new() },
            guarded: false,
            read_only: false,
            init: true,
            tty: false,
            tied: true,
        };
        let child = sandbox::spawn(&birth, |_| Ok(()))?;
        Ok(Running { child: Some(child), outputs: [out, err] })
    }
}

/// So that its user can open `/dev/stdout` anew.
fn own(user: &User, pipes: [&OwnedFd; 2]) -> Result<()> {
    use std::os::unix::fs::fchown;
    let own = |pipe: &OwnedFd| fchown(pipe, Some(user.uid), Some(user.gid));
    pipes.into_iter().try_for_each(own).doing(|| "give pipes to the user of a RUN".to_owned())
}

fn confinement(request: &RunRequest<'_>) -> Confinement {
    Confinement {
        privileged: request.privileged,
        capabilities: if request.privileged { CapSet::ALL } else { CapSet::docker() },
        no_new_privileges: false,
        unfiltered: request.privileged,
        filter: None,
        unmasked: false,
        apparmor: None,
        rlimits: request.rlimits.clone(),
        oom_score_adj: None,
    }
}

/// A program that runs. When it is given up it is killed.
#[derive(Debug)]
pub(super) struct Running {
    child: Option<Child>,
    outputs: [Output; 2],
}

impl Running {
    /// Listens to it until it ends; gives its exit code.
    pub(super) fn follow(
        mut self,
        cancel: &Cancel,
        (network, mounts): (&mut Network, &mut Mounts),
        sink: Sink<'_>,
    ) -> Result<i32> {
        let mut is_cancelled = false;
        loop {
            let cancel = (!is_cancelled).then_some(cancel.as_fd());
            let ready = self.wait([cancel, network.fd(), mounts.fd()])?;
            let [ended, out, err, cancelled, asked, called] = ready;
            if out {
                self.outputs[0].pump(sink);
            }
            if err {
                self.outputs[1].pump(sink);
            }
            if asked {
                network.answer();
            }
            if called {
                mounts.connect();
            }
            if cancelled {
                is_cancelled = true;
                self.kill();
            }
            if ended {
                break;
            }
        }
        // All other processes in there are gone, too.
        let code = self.reap()?;
        self.outputs.iter_mut().for_each(|output| output.drain(sink));
        if is_cancelled { cancel.check().map(|()| code) } else { Ok(code) }
    }

    /// Waits until something happens; says what: it ended, its outputs, and those given.
    fn wait(&self, others: [Option<BorrowedFd<'_>>; 3]) -> Result<[bool; 6]> {
        let [out, err] = &self.outputs;
        let ended = self.child.as_ref().map(|child| child.pidfd.as_fd());
        let [first, second, third] = others;
        let sources = [ended, out.fd(), err.fd(), first, second, third];
        let mut places = Vec::with_capacity(sources.len());
        let mut fds = Vec::with_capacity(sources.len());
        for (place, fd) in sources.into_iter().enumerate().filter_map(|(place, fd)| Some((place, fd?))) {
            places.push(place);
            fds.push(PollFd::from_borrowed_fd(fd, PollFlags::IN));
        }
        match poll(&mut fds, None) {
            Err(Errno::INTR) => return Ok([false; 6]),
            polled => polled.doing(|| "wait for the program of a RUN".to_owned())?,
        };
        let mut ready = [false; 6];
        for (place, fd) in places.into_iter().zip(&fds) {
            ready[place] = !fd.revents().is_empty();
        }
        Ok(ready)
    }

    /// Its first process goes, and with it all others.
    fn kill(&self) {
        if let Some(child) = &self.child {
            // It fails when it has ended already.
            let _ = pidfd::send_signal(child.pidfd.as_fd(), libc::SIGKILL);
        }
    }

    fn reap(&mut self) -> Result<i32> {
        let Some(child) = self.child.take() else { return Ok(0) };
        let status = waitpid(Pid::from_raw(child.pid), None);
        Ok(match status.doing(|| "wait for the program of a RUN".to_owned())? {
            WaitStatus::Exited(_, code) => code,
            WaitStatus::Signaled(_, signal, _) => 128 + signal as i32,
            _ => reaper::exit_code(0),
        })
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.kill();
        if let Some(child) = &self.child {
            child.reap();
        }
    }
}
