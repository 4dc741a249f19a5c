//! Data outlives containers, and is removed only on request.

use e2e::Host;
use std::fs;

const STORE: &str = "
name: data
services:
  store:
    image: busybox
    command: sleep 1000
    init: true
    volumes:
      - goods:/goods
      - ./config:/config:ro
    tmpfs: ['/scratch:size=1m']
volumes:
  goods:
";

#[test]
fn a_named_volume_outlives_down_and_comes_back() {
    let Some(host) = Host::with_busybox() else { return };
    let project = host.project("data", STORE);
    project.write("config/a", "from the host");
    project.up();
    project.exec("store", "echo tea > /goods/list").succeeds();
    project.sampan(["down", "-t", "1"]).succeeds().says("data_goods");
    assert!(host.root().join("volumes/data_goods/data/list").exists());
    project.up();
    project.exec("store", "cat /goods/list").succeeds().says("tea");
    project.down();
    assert!(!host.root().join("volumes/data_goods").exists());
}

#[test]
fn a_bind_mount_shows_the_host_and_obeys_read_only() {
    let Some(host) = Host::with_busybox() else { return };
    let project = host.project("data", STORE);
    project.write("config/a", "from the host");
    project.up();
    project.exec("store", "cat /config/a").succeeds().says("from the host");
    assert_ne!(project.exec("store", "echo x > /config/a").code, 0);
    project.exec("store", "df -k /scratch | tail -1").succeeds().says("1024");
    project.down();
    assert_eq!(fs::read_to_string(project.folder().join("config/a")).unwrap(), "from the host");
}

#[test]
fn a_new_volume_starts_with_what_the_image_has_there() {
    let Some(host) = Host::with_busybox() else { return };
    let yaml = "
name: copy
services:
  a:
    image: busybox
    command: sleep 1000
    init: true
    volumes: ['etc:/etc']
volumes: {etc: }
";
    let project = host.project("copy", yaml);
    project.up();
    project.exec("a", "cat /etc/passwd && echo mine > /etc/passwd").succeeds().says("nobody");
    project.sampan(["up", "-d", "--force-recreate", "-t", "1"]).succeeds();
    project.exec("a", "cat /etc/passwd").succeeds().says("mine").does_not_say("nobody");
    project.down();
}

#[test]
fn anonymous_volumes_are_carried_over_to_the_next_generation() {
    let Some(host) = Host::with_busybox() else { return };
    let yaml = "
name: anon
services:
  a:
    image: busybox
    command: sleep 1000
    init: true
    volumes: [/stuff]
    environment: {MODE: one}
";
    let project = host.project("anon", yaml);
    project.up();
    project.exec("a", "echo kept > /stuff/x").succeeds();
    project.edit("one", "two");
    project.sampan(["up", "-d", "-t", "1"]).succeeds();
    project.exec("a", "echo $MODE; cat /stuff/x").succeeds().says("two").says("kept");
    project.down();
}

#[test]
fn a_volume_in_use_is_not_removed() {
    let Some(host) = Host::with_busybox() else { return };
    let project = host.project("data", STORE);
    project.up();
    project.sampan(["volume", "rm", "data_goods"]).exits(1).says("data-store-1");
    assert!(host.root().join("volumes/data_goods/data").exists());
    project.down();
}
