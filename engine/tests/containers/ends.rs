//! How containers end, and what is said about it.

use super::Test;
use super::host::{Host, shell};
use engine::Kind;
use planner::desired::{Limits, RestartPolicy, Swap};
use planner::live::State;
use planner::plan::Until;
use planner::{ContainerSpec, Step};
use std::time::{Duration, Instant};

pub(crate) const TESTS: &[Test] = &[
    ("a_failure_is_told_with_its_code_and_last_words", fails),
    ("a_program_that_is_missing_fails_the_start_and_leaves_nothing", missing),
    ("a_stop_is_graceful_when_the_process_listens", graceful),
    ("a_first_process_that_ignores_the_signal_is_named", deaf),
    ("an_init_makes_it_listen", init),
    ("a_stop_that_is_asked_for_is_not_a_failure_that_restarts", stopped),
    ("a_failure_is_started_again_as_often_as_allowed", restarts),
    ("an_out_of_memory_kill_names_the_limit", oom),
    ("a_signal_is_passed_on", signal),
    ("a_wait_ends_after_its_time", too_late),
];

const LONG: Duration = Duration::from_secs(60);

fn fails(host: &Host) {
    let id = host.run("web", &shell("seq 1 20; echo cannot open database >&2; sleep 0.05; exit 3"));
    let error = host.wait(&id, Until::Completed).unwrap_err();
    assert_eq!((error.kind, error.doing.as_str()), (Kind::Container, "container s-web-1 exited with code 3"));
    assert_eq!(error.evidence.len(), 10);
    assert_eq!(error.evidence.last().unwrap(), "cannot open database");
    assert_eq!(host.state(&id), State::Exited { code: 3, requested: false });
    host.remove(&id);
}

fn missing(host: &Host) {
    let spec = ContainerSpec { command: Some(vec!["nope".to_owned()]), ..shell("") };
    let id = host.create("web", &spec);
    let error = host.try_start(&id).unwrap_err();
    assert_eq!(error.kind, Kind::NotFound, "{}", error.chain());
    assert!(error.chain().contains("nope"), "{}", error.chain());
    assert_eq!(host.state(&id), State::Created);
    assert!(!host.store().runtime_container(&id).exists());
    assert!(!host.store().netns(&id).exists());
    host.remove(&id);
}

fn graceful(host: &Host) {
    let id = host.run("web", &shell("trap 'echo bye; exit 0' TERM; echo up; while :; do sleep 0.05; done"));
    host.await_line(&id, "up");
    host.stop(&id, LONG);
    assert_eq!(host.state(&id), State::Exited { code: 0, requested: true });
    assert_eq!(host.log(&id), ["up", "bye"]);
    let notes = host.notes.lock().unwrap().clone();
    assert_eq!(notes, ["waiting up to 60 s for PID 1 (sh) to end after SIGTERM"]);
    assert!(!host.store().netns(&id).exists());
    host.remove(&id);
}

fn deaf(host: &Host) {
    let id = host.run("web", &shell("exec sleep 1000"));
    host.eventually("it is sleep", || {
        host.exec(&id, "plain", &["grep", "sleep", "/proc/1/comm"]).status.success()
    });
    host.stop(&id, Duration::from_millis(300));
    assert_eq!(host.state(&id), State::Exited { code: 137, requested: true });
    let killed = "PID 1 (sleep) ignores SIGTERM; killed after 0.3 s (`init: true` would help)";
    assert_eq!(host.notes.lock().unwrap().last().unwrap(), killed);
    assert_eq!(host.record(&id).reason.as_deref(), Some(killed));
    host.remove(&id);
}

fn init(host: &Host) {
    let id = host.run("web", &ContainerSpec { init: true, ..shell("echo up; exec sleep 1000") });
    host.await_line(&id, "up");
    let began = Instant::now();
    host.stop(&id, LONG);
    assert!(began.elapsed() < Duration::from_secs(20));
    assert_eq!(host.state(&id), State::Exited { code: 143, requested: true });
    host.remove(&id);
}

fn stopped(host: &Host) {
    let spec = ContainerSpec {
        restart: RestartPolicy::Always,
        ..shell("trap 'exit 1' TERM; echo up; while :; do sleep 0.05; done")
    };
    let id = host.run("web", &spec);
    host.await_line(&id, "up");
    host.stop(&id, LONG);
    assert_eq!(host.state(&id), State::Exited { code: 1, requested: true });
    host.start(&id);
    host.enact(Step::KillContainer { id: id.clone(), signal: "KILL".to_owned() }).unwrap();
    assert_eq!(host.state(&id), State::Exited { code: 137, requested: true });
    host.remove(&id);
}

fn restarts(host: &Host) {
    let spec = ContainerSpec {
        restart: RestartPolicy::OnFailure { max_retries: Some(2) },
        ..shell("echo x >> /root/runs; wc -l < /root/runs; ip -o addr | wc -l; exit 4")
    };
    let id = host.run("web", &spec);
    let error = host.wait(&id, Until::Completed).unwrap_err();
    assert_eq!(error.doing, "container s-web-1 exited with code 4");
    let record = host.record(&id);
    assert_eq!((record.restarts, record.exit_code), (2, Some(4)));
    assert_eq!(host.log(&id).iter().step_by(2).collect::<Vec<_>>(), ["1", "2", "3"]);
    host.remove(&id);
}

fn oom(host: &Host) {
    let limits = Limits { memory: Some(16 << 20), swap: Swap::Total(16 << 20), ..Limits::default() };
    let id = host.run(
        "web",
        &ContainerSpec {
            limits,
            ..shell("head -c 100000000 /dev/zero | tail -c 90000000 | wc -c; sleep 0.2; exit 9")
        },
    );
    let error = host.wait(&id, Until::Completed).unwrap_err();
    assert!(error.doing.contains("out of memory") && error.doing.contains("limit 16.0 MiB"), "{error}");
    assert!(error.hint.unwrap().contains("mem_limit"));
    assert!(
        host.log(&id).iter().any(|line| line.starts_with("sampan: out of memory")),
        "{:?}",
        host.log(&id)
    );
    host.remove(&id);
}

fn signal(host: &Host) {
    let id = host.run("web", &shell("trap 'echo again' HUP; echo up; while :; do sleep 0.05; done"));
    host.await_line(&id, "up");
    host.enact(Step::KillContainer { id: id.clone(), signal: "HUP".to_owned() }).unwrap();
    host.await_line(&id, "again");
    let error = host.enact(Step::KillContainer { id: id.clone(), signal: "NOPE".to_owned() }).unwrap_err();
    assert_eq!(error.kind, Kind::Unsupported);
    host.stop(&id, Duration::ZERO);
    host.remove(&id);
}

fn too_late(host: &Host) {
    let id = host.run("web", &shell("echo still busy; exec sleep 1000"));
    host.await_line(&id, "still busy");
    let timeout = Some(Duration::from_millis(100));
    let error = host.enact(Step::Await { id: id.clone(), until: Until::Completed, timeout }).unwrap_err();
    assert_eq!(
        (error.kind, error.doing.as_str()),
        (Kind::Timeout, "container s-web-1 is not complete after 0.1 s")
    );
    assert_eq!(error.evidence, ["still busy"]);
    host.stop(&id, Duration::ZERO);
    host.remove(&id);
}
