//! What services mount, in every form, as the kernel has it.

use e2e::{Host, Project};

/// The options of a mount of a container's first process, its own and those of its file system,
/// behind what is mounted.
fn mounted(host: &Host, project: &Project<'_>, container: &str, target: &str) -> String {
    let table = host.shell(&format!("cat /proc/{}/mountinfo", project.pid(container))).succeeds().stdout;
    let line = table.lines().rev().find(|line| line.split(' ').nth(4) == Some(target));
    line.unwrap_or_else(|| panic!("nothing at {target}:\n{table}")).to_owned()
}

const PARTS: &str = "
name: parts
services:
  fill:
    image: busybox
    command: ['sh', '-c', 'mkdir -p /all/web/deep && echo page > /all/web/page && ln -s ../../etc /all/out && ln -s web /all/in; exec sleep 1000']
    init: true
    volumes: [data:/all]
    healthcheck: {test: test -h /all/in, interval: 100ms}
  web:
    image: busybox
    command: sleep 1000
    init: true
    depends_on: {fill: {condition: service_healthy}}
    volumes:
      - {type: volume, source: data, target: /web, volume: {subpath: in/deep/..}}
      - {type: volume, source: data, target: /page, read_only: true, volume: {subpath: web/page}}
volumes: {data: }
";

#[test]
fn a_part_of_a_volume_is_mounted_and_links_in_it_do_not_lead_out() {
    let Some(host) = Host::with_busybox() else { return };
    let project = host.project("parts", PARTS.replace("in/deep/..", "in").as_str());
    project.up();
    project.exec("web", "cat /page; echo more > /web/more; echo x > /page").says("page").says("Read-only");
    project.exec("fill", "cat /all/web/more").succeeds().says("more");
    project.sampan(["cp", "web:/web/more", "-"]).succeeds().says("more");
    project.sampan(["stop", "-t", "1", "web"]).succeeds();
    project.sampan(["cp", "web:/page", "page"]).succeeds();
    project.edit("subpath: in", "subpath: out");
    let plan = project.sampan(["plan"]).succeeds();
    plan.says("volumes./web: parts_data:subpath=in → parts_data:subpath=out");
    // `etc` of the volume, not of the host.
    let failed = project.sampan(["up", "-d"]).exits(1).says("volume parts_data has no `out`");
    failed.says("make it first");
    project.down();
}

#[test]
fn a_path_that_climbs_out_is_refused() {
    let Some(host) = Host::with_busybox() else { return };
    let project = host.project("parts", PARTS);
    project.sampan(["up", "-d"]).exits(15).says("`in/deep/..` is not a path below the top");
    project.sampan(["down"]).succeeds();
}

#[test]
fn memory_has_the_options_that_are_asked_for() {
    let Some(host) = Host::with_busybox() else { return };
    let yaml = "
name: memory
services:
  a:
    image: busybox
    command: sleep 1000
    init: true
    tmpfs: ['/one:size=4m,mode=0750,uid=7,gid=8,nr_inodes=100,exec,suid,noatime', '/two:ro', /three]
    volumes: [{type: tmpfs, target: /four, tmpfs: {size: 2m, mode: 0700}}]
";
    let project = host.project("memory", yaml);
    project.up();
    let seen = |target: &str| mounted(&host, &project, "memory-a-1", target);
    assert!(seen("/one").contains(" rw,nodev,noatime - tmpfs"), "{}", seen("/one"));
    assert!(seen("/one").ends_with("size=4096k,nr_inodes=100,mode=750,uid=7,gid=8"), "{}", seen("/one"));
    assert!(seen("/two").contains(" ro,nosuid,nodev,noexec"), "{}", seen("/two"));
    assert!(seen("/three").contains(" rw,nosuid,nodev,noexec"), "{}", seen("/three"));
    assert!(seen("/four").contains("size=2048k,mode=700"), "{}", seen("/four"));
    project.exec("a", "cp /bin/busybox /one/ && /one/busybox true").succeeds();
    project.down();
}

#[test]
fn files_of_an_image_are_mounted_read_only_and_keep_it_here() {
    let Some(host) = Host::with_busybox() else { return };
    let build = host.project("build", "name: other\nservices:\n  app: {build: ., image: 'assets:1'}\n");
    build.write(
        "Dockerfile",
        "FROM busybox\nRUN mkdir -p /site/deep && echo hello > /site/deep/page && rm /bin/wget\n",
    );
    build.sampan(["build", "-q"]).succeeds();
    let yaml = "
name: web
services:
  a:
    image: busybox
    command: sleep 1000
    init: true
    volumes:
      - {type: image, source: 'assets:1', target: /whole}
      - {type: image, source: 'assets:1', target: /site, image: {subpath: site}}
      - {type: image, source: 'assets:1', target: /page, image: {subpath: site/deep/page}}
";
    let project = host.project("web", yaml);
    project.up();
    let script =
        "cat /page /site/deep/page /whole/site/deep/page; test ! -e /whole/bin/wget && test -x /whole/bin/sh";
    assert_eq!(project.exec("a", script).succeeds().stdout, "hello\nhello\nhello\n");
    project.exec("a", "echo x > /site/new").says("Read-only file system");
    project.exec("a", "ls /proc/1/status").succeeds();
    host.sampan(["image", "rm", "assets:1"]).exits(1).says("web-a-1");
    host.sampan(["image", "prune", "-a", "--force"]).succeeds();
    project.sampan(["restart", "-t", "1"]).succeeds();
    project.exec("a", "cat /page").succeeds().says("hello");
    // Another image of that name is another mount.
    build.write("Dockerfile", "FROM busybox\nRUN mkdir -p /site/deep && echo bye > /site/deep/page\n");
    build.sampan(["build", "-q"]).succeeds();
    project.sampan(["plan"]).succeeds().says("volumes./page: image assets:1 (");
    project.up();
    project.exec("a", "cat /page").succeeds().says("bye");
    project.edit("subpath: site/deep/page", "subpath: nothing");
    project.sampan(["up", "-d"]).exits(1).says("image assets:1 has no `nothing`");
    project.edit("source: 'assets:1', target: /whole", "source: 'assets:2', target: /whole");
    project.sampan(["plan"]).succeeds().says("pull image assets:2");
    project.down();
}

#[test]
fn a_service_gets_the_mounts_of_another_one() {
    let Some(host) = Host::with_busybox() else { return };
    let yaml = "
name: from
services:
  db:
    image: busybox
    command: sh -c 'echo named > /named/x; echo own > /own/x; exec sleep 1000'
    init: true
    volumes: [named:/named, /own, './host:/host', './hidden:/both']
    tmpfs: /gone
  backup:
    image: busybox
    command: sleep 1000
    init: true
    volumes_from: ['db:ro']
    volumes: ['./mine:/both']
  again:
    image: busybox
    command: sleep 1000
    init: true
    volumes_from: [backup]
volumes: {named: }
";
    let project = host.project("from", yaml);
    for file in ["host/x", "mine/x", "hidden/x"] {
        project.write(file, file);
    }
    project.up();
    for service in ["backup", "again"] {
        let seen = project.exec(service, "cat /named/x /own/x /host/x /both/x; test ! -e /gone").succeeds();
        assert_eq!(seen.stdout, "named\nown\nhost/xmine/x", "{service}");
        project.exec(service, "echo x > /own/y").says("Read-only");
    }
    project.sampan(["up", "-d"]).succeeds().says("up to date");
    project.sampan(["rm", "-f", "-s", "-v", "db"]).succeeds();
    project.exec("backup", "cat /own/x").succeeds().says("own");
    project.edit("['db:ro']", "['container:db']");
    project.sampan(["up", "-d"]).exits(1).says("container `db` does not exist");
    project.sampan(["-p", "from", "down", "-v", "-t", "1"]).succeeds();
    host.is_clean();
}

const HOST: &str = "
name: host
services:
  a:
    image: busybox
    command: sleep 1000
    init: true
    volumes:
      - {type: bind, source: /srv/tree, target: /with, read_only: true}
      - {type: bind, source: /srv/tree, target: /without, bind: {recursive: disabled}}
      - {type: bind, source: /srv/tree, target: /writable, read_only: true, bind: {recursive: writable}}
      - {type: bind, source: /srv/tree, target: /slave, bind: {propagation: rslave}}
      - '/srv/shared:/shared:rshared'
    cap_add: [SYS_ADMIN]
";

#[test]
fn mounts_below_come_along_as_asked_and_later_ones_where_they_propagate() {
    let Some(host) = Host::with_busybox() else { return };
    let project = host.project("host", HOST);
    let prepare = "mount -t tmpfs tmpfs /srv && mkdir -p /srv/tree/sub /srv/tree/late /srv/shared/sub
        mount --make-shared /srv && mount -t tmpfs tmpfs /srv/tree/sub && echo x > /srv/tree/sub/file";
    host.shell(prepare).succeeds();
    project.up();
    project.exec("a", "cat /with/sub/file /writable/sub/file; ls /without/sub").succeeds().says("x\nx\n");
    project.exec("a", "test ! -e /without/sub/file && touch /without/new /writable/sub/new").succeeds();
    project.exec("a", "touch /with/sub/new").says("Read-only");
    project.exec("a", "touch /writable/new").says("Read-only");
    host.shell("mount -t tmpfs tmpfs /srv/tree/late && echo late > /srv/tree/late/file").succeeds();
    project.exec("a", "cat /slave/late/file; test ! -e /with/late/file").succeeds().says("late");
    let pid = project.pid("host-a-1");
    host.shell(&format!("nsenter -t {pid} -m mount -t tmpfs tmpfs /shared/sub")).succeeds();
    host.shell(&format!("nsenter -t {pid} -m touch /shared/sub/inside && ls /srv/shared/sub"))
        .succeeds()
        .says("inside");
    host.shell("umount /srv/shared/sub /srv/tree/late").succeeds();
    project.sampan(["plan"]).succeeds().says("unchanged");
    project.sampan(["stop", "-t", "1"]).succeeds();
    host.shell("mount --make-private /srv").succeeds();
    project
        .sampan(["start"])
        .exits(1)
        .says("/srv/shared is not on a mount that is shared")
        .says("make-rshared");
    project.edit("target: /with, read_only: true", "target: /with, bind: {recursive: readonly}");
    project.sampan(["up", "-d"]).exits(15).says("`recursive` says how far `read_only` goes");
    project.sampan(["-p", "host", "down", "-v"]).succeeds();
    host.shell("umount -R /srv").succeeds();
    host.is_clean();
}

#[test]
fn volumes_without_a_name_have_the_labels_of_their_mount() {
    let Some(host) = Host::with_busybox() else { return };
    let yaml = "
name: labelled
services:
  a:
    image: busybox
    command: sleep 1000
    init: true
    volumes: [{type: volume, target: /x, volume: {labels: {keep: '1'}}}]
";
    let project = host.project("labelled", yaml);
    project.up();
    let records = host.shell(&format!("cat {}/volumes/*/volume.json", host.root().display())).succeeds();
    records.says("\"labels\":{\"keep\":\"1\"}").says("\"anonymous\":true");
    project.down();
}
