//! The loop: sleep until something happens or is due, then do it.

use super::supervisor::Supervisor;
use crate::error::{Context, Result};
use crate::net::{Proxy, dns::Responder};
use nix::sys::signal::{SigSet, Signal};
use nix::sys::signalfd::{SfdFlags, SignalFd};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use std::os::fd::{AsFd, BorrowedFd};
use std::time::Duration;

/// Where an event came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Source {
    Signals,
    First,
    Output(usize),
    Input,
    Control,
    Names,
    Proxy,
    Oom,
    Memory,
    Probe,
    Notice,
    Preparation,
}

/// Signals that ask the supervisor itself to end, as at the shutdown of the host: the container is
/// stopped in its own way. They are blocked and read from a descriptor.
pub(super) fn signals() -> Result<SignalFd> {
    let mut set = SigSet::empty();
    [Signal::SIGTERM, Signal::SIGINT, Signal::SIGHUP].into_iter().for_each(|signal| set.add(signal));
    let open = || {
        set.thread_block()?;
        SignalFd::with_flags(&set, SfdFlags::SFD_CLOEXEC | SfdFlags::SFD_NONBLOCK)
    };
    open().doing(|| "listen for signals".to_owned())
}

/// Supervises until the container has ended for good.
pub(super) fn run(mut supervisor: Supervisor, signals: &SignalFd) -> Result<()> {
    while !supervisor.is_over() {
        for source in wait(&supervisor, signals)? {
            serve(&mut supervisor, signals, source);
        }
        supervisor.tick();
    }
    supervisor.finish();
    Ok(())
}

fn wait(supervisor: &Supervisor, signals: &SignalFd) -> Result<Vec<Source>> {
    let sources: Vec<Interest<'_>> = sources(supervisor, signals);
    let interest = sources.iter().map(|(_, fd, flags)| PollFd::from_borrowed_fd(*fd, *flags));
    let mut fds: Vec<PollFd<'_>> = interest.collect();
    let left = supervisor.due().map(|due| due.saturating_sub(supervisor.now()));
    let timeout = left.map(timespec);
    match poll(&mut fds, timeout.as_ref()) {
        Ok(_) | Err(rustix::io::Errno::INTR) => {}
        Err(error) => return Err(error).doing(|| "wait for events".to_owned()),
    }
    let ready = sources.iter().zip(&fds).filter(|(_, fd)| !fd.revents().is_empty());
    let mut ready: Vec<Source> = ready.map(|((source, ..), _)| *source).collect();
    ready.dedup();
    Ok(ready)
}

fn timespec(time: Duration) -> Timespec {
    Timespec {
        tv_sec: i64::try_from(time.as_secs()).unwrap_or(i64::MAX),
        tv_nsec: time.subsec_nanos().into(),
    }
}

/// Something to wait for, and what of it.
type Interest<'a> = (Source, BorrowedFd<'a>, PollFlags);

fn sources<'a>(supervisor: &'a Supervisor, signals: &'a SignalFd) -> Vec<Interest<'a>> {
    let is_awaiting = supervisor.awaits.is_some();
    let first = supervisor.first.as_ref().filter(|_| !is_awaiting).and_then(|first| first.wake());
    let high = supervisor.pressure.iter().filter_map(|pressure| pressure.fd());
    let notice = supervisor.pressure.iter().flat_map(|pressure| pressure.command_fds());
    let probe = supervisor.monitor.iter().flat_map(|monitor| monitor.fds());
    // What nobody takes stays where it is: then the process has to wait.
    let outputs = supervisor.pump.fds().filter(|_| !is_awaiting && !supervisor.control.is_congested());
    let mut sources: Vec<(Source, BorrowedFd<'a>)> = vec![(Source::Signals, signals.as_fd())];
    sources.extend(outputs.map(|(stream, fd)| (Source::Output(stream), fd)));
    sources.extend(first.map(|fd| (Source::First, fd)));
    sources.extend(supervisor.oom.fd().map(|fd| (Source::Oom, fd)));
    sources.extend(supervisor.names.iter().map(|names| (Source::Names, names.as_fd())));
    sources.extend(supervisor.proxy.iter().map(|proxy| (Source::Proxy, proxy.as_fd())));
    sources.extend(high.map(|fd| (Source::Memory, fd)));
    sources.extend(notice.map(|fd| (Source::Notice, fd)));
    sources.extend(probe.map(|fd| (Source::Probe, fd)));
    sources.extend(supervisor.preparation.fds().map(|fd| (Source::Preparation, fd)));
    let control = supervisor.control.fds(supervisor.input.has_room());
    let control = control.map(|(fd, flags)| (Source::Control, fd, flags));
    let input = supervisor.input.fd().map(|fd| (Source::Input, fd, PollFlags::OUT));
    sources.into_iter().map(|(source, fd)| (source, fd, PollFlags::IN)).chain(input).chain(control).collect()
}

fn serve(supervisor: &mut Supervisor, signals: &SignalFd, source: Source) {
    match source {
        Source::Signals => {
            while let Ok(Some(signal)) = signals.read_signal() {
                if signal.ssi_signo != Signal::SIGHUP as u32 {
                    supervisor.stop(supervisor.own_grace());
                }
            }
        }
        Source::First => supervisor.look(),
        Source::Output(stream) => supervisor.pump(stream),
        Source::Input => supervisor.input.flush(),
        Source::Control => supervisor.hear(),
        Source::Names => supervisor.names.iter_mut().for_each(Responder::handle),
        Source::Proxy => supervisor.proxy.iter_mut().for_each(Proxy::handle),
        Source::Oom => {
            supervisor.oom.woken(supervisor.now());
            supervisor.look_at_memory();
        }
        Source::Memory => supervisor.look_at_memory(),
        Source::Notice => supervisor.pressure_progress(),
        Source::Probe => supervisor.probe_progress(),
        Source::Preparation => supervisor.prepare(),
    }
}
