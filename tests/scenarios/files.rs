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
