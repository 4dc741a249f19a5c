//! Records are damaged.

use super::{STACK, answers, converges, up};
use e2e::Host;
use std::fs;
use std::path::PathBuf;

/// What can become of a file.
const DAMAGES: [&[u8]; 3] = [b"", b"{\"version\":1,\"spec\":{\"na", b"\xff\0 no record \0"];

/// Every record of the stack, below the durable and the volatile folder.
fn records(host: &Host) -> Vec<PathBuf> {
    let [root, runtime] = [host.root(), host.runtime()];
    let durable = [
        "containers/crash.store.1.1/record.json",
        "containers/crash.web.1.1/record.json",
        "containers/crash.web.1.1/supervisor",
        "networks/crash_default.json",
        "networks/crash_front.json",
        "volumes/crash_goods/volume.json",
        "stacks/crash.json",
    ];
    let volatile = [
        "containers/crash.store.1.1/state.json",
        "containers/crash.web.1.1/state.json",
        "endpoints/crash.web.1.1",
        "dns/crash_default/crash.store.1.1",
        "ports/crash.web.1.1",
    ];
    durable.map(|name| root.join(name)).into_iter().chain(volatile.map(|name| runtime.join(name))).collect()
}

fn damage(path: &PathBuf, how: &[u8]) {
    assert!(path.exists(), "{} is a record", path.display());
    fs::write(path, how).expect("damage the record");
}

#[test]
fn up_makes_everything_right_whatever_record_is_damaged() {
    let Some(host) = Host::with_busybox() else { return };
    let project = up(&host);
    for (number, path) in records(&host).iter().enumerate() {
        damage(path, DAMAGES[number % DAMAGES.len()]);
        let list = project.sampan(["ps", "-a"]).succeeds().says("crash-web-1");
        assert_eq!(list.stderr, "", "{}", path.display());
        converges(&host, &project);
        // Generations have gone up where a container was made anew.
        project.sampan(["down", "-t", "0"]).succeeds();
        project.sampan(["up", "-d", "--wait"]).succeeds();
    }
    project.down();
}

#[test]
fn down_leaves_nothing_whatever_record_is_damaged() {
    let Some(host) = Host::with_busybox() else { return };
    let project = host.project("crash", STACK);
    for number in 0.. {
        project.up();
        let records = records(&host);
        let Some(path) = records.get(number) else { break };
        damage(path, DAMAGES[number % DAMAGES.len()]);
        if path.ends_with("volume.json") {
            // Whose it is is no longer known: it stays until somebody says so.
            project.sampan(["down", "-v", "-t", "0"]).succeeds();
            project.sampan(["volume", "ls"]).succeeds().says("crash_goods");
            project.sampan(["volume", "rm", "crash_goods"]).succeeds();
        }
        project.down();
    }
    project.down();
}

#[test]
fn damage_to_one_stack_is_none_to_another() {
    let Some(host) = Host::with_busybox() else { return };
    let project = up(&host);
    let other = host.project("other", &STACK.replace("name: crash", "name: other").replace("8080", "8081"));
    for path in records(&host) {
        damage(&path, DAMAGES[1]);
    }
    other.sampan(["up", "-d", "--wait"]).succeeds();
    host.shell("curl -sS --max-time 3 http://127.0.0.1:8081/hostname").succeeds().says("other-web-1");
    other.sampan(["down", "-v", "-t", "0"]).succeeds();
    converges(&host, &project);
    project.down();
}

#[test]
fn a_damaged_index_of_images_is_made_again_with_the_names_that_containers_know() {
    let Some(host) = Host::with_busybox() else { return };
    let project = up(&host);
    let index = host.root().join("images/index.json");
    for how in DAMAGES {
        damage(&index, how);
        project.sampan(["plan", "--exit-code"]).exits(0);
        project.sampan(["up", "-d", "--force-recreate", "-t", "0"]).succeeds();
        project.sampan(["image", "ls"]).succeeds().says("busybox:latest").says("MB");
    }
    assert!(answers(&host));
    project.sampan(["image", "tag", "busybox", "other"]).succeeds();
    project.down();
    project.sampan(["image", "rm", "other"]).succeeds();
    project.up();
    project.down();
}

#[test]
fn names_that_no_container_knows_are_lost_with_the_index_and_can_be_given_again() {
    let Some(host) = Host::with_busybox() else { return };
    let project = host.project("crash", STACK);
    damage(&host.root().join("images/index.json"), DAMAGES[1]);
    let told = project.sampan(["up", "-d"]).exits(1).says("index.json is damaged").says("image tag");
    assert_eq!(told.stderr.matches("error:").count(), 1, "{told}");
    let id = host.sampan(["image", "ls", "-q"]).succeeds().stdout;
    host.sampan(["image", "tag", id.trim(), "busybox"]).succeeds();
    project.up();
    project.down();
}
