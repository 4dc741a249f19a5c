//! The command is killed or interrupted.

use super::{Random, converges, up};
use e2e::{Host, Project};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use std::fs;
use std::os::unix::process::ExitStatusExt;
use std::process::{Child, ExitStatus, Stdio};
use std::time::{Duration, Instant};

/// Kills of the command in the middle of its work, as many as the engine promises to survive.
const KILLS: u32 = 200;

/// What is done in turn, with the mode that the stack file reads from the environment.
const VERBS: [(&[&str], &str); 5] = [
    (&["up", "-d"], "a"),
    (&["up", "-d", "--wait"], "b"),
    (&["restart", "-t", "0"], "b"),
    (&["up", "-d"], "a"),
    (&["down", "-t", "0"], "a"),
];

/// A command that runs now.
struct Running {
    nsenter: Child,
    /// `None` when it was too quick to be seen.
    pid: Option<Pid>,
    since: Instant,
    verb: String,
}

impl Running {
    /// Starts it and returns as soon as the program is sampan, not what starts it.
    fn start(project: &Project<'_>, host: &Host, (verb, mode): (&[&str], &str)) -> Self {
        let mut command = host.sampan_command(project.folder());
        command.args(verb).env("MODE", mode).stdout(Stdio::null()).stderr(Stdio::piped());
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
                return Self { nsenter, pid, since: Instant::now(), verb: verb.join(" ") };
            }
        }
    }

    fn signal(&self, signal: Signal) {
        if let Some(pid) = self.pid {
            let _ = kill(pid, signal);
        }
    }

    /// How it ended, and after what time. nsenter ends in the same way as its child. An end that
    /// the signal does not explain must be a good one.
    #[track_caller]
    fn end(self, signal: Option<Signal>) -> (ExitStatus, Duration) {
        let output = self.nsenter.wait_with_output().expect("reap sampan");
        let (status, time) = (output.status, self.since.elapsed());
        let by_signal = signal.is_some_and(|signal| status.signal() == Some(signal as i32));
        let interrupted = signal == Some(Signal::SIGINT) && status.code() == Some(130);
        let told = String::from_utf8_lossy(&output.stderr);
        assert!(by_signal || interrupted || status.success(), "{}: {status}\n{told}", self.verb);
        (status, time)
    }
}

/// The time that each verb takes when nobody disturbs it, the first with nothing there.
fn times(project: &Project<'_>, host: &Host) -> Vec<Duration> {
    project.sampan(["down", "-t", "0"]).succeeds();
    VERBS.map(|verb| Running::start(project, host, verb).end(None).1).to_vec()
}

#[test]
fn the_command_may_be_killed_at_any_moment() {
    let Some(host) = Host::with_busybox() else { return };
    let project = up(&host);
    let times = times(&project, &host);
    let mut random = Random(1);
    let (mut landed, mut rounds) = (0, 0);
    while landed < KILLS {
        let at = rounds as usize % VERBS.len();
        let command = Running::start(&project, &host, VERBS[at]);
        std::thread::sleep(Duration::from_nanos(random.below(times[at].as_nanos() as u64)));
        command.signal(Signal::SIGKILL);
        let (status, _) = command.end(Some(Signal::SIGKILL));
        rounds += 1;
        assert!(rounds < 3 * KILLS, "only {landed} of {rounds} kills hit a command");
        if status.signal() == Some(Signal::SIGKILL as i32) {
            landed += 1;
            if landed % 20 == 0 {
                converges(&host, &project);
            }
        }
    }
    project.down();
}

#[test]
fn what_a_killed_command_left_goes_with_down() {
    let Some(host) = Host::with_busybox() else { return };
    let project = host.project("crash", super::STACK);
    let times = times(&project, &host);
    project.down();
    let mut random = Random(2);
    for _ in 0..20 {
        let command = Running::start(&project, &host, VERBS[0]);
        std::thread::sleep(Duration::from_nanos(random.below(times[0].as_nanos() as u64)));
        command.signal(Signal::SIGKILL);
        command.end(Some(Signal::SIGKILL));
        project.down();
    }
}

/// Folders of containers that are being made or removed.
fn half_made(host: &Host) -> Vec<String> {
    let list = host.shell(&format!("ls -A {}/containers | grep '^\\.'", host.root().display()));
    list.stdout.lines().map(str::to_owned).collect()
}

#[test]
fn an_interrupted_command_leaves_nothing_half_made() {
    let Some(host) = Host::with_busybox() else { return };
    let project = up(&host);
    let times = times(&project, &host);
    let mut random = Random(3);
    let mut landed = 0;
    for round in 0..40 {
        let at = round % VERBS.len();
        let before = half_made(&host);
        let command = Running::start(&project, &host, VERBS[at]);
        std::thread::sleep(Duration::from_nanos(random.below(times[at].as_nanos() as u64)));
        command.signal(Signal::SIGINT);
        // The second one leaves at once.
        if round % 4 == 3 {
            std::thread::sleep(Duration::from_millis(1));
            command.signal(Signal::SIGINT);
        }
        let (status, _) = command.end(Some(Signal::SIGINT));
        landed += u32::from(!status.success());
        if round % 4 != 3 {
            let new: Vec<String> =
                half_made(&host).into_iter().filter(|name| !before.contains(name)).collect();
            assert!(new.is_empty(), "half made after {:?}: {new:?}", VERBS[at]);
        }
        if round % 8 == 7 {
            converges(&host, &project);
        }
    }
    assert!(landed >= 10, "only {landed} signals hit a command");
    converges(&host, &project);
    project.down();
}
