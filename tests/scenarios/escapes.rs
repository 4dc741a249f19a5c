//! Ways out of a container that must lead nowhere. The README has a table of what stands in each way.

use e2e::Host;
use std::fs;

const PRISON: &str = "
name: jail
services:
  a: {image: busybox, command: sleep 1000, init: true}
  bare: {image: busybox, command: sleep 1000, stop_grace_period: 1s, user: '1000', security_opt: [no-new-privileges]}
  admin: {image: busybox, command: sleep 1000, init: true, cap_add: [SYS_ADMIN, SYS_PTRACE]}
";

#[test]
fn settings_of_the_host_cannot_be_written() {
    let Some(host) = Host::with_busybox() else { return };
    let project = host.project("jail", PRISON);
    project.up();
    let before = host.shell("cat /proc/sys/kernel/panic /proc/sys/kernel/core_pattern").succeeds().stdout;
    for attempt in [
        "echo 77 > /proc/sys/kernel/panic",
        "echo '|/tmp/x' > /proc/sys/kernel/core_pattern",
        "echo b > /proc/sysrq-trigger",
        "echo 1 > /proc/irq/default_smp_affinity",
        "echo 0 > /sys/module/printk/parameters/time",
        "echo 1 > /sys/kernel/profiling",
        "mkdir /sys/fs/cgroup/x || mkdir /sys/fs/cgroup/memory/x",
        "mount -o remount,rw /proc/sys",
        "umount /proc/sys",
        "mkdir /p && mount -t proc p /p",
        "mount -t cgroup -o memory c /mnt || mount -t cgroup2 c /mnt",
        "cat /proc/kcore | head -c 1 | grep -q .",
    ] {
        for service in ["a", "bare"] {
            assert_ne!(project.exec(service, attempt).code, 0, "{service}: {attempt}");
        }
    }
    assert_eq!(host.shell("cat /proc/sys/kernel/panic /proc/sys/kernel/core_pattern").stdout, before);
    project.down();
}

#[test]
fn no_node_of_a_device_opens_a_device() {
    let Some(host) = Host::with_busybox() else { return };
    let project = host.project("jail", PRISON);
    project.up();
    let disks = host.shell("lsblk -dnro MAJ:MIN | tr : ' '").stdout;
    let disk = disks.lines().next().unwrap_or("1 0");
    for folder in ["/tmp", "/dev", "/dev/shm", "/"] {
        for (kind, number) in [("b", disk), ("c", "1 1"), ("c", "1 11"), ("c", "10 200")] {
            let node = format!("{}/node", folder.trim_end_matches('/'));
            let attempt =
                format!("mkdir -p {folder}; rm -f {node}; mknod {node} {kind} {number} && exec 3<{node}");
            assert_ne!(project.exec("a", &attempt).code, 0, "{attempt}");
            let attempt =
                format!("mkdir -p /d; mount -t tmpfs t /d; mknod /d/n {kind} {number}; exec 3</d/n");
            assert_ne!(project.exec("admin", &attempt).code, 0, "with SYS_ADMIN: {attempt}");
        }
    }
    project.down();
}

#[test]
fn processes_outside_are_out_of_reach() {
    let Some(host) = Host::with_busybox() else { return };
    let project = host.project("jail", PRISON);
    project.up();
    let outside = std::process::id();
    for service in ["a", "bare", "admin"] {
        project.exec(service, "ls /proc | grep -c '^[0-9]'").succeeds();
        assert_ne!(project.exec(service, &format!("kill -0 {outside} || ls /proc/{outside}")).code, 0);
        let seen = project.exec(service, "cat /proc/[0-9]*/comm").succeeds();
        seen.does_not_say("sampan").does_not_say("systemd").says("sleep");
    }
    for attempt in
        ["unshare -U true", "unshare -m true", "unshare -n true", "chroot /proc/1/root/.. true && false"]
    {
        assert_ne!(project.exec("bare", attempt).code, 0, "{attempt}");
    }
    let status =
        project.exec("bare", "grep -E '^(CapEff|CapPrm|NoNewPrivs|Seccomp):' /proc/self/status").stdout;
    let expected = "CapPrm:\t0000000000000000\nCapEff:\t0000000000000000\nNoNewPrivs:\t1\nSeccomp:\t2\n";
    assert_eq!(status, expected);
    project.down();
}

#[test]
fn no_file_of_the_host_stays_open_in_a_container() {
    let Some(host) = Host::with_busybox() else { return };
    let project = host.project("jail", PRISON);
    project.up();
    // The program, init and a process that came later: standard files and nothing else.
    for service in ["a", "bare"] {
        let pid = project.pid(&format!("jail-{service}-1"));
        let files = host.shell(&format!(
            "readlink /proc/{pid}/fd/* | grep -v -E '^(pipe:|/dev/null|socket:)|/(out|err)$'"
        ));
        assert_eq!(files.stdout.lines().filter(|path| !path.contains("signalfd")).count(), 0, "{files}");
        let own = project.exec(service, "ls /proc/self/fd").succeeds().stdout;
        assert_eq!(
            own.split_whitespace().collect::<Vec<_>>(),
            ["0", "1", "2", "3"],
            "3 is the folder itself"
        );
        project
            .exec(service, "cat /proc/self/environ /proc/1/cmdline")
            .does_not_say("SAMPAN")
            .does_not_say("/run/");
    }
    project.down();
}

#[test]
fn the_program_of_the_supervisor_cannot_be_overwritten() {
    let Some(host) = Host::with_busybox() else { return };
    let project = host.project("jail", PRISON);
    project.up();
    let digest = || fs::read(e2e::binary()).expect("read the binary");
    let before = digest();
    for service in ["a", "admin"] {
        for attempt in ["echo evil > /proc/1/exe", "cp /bin/busybox /proc/1/exe", "exec 3<>/proc/1/exe"] {
            assert_ne!(project.exec(service, attempt).code, 0, "{service}: {attempt}");
        }
    }
    assert!(digest() == before, "the binary is as it was");
    project.down();
}

#[test]
fn links_in_an_image_lead_nowhere_but_into_the_image() {
    let Some(host) = Host::with_busybox() else { return };
    let project = host.project("jail", PRISON);
    let target = project.folder().join("outside");
    fs::create_dir(&target).expect("make a folder");
    let path = target.to_str().expect("a path of text").to_owned();
    project.up();
    // What they lead to is in the image, too: that is where everything must go.
    let links = format!(
        "mkdir -p {path}; ln -s {path} /evil; ln -s ../../../../../../../../../{path} /up; ln -s /proc/1/root/{path} /root1; sync"
    );
    project.exec("a", &links).succeeds();
    project.sampan(["commit", "a", "hostile"]).succeeds();
    project.down();
    let yaml = "
name: hostile
services:
  a:
    image: hostile
    command: sleep 1000
    init: true
    working_dir: /up/made
    tmpfs: [/evil/memory]
    volumes: ['data:/up/volume', './compose.yaml:/evil/file:ro']
volumes: {data: }
";
    let project = host.project("hostile", yaml);
    project.up();
    project.exec("a", "echo x > /evil/new; echo y > /up/volume/z; pwd").succeeds();
    assert_eq!(fs::read_dir(&target).expect("the folder").count(), 0, "nothing came out");
    project.sampan(["cp", "compose.yaml", "a:/evil/copied"]);
    assert_eq!(fs::read_dir(&target).expect("the folder").count(), 0, "nor by a copy");
    project.down();
}

#[test]
fn nobody_else_on_the_machine_can_read_what_is_ours() {
    let Some(host) = Host::with_busybox() else { return };
    let project = host.project("jail", PRISON);
    project.up();
    let (root, runtime) = (host.root(), host.runtime());
    let list = format!(
        "setpriv --reuid=65534 --regid=65534 --clear-groups find {} {} -mindepth 2 -not -path '*/skeleton/*' -not -path '*/leases/*' 2>/dev/null",
        root.display(),
        runtime.display()
    );
    assert_eq!(host.shell(&list).stdout, "", "addresses apart");
    project.down();
}
