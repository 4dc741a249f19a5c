//! A command of sampan that runs now, to be killed or interrupted.

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use std::fs;
use std::os::unix::process::ExitStatusExt;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

/// A command that runs now.
pub(super) struct Running {
    nsenter: Child,
    /// `None` when it was too quick to be seen.
    pid: Option<Pid>,
    since: Instant,
    verb: String,
}

impl Running {
    /// Starts it and returns as soon as the program is sampan, not what starts it.
    pub(super) fn start(mut command: Command) -> Self {
        let words: Vec<_> = command.get_args().skip_while(|word| *word != "--").skip(1).collect();
        let verb = format!("{words:?}");
        command.stdout(Stdio::null()).stderr(Stdio::piped());
        let mut nsenter = command.spawn().expect("start sampan");
        let children = format!("/proc/{0}/task/{0}/children", nsenter.id());
        let is_sampan = |pid: i32| {
            let program = fs::read_link(format!("/proc/{pid}/exe"));
            program.is_ok_and(|path| path.ends_with("sampan"))
        };
        loop {
            let text = fs::read_to_string(&children).unwrap_or_default();
            let pid = text.split_whitespace().next().and_then(|pid| pid.parse().ok());
            let pid = pid.filter(|pid| is_sampan(*pid)).map(Pid::from_raw);
            if pid.is_some() || nsenter.try_wait().expect("look at nsenter").is_some() {
                return Self { nsenter, pid, since: Instant::now(), verb };
            }
        }
    }

    /// Sends it a signal.
    pub(super) fn signal(&self, signal: Signal) {
        if let Some(pid) = self.pid {
            let _ = kill(pid, signal);
        }
    }

    /// How it ended, and after what time. nsenter ends in the same way as its child. An end that
    /// the signal does not explain must be a good one.
    #[track_caller]
    pub(super) fn end(self, signal: Option<Signal>) -> (ExitStatus, Duration) {
        let output = self.nsenter.wait_with_output().expect("reap sampan");
        let (status, time) = (output.status, self.since.elapsed());
        let by_signal = signal.is_some_and(|signal| status.signal() == Some(signal as i32));
        let interrupted = signal == Some(Signal::SIGINT) && status.code() == Some(130);
        let told = String::from_utf8_lossy(&output.stderr);
        assert!(by_signal || interrupted || status.success(), "{}: {status}\n{told}", self.verb);
        (status, time)
    }
}
