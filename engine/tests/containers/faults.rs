//! Supervisors that are killed, folders that are wiped.

use super::Test;
use super::host::{Host, check, shell, up_and_down};
use crate::suite::Machine;
use engine::Kind;
use engine::container::guard::Guard;
use engine::container::{ProcessKey, volatile};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use planner::ContainerSpec;
use planner::desired::RestartPolicy;
use planner::live::{Health, State};
use planner::plan::Until;
use std::fs;
use std::time::Duration;

pub(crate) const TESTS: &[Test] = &[
    ("a_container_survives_its_supervisor_and_is_adopted", adopted),
    ("an_adopted_container_tells_its_exit_code_and_restarts", adopted_end),
    ("a_container_without_a_supervisor_is_stopped_all_the_same", stopped_alone),
    ("a_supervisor_and_its_container_that_are_both_gone_are_started_again", both_gone),
    ("a_wiped_runtime_folder_is_no_obstacle", wiped),
    ("a_supervisor_that_is_asked_to_end_stops_its_container", terminated),
    ("a_running_container_is_not_removed", running),
    ("killed_at_any_moment_command_and_supervisor_leave_what_the_next_command_can_work_with", interrupted),
];

fn kill_supervisor(host: &Host, id: &planner::ContainerId) {
    let shim = host.record(id).shim.unwrap();
    kill(Pid::from_raw(shim.pid), Signal::SIGKILL).unwrap();
    host.eventually("the supervisor is gone", || !shim.is_alive());
}

const COUNTING: &str = "trap 'echo bye; exit 6' TERM; i=0; while :; do i=$((i+1)); echo $i; sleep 0.02; done";

fn adopted(host: &Host) {
    let id = host.run("web", &ContainerSpec { health: check("true", Duration::ZERO), ..shell(COUNTING) });
    host.await_line(&id, "5");
    let process = host.record(&id).process;
    kill_supervisor(host, &id);
    assert_eq!(host.state(&id), State::Unsupervised);
    let error = host.wait(&id, Until::Ready).unwrap_err();
    assert!(error.hint.unwrap().contains("up"));
    std::thread::sleep(Duration::from_millis(100));
    host.start(&id);
    assert_eq!(host.record(&id).process, process);
    host.wait(&id, Until::Healthy).unwrap();
    assert_eq!(host.state(&id), State::Running { health: Health::Healthy });
    host.stop(&id, Duration::from_secs(60));
    let log = host.log(&id);
    let numbers: Vec<u32> = log.iter().filter_map(|line| line.parse().ok()).collect();
    assert_eq!(numbers, (1..=numbers.len() as u32).collect::<Vec<_>>(), "no line is lost");
    assert_eq!(log.last().unwrap(), "bye");
    host.remove(&id);
}

fn kernel_tells() -> bool {
    let release = std::fs::read_to_string("/proc/sys/kernel/osrelease").unwrap();
    let mut numbers = release.split('.').map(|number| number.parse::<u32>().unwrap_or(0));
    (numbers.next(), numbers.next()) >= (Some(6), Some(15))
}

fn adopted_end(host: &Host) {
    let spec = ContainerSpec {
        restart: RestartPolicy::OnFailure { max_retries: Some(1) },
        ..shell(
            "echo x >> /root/runs; echo up; while ! test -e /tmp/go; do sleep 0.02; done; rm /tmp/go; exit 7",
        )
    };
    let id = host.run("web", &spec);
    host.await_line(&id, "up");
    kill_supervisor(host, &id);
    host.start(&id);
    assert!(host.exec(&id, "plain", &["touch", "/tmp/go"]).status.success());
    host.eventually("it was started again", || host.record(&id).restarts == 1);
    // Older kernels do not tell strangers what a process ended with.
    let told = if kernel_tells() { 7 } else { 255 };
    assert_eq!(host.record(&id).exit_code, Some(told));
    host.eventually("it runs again", || host.exec(&id, "plain", &["touch", "/tmp/go"]).status.success());
    let error = host.wait(&id, Until::Completed).unwrap_err();
    assert_eq!(error.doing, "container s-web-1 exited with code 7");
    host.remove(&id);
}

fn stopped_alone(host: &Host) {
    let id = host.run("web", &shell(COUNTING));
    host.await_line(&id, "1");
    kill_supervisor(host, &id);
    host.stop(&id, Duration::from_secs(60));
    assert!(matches!(host.state(&id), State::Exited { requested: true, .. }));
    host.remove(&id);
}

fn both_gone(host: &Host) {
    let id = host.run("web", &shell("echo up; exec sleep 1000"));
    host.await_line(&id, "up");
    kill_supervisor(host, &id);
    let process = host.record(&id).process.unwrap();
    kill(Pid::from_raw(process.pid), Signal::SIGKILL).unwrap();
    host.eventually("the process is gone", || !process.is_alive());
    assert_eq!(host.state(&id), State::Created);
    host.start(&id);
    assert_eq!(host.state(&id), State::Running { health: Health::None });
    host.eventually("it is up again", || host.log(&id) == ["up", "up"]);
    host.stop(&id, Duration::ZERO);
    host.remove(&id);
}

fn wiped(host: &Host) {
    let id = host.run("web", &shell("echo up; exec sleep 1000"));
    host.await_line(&id, "up");
    let process = host.record(&id).process.unwrap();
    volatile::clear(host.store(), &id).unwrap();
    assert_eq!(host.state(&id), State::Created);
    host.start(&id);
    assert!(!process.is_alive());
    assert_eq!(host.state(&id), State::Running { health: Health::None });
    let process = host.record(&id).process.unwrap();
    fs::remove_dir_all(host.store().runtime_container(&id)).unwrap();
    host.stop(&id, Duration::ZERO);
    assert!(!process.is_alive());
    host.remove(&id);
}

fn terminated(host: &Host) {
    let id =
        host.run("web", &ContainerSpec { stop_grace_period: Duration::from_secs(60), ..shell(COUNTING) });
    host.await_line(&id, "1");
    let shim = host.record(&id).shim.unwrap();
    kill(Pid::from_raw(shim.pid), Signal::SIGTERM).unwrap();
    host.eventually("it has ended", || !host.state(&id).is_running());
    assert!(matches!(host.state(&id), State::Exited { code: 6, .. }));
    host.remove(&id);
}

fn running(host: &Host) {
    let id = host.run("web", &shell("exec sleep 1000"));
    let error = host.enact(planner::Step::RemoveContainer { id: id.clone() }).unwrap_err();
    assert_eq!(error.kind, Kind::Conflict);
    assert!(host.record(&id).process_alive());
    host.stop(&id, Duration::ZERO);
    host.remove(&id);
}

fn interrupted(host: &Host) {
    for round in 0..40_u64 {
        let mut command = host.steps();
        // Spread over the whole life, which takes about 60 ms.
        std::thread::sleep(Duration::from_micros(1_000 + round * 7_919 % 120_000));
        command.kill().unwrap();
        command.wait().unwrap();
        let id = super::host::id("web");
        let supervisor = Guard::holder(host.store(), &id).filter(ProcessKey::is_alive);
        if let Some(supervisor) = supervisor.filter(|_| round % 2 == 0) {
            let _ = kill(Pid::from_raw(supervisor.pid), Signal::SIGKILL);
        }
        let _stack = host.engine.lock_stack("s").unwrap();
        // It can be observed, and brought up and down again.
        host.observe();
        for step in up_and_down(&host.image) {
            host.enact(step.clone())
                .unwrap_or_else(|error| panic!("round {round}, {step:?}: {}", error.chain()));
        }
        host.must_be_clean();
    }
}
