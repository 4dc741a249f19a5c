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

#[test]
fn volumes_are_made_looked_at_and_removed_without_a_stack() {
    let Some(host) = Host::with_busybox() else { return };
    let create = ["volume", "create", "--label", "team=a", "goods"];
    assert_eq!(host.sampan(create).succeeds().stdout, "goods\n");
    assert_eq!(host.sampan(create).succeeds().stdout, "goods\n");
    host.sampan(["volume", "create", "-o", "type=tmpfs", "goods"]).exits(1).says("exists with other options");
    host.sampan(["volume", "create", "-o", "size=1g", "x"])
        .exits(1)
        .says("a folder of the host has no `size`");
    host.sampan(["volume", "create", "../x"]).exits(1).says("is not a volume name");
    let made_up = host.sampan(["volume", "create"]).succeeds().stdout;
    assert_eq!(made_up.trim().len(), 32);
    let seen = host.sampan(["volume", "inspect", "goods"]).succeeds().json();
    assert_eq!(seen[0]["Labels"]["team"], "a");
    assert_eq!((&seen[0]["Stack"], &seen[0]["Driver"]), (&serde_json::Value::Null, &"local".into()));
    host.sampan(["volume", "inspect", "none"]).exits(1).says("no volume `none`");
    let stack = STORE.replace("goods:\n", "goods: {name: goods, external: true}\n");
    let project = host.project("data", &stack);
    project.write("config/a", "");
    project.up();
    project.exec("store", "echo tea > /goods/list").succeeds();
    assert_eq!(host.sampan(["volume", "ls", "-q", "-f", "dangling=true"]).succeeds().stdout, made_up);
    assert_eq!(host.sampan(["volume", "ls", "-q", "-f", "label=team"]).succeeds().stdout, "goods\n");
    host.sampan(["volume", "rm", "goods"]).exits(1).says("is used by container data-store-1");
    host.sampan(["volume", "prune", "-a"]).exits(3).says(&made_up).does_not_say("goods");
    host.sampan(["volume", "prune", "-f"]).succeeds().says(&made_up).says("freed");
    project.sampan(["down", "-v", "-t", "1"]).succeeds();
    assert!(host.root().join("volumes/goods/data/list").exists());
    host.sampan(["volume", "prune", "-f", "--filter", "label!=team"]).succeeds().says("nothing to remove");
    host.sampan(["volume", "prune", "-a", "-f"]).succeeds().says("removed volume goods");
    host.sampan(["volume", "rm", "goods"]).exits(1).says("no volume `goods`");
    host.sampan(["volume", "rm", "-f", "goods"]).succeeds();
    host.is_clean();
}

#[test]
fn a_volume_that_is_something_mounted_is_so_while_a_container_runs() {
    let Some(host) = Host::with_busybox() else { return };
    let yaml = "
name: opts
services:
  a: &a
    image: busybox
    command: sleep 1000
    init: true
    volumes: ['memory:/memory', 'folder:/folder', 'image:/etc']
  b: *a
volumes:
  memory: {driver_opts: {type: tmpfs, o: 'size=1m,uid=7,mode=0750'}}
  folder: {driver: local, driver_opts: {type: none, o: 'bind,ro', device: '${PWD}/here'}}
  image: {driver: local, driver_opts: {type: none, o: bind, device: ./etc}}
";
    let project = host.project("opts", yaml);
    let mounts = || host.shell("grep -c /volumes/opts_ /proc/self/mounts").stdout;
    project.sampan(["up", "-d"]).exits(1).says("does not exist").says("make the folder");
    project.sampan(["down", "-v"]).succeeds();
    assert_eq!(mounts(), "0\n");
    project.write("here/file", "of the host");
    host.shell(&format!("mkdir {}/etc", project.folder().display())).succeeds();
    project.up();
    assert_eq!(mounts(), "3\n");
    project
        .exec("a", "stat -c %a:%u /memory; df -k /memory | tail -1; echo tea > /memory/x")
        .says("750:7")
        .says("1024");
    project.exec("b", "cat /memory/x /folder/file").succeeds().says("tea\nof the host");
    project.exec("b", "touch /folder/new").says("Read-only");
    project.exec("b", "grep -c root /etc/passwd").succeeds();
    host.shell(&format!("kill -9 {}", project.pid("opts-a-1"))).succeeds();
    host.script(project.folder(), "until $sampan ps -a --json | grep -q exited; do :; done").succeeds();
    project.exec("b", "cat /memory/x").succeeds();
    project.sampan(["up", "-d"]).succeeds();
    project.exec("a", "cat /memory/x").succeeds();
    project.edit("size=1m", "size=2m");
    project.sampan(["plan"]).succeeds().says("is kept although driver_opts.o changed");
    project.sampan(["stop", "-t", "1"]).succeeds();
    assert_eq!(mounts(), "0\n");
    project.sampan(["start"]).succeeds();
    project.exec("a", "test ! -e /memory/x && cat /folder/file").succeeds();
    project.down();
    assert!(project.folder().join("etc/passwd").exists());
    assert_eq!(fs::read_to_string(project.folder().join("here/file")).unwrap(), "of the host");
    project.edit("type: none", "type: ext4");
    project.sampan(["up", "-d"]).exits(15).says("`o` says bind, `type` says ext4");
}

#[test]
fn a_volume_in_memory_has_what_the_image_has_there_each_time_it_is_mounted() {
    let Some(host) = Host::with_busybox() else { return };
    let yaml = "
name: mem
services:
  a:
    image: busybox
    command: sleep 1000
    init: true
    stop_grace_period: 1s
    volumes: ['memory:/etc']
volumes: {memory: {driver_opts: {type: tmpfs}}}
";
    let project = host.project("mem", yaml);
    project.up();
    project.exec("a", "grep -q root /etc/passwd && echo tea > /etc/mine").succeeds();
    project.sampan(["stop"]).succeeds();
    project.sampan(["start"]).succeeds();
    project.exec("a", "test ! -e /etc/mine && grep -q root /etc/passwd").succeeds();
    project.edit(
        "volumes: ['memory:/etc']",
        "volumes: [{type: volume, source: memory, target: /etc, volume: {nocopy: true}}]",
    );
    project.up();
    project.sampan(["stop"]).succeeds();
    project.sampan(["start"]).succeeds();
    project.exec("a", "test ! -e /etc/passwd").succeeds();
    project.down();
}

#[test]
fn a_service_gets_the_mounts_of_a_container_outside_of_its_stack() {
    let Some(host) = Host::with_busybox() else { return };
    let lender = "
name: lend
services:
  a:
    image: busybox
    command: sleep 1000
    init: true
    stop_grace_period: 1s
    volumes: ['data:/data', /bare, './here:/here', {type: tmpfs, target: /memory}]
volumes: {data: }
";
    let borrower = "
name: borrow
services:
  b:
    image: busybox
    command: sleep 1000
    init: true
    stop_grace_period: 1s
    volumes_from: ['container:lend-a-1:ro']
";
    let borrow = host.project("borrow", borrower);
    borrow.sampan(["up", "-d"]).exits(1).says("container `lend-a-1` does not exist");
    let lend = host.project("lend", lender);
    lend.write("here/file", "of the host");
    lend.up();
    lend.exec("a", "echo tea > /data/x; echo milk > /bare/y").succeeds();
    borrow.up();
    borrow.exec("b", "cat /data/x /bare/y /here/file").succeeds().says("tea\nmilk\nof the host");
    borrow.exec("b", "touch /data/new").says("Read-only");
    borrow.exec("b", "! grep -q ' /memory ' /proc/mounts").succeeds();
    borrow.sampan(["plan"]).succeeds().says("unchanged");
    borrow.edit("lend-a-1:ro", "lend-a-1");
    borrow.sampan(["plan"]).succeeds().says("volumes./data");
    borrow.up();
    borrow.exec("b", "touch /data/new /bare/new").succeeds();
    borrow.sampan(["rm", "-s", "-f", "-v"]).succeeds();
    borrow.sampan(["down", "-v"]).succeeds();
    lend.exec("a", "cat /data/x /bare/y").succeeds().says("tea\nmilk");
    lend.down();
}

#[test]
fn a_snapshot_gives_a_volume_back_what_it_held() {
    let Some(host) = Host::with_busybox() else { return };
    let project = host.project("data", STORE);
    project.write("config/a", "");
    project.up();
    let fill = "cd /goods; echo tea > list; ln -s list link; ln list hard; chown 7:8 list; chmod 4711 list; mkdir -m 700 deep";
    project.exec("store", fill).succeeds();
    let busy = project.sampan(["volume", "snapshot", "data_goods"]).exits(1);
    busy.says("volume data_goods is used by container data-store-1, which runs").says("--live");
    assert_eq!(
        project.sampan(["volume", "clone", "--live", "data_goods", "copy"]).succeeds().stdout,
        "copy\n"
    );
    project.sampan(["stop", "-t", "1"]).succeeds();
    let name = project.sampan(["volume", "snapshot", "data_goods"]).succeeds().stdout;
    assert!(name.starts_with("data_goods.20"), "{name}");
    let of = ["volume", "ls", "-q", "--filter", "label=sampan.snapshot.of=data_goods"];
    assert_eq!(project.sampan(of).succeeds().stdout, name);
    project.sampan(["start"]).succeeds();
    project.exec("store", "rm -r /goods/deep; echo worse > /goods/list; touch /goods/new").succeeds();
    project.sampan(["volume", "restore", "-f", name.trim()]).exits(1).says("which runs");
    project.sampan(["stop", "-t", "1"]).succeeds();
    project
        .sampan(["volume", "restore", name.trim()])
        .exits(3)
        .says("this replaces all that volume data_goods holds");
    project.sampan(["volume", "restore", "-f", name.trim()]).succeeds();
    project.sampan(["start"]).succeeds();
    let look = "cd /goods; cat list link; stat -c %a:%u:%g:%h list hard deep; ls";
    let seen = "tea\ntea\n4711:7:8:2\n4711:7:8:2\n700:0:0:2\ndeep\nhard\nlink\nlist\n";
    assert_eq!(project.exec("store", look).succeeds().stdout, seen);
    project.sampan(["volume", "restore", "-f", "copy"]).exits(2).says("does not say which volume it is of");
    project.sampan(["volume", "clone", "copy", name.trim()]).exits(1).says("exists already");
    project.sampan(["volume", "clone", "copy", "../x"]).exits(1).says("is not a volume name");
    project.sampan(["volume", "snapshot", "none"]).exits(1).says("no volume `none`");
    host.sampan(["volume", "create", "-o", "type=tmpfs", "memory"]).succeeds();
    host.sampan(["volume", "snapshot", "memory"]).exits(1).says("is something mounted");
    host.sampan(["system", "check"]).succeeds();
    assert!(!host.root().join("volumes/data_goods/restored").exists());
    project.sampan(["down", "-v", "-t", "1"]).succeeds();
    host.sampan(["volume", "rm", "copy", "memory", name.trim()]).succeeds();
    host.is_clean();
}
