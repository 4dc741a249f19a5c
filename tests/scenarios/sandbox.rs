//! A container has its own namespaces, few rights, and sees what it should.

use e2e::Host;

const PLAIN: &str = "
name: box
services:
  a: {image: busybox, command: sleep 1000, init: true}
  ro: {image: busybox, command: sleep 1000, init: true, read_only: true}
  none: {image: busybox, command: sleep 1000, init: true, cap_drop: [ALL], security_opt: ['no-new-privileges:true']}
  more: {image: busybox, command: sleep 1000, init: true, cap_add: [NET_ADMIN]}
  all: {image: busybox, command: sleep 1000, init: true, privileged: true}
";

#[test]
fn namespaces_are_its_own() {
    let Some(host) = Host::with_busybox() else { return };
    let project = host.project("box", PLAIN);
    project.up();
    let pid = project.pid("box-a-1");
    for namespace in ["pid", "mnt", "net", "uts", "ipc", "cgroup"] {
        let read = |pid: u32| host.shell(&format!("readlink /proc/{pid}/ns/{namespace}")).succeeds().stdout;
        assert_ne!(read(pid), read(1), "{namespace}");
    }
    project.down();
}

#[test]
fn capabilities_and_seccomp_are_dockers_defaults_or_as_asked() {
    let Some(host) = Host::with_busybox() else { return };
    let project = host.project("box", PLAIN);
    project.up();
    let status = |service: &str| {
        project.exec(service, "grep -E '^(CapEff|CapBnd|Seccomp|NoNewPrivs):' /proc/1/status").stdout
    };
    let plain = status("a");
    assert!(plain.contains("CapEff:\t00000000a80425fb") && plain.contains("Seccomp:\t2"), "{plain}");
    assert!(status("more").contains("CapBnd:\t00000000a80435fb"), "{}", status("more"));
    let none = status("none");
    assert!(none.contains("CapBnd:\t0000000000000000") && none.contains("NoNewPrivs:\t1"), "{none}");
    assert!(status("all").contains("Seccomp:\t0"), "{}", status("all"));
    assert_ne!(project.exec("a", "mount -t tmpfs t /mnt 2>&1 || mkdir /m && mount -t tmpfs t /m").code, 0);
    assert_ne!(project.exec("a", "ip link add d0 type bridge").code, 0);
    project.exec("more", "ip link add d0 type bridge").succeeds();
    project.down();
}

#[test]
fn kernel_files_are_masked_or_read_only() {
    let Some(host) = Host::with_busybox() else { return };
    let project = host.project("box", PLAIN);
    project.up();
    assert_eq!(project.exec("a", "cat /proc/kcore | head -c 1 | wc -c").stdout.trim(), "0");
    assert_ne!(project.exec("a", "echo 1 > /proc/sys/kernel/panic").code, 0);
    assert_ne!(project.exec("a", "mkdir /sys/kernel/x").code, 0);
    project
        .exec("a", "echo x > /dev/null && head -c 4 /dev/urandom | wc -c && ls /dev/pts /dev/shm")
        .succeeds()
        .says("4");
    assert_ne!(project.exec("ro", "echo x > /new").code, 0);
    project.down();
}
