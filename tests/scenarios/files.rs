//! What containers changed in their files, and what can be taken out of them.

use e2e::Host;

const ONE: &str = "
name: one
services:
  a:
    image: busybox
    command: sleep 1000
    init: true
    volumes: [data:/data]
    tmpfs: /cache
volumes: {data: }
";

const CHANGES: &str =
    "mkdir -p /srv/new; echo text > /srv/new/file; ln /srv/new/file /srv/new/again; ln -s file /srv/new/link
    chown 7:8 /srv/new/file; chmod 4711 /srv/new/file; rm /bin/wget; echo x >> /etc/passwd
    echo kept > /data/kept; echo gone > /cache/gone; echo early > /tmp/early; rm /tmp/early";

#[test]
fn what_a_container_changed_is_told_by_file_whether_it_runs_or_not() {
    let Some(host) = Host::with_busybox() else { return };
    let project = host.project("one", ONE);
    project.up();
    // Places for what is mounted into it.
    let places = "A /cache\nA /data\n";
    assert_eq!(project.sampan(["container", "diff", "one-a-1"]).succeeds().stdout, places);
    project.exec("a", CHANGES).succeeds();
    let expected = "C /bin\nD /bin/wget\nA /cache\nA /data\nC /etc\nC /etc/passwd\nA /srv\nA /srv/new\nA /srv/new/again\n\
                    A /srv/new/file\nA /srv/new/link\n";
    assert_eq!(project.sampan(["container", "diff", "one-a-1"]).succeeds().stdout, expected);
    project.sampan(["stop", "-t", "1"]).succeeds();
    assert_eq!(project.sampan(["container", "diff", "one-a-1"]).succeeds().stdout, expected);
    let list = project.sampan(["container", "diff", "--json", "one-a-1"]).succeeds().json();
    assert_eq!(list[1], serde_json::json!({"kind": "D", "path": "/bin/wget"}));
    project.sampan(["container", "diff", "one-b-1"]).exits(1).says("no container `one-b-1`");
    project.down();
}

#[test]
fn an_export_has_the_files_but_not_what_is_mounted() {
    let Some(host) = Host::with_busybox() else { return };
    let project = host.project("one", ONE);
    project.up();
    project.exec("a", CHANGES).succeeds();
    project.sampan(["container", "export", "-o", "running.tar", "one-a-1"]).succeeds();
    project.sampan(["stop", "-t", "1"]).succeeds();
    project.sampan(["container", "export", "-o", "stopped.tar", "one-a-1"]).succeeds();
    let folder = project.folder().display();
    for tar in ["running.tar", "stopped.tar"] {
        let list = host.shell(&format!("cd {folder} && tar --numeric-owner -tvf {tar}")).succeeds().stdout;
        let line = |path: &str| list.lines().find(|line| line.contains(path)).unwrap_or_default().to_owned();
        assert!(line("srv/new/again").starts_with("-rws--x--x 7/8"), "{list}");
        assert!(line("srv/new/file").ends_with("link to srv/new/again"), "{list}");
        assert!(line("srv/new/link").ends_with("link -> file"), "{list}");
        assert!(!list.contains("bin/wget") && !list.contains("data/kept") && !list.contains("cache/gone"));
        let last = host.shell(&format!("cd {folder} && tar -xOf {tar} etc/passwd | tail -1")).succeeds();
        assert_eq!(last.stdout, "x\n");
    }
    // As an image it is what it was.
    project.sampan(["image", "import", "stopped.tar", "copy"]).succeeds();
    project.write("compose.yaml", "{name: two, services: {b: {image: copy, command: [cat, /srv/new/link]}}}");
    project.sampan(["up"]).succeeds().says("text");
    project.sampan(["-p", "two", "down"]).succeeds();
    project.sampan(["-p", "one", "down", "-v"]).succeeds();
    host.is_clean();
}

#[test]
fn a_committed_image_has_what_the_container_wrote_and_how_it_was_started() {
    let Some(host) = Host::with_busybox() else { return };
    let project = host.project("one", ONE);
    project.up();
    project.exec("a", CHANGES).succeeds();
    let line = "LABEL by=commit";
    let id = project.sampan(["commit", "-a", "me", "-m", "why", "-c", line, "a", "made:1"]).succeeds().stdout;
    let image = host.sampan(["image", "inspect", "made:1"]).succeeds().json();
    let image = image.get(0).unwrap_or(&image).clone();
    assert_eq!((image["Id"].as_str(), image["Author"].as_str()), (Some(id.trim()), Some("me")));
    assert_eq!(image["Config"]["Labels"], serde_json::json!({"by": "commit"}));
    assert_eq!(image["Config"]["Cmd"], serde_json::json!(["sleep", "1000"]));
    assert_eq!(image["RootFS"]["Layers"].as_array().unwrap().len(), 2);
    project.sampan(["stop", "-t", "1"]).succeeds();
    project.sampan(["container", "commit", "one-a-1", "again:1"]).succeeds();
    host.sampan(["system", "check"]).succeeds();
    project.down();
    for image in ["made:1", "again:1"] {
        let yaml = format!("name: two\nservices:\n  a: {{image: '{image}', init: true}}\n");
        let project = host.project("two", &yaml);
        project.up();
        let look = "set -e; cat /srv/new/again; test ! -e /bin/wget; test ! -e /data/kept; stat -c %a:%u:%g:%h /srv/new/file";
        let said = project.exec("a", look).succeeds().stdout;
        assert_eq!(said, "text\n4711:7:8:2\n", "{image}");
        project.down();
    }
}

#[test]
fn a_container_goes_on_when_committing_it_is_interrupted() {
    let Some(host) = Host::with_busybox() else { return };
    let project = host.project("one", ONE);
    project.up();
    project.exec("a", "dd if=/dev/urandom of=/big bs=1M count=100").succeeds();
    let script = "$sampan commit a big:1 &
        until $sampan ps -a --json | grep -q '\"paused\"'; do kill -0 $! || exit 1; done
        kill -TERM $!; wait $!";
    host.script(project.folder(), script).exits(130);
    assert_eq!(project.state("one-a-1").as_deref(), Some("running"));
    host.script(project.folder(), "timeout 10 $sampan exec -T a true").succeeds();
    host.sampan(["image", "ls"]).succeeds().does_not_say("big");
    host.sampan(["system", "check"]).succeeds();
    project.down();
}
