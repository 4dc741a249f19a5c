//! Files of the host that keep their owner.

use e2e::Host;
use std::os::unix::fs::MetadataExt;

const OWNERS: &str = "
name: own
services:
  a:
    image: busybox
    command: sleep 1000
    init: true
    stop_grace_period: 1s
    volumes: ['./data:/data', './data:/plain:ro', 'kept:/kept']
    x-sampan: {idmap: ['0:1000', '33:2000:10']}
volumes: {kept: }
";

#[test]
fn files_that_are_bound_belong_to_others_in_the_container_and_keep_their_owner_on_the_host() {
    let Some(host) = Host::with_busybox() else { return };
    let project = host.project("own", OWNERS);
    let data = project.folder().join("data");
    project.write("data/file", "");
    project.write("data/root", "");
    for (name, owner) in [("", 1000), ("file", 2005)] {
        std::os::unix::fs::chown(data.join(name), Some(owner), Some(owner)).unwrap();
    }
    project.up();
    let owner =
        |path: &str| project.exec("a", &format!("stat -c %u:%g {path}")).succeeds().stdout.trim().to_owned();
    assert_eq!((owner("/data").as_str(), owner("/data/file").as_str()), ("0:0", "38:38"));
    assert_eq!(owner("/data/root"), "65534:65534", "of nobody whom the file names");
    project.exec("a", "touch /data/made && chown 33:33 /data/made && touch /kept/made").succeeds();
    let on_host = |name: &str| std::fs::metadata(data.join(name)).unwrap();
    assert_eq!((on_host("made").uid(), on_host("made").gid()), (2000, 2000));
    assert_eq!(owner("/kept/made"), "0:0", "volumes are as they were");
    assert_ne!(project.exec("a", "chown 50 /data/made").code, 0, "there is no such user there");
    assert_ne!(project.exec("a", "touch /plain/more").code, 0, "read-only stays so");
    project.sampan(["restart", "a"]).succeeds();
    assert_eq!(owner("/data/file"), "38:38");
    project.sampan(["plan"]).succeeds().says("unchanged");
    project.edit("'0:1000', ", "");
    project.sampan(["plan"]).succeeds().says("x-sampan.idmap").says("33:2000:10");
    project.up();
    assert_eq!((owner("/data").as_str(), owner("/data/file").as_str()), ("65534:65534", "38:38"));
    project.edit("'33:2000:10'", "'33:2000:10', '40:5'");
    project.sampan(["up", "-d"]).exits(15).says("40:5 and 33:2000:10 have users in common");
    project.edit(", '40:5'", "");
    // /proc cannot give its files other owners.
    project.edit("'./data:/plain:ro'", "'/proc:/plain:ro'");
    project.sampan(["up", "-d"]).exits(1).says("give the files of /proc other owners");
    project.down();
}

#[test]
fn without_shared_memory_there_is_none() {
    let Some(host) = Host::with_busybox() else { return };
    let yaml = "
name: shm
services:
  a: {image: busybox, command: sleep 1000, init: true, stop_grace_period: 1s, ipc: none}
  b: {image: busybox, command: sleep 1000, init: true, stop_grace_period: 1s}
";
    let project = host.project("shm", yaml);
    project.up();
    let mounted = |service: &str| project.exec(service, "grep -c ' /dev/shm ' /proc/mounts").stdout;
    assert_eq!((mounted("a").trim(), mounted("b").trim()), ("0", "1"));
    let space = |service: &str| project.exec(service, "readlink /proc/self/ns/ipc").succeeds().stdout;
    assert_ne!(space("a"), space("b"));
    project.edit(", ipc: none", ", ipc: private");
    project.sampan(["plan"]).succeeds().says("ipc");
    project.edit(
        "init: true, stop_grace_period: 1s}",
        "init: true, stop_grace_period: 1s, ipc: 'service:c'}\n  c: {image: busybox, ipc: none}",
    );
    project.sampan(["up", "-d"]).exits(15).says("its `ipc` is none");
    project.down();
}
