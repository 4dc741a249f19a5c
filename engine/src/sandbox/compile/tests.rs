//! Lists of acts as people read them.

use super::*;
use crate::cgroup::Join;
use crate::sandbox::{CapSet, Device, Rlimit, User};
use std::fs::File;
use std::os::fd::{AsFd, BorrowedFd};

/// Compiles what `change` makes of a plain container; no file behind a descriptor matters.
fn compiled(change: impl FnOnce(&mut Birth<'_>)) -> String {
    let null = File::open("/dev/null").unwrap();
    let mut birth = plain(null.as_fd());
    change(&mut birth);
    compile(&birth).unwrap().to_string()
}

fn plain(fd: BorrowedFd<'_>) -> Birth<'_> {
    Birth {
        rootfs: fd,
        stdio: [fd; 3],
        process: Process { argv: vec!["web".into(), "-v".into()], ..Process::default() },
        confinement: Confinement { capabilities: CapSet::docker(), ..Confinement::default() },
        hostname: "shop".into(),
        domainname: None,
        sysctls: Vec::new(),
        netns: Netns::Bound("/run/sampan/netns/a".into()),
        namespaces: Namespaces::default(),
        cgroup: Join { version1: Vec::new(), into: Some("/sys/fs/cgroup/a".into()) },
        mounts: Vec::new(),
        files: Vec::new(),
        shm_size: 64 << 20,
        devices: Vec::new(),
        guarded: false,
        read_only: false,
        init: false,
        tty: false,
        tied: false,
    }
}

/// The acts that one list has and the other lacks, in order: `+` and `-`.
fn difference(change: impl FnOnce(&mut Birth<'_>)) -> Vec<String> {
    let (before, after) = (compiled(|_| {}), compiled(change));
    let gone = before.lines().filter(|line| !after.lines().any(|other| other == *line));
    let new = after.lines().filter(|line| !before.lines().any(|other| other == *line));
    gone.map(|line| format!("-{line}")).chain(new.map(|line| format!("+{line}"))).collect()
}

#[test]
fn a_plain_container_is_made_in_these_steps() {
    assert_eq!(compiled(|_| {}), include_str!("plain.txt"));
}

#[test]
fn namespaces_of_the_host_are_neither_named_nor_left() {
    let lines = difference(|birth| {
        birth.namespaces =
            Namespaces { ipc: Whose::Host, uts_of_host: true, cgroup_of_host: true, ..Namespaces::default() };
    });
    assert_eq!(
        lines,
        [
            "-make a cgroup namespace",
            "-set host name shop",
            "-mount /dev/shm (tmpfs mode=1777 size=67108864) nosuid nodev noexec",
            "-mount /sys/fs/cgroup (cgroup2) ro nosuid nodev noexec",
            "+bind /dev/shm on /dev/shm nosuid nodev noexec",
            "+bind /sys/fs/cgroup on /sys/fs/cgroup with all below ro nosuid nodev noexec",
        ]
    );
}

#[test]
fn shared_memory_is_taken_hold_of_before_the_mounts_are_the_container_s() {
    let other = File::open("/dev/null").unwrap();
    let all = compiled(|birth| birth.namespaces.ipc = Whose::Of(other.into()));
    let place = |text: &str| all.lines().position(|line| line == text).unwrap();
    assert!(place("enter the other container's shared memory") < place("make mounts private"));
    let mounted = place("mount the other container's memory on /dev/shm");
    assert!(mounted < place("mount /dev/mqueue (mqueue) nosuid nodev noexec"));
}

#[test]
fn settings_of_its_namespaces_are_written_once_it_is_in_them() {
    let lines = difference(|birth| {
        birth.domainname = Some("example.org".into());
        birth.sysctls = vec![("net/core/somaxconn".into(), "64".into())];
    });
    assert_eq!(lines, ["+set domain name example.org", "+write 64 to /proc/sys/net/core/somaxconn"]);
    let all = compiled(|birth| birth.sysctls = vec![("net/core/somaxconn".into(), "64".into())]);
    let place = |text: &str| all.lines().position(|line| line == text).unwrap();
    assert!(place("enter the network namespace") < place("write 64 to /proc/sys/net/core/somaxconn"));
    assert!(place("write 64 to /proc/sys/net/core/somaxconn") < place("make /proc/sys read-only"));
}

#[test]
fn version_1_groups_are_joined_before_their_namespace_is_made_and_shown_read_only() {
    let lines = difference(|birth| {
        let folder = |name: &str| (name.to_owned(), format!("/sys/fs/cgroup/{name}/a").into());
        birth.cgroup.version1 = vec![folder("memory"), folder("pids")];
    });
    assert_eq!(
        lines,
        [
            "-mount /sys/fs/cgroup (cgroup2) ro nosuid nodev noexec",
            "+join /sys/fs/cgroup/memory/a/tasks",
            "+join /sys/fs/cgroup/pids/a/tasks",
            "+mount /sys/fs/cgroup (tmpfs mode=755) nosuid nodev noexec",
            "+make folder /sys/fs/cgroup/memory",
            "+bind /sys/fs/cgroup/memory/a on /sys/fs/cgroup/memory ro nosuid nodev noexec",
            "+make folder /sys/fs/cgroup/pids",
            "+bind /sys/fs/cgroup/pids/a on /sys/fs/cgroup/pids ro nosuid nodev noexec",
            "+set on /sys/fs/cgroup ro",
        ]
    );
}

#[test]
fn mounts_come_in_order_with_what_they_are_mounted_on() {
    let lines = difference(|birth| {
        let mount = |target: &str, read_only, source| Mount { target: target.into(), read_only, source };
        birth.mounts = vec![
            mount("/data", false, MountSource::Folder("/vol/data".into())),
            mount("/data/conf/a.conf", true, MountSource::File("/host/a".into())),
            mount(
                "/scratch",
                false,
                MountSource::Tmpfs(Memory { size: Some(4096), mode: Some(0o700), ..Memory::default() }),
            ),
        ];
        birth.read_only = true;
    });
    assert_eq!(
        lines,
        [
            "+make folder /data",
            "+bind /vol/data on /data with all below nodev",
            "+make folder /data/conf",
            "+make file /data/conf/a.conf",
            "+bind /host/a on /data/conf/a.conf ro nodev",
            "+make folder /scratch",
            "+mount /scratch (tmpfs mode=700 size=4096) nosuid nodev noexec",
            "+set on / ro",
        ]
    );
}

#[test]
fn given_files_are_copied_to_memory_that_is_seen_nowhere_else() {
    let lines = difference(|birth| {
        birth.files = vec![GivenFile {
            source: "/var/s/0".into(),
            target: "/run/secrets/db".into(),
            owner: (33, 34),
            mode: 0o400,
        }];
    });
    assert_eq!(
        lines,
        [
            "+mount /proc (tmpfs mode=700) nosuid nodev noexec",
            "+make folder /run/secrets",
            "+make file /run/secrets/db",
            "+copy /var/s/0 to /proc/0 for 33:34 0400",
            "+show 0 of /proc at /run/secrets/db",
            "+unmount /proc",
        ]
    );
}

#[test]
fn without_new_privileges_the_filter_comes_last() {
    let text = compiled(|birth| birth.confinement.no_new_privileges = true);
    let last: Vec<&str> = text.lines().rev().take(6).map(|line| line.split(' ').next().unwrap()).collect();
    assert_eq!(last, ["execute", "reset", "apply", "forbid", "set", "become"]);
}

#[test]
fn another_user_has_no_capabilities_in_force_and_its_main_group_among_the_further_ones() {
    let lines = difference(|birth| {
        birth.process.user = User { uid: 33, gid: 34, groups: vec![4, 40], home: "/var/web".into() };
        birth.process.cwd = "/srv".into();
        birth.confinement.rlimits = vec![Rlimit::named("nofile", 64, -1).unwrap()];
        birth.init = true;
    });
    let granted = "-set capabilities chown dac_override fowner fsetid kill setgid setuid setpcap \
        net_bind_service net_raw sys_chroot mknod audit_write setfcap";
    assert_eq!(
        lines,
        [
            "-change to folder /",
            "-become user 0 group 0 +0",
            granted,
            "+make folder /srv",
            "+limit nofile to 64 of unlimited",
            "+change to folder /srv",
            "+become user 33 group 34 +4 +34 +40",
            "+set capabilities none",
            "+split off init",
        ]
    );
}

#[test]
fn a_privileged_container_is_neither_masked_nor_filtered_and_has_the_devices_of_the_host() {
    let text = compiled(|birth| {
        birth.confinement =
            Confinement { privileged: true, capabilities: CapSet::ALL, ..Confinement::default() };
        let device = |path: &str| Device { source: path.into(), target: path.into() };
        birth.devices = vec![device("/dev/null"), device("/dev/net/tun")];
    });
    for absent in ["\nmask ", "read-only", "apply ", "set on /", "sysfs) ro"] {
        assert!(!text.contains(absent), "{absent} in {text}");
    }
    assert_eq!(text.matches("bind /dev/null ").count(), 1);
    assert!(
        text.contains("make folder /dev/net\nmake file /dev/net/tun\nbind /dev/net/tun on /dev/net/tun ro")
    );
}

#[test]
fn a_process_beside_joins_and_enters_before_it_gives_anything_up() {
    let null = File::open("/dev/null").unwrap();
    let birth = plain(null.as_fd());
    let entry = Entry {
        pidfd: null.as_fd(),
        stdio: birth.stdio,
        process: birth.process,
        confinement: birth.confinement,
        cgroup: Join { version1: vec![("pids".into(), "/cg/pids/a".into())], into: None },
        tty: true,
    };
    let text = compile_exec(&entry).unwrap().to_string();
    let expected = "hide this process\nstart a session\njoin /cg/pids/a/tasks\nset standard input and output\n\
        take the terminal\nenter the container's namespaces\nset umask 022\nchange to folder /\nclose other files\n";
    assert!(text.starts_with(expected), "{text}");
}

#[test]
fn the_environment_is_completed_and_the_program_looked_for_in_its_path() {
    let mut process = Process { argv: vec!["web".into()], ..Process::default() };
    let shown = |process: &Process| {
        let executable = executable(process).unwrap();
        let text = |strings: &[CString]| {
            strings.iter().map(|string| string.to_string_lossy().into_owned()).collect::<Vec<_>>()
        };
        (text(&executable.candidates), text(executable.environment.strings()))
    };
    let (candidates, environment) = shown(&process);
    assert_eq!(environment, ["HOME=/root".to_owned(), format!("PATH={DEFAULT_PATH}")]);
    assert_eq!((candidates.len(), &*candidates[0]), (6, "/usr/local/sbin/web"));
    process.env = [("PATH".into(), "/a::/b".into()), ("HOME".into(), "/h".into())].into();
    assert_eq!(
        shown(&process),
        (
            vec!["/a/web".into(), "./web".into(), "/b/web".into()],
            vec!["HOME=/h".into(), "PATH=/a::/b".into()]
        )
    );
    process.argv = vec!["./web".into()];
    assert_eq!(shown(&process).0, ["./web"]);
    process.argv = Vec::new();
    assert_eq!(executable(&process).unwrap_err().doing, "there is nothing to run");
}

#[test]
fn paths_that_could_mean_something_else_are_refused() {
    for path in ["relative", "/a/../b", "/a/./b", "", "/a\0b"] {
        assert!(place(path).is_err(), "{path:?}");
    }
    let place = place("//a///b/").unwrap();
    assert_eq!(place.path.as_c_str(), c"/a/b");
    assert_eq!(place.steps, [(c"/".into(), c"a".into()), (c"/a".into(), c"b".into())]);
}

#[test]
fn a_process_that_is_tied_asks_to_be_killed_again_once_it_is_another_user() {
    let lines = compiled(|birth| birth.tied = true);
    let lines_of: Vec<&str> = lines.lines().collect();
    let at = |text: &str| lines_of.iter().rposition(|line| line.starts_with(text)).unwrap();
    assert_eq!(lines.lines().nth(1), Some("be killed with the parent"));
    assert!(at("set capabilities") < at("be killed with the parent") && at("be killed") < at("execute"));
}

#[test]
fn settings_of_the_hosts_own_network_are_left_alone() {
    let lines = difference(|birth| birth.netns = Netns::Own);
    assert_eq!(
        lines,
        [
            "-enter the network namespace",
            "-write 0 to /proc/sys/net/ipv4/ip_unprivileged_port_start",
            "-write 0 2147483647 to /proc/sys/net/ipv4/ping_group_range",
        ]
    );
}
