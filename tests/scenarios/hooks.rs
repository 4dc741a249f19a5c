//! Commands around the life of a container.

use e2e::{Host, eventually};

const YAML: &str = "
name: hooks
services:
  app:
    image: busybox
    command: ['sh', '-c', 'trap \"echo term >> /log/all; exit 0\" TERM; echo main >> /log/all; touch /tmp/up; while :; do sleep 0.1; done']
    user: '33:34'
    environment: {MODE: dev, KEPT: '1'}
    volumes: ['./log:/log']
    post_start:
      - command: ['sh', '-c', 'until test -e /tmp/up; do :; done; echo first $$MODE $$KEPT $$(id -u) $$PWD >> /log/all']
        environment: {MODE: hook}
        working_dir: /tmp
      - command: ['sh', '-c', 'echo second $$(id -u) >> /log/all; mount -t tmpfs none /tmp && echo 0 >> /log/all']
        user: root
        privileged: true
    pre_stop:
      - {command: ['sh', '-c', 'echo leaving >> /log/all']}
  late:
    image: busybox
    command: ['sh', '-c', 'echo late >> /log/all']
    depends_on: [app]
    volumes: ['./log:/log']
";

#[test]
fn commands_run_after_the_start_and_before_the_stop() {
    let Some(host) = Host::with_busybox() else { return };
    let project = host.project("hooks", YAML);
    project.write("log/all", "");
    host.shell(&format!("chmod -R a+rwX {}", project.folder().join("log").display())).succeeds();
    let log = || std::fs::read_to_string(project.folder().join("log/all")).unwrap();
    project.up();
    project.sampan(["wait", "late"]).succeeds();
    let started = "main\nfirst hook 1 33 /tmp\nsecond 0\n0\nlate\n";
    assert_eq!(log(), started);
    project.sampan(["up", "-d"]).succeeds().says("up to date");
    project.sampan(["stop", "app"]).succeeds();
    assert_eq!(log(), format!("{started}leaving\nterm\n"));
    // Another command before the stop needs no new container, another one after the start does.
    project.sampan(["start", "app"]).succeeds();
    project.edit("echo leaving", "echo going; echo why; exit 3");
    project.sampan(["plan"]).succeeds().says("update").says("pre_stop: [");
    project.sampan(["up", "-d"]).succeeds();
    let stopped = project.sampan(["stop", "app"]).succeeds();
    stopped.says("pre_stop command").says("ended with exit code 3: why");
    assert!(log().ends_with("second 0\n0\nterm\n"), "{}", log());
    project.edit("echo second", "echo other");
    project.sampan(["plan"]).succeeds().says("replace").says("post_start: [");
    project.down();
}

#[test]
fn commands_after_the_start_run_again_when_the_container_is_started_again_by_itself() {
    let Some(host) = Host::with_busybox() else { return };
    let yaml = "
name: again
services:
  app:
    image: busybox
    command: ['sh', '-c', 'echo main >> /log/all; until test -e /log/go; do sleep 0.1; done; rm /log/go; exit 1']
    restart: on-failure
    stop_grace_period: 1s
    volumes: ['./log:/log']
    post_start:
      - {command: ['sh', '-c', 'echo first >> /log/all']}
      - {command: ['sh', '-c', 'test ! -e /log/bad || { echo cannot reach the db; exit 7; }; echo second >> /log/all']}
";
    let project = host.project("again", yaml);
    project.write("log/all", "");
    let log = || std::fs::read_to_string(project.folder().join("log/all")).unwrap();
    project.up();
    assert_eq!(log(), "main\nfirst\nsecond\n");
    project.write("log/go", "");
    eventually("all have run again", || (log().matches("second").count() == 2).then_some(()));
    assert_eq!(log().matches("first").count(), 2);
    project.write("log/bad", "");
    project.write("log/go", "");
    eventually("the log says what failed", || {
        let said = project.sampan(["logs"]).stdout;
        (said.contains("ended with exit code 7") && said.contains("cannot reach the db")).then_some(())
    });
    assert_eq!(project.state("again-app-1").as_deref(), Some("running"));
    project.down();
}

#[test]
fn a_command_that_fails_after_the_start_fails_the_command_with_what_it_said() {
    let Some(host) = Host::with_busybox() else { return };
    let project = host.project("hooks", YAML);
    project.write("log/all", "");
    host.shell(&format!("chmod -R a+rwX {}", project.folder().join("log").display())).succeeds();
    project.edit("echo second $$(id -u) >> /log/all; mount", "echo cannot reach the db >&2; exit 7; mount");
    let failed = project.sampan(["up", "-d"]).exits(1);
    failed
        .says("post_start command `sh -c echo cannot")
        .says("ended with exit code 7")
        .says("│ cannot reach the db");
    assert!(!std::fs::read_to_string(project.folder().join("log/all")).unwrap().contains("late"));
    assert_eq!(project.state("hooks-app-1").as_deref(), Some("running"));
    // It is tried again, also when the command that ran it was killed.
    project.sampan(["plan"]).succeeds().says("its `post_start` commands have not all succeeded");
    project.sampan(["up", "-d"]).exits(1).says("ended with exit code 7");
    project.edit("exit 7;", "test -e /log/go || { touch /log/there; sleep 1000; };");
    let killed =
        "$sampan up -d & until test -e log/there; do :; done; kill -9 $!; touch log/go; $sampan up -d";
    host.script(project.folder(), killed).succeeds();
    project.sampan(["wait", "late"]).succeeds();
    assert!(std::fs::read_to_string(project.folder().join("log/all")).unwrap().contains("late"));
    project.sampan(["up", "-d"]).succeeds().says("up to date");
    // What takes longer than the grace is killed, and the container still asked to end.
    project.edit("echo leaving >> /log/all", "sleep 1000");
    project.sampan(["up", "-d"]).succeeds();
    project.sampan(["down", "-t", "1"]).succeeds().says("took too long and was killed");
    assert!(std::fs::read_to_string(project.folder().join("log/all")).unwrap().contains("term"));
    project.edit("['sh', '-c', 'sleep 1000']", "[]");
    project.sampan(["up", "-d"]).exits(15).says("a command of `pre_stop` is empty");
    host.is_clean();
}

const INIT: &str = "
name: init
services:
  db: {image: busybox, command: sleep 1000, init: true}
  web:
    image: busybox
    command: sleep 1000
    init: true
    scale: 2
    depends_on: [db]
    environment: {MODE: dev}
    volumes: ['./log:/log', 'data:/data']
    pre_start:
      - {command: ['sh', '-c', 'echo migrate $$MODE $$STEP >> /log/all; echo 1 > /data/schema'], environment: {STEP: one}}
      - {command: ['sh', '-c', 'cat /data/schema >> /log/all; id -u >> /log/all'], image: busybox, user: '7', per_replica: true}
volumes: {data: }
";

#[test]
fn init_commands_run_to_their_end_once_before_the_service_starts() {
    let Some(host) = Host::with_busybox() else { return };
    let project = host.project("init", INIT);
    project.write("log/all", "");
    host.shell(&format!("chmod -R a+rwX {}", project.folder().join("log").display())).succeeds();
    let log = || std::fs::read_to_string(project.folder().join("log/all")).unwrap();
    project.sampan(["plan"]).succeeds().says("init-web-pre-start-1-1").says("init-web-pre-start-2-2");
    project.up();
    let mut lines: Vec<String> = log().lines().map(str::to_owned).collect();
    // Those of the replicas run side by side.
    lines[1..].sort();
    assert_eq!(lines.join("\n") + "\n", "migrate dev one\n1\n1\n7\n7\n");
    project.sampan(["ps", "-a"]).succeeds().says("init-web-pre-start-1-1").says("init-web-2");
    project.sampan(["up", "-d"]).succeeds().says("up to date");
    project.sampan(["up", "-d", "--force-recreate", "-t", "1", "db"]).succeeds();
    project.sampan(["restart", "-t", "1", "web"]).succeeds();
    assert_eq!(log().lines().count(), 5, "{}", log());
    // Another definition runs again, before the service.
    project.edit("STEP: one", "STEP: two");
    project.edit("MODE: dev", "MODE: prod");
    project.edit("id -u >> /log/all", "exit 9");
    let failed = project.sampan(["up", "-d", "-t", "1"]).exits(1);
    failed.says("container init-web-pre-start-2-1 exited with code 9").says("not tried: init-web-1");
    assert!(log().contains("migrate prod two"), "{}", log());
    project.edit("exit 9", "true");
    project.sampan(["up", "-d", "-t", "1"]).succeeds();
    project.exec("web", "echo $MODE").says("prod");
    project.down();
    project.edit("services:\n", "services:\n  web-pre-start-2: {image: busybox}\n");
    project.sampan(["up", "-d"]).exits(15).says("`web-pre-start-2` is the name that its `pre_start` needs");
}
