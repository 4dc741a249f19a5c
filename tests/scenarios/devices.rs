//! Devices are those of the file, for what the file says, and no others.

use e2e::Host;

const DEVICES: &str = "
name: dev
services:
  a:
    image: busybox
    command: sleep 1000
    init: true
    devices: ['/dev/cpu_dma_latency:/dev/tunnel:r', '/dev/zero:/dev/sub/zeros']
  rules:
    image: busybox
    command: sleep 1000
    init: true
    device_cgroup_rules: ['c NUMBER rm']
  admin:
    image: busybox
    command: sleep 1000
    init: true
    cap_add: [SYS_ADMIN]
    security_opt: ['seccomp=unconfined']
  all:
    image: busybox
    command: sleep 1000
    init: true
    privileged: true
";

#[test]
fn devices_are_there_for_what_the_file_says() {
    let Some(host) = Host::with_busybox() else { return };
    let number = host.shell("stat -c %Hr:%Lr /dev/cpu_dma_latency").succeeds().stdout.trim().to_owned();
    let project = host.project("dev", &DEVICES.replace("NUMBER", &number));
    project.up();
    project.exec("a", "head -c 3 /dev/sub/zeros | wc -c; exec 3</dev/tunnel").succeeds().says("3");
    assert_ne!(project.exec("a", "exec 3>/dev/tunnel").code, 0, "only reading is allowed");
    // What the rules do not name cannot be opened, although its node can be made.
    assert_ne!(project.exec("a", "mknod /tmp/mem c 1 1 && cat /tmp/mem").code, 0);
    project.exec("a", "echo x > /dev/null; head -c 1 /dev/urandom | wc -c").succeeds();
    let make = format!("mknod /tmp/tunnel c {} && exec 3</tmp/tunnel", number.replace(':', " "));
    project.exec("rules", &make).succeeds();
    assert_ne!(project.exec("rules", "exec 3>/tmp/tunnel").code, 0);
    assert_ne!(project.exec("rules", "mknod /tmp/kmsg c 1 11 && head -c 1 /tmp/kmsg").code, 0);
    // Who may mount could make devices anywhere: a device group stands in the way.
    let mount = "mkdir /d && mount -t tmpfs t /d && mknod /d/mem c 1 1 && cat /d/mem";
    project.exec("admin", mount).exits(1).says("not permitted");
    project.exec("all", "ls /dev/kmsg /dev/cpu_dma_latency && head -c 1 /dev/zero | wc -c").succeeds();
    project.sampan(["restart", "-t", "0", "a"]).succeeds();
    assert_ne!(project.exec("a", "exec 3>/dev/tunnel").code, 0, "also after a restart");
    project.sampan(["plan", "--exit-code"]).exits(0);
    project.edit("tunnel:r'", "tunnel:rw'");
    project
        .sampan(["plan"])
        .succeeds()
        .says("devices./dev/tunnel: /dev/cpu_dma_latency:r → /dev/cpu_dma_latency:rw");
    project.up();
    project.exec("a", "exec 3>/dev/tunnel").succeeds();
    project.down();
}

#[test]
fn devices_have_names_of_their_vendors() {
    let Some(host) = Host::with_busybox() else { return };
    let file = "kind: vendor.com/gpu
containerEdits: {env: [DRIVER=9]}
devices:
- name: '0'
  containerEdits: {deviceNodes: [{path: /dev/gpu0, hostPath: /dev/zero}], additionalGids: [4321]}
- name: all
  containerEdits: {hooks: [{hookName: createContainer, path: /bin/true}]}
";
    let project = host.project(
        "dev",
        "
name: dev
services:
  a: {image: busybox, command: sleep 1000, stop_grace_period: 1s, gpus: [{count: 1}]}
",
    );
    project.sampan(["up", "-d"]).exits(1).says("there is no device gpu=0").says("/etc/cdi");
    project.write("gpu.yaml", file);
    host.shell(&format!("mkdir -p /run/cdi && cp {}/gpu.yaml /run/cdi/", project.folder().display()))
        .succeeds();
    project.up();
    project.exec("a", "head -c 5 /dev/gpu0 | wc -c").succeeds().says("5");
    let pid = project.pid("dev-a-1");
    host.shell(&format!("tr '\\0' '\\n' < /proc/{pid}/environ")).succeeds().says("DRIVER=9");
    host.shell(&format!("grep Groups: /proc/{pid}/status")).succeeds().says("4321");
    project.edit("gpus: [{count: 1}]", "devices: [vendor.com/gpu=0]");
    project.sampan(["plan"]).succeeds().says("gpus: gpu=0 → vendor.com/gpu=0");
    project.edit("devices: [vendor.com/gpu=0]", "gpus: all");
    project.sampan(["up", "-d"]).exits(1).says("hooks");
    project.down();
}

#[test]
fn what_is_no_device_and_no_rule_is_refused_at_its_place() {
    let Some(host) = Host::with_busybox() else { return };
    for (key, code, message) in [
        ("devices: [fuse]", 15, "`fuse` is not the path of a device"),
        ("devices: ['/dev/null:/dev/a:x']", 15, "`x` are no permissions"),
        ("device_cgroup_rules: ['z 1:3 r']", 15, "`z 1:3 r` is not a rule for devices"),
        ("devices: [/dev/not-there]", 1, "look at the device /dev/not-there"),
        ("devices: ['/etc/hostname:/dev/a']", 1, "/etc/hostname is not a device"),
        ("gpus: [{options: {a: b}}]", 15, "the option `a` of a device"),
    ] {
        let yaml = format!("name: dev\nservices:\n  a: {{image: busybox, command: sleep 9, {key}}}\n");
        let project = host.project("dev", &yaml);
        project.sampan(["up", "-d"]).exits(code).says(message);
        project.down();
    }
}
