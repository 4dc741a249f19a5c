//! The store as a whole: what it takes, what of it nobody needs, whether it is sound.

use e2e::Host;

const STACK: &str = "
name: sys
services:
  a:
    image: busybox
    command: sleep 1000
    init: true
    volumes: [data:/data]
volumes: {data: }
";

#[test]
fn the_sizes_that_df_tells_add_up_to_what_du_says() {
    let Some(host) = Host::with_busybox() else { return };
    let project = host.project("sys", STACK);
    project.up();
    let fill = "dd if=/dev/zero of=/data/file bs=1k count=300; ln /data/file /data/again; dd if=/dev/zero of=/w bs=1k count=90";
    project.exec("a", fill).succeeds();
    project.sampan(["stop", "-t", "1"]).succeeds();
    let kinds = project.sampan(["system", "df", "--format", "json", "-v"]).succeeds().json();
    let of = |kind: &str| kinds.as_array().unwrap().iter().find(|one| one["type"] == kind).unwrap().clone();
    let sum: u64 = kinds.as_array().unwrap().iter().map(|one| one["size"].as_u64().unwrap()).sum();
    let du = host.shell(&format!("du -s -B1 {}", host.root().display())).succeeds().stdout;
    assert_eq!(sum.to_string(), du.split('\t').next().unwrap(), "{kinds}");
    assert_eq!((&of("Images")["total"], &of("Images")["active"]), (&1.into(), &1.into()));
    assert_eq!(
        (&of("Volumes")["items"][0]["name"], &of("Volumes")["active"]),
        (&"sys_data".into(), &1.into())
    );
    assert!((300 << 10..400 << 10).contains(&of("Volumes")["size"].as_u64().unwrap()), "{kinds}");
    let container = of("Containers");
    assert_eq!((&container["total"], &container["active"]), (&1.into(), &0.into()));
    assert!(container["reclaimable"].as_u64().unwrap() >= 90 << 10, "it does not run: {kinds}");
    project.sampan(["system", "df", "-v"]).succeeds().says("RECLAIMABLE").says("busybox").says("sys.a.1.1");
    project.down();
}

#[test]
fn a_stack_is_sound_at_every_stage_and_damage_is_told_and_mended() {
    let Some(host) = Host::with_busybox() else { return };
    let project = host.project("sys", STACK);
    let sound = || drop(host.sampan(["system", "check"]).succeeds().says("all is sound"));
    sound();
    project.up();
    sound();
    project.sampan(["stop", "-t", "1"]).succeeds();
    sound();
    std::fs::write(host.root().join("images/index.json"), "{").unwrap();
    std::fs::create_dir_all(host.root().join("containers/.new-sys.b.1.1")).unwrap();
    host.sampan(["system", "check"])
        .exits(1)
        .says("the index of images is damaged")
        .says("container sys-b-1");
    let found = host.sampan(["system", "check", "--repair", "--format", "json"]).succeeds().json();
    assert!(found.as_array().unwrap().iter().all(|one| one["outcome"] == "mended"), "{found}");
    sound();
    host.sampan(["image", "ls"]).succeeds().says("busybox");
    let file =
        "find $(ls -d images/layers/*) -name busybox -type f | head -1 | xargs -I{} sh -c 'echo x >> {}'";
    host.shell(&format!("cd {} && {file}", host.root().display())).succeeds();
    host.sampan(["system", "check", "--repair"]).exits(1).says("is damaged").says("remove container sys-a-1");
    project.down();
    host.sampan(["system", "check", "--repair"]).succeeds().says("mended");
    sound();
    host.sampan(["image", "ls"]).succeeds().does_not_say("busybox");
}

#[test]
fn prune_shows_what_nobody_needs_and_removes_only_that() {
    let Some(host) = Host::with_busybox() else { return };
    let project = host.project("sys", STACK);
    project.up();
    let left = host.project("left", "name: left\nservices:\n  a: {image: busybox, command: 'true'}\n");
    left.up();
    host.sampan(["image", "tag", "busybox", "spare:1"]).succeeds();
    left.sampan(["stop", "-t", "1"]).succeeds();
    host.sampan(["system", "prune", "-f"]).succeeds().does_not_say("left-a-1");
    std::fs::remove_dir_all(left.folder()).unwrap();
    host.sampan(["system", "prune"])
        .exits(3)
        .says("container left-a-1")
        .says("network left_default")
        .says("--force");
    host.sampan(["system", "prune", "-f", "--filter", "label=none"]).succeeds().says("nothing to remove");
    let said = host.sampan(["system", "prune", "-af", "--volumes"]).succeeds();
    said.says("removed container left-a-1").says("removed network left_default").does_not_say("sys");
    assert_eq!(project.state("sys-a-1").as_deref(), Some("running"));
    host.sampan(["image", "ls"]).succeeds().says("busybox");
    host.sampan(["system", "check"]).succeeds();
    project.down();
}
