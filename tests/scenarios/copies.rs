//! Files go into containers and come out of them, whether they run or not.

use e2e::{Host, Project};
use std::os::unix::fs::{MetadataExt, PermissionsExt};

const STACK: &str = "
name: cp
services:
  a:
    image: busybox
    command: sleep 1000
    init: true
    volumes: ['data:/data', './bound:/bound', './fixed:/fixed:ro']
    tmpfs: /cache
  many: {image: busybox, command: sleep 1000, init: true, deploy: {replicas: 2}}
  fixed: {image: busybox, command: sleep 1000, init: true, read_only: true, volumes: ['data:/data']}
volumes: {data: }
";

/// The stack, up, with a file and a folder beside it.
fn up(host: &Host) -> Project<'_> {
    let project = host.project("cp", STACK);
    project.write("file", "text\n");
    project.write("tree/below/deep", "deep\n");
    let make = "ln tree/below/deep tree/again && ln -s below/deep tree/link && chown 7:8 file tree/below/deep \
                && chmod 4711 file && chmod 700 tree/below && touch -d @1000 tree/below file && mkdir fixed bound";
    host.script(project.folder(), make).succeeds();
    project.up();
    project
}

/// Runs a script where each `cp` is one of sampan's.
fn cp(host: &Host, project: &Project, script: &str) -> e2e::Output {
    host.script(project.folder(), &format!("set -e; cp() {{ $sampan cp \"$@\"; }}; {script}"))
}

/// What the first container of a service says about files, for which it is started.
fn inside(project: &Project, service: &str, look: &str) -> String {
    project.sampan(["start"]).succeeds();
    project.exec(service, &format!("set -e; {look}")).succeeds().stdout
}

#[test]
fn files_go_into_containers_as_they_are_named() {
    let Some(host) = Host::with_busybox() else { return };
    let project = up(&host);
    for place in ["running", "stopped"] {
        if place == "stopped" {
            project.sampan(["stop", "-t", "0"]).succeeds();
        }
        let script = "cp file a:/etc/PLACE; cp file a:/data; cp -a file a:/data/kept; cp file a:/bound/PLACE
            cp tree a:/tmp/PLACE; cp tree a:/tmp/PLACE; cp tree/. a:/new-PLACE
            tar -cC tree . | cp - a:/tmp/
            $sampan container cp file cp-a-1:etc/again-PLACE";
        cp(&host, &project, &script.replace("PLACE", place)).succeeds();
        assert_eq!(std::fs::read_to_string(project.folder().join("bound").join(place)).unwrap(), "text\n");
        let look = "stat -c '%a %u:%g %Y' /etc/PLACE /data/file /data/kept; cat /etc/again-PLACE
            cd /tmp/PLACE; stat -c '%a %h' below/deep; readlink link; stat -c '%a %Y' below
            cat tree/again /new-PLACE/again /tmp/again; stat -c %u:%g /new-PLACE/again /tmp/again";
        let expected = "4711 0:0 1000\n4711 0:0 1000\n4711 7:8 1000\ntext\n644 2\nbelow/deep\n700 1000\n\
                        deep\ndeep\ndeep\n0:0\n7:8\n";
        assert_eq!(inside(&project, "a", &look.replace("PLACE", place)), expected, "{place}");
    }
    host.sampan(["system", "check"]).succeeds();
    project.down();
}

#[test]
fn files_come_out_of_containers_and_are_ours() {
    let Some(host) = Host::with_busybox() else { return };
    let project = up(&host);
    let make = "mkdir -p /srv/d/e; echo text > /srv/d/e/f; ln -s /srv/d/e/f /srv/link; chown 7:8 /srv/d/e/f
        chmod 4711 /srv/d/e/f; echo kept > /data/kept; echo gone > /cache/gone";
    project.exec("a", make).succeeds();
    for place in ["running", "stopped"] {
        if place == "stopped" {
            project.sampan(["stop", "-t", "0"]).succeeds();
        }
        let script = "mkdir out; cp a:/srv/d/e/f out/f; cp -a a:/srv/d/e/f out/same; cp a:srv/link out
            cp -L a:srv/link out/followed; cp a:/srv/d out/d; cp a:/srv/d/. out; cp a:/data/kept out/; cp a:/data out
            cp a:/srv/d - | tar -t; cd out; stat -c '%a %u:%g' f same; readlink link
            cat followed d/e/f e/f kept data/kept; cd ..; rm -r out";
        let said = cp(&host, &project, script).succeeds().stdout;
        let expected = "d/\nd/e/\nd/e/f\n711 0:0\n4711 7:8\n/srv/d/e/f\ntext\ntext\ntext\nkept\nkept\n";
        assert_eq!(said, expected, "{place}");
    }
    project.down();
}

#[test]
fn links_of_a_container_lead_nowhere_outside() {
    let Some(host) = Host::with_busybox() else { return };
    let project = up(&host);
    host.shell("mkdir -p /run/outside && echo secret > /run/outside/file").succeeds();
    let up = "../".repeat(20);
    let make = format!(
        "ln -s /run/outside /abs; ln -s {up}run/outside /rel; ln -s /proc/self/root /magic; ln -s /etc /out; mkdir /l; ln -s /etc /l/sub"
    );
    project.exec("a", &make).succeeds();
    for place in ["running", "stopped"] {
        if place == "stopped" {
            project.sampan(["stop", "-t", "0"]).succeeds();
        }
        for from in ["/abs/file", "/rel/file", "/magic/run/outside/file", "/../../run/outside/file"] {
            let from = format!("a:{from}");
            project.sampan(["cp", "-L", &from, "stolen"]).exits(1).does_not_say("secret");
            project.sampan(["cp", "file", &from]).exits(1);
        }
        // Through a link it goes where the container sees that, also out of an archive.
        let script =
            "cp file a:/out/through; mkdir -p t/sub; echo x > t/sub/archived; tar -cC t . | cp - a:/l";
        cp(&host, &project, script).exits(1).says("take the place");
        cp(&host, &project, "tar -cC t sub/archived | cp - a:/l").succeeds();
        let out = "tar -cPC t --transform s,sub,../sub, sub/archived | cp - a:/l";
        cp(&host, &project, out).exits(1).says("leads out");
        let nodes = "mkfifo -m 620 t/sub/fifo && cp t/sub/fifo a:/l && rm -r t && cp a:/l/fifo . && stat -c '%F %a' fifo && rm fifo";
        cp(&host, &project, nodes).succeeds().says("fifo 620");
        assert_eq!(
            inside(&project, "a", "cat /etc/through /etc/archived; rm /etc/through /etc/archived"),
            "text\nx\n"
        );
    }
    host.shell("ls /run/outside && ! test -e /etc/through && ! test -e /etc/archived")
        .succeeds()
        .says("file");
    assert!(!project.folder().join("stolen").exists());
    project.down();
}

#[test]
fn what_cannot_be_copied_is_told_and_nothing_is_changed() {
    let Some(host) = Host::with_busybox() else { return };
    let project = up(&host);
    for (from, to, said) in [
        ("absent", "a:/etc", "no such file"),
        ("a:/absent", ".", "cp-a-1:/absent"),
        ("file", "a:/absent/deeper/file", "no such file"),
        ("file", "a:/absent/", "no such file"),
        ("file", "a:/etc/passwd/", "not a directory"),
        ("tree", "a:/etc/passwd", "take the place of a file"),
        ("file", "a:/fixed/file", "read-only"),
        ("file", "fixed:/etc/file", "read-only"),
        ("file", "nobody:/etc", "no service `nobody`"),
        ("-", "a:/etc/passwd", "is not a folder"),
    ] {
        project.sampan(["cp", from, to]).exits(1).says(said);
    }
    for (from, to) in [("a:/etc", "b:/etc"), ("file", "other"), ("-", "many:/etc")] {
        project.sampan(["cp", from, to]).exits(2);
    }
    project.sampan(["cp", "--index", "3", "file", "many:/etc"]).exits(1).says("no container 3");
    project.sampan(["cp", "file", "fixed:/data/file"]).succeeds();
    project.sampan(["stop", "-t", "0"]).succeeds();
    project.sampan(["cp", "file", "fixed:/etc/file"]).exits(1).says("read-only");
    let folder = project.folder().join("file");
    assert_eq!(
        (folder.metadata().unwrap().uid(), folder.metadata().unwrap().permissions().mode()),
        (7, 0o104_711)
    );
    project.down();
}

#[test]
fn what_goes_to_a_service_goes_into_each_of_its_containers() {
    let Some(host) = Host::with_busybox() else { return };
    let project = up(&host);
    cp(&host, &project, "cp file many:/both; cp --index 2 file many:/second").succeeds();
    let has = |index: &str, file: &str| {
        project.sampan(["exec", "-T", "--index", index, "many", "test", "-e", file]).code == 0
    };
    let seen = [has("1", "/both"), has("2", "/both"), has("1", "/second"), has("2", "/second")];
    assert_eq!(seen, [true, true, false, true]);
    cp(&host, &project, "cp --index 2 many:/second here; cat here").succeeds().says("text");
    project.sampan(["cp", "many:/second", "there"]).exits(1).says("cp-many-1:/second");
    project.down();
}
