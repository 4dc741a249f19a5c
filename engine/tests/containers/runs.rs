//! What a container is while it runs.

use super::Test;
use super::host::{Host, check, shell};
use engine::Kind;
use planner::desired::{Limits, MountKind, MountSpec};
use planner::live::{Health, State};
use planner::plan::Until;
use planner::{ContainerSpec, Step};
use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::time::Duration;

pub(crate) const TESTS: &[Test] = &[
    ("a_container_runs_logs_ends_and_is_removed", ends_well),
    ("it_sees_the_environment_user_and_names_it_was_promised", surroundings),
    ("done_again_each_step_changes_nothing", idempotent),
    ("what_it_writes_stays_over_a_restart_and_in_volumes_for_ever", storage),
    ("a_healthy_container_is_waited_for", healthy),
    ("an_unhealthy_container_is_told_with_the_output_of_its_probe", unhealthy),
    ("a_program_is_executed_beside_it_with_and_without_a_terminal", exec),
    ("logs_are_followed_until_the_end", follow),
    ("limits_change_in_place", update),
];

const SHORT: Duration = Duration::from_secs(5);

fn ends_well(host: &Host) {
    let id = host.run("web", &shell("echo hello; echo oops >&2"));
    host.wait(&id, Until::Completed).unwrap();
    assert_eq!(host.state(&id), State::Exited { code: 0, requested: false });
    let mut log = host.log(&id);
    log.sort();
    assert_eq!(log, ["hello", "oops"]);
    host.remove(&id);
    assert!(host.observe().containers.is_empty());
}

fn surroundings(host: &Host) {
    let spec = ContainerSpec {
        environment: BTreeMap::from([("GREETING".to_owned(), Some("a b".to_owned()))]),
        user: Some("web".to_owned()),
        working_dir: Some("/data".to_owned()),
        ..shell(
            "echo $$ $(id -u):$(id -g) $PWD $HOME \"$GREETING\" $HOSTNAME $(hostname); echo again > /dev/stdout; cat /etc/hostname",
        )
    };
    let id = host.run("web", &spec);
    host.wait(&id, Until::Completed).unwrap();
    assert_eq!(host.log(&id), ["1 33:33 /data /data a b s-web-1 s-web-1", "again", "s-web-1"]);
    host.remove(&id);
}

fn idempotent(host: &Host) {
    let spec = shell("echo started; exec sleep 1000");
    let id = host.create("web", &spec);
    host.create("web", &spec);
    assert_eq!(host.state(&id), State::Created);
    host.start(&id);
    let pid = host.record(&id).process;
    host.start(&id);
    assert_eq!(host.record(&id).process, pid);
    assert_eq!(host.state(&id), State::Running { health: Health::None });
    host.stop(&id, Duration::ZERO);
    host.stop(&id, Duration::ZERO);
    assert_eq!(host.state(&id), State::Exited { code: 137, requested: true });
    host.remove(&id);
    host.enact(Step::RemoveContainer { id }).unwrap();
}

fn storage(host: &Host) {
    host.volume("s_data");
    let mount =
        MountSpec { target: "/data".to_owned(), read_only: false, kind: MountKind::whole_volume("s_data") };
    let line =
        "echo x >> /data/runs; echo x >> /root/runs; cat /data/seed; wc -l < /data/runs; wc -l < /root/runs";
    let spec = ContainerSpec { mounts: vec![mount], ..shell(line) };
    let id = host.run("web", &spec);
    host.wait(&id, Until::Completed).unwrap();
    host.start(&id);
    host.wait(&id, Until::Completed).unwrap();
    assert_eq!(host.log(&id), ["from the image", "1", "1", "from the image", "2", "2"]);
    let in_use = host.enact(Step::RemoveVolume { name: "s_data".to_owned() }).unwrap_err();
    assert_eq!(in_use.kind, Kind::Conflict);
    assert!(in_use.doing.contains("s-web-1"), "{in_use}");
    host.remove(&id);
    let id = host.run("web", &spec);
    host.wait(&id, Until::Completed).unwrap();
    assert_eq!(host.log(&id), ["from the image", "3", "1"]);
    host.remove(&id);
    host.enact(Step::RemoveVolume { name: "s_data".to_owned() }).unwrap();
    assert!(host.observe().volumes.is_empty());
}

fn healthy(host: &Host) {
    let spec = ContainerSpec {
        health: check("test -e /tmp/ready", Duration::from_secs(20)),
        ..shell("sleep 0.2; touch /tmp/ready; exec sleep 1000")
    };
    let id = host.run("web", &spec);
    assert_eq!(host.state(&id), State::Running { health: Health::Starting });
    host.wait(&id, Until::Healthy).unwrap();
    assert_eq!(host.state(&id), State::Running { health: Health::Healthy });
    host.stop(&id, Duration::ZERO);
    host.remove(&id);
}

fn unhealthy(host: &Host) {
    let spec = ContainerSpec {
        health: check("echo no answer from 5432; exit 7", Duration::ZERO),
        ..shell("exec sleep 1000")
    };
    let id = host.run("web", &spec);
    let error = host.wait(&id, Until::Healthy).unwrap_err();
    assert_eq!((error.kind, error.doing.as_str()), (Kind::Container, "container s-web-1 is unhealthy"));
    assert_eq!(error.evidence, ["the last probe ended with exit code 7", "no answer from 5432"]);
    let error = host.wait(&id, Until::Ready).unwrap_err();
    assert_eq!(error.kind, Kind::Container);
    host.stop(&id, Duration::ZERO);
    host.remove(&id);
}

fn exec(host: &Host) {
    let id = host.run("web", &shell("touch /tmp/here; exec sleep 1000"));
    host.eventually("the file is there", || {
        host.exec(&id, "plain", &["test", "-e", "/tmp/here"]).status.success()
    });
    let output = host.exec(&id, "plain", &["sh", "-c", "echo out; echo err >&2; exit 3"]);
    assert_eq!(output.status.code(), Some(3));
    assert_eq!((output.stdout.as_slice(), output.stderr.as_slice()), (&b"out\n"[..], &b"err\n"[..]));
    let killed = host.exec(&id, "plain", &["sh", "-c", "kill -9 $$"]);
    assert_eq!(killed.status.code(), Some(137));
    let terminal = host.exec(&id, "tty", &["sh", "-c", "test -t 0 && test -t 1 && echo a terminal; exit 4"]);
    assert_eq!(String::from_utf8_lossy(&terminal.stdout), "a terminal\r\n");
    assert_eq!(terminal.status.code(), Some(4));
    let missing = host.exec(&id, "plain", &["no-such-program"]);
    assert_eq!(missing.status.code(), Some(200));
    host.stop(&id, Duration::ZERO);
    let ended = host.exec(&id, "plain", &["true"]);
    assert!(String::from_utf8_lossy(&ended.stderr).contains("is not running"), "{ended:?}");
    host.remove(&id);
}

fn follow(host: &Host) {
    let a = host.run("a", &shell("for i in 1 2 3; do echo a $i; sleep 0.1; done"));
    let b = host.run("b", &shell("sleep 0.05; for i in 1 2 3; do echo b $i; sleep 0.1; done; printf end"));
    let mut lines = Vec::new();
    let options = engine::container::LogOptions { follow: true, ..Default::default() };
    let followed = host.engine.logs(&[a.clone(), b.clone()], &options, &mut |id, line| {
        lines.push((id.clone(), line.clone()));
        ControlFlow::Continue(())
    });
    followed.unwrap();
    let of =
        |id| lines.iter().filter(|(it, _)| it == id).map(|(_, line)| line.text.as_str()).collect::<Vec<_>>();
    assert_eq!(of(&a), ["a 1", "a 2", "a 3"]);
    assert_eq!(of(&b), ["b 1", "b 2", "b 3", "end"]);
    host.wait(&a, Until::Completed).unwrap();
    host.wait(&b, Until::Completed).unwrap();
    host.remove(&a);
    host.remove(&b);
}

fn update(host: &Host) {
    let limits = |mebibytes: u64| Limits { memory: Some(mebibytes << 20), ..Limits::default() };
    let before =
        ContainerSpec { limits: limits(32), ..shell("trap 'exit 5' USR1; while :; do sleep 0.05; done") };
    let id = host.run("web", &before);
    let process = host.record(&id).process;
    let after = ContainerSpec { limits: limits(64), stop_signal: Some("USR1".to_owned()), ..before.clone() };
    host.enact(Step::UpdateContainer { id: id.clone(), spec: Box::new(after.clone()) }).unwrap();
    assert_eq!(host.record(&id).process, process);
    assert_eq!(host.observe().containers[&id].spec, after);
    let group = engine::container::volatile::group(host.store(), &id).unwrap();
    assert_eq!(group.stats().memory_limit, Some(64 << 20));
    host.stop(&id, SHORT);
    assert_eq!(host.state(&id), State::Exited { code: 5, requested: true });
    host.remove(&id);
}
