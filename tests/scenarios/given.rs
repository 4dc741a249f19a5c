//! Configs and secrets: files in memory whose content is part of the stack.

use e2e::Host;
use std::fs;

const YAML: &str = "
name: given
services:
  app:
    image: busybox
    command: sleep 1000
    init: true
    read_only: true
    scale: 2
    restart: always
    user: '33:34'
    configs:
      - inline
      - {source: file, target: /etc/app/app.conf, uid: '33', mode: 0440}
    secrets:
      - plain
      - {source: variable, target: db, uid: '33', gid: '34', mode: 0400}
configs:
  inline: {content: 'hello ${WHO}'}
  file: {file: app.conf}
secrets:
  plain: {file: ./plain}
  variable: {environment: DB_PASSWORD}
";

const LOOK: &str = "cat /inline /etc/app/app.conf /run/secrets/plain /run/secrets/db; stat -c %a:%u:%g /etc/app/app.conf /run/secrets/*";
const SEEN: &str = "hello world\nport=1\nopen sesame\nhunter2\n440:33:0\n400:33:34\n444:0:0\n";

#[test]
fn configs_and_secrets_are_files_in_memory_for_every_replica_and_every_start() {
    let Some(host) = Host::with_busybox() else { return };
    let project = host.project("given", YAML);
    project.write("app.conf", "port=1\n");
    project.write("plain", "open sesame\n");
    project.write(".env", "WHO=world\n\nDB_PASSWORD=hunter2\n");
    project.edit("'hello ${WHO}'", "\"hello ${WHO}\\n\"");
    project.up();
    let look = |index: &str| {
        project.sampan(["exec", "-T", "--index", index, "app", "sh", "-c", LOOK]).succeeds().stdout
    };
    let seen = SEEN.replace("hunter2\n", "hunter2");
    assert_eq!([look("1"), look("2")], [seen.clone(), seen.clone()]);
    project.exec("app", "grep -c 'tmpfs.* ro' /proc/mounts; echo x > /run/secrets/db").says("Read-only");
    // Neither a layer nor anything that can be looked at has them.
    let found = host.shell(&format!("grep -rl -e hunter2 -e sesame {} /run", host.root().display())).stdout;
    assert!(found.lines().all(|path| path.contains("/files/")) && found.lines().count() == 4, "{found}");
    for path in found.lines() {
        host.shell(&format!("stat -c %a {path} $(dirname {path})")).says("600\n700");
    }
    project.sampan(["plan", "--json"]).succeeds().does_not_say("hunter2");
    // A restart by policy, by the supervisor's successor, and after what only memory held is gone.
    host.shell(&format!("kill -9 {}", project.pid("given-app-1"))).succeeds();
    host.script(project.folder(), "until $sampan exec -T --index 1 app true 2>/dev/null; do :; done")
        .succeeds();
    assert_eq!(look("1"), seen);
    project.sampan(["stop", "-t", "1"]).succeeds();
    host.shell(&format!("rm -r {}/*", host.runtime().display())).succeeds();
    fs::remove_file(project.folder().join("plain")).unwrap();
    project.sampan(["-p", "given", "start"]).succeeds();
    assert_eq!(look("2"), seen);
    project.down();
}

#[test]
fn a_change_of_content_is_seen_but_not_shown_and_makes_the_container_anew() {
    let Some(host) = Host::with_busybox() else { return };
    let project = host.project("given", YAML);
    project.write("app.conf", "port=1\n");
    project.write("plain", "open sesame\n");
    project.write(".env", "WHO=world\nDB_PASSWORD=hunter2\n");
    project.up();
    project.sampan(["up", "-d"]).succeeds().says("is up to date");
    project.write(".env", "WHO=world\nDB_PASSWORD=hunter3\n");
    project.write("app.conf", "port=2\n");
    let plan = project.sampan(["plan"]).succeeds();
    let plan =
        plan.says("configs./etc/app/app.conf.content: (hidden)").says("secrets./run/secrets/db.content");
    plan.does_not_say("hunter").does_not_say("sha256");
    project.up();
    project.exec("app", "cat /run/secrets/db /etc/app/app.conf").succeeds().says("hunter3port=2");
    project.edit("mode: 0440", "mode: 0444");
    project.sampan(["plan"]).succeeds().says("configs./etc/app/app.conf: file 33:0 0440 → file 33:0 0444");
    fs::remove_file(project.folder().join("app.conf")).unwrap();
    project.sampan(["up", "-d"]).exits(15).says("app.conf does not exist").says("compose.yaml");
    project.sampan(["ps"]).succeeds();
    project.down();
}

#[test]
fn who_asks_for_it_is_started_again_when_what_it_is_given_changes() {
    let Some(host) = Host::with_busybox() else { return };
    let project = host.project(
        "given",
        "
name: given
services:
  a:
    image: busybox
    command: sleep 1000
    init: true
    environment: {MODE: dev}
    configs: [conf]
    x-sampan: {on_change: restart}
configs: {conf: {content: one}}
",
    );
    project.up();
    project.exec("a", "echo kept > /kept").succeeds();
    let pid = project.pid("given-a-1");
    project.edit("content: one", "content: two");
    project.edit("MODE: dev", "MODE: prod");
    project.sampan(["plan"]).succeeds().says("restart container given-a-1").says("MODE: dev → prod");
    project.up();
    assert_ne!(project.pid("given-a-1"), pid);
    project.exec("a", "cat /kept /conf; echo $MODE").succeeds().says("kept").says("two").says("prod");
    project.sampan(["plan", "--exit-code"]).exits(0);
    project.down();
}
