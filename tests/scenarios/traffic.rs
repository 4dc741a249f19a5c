//! Much at once: connections while replicas come and go, lines without end.

use e2e::traffic::{ECHO, serve, soak};
use e2e::{Host, eventually};
use std::path::Path;
use std::process::Command;

/// Not a test: the program of the containers below.
#[test]
#[ignore = "runs inside a container"]
fn echo_connections() {
    serve().expect("serve");
}

#[test]
fn no_connection_to_a_living_replica_is_lost_while_others_come_and_go() {
    let Some(host) = Host::with_busybox() else { return };
    let program = std::env::current_exe().expect("the test's own path");
    let yaml = format!(
        "
name: soak
services:
  web:
    image: busybox
    command: [/echo, --ignored, --exact, 'scenarios::traffic::echo_connections']
    init: true
    volumes: ['{}:/echo:ro']
    ports: ['127.0.0.1:7070:{ECHO}']
",
        program.display()
    );
    let project = host.project("soak", &yaml);
    project.up();
    host.test("scenarios::traffic::connections_while_replicas_come_and_go").succeeds();
    project.sampan(["down", "-t", "1"]).succeeds();
    host.is_clean();
}

/// Not a test by itself.
#[test]
#[ignore = "runs inside a private host"]
fn connections_while_replicas_come_and_go() {
    let at = ([127, 0, 0, 1], 7070).into();
    let folder = std::env::current_dir().expect("the host's folder").join("projects/soak");
    eventually("the first replica answers", || {
        e2e::traffic::pour(at, std::time::Duration::ZERO).is_ok().then_some(())
    });
    let change = |round: usize| scale(&folder, if round.is_multiple_of(2) { "web=3" } else { "web=1" });
    let soaked = soak(at, 500, change).expect("connect");
    assert_eq!(soaked.lost, 0, "{soaked:?}");
    assert!(soaked.others > 0 && soaked.changes >= 2, "the others are called too: {soaked:?}");
}

fn scale(folder: &Path, to: &str) -> Command {
    let mut command = Command::new(e2e::binary());
    command.current_dir(folder).args(["--progress", "quiet", "scale", to]);
    command
}
