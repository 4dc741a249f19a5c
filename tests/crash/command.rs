//! The command is killed or interrupted.

use super::running::Running;
use super::{Random, converges, up};
use e2e::{Host, Project};
use nix::sys::signal::Signal;
use std::os::unix::process::ExitStatusExt;
use std::time::Duration;

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

/// Starts one of the verbs.
fn start(project: &Project<'_>, host: &Host, (verb, mode): (&[&str], &str)) -> Running {
    let mut command = host.sampan_command(project.folder());
    command.args(verb).env("MODE", mode);
    Running::start(command)
}

/// The time that each verb takes when nobody disturbs it, the first with nothing there.
fn times(project: &Project<'_>, host: &Host) -> Vec<Duration> {
    project.sampan(["down", "-t", "0"]).succeeds();
    VERBS.map(|verb| start(project, host, verb).end(None).1).to_vec()
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
        let command = start(&project, &host, VERBS[at]);
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
        let command = start(&project, &host, VERBS[0]);
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
        let command = start(&project, &host, VERBS[at]);
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
