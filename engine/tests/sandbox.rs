//! What a container sees, may and may not, with a real kernel. Needs root and a static busybox;
//! `SAMPAN_REQUIRE_ROOT=1` makes their absence a failure.
#![allow(clippy::print_stderr, clippy::unwrap_used, missing_docs)]

mod lab;
#[path = "sandbox/mounts.rs"]
mod mounts;

use engine::sandbox::{Mount, MountSource, Process, User};
use engine::sys::{exe, pty};
use engine::{Error, Kind};
use lab::{Lab, possible, shell, user};
use planner::desired::{Limits, Swap, Ulimit};
use std::collections::BTreeMap;
use std::fs;
use std::os::fd::AsFd;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

/// The output of a line of shell in a container that is as the stack says nothing.
fn sh(script: &str) -> String {
    let ended = Lab::new(script).run();
    assert_eq!(ended.code, 0, "{}", ended.output);
    ended.output
}

/// One field of /proc/self/status.
fn status(output: &str, field: &str) -> String {
    let line = output.lines().find_map(|line| line.strip_prefix(&format!("{field}:")));
    line.unwrap_or_else(|| panic!("no {field} in {output}")).trim().to_owned()
}

#[test]
fn a_program_has_the_default_capabilities_and_a_filter_and_is_process_1() {
    if !possible() {
        return;
    }
    let output = sh("echo $$; hostname; cat /proc/self/status; true");
    assert!(output.starts_with("1\none\n"), "{output}");
    for (field, value) in [
        ("CapInh", "0000000000000000"),
        ("CapPrm", "00000000a80425fb"),
        ("CapEff", "00000000a80425fb"),
        ("CapBnd", "00000000a80425fb"),
        ("CapAmb", "0000000000000000"),
        ("Seccomp", "2"),
        ("NoNewPrivs", "0"),
        ("SigIgn", "0000000000000000"),
        ("SigBlk", "0000000000000000"),
    ] {
        assert_eq!(status(&output, field), value, "{field}");
    }
}

#[test]
fn a_listed_user_has_its_groups_and_home_and_no_capability_in_force() {
    if !possible() {
        return;
    }
    let mut lab = Lab::new("id; echo $HOME $PATH $HOSTNAME; pwd; cat /proc/self/status");
    lab.process.user = user(&lab, "web");
    lab.process.cwd = "/var/web/deep".into();
    lab.spec.no_new_privileges = true;
    let output = lab.run().output;
    let path = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
    let who = "uid=33(web) gid=34(web) groups=34(web),40(log)";
    assert!(output.starts_with(&format!("{who}\n/var/web {path} one\n/var/web/deep\n")), "{output}");
    for (field, value) in [
        ("CapInh", "0000000000000000"),
        ("CapPrm", "0000000000000000"),
        ("CapEff", "0000000000000000"),
        ("CapBnd", "00000000a80425fb"),
        ("Seccomp", "2"),
        ("NoNewPrivs", "1"),
    ] {
        assert_eq!(status(&output, field), value, "{field}");
    }
}

#[test]
fn the_usual_file_systems_are_mounted_and_nothing_of_the_host_is() {
    if !possible() {
        return;
    }
    let output = sh("awk '{print $2, $3, $4}' /proc/mounts");
    let mounted = |path: &str| -> String {
        let line = output.lines().find(|line| line.starts_with(&format!("{path} ")));
        line.unwrap_or_else(|| panic!("{path} is not mounted:\n{output}")).to_owned()
    };
    assert!(mounted("/").contains("tmpfs rw,nodev"), "{output}");
    assert!(mounted("/proc").contains("proc rw,nosuid,nodev,noexec"));
    assert!(mounted("/sys").contains("sysfs ro,nosuid,nodev,noexec"));
    assert!(mounted("/dev").contains("tmpfs rw,nosuid,nodev,noexec"));
    assert!(mounted("/dev/pts").contains("devpts rw,nosuid,noexec"));
    assert!(mounted("/dev/shm").contains("size=1024k"));
    assert!(mounted("/dev/mqueue").contains("mqueue"));
    assert!(mounted("/proc/sys").contains(" ro,"));
    let known = ["/", "/proc", "/sys", "/dev"];
    for line in output.lines() {
        let path = line.split(' ').next().unwrap();
        let below = ["/proc/", "/sys/", "/dev/"].iter().any(|folder| path.starts_with(folder));
        assert!(known.contains(&path) || below, "{path} is from outside");
    }
}

#[test]
fn the_devices_work_cannot_be_changed_and_no_other_can_be_opened() {
    if !possible() {
        return;
    }
    let output = sh("ls -1 /dev | tr '\\n' ' '; echo; echo gone > /dev/null; head -c 3 /dev/zero | wc -c; \
         head -c 1 /dev/urandom > /dev/null && echo random; echo x > /dev/full || echo full; \
         chmod 0 /dev/null || echo kept; mknod /tmp/disk b 254 0 && cat /tmp/disk || echo no disk; \
         mknod /dev/mem c 1 1 && cat /dev/mem || echo no memory; readlink /dev/ptmx");
    for expected in [
        "fd full mqueue null ptmx pts random shm stderr stdin stdout tty urandom zero",
        "\n3\n",
        "\nrandom\n",
        "\nfull\n",
        "\nkept\n",
        "cat: can't open '/tmp/disk': Permission denied\nno disk\n",
        "cat: can't open '/dev/mem': Permission denied\nno memory\n",
        "\npts/ptmx\n",
    ] {
        assert!(output.contains(expected), "{expected:?} in {output}");
    }
}

#[test]
fn the_kernels_secrets_are_masked_and_its_settings_read_only() {
    if !possible() {
        return;
    }
    let output =
        sh("cat /proc/kcore /proc/keys /proc/timer_list 2>/dev/null | wc -c; ls /sys/firmware | wc -l; \
         echo 1 > /proc/sys/kernel/panic || echo panic kept; echo b > /proc/sysrq-trigger || echo no sysrq; \
         mkdir /sys/fs/cgroup/x || echo no group; cat /proc/sys/net/ipv4/ip_unprivileged_port_start");
    assert!(output.starts_with("0\n0\n"), "{output}");
    for expected in ["panic kept\n", "no sysrq\n", "no group\n", "Read-only file system"] {
        assert!(output.contains(expected), "{expected:?} in {output}");
    }
    assert!(output.ends_with("0\n"), "{output}");
}

#[test]
fn system_calls_outside_the_profile_are_refused_and_those_inside_work() {
    if !possible() {
        return;
    }
    let script = "mount -t tmpfs none /tmp || echo no mount; unshare -m true || echo no namespace; \
        hostname other || echo no name; chroot / true && echo chroot; kill -0 1 && echo kill";
    let output = sh(script);
    for expected in ["no mount\n", "no namespace\n", "no name\n", "chroot\n", "kill\n"] {
        assert!(output.contains(expected), "{expected:?} in {output}");
    }
    // The same profile with one capability more: refused no longer.
    let mut lab = Lab::new(script);
    lab.spec.cap_add = vec!["SYS_ADMIN".into()];
    let output = lab.run().output;
    assert!(!output.contains("no "), "{output}");
}

#[test]
fn a_privileged_container_has_all_that_we_have() {
    if !possible() {
        return;
    }
    let mut lab = Lab::new(
        "cat /proc/self/status; ls /dev/tty0 /dev/null; mount -t tmpfs none /tmp && mknod /dev/again c 1 3 && \
         cat /dev/again && echo opened; test -r /sys/firmware && awk '$2 == \"/sys\" {print $4}' /proc/mounts",
    );
    lab.spec.privileged = true;
    lab.devices = engine::sandbox::host_devices().unwrap();
    let ended = lab.run();
    let ours = fs::read_to_string("/proc/self/status").unwrap();
    assert_eq!(status(&ended.output, "CapEff"), status(&ours, "CapEff"));
    assert_eq!(status(&ended.output, "Seccomp"), "0");
    assert!(ended.output.contains("\nopened\nrw,"), "{}", ended.output);
}

#[test]
fn ulimits_hold_and_are_cut_down_to_what_we_may_give() {
    if !possible() {
        return;
    }
    let mut lab = Lab::new("ulimit -n; ulimit -Hn; ulimit -c");
    let ulimit = |soft, hard| Ulimit { soft, hard };
    lab.spec.ulimits = [("nofile".into(), ulimit(64, 128)), ("core".into(), ulimit(0, -1))].into();
    assert_eq!(lab.run().output, "64\n128\n0\n");
    lab.spec.ulimits = BTreeMap::from([("nofile".into(), ulimit(1 << 40, 1 << 40))]);
    let mut again = Lab::new("ulimit -n");
    again.spec = lab.spec.clone();
    // Beyond what any kernel gives: without CAP_SYS_RESOURCE cut down, with it refused.
    match again.start() {
        Ok(running) => assert!(running.end().output.trim().parse::<u64>().unwrap() > 128),
        Err(error) => assert!(error.doing.starts_with("limit nofile to "), "{error}"),
    }
}

#[test]
fn a_program_that_cannot_be_executed_says_why() {
    if !possible() {
        return;
    }
    let attempt = |argv0: &str| {
        let mut lab = Lab::new("");
        fs::write(lab.path("bin/plain"), "x").unwrap();
        fs::write(lab.path("script"), "#!/no/such/interpreter\n").unwrap();
        fs::write(lab.path("binary"), "\u{7f}ELF, or so it says").unwrap();
        for name in ["script", "binary"] {
            fs::set_permissions(lab.path(name), std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
        }
        lab.process.argv = vec![argv0.into()];
        let error = lab.start().err().expect(argv0);
        (error.kind, error.doing)
    };
    for (argv0, kind, text) in [
        ("nothing", Kind::NotFound, "`nothing`: not found in PATH of the image"),
        ("/nothing", Kind::NotFound, "`/nothing`: not found in the image"),
        ("plain", Kind::Denied, "`plain`: permission denied"),
        ("/bin", Kind::Denied, "`/bin`: permission denied"),
        ("/script", Kind::NotFound, "`/script`: its interpreter or loader is not in the image"),
        ("/binary", Kind::Unsupported, "`/binary`: exec format error"),
    ] {
        assert_eq!(attempt(argv0), (kind, text.to_owned()));
    }
}

#[test]
fn a_program_does_not_run_before_its_process_is_recorded_nor_when_that_fails() {
    if !possible() {
        return;
    }
    let lab = Lab::new("echo it ran >/tmp/ran");
    let mut pid = 0;
    let waits = |pid: i32| {
        let call = fs::read_to_string(format!("/proc/{pid}/syscall")).unwrap();
        call.starts_with(&format!("{} ", libc::SYS_read))
    };
    lab.group.create(&lab.limits).unwrap();
    let failed = lab.start_recorded(lab.group.join(), |child| {
        pid = child.pid;
        // It has come as far as it may.
        while !waits(pid) {
            std::thread::yield_now();
        }
        Err(Error::new(Kind::System, "the disk is full"))
    });
    assert_eq!(failed.err().unwrap().doing, "the disk is full");
    assert!(!Path::new(&format!("/proc/{pid}")).exists(), "it is gone");
    assert!(lab.path("tmp").exists() && !lab.path("tmp/ran").exists());
}

#[test]
fn a_step_that_fails_is_named_and_leaves_no_process() {
    if !possible() {
        return;
    }
    let mut lab = Lab::new("true");
    let source = MountSource::Folder("/no/such/folder".into());
    lab.mounts = vec![Mount { target: "/data".into(), read_only: false, source }];
    let error = lab.start().err().expect("there is no such folder");
    let text = "bind /no/such/folder on /data with all below nodev: No such file or directory (step ";
    assert!(error.doing.starts_with(text), "{error}");
    assert!(lab.group.procs().unwrap().is_empty());
}

#[test]
fn no_more_tasks_than_the_limit_exist() {
    if !possible() {
        return;
    }
    let mut lab = Lab::new("for i in 1 2 3 4 5 6 7 8; do sleep 5 & done; echo all");
    lab.limits.pids = Some(4);
    let ended = lab.run();
    assert!(ended.output.contains("can't fork"), "{}", ended.output);
    assert_eq!(lab.group.stats().pids_limit, Some(4));
}

#[test]
fn memory_over_the_limit_kills_and_the_kill_is_counted_and_announced() {
    if !possible() {
        return;
    }
    let mut lab = Lab::new("echo ready; sleep 0.1; tail /dev/zero");
    lab.limits = Limits { memory: Some(16 << 20), swap: Swap::Total(16 << 20), ..Limits::default() };
    let mut running = lab.start().unwrap();
    assert_eq!(running.line(), "ready");
    let watch = lab.group.watch_oom().unwrap().expect("there is a memory controller");
    let mut fds = [rustix::event::PollFd::from_borrowed_fd(watch.as_fd(), rustix::event::PollFlags::IN)];
    let patience = rustix::event::Timespec { tv_sec: 30, tv_nsec: 0 };
    assert_eq!(rustix::event::poll(&mut fds, Some(&patience)), Ok(1));
    watch.drain();
    assert_eq!(running.end().code, 137);
    let stats = lab.group.stats();
    assert_eq!((stats.oom_kills, stats.memory_limit), (Some(1), Some(16 << 20)));
    assert_eq!(lab.group.oom_kills(), 1);
    assert!(stats.memory_peak.is_none_or(|peak| peak > 8 << 20), "{stats:?}");
}

#[test]
fn limits_change_in_place_up_and_down() {
    if !possible() {
        return;
    }
    let lab = Lab::new("true");
    let limit = |mib: u64| Limits { memory: Some(mib << 20), pids: Some(mib), ..Limits::default() };
    lab.group.create(&limit(64)).unwrap();
    for mib in [128, 32, 512] {
        lab.group.update(&limit(mib)).unwrap();
        let stats = lab.group.stats();
        assert_eq!((stats.memory_limit, stats.pids_limit), (Some(mib << 20), Some(mib)));
    }
    lab.group.update(&Limits::default()).unwrap();
    let stats = lab.group.stats();
    assert_eq!((stats.memory_limit, stats.pids_limit), (None, None));
}

#[test]
fn a_frozen_container_makes_no_progress_until_it_is_thawed() {
    if !possible() {
        return;
    }
    let lab = Lab::new("echo up; i=0; while true; do i=$((i+1)); echo $i > /tmp/count; done");
    let mut running = lab.start().unwrap();
    assert_eq!(running.line(), "up");
    let count = || fs::read_to_string(lab.path("tmp/count")).unwrap_or_default();
    eventually("it counts", || !count().is_empty());
    lab.group.freeze().unwrap();
    assert!(lab.group.is_frozen());
    let before = count();
    std::thread::sleep(Duration::from_millis(50));
    assert_eq!(count(), before);
    lab.group.thaw().unwrap();
    eventually("it goes on", || count() != before);
    lab.group.freeze().unwrap();
    lab.group.kill().unwrap();
    assert_eq!(running.end().code, 137, "what is frozen can be killed");
}

#[test]
fn another_process_enters_all_namespaces_and_limits_of_the_container() {
    if !possible() {
        return;
    }
    let namespaces = "for n in mnt net uts ipc pid cgroup; do readlink /proc/self/ns/$n; done";
    let lab = Lab::new(&format!("{namespaces}; echo up; sleep 100"));
    let mut running = lab.start().unwrap();
    let first: Vec<String> = (0..6).map(|_| running.line()).collect();
    assert_eq!(running.line(), "up");
    let user = User::lookup_in(running.child.pid, "web:log", &[]).unwrap();
    let env = BTreeMap::from([("GREETING".to_owned(), "hello".to_owned())]);
    let script =
        format!("{namespaces}; id -u; id -g; echo $GREETING; pwd; cat /proc/self/status /proc/1/comm");
    let process = Process { argv: shell(&script), env, cwd: "/tmp".into(), user };
    let ended = lab.exec(&running, process).unwrap().end();
    assert_eq!(ended.code, 0, "{}", ended.output);
    let lines: Vec<&str> = ended.output.lines().collect();
    assert_eq!(lines[..6], first);
    assert_eq!(lines[6..10], ["33", "40", "hello", "/tmp"]);
    assert_eq!(status(&ended.output, "CapBnd"), "00000000a80425fb");
    assert_eq!(status(&ended.output, "Seccomp"), "2");
    let missing = Process { argv: vec!["nothing".into()], ..Process::default() };
    let error = lab.exec(&running, missing).err().expect("there is no such program");
    assert_eq!(error.doing, "`nothing`: not found in PATH of the image");
    let pid_namespace = fs::read_link("/proc/thread-self/ns/pid_for_children").unwrap();
    assert_eq!(pid_namespace, fs::read_link("/proc/self/ns/pid").unwrap(), "our own children stay ours");
}

#[test]
fn an_exec_process_shares_the_memory_and_task_limits() {
    if !possible() {
        return;
    }
    let mut lab = Lab::new("echo up; sleep 100");
    lab.limits.pids = Some(10);
    let mut running = lab.start().unwrap();
    assert_eq!(running.line(), "up");
    let process = Process { argv: shell("sleep 100"), ..Process::default() };
    let other = lab.exec(&running, process).unwrap();
    assert!(lab.group.procs().unwrap().contains(&other.child.pid));
    lab.group.kill().unwrap();
    // A pid namespace ends only when its last process was waited for.
    assert_eq!((other.end().code, running.end().code), (137, 137));
}

#[test]
fn a_terminal_is_the_controlling_one_of_an_exec_process() {
    if !possible() {
        return;
    }
    let lab = Lab::new("echo up; sleep 100");
    let mut running = lab.start().unwrap();
    assert_eq!(running.line(), "up");
    let pty = pty::open_in(running.child.pid).unwrap();
    let child = engine::sandbox::spawn_exec(&engine::sandbox::Entry {
        pidfd: running.child.pidfd.as_fd(),
        stdio: [pty.slave.as_fd(), pty.slave.as_fd(), pty.slave.as_fd()],
        process: Process { argv: shell("tty; echo to the terminal > /dev/tty"), ..Process::default() },
        confinement: lab.confinement(),
        cgroup: lab.group.join(),
        tty: true,
    })
    .unwrap();
    drop(pty.slave);
    nix::sys::wait::waitpid(nix::unistd::Pid::from_raw(child.pid), None).unwrap();
    let mut output = [0; 256];
    let mut read = 0;
    while let Ok(more) = rustix::io::read(&pty.master, &mut output[read..]) {
        read += more;
    }
    assert_eq!(String::from_utf8_lossy(&output[..read]), "/dev/pts/0\r\nto the terminal\r\n");
}

#[test]
fn init_reaps_orphans_forwards_signals_and_ends_as_its_program() {
    if !possible() {
        return;
    }
    let mut lab = Lab::new(
        "(sleep 0.05 &); trap 'echo asked; exit 7' TERM; sleep 0.3; ps -o pid,stat,args; echo up; \
         while true; do sleep 0.05; done",
    );
    lab.spec.init = true;
    let mut running = lab.start().unwrap();
    let mut processes = Vec::new();
    loop {
        match running.line() {
            line if line == "up" => break,
            line => processes.push(line),
        }
    }
    assert!(processes[1].ends_with(" /sbin/init"), "{processes:?}");
    assert!(!processes.iter().any(|line| line.contains('Z')), "{processes:?}");
    running.signal(libc::SIGTERM);
    let ended = running.end();
    assert_eq!((ended.code, &*ended.output), (7, "asked\n"));
}

#[test]
fn init_says_when_its_program_cannot_be_executed_or_is_killed() {
    if !possible() {
        return;
    }
    let mut lab = Lab::new("kill -9 $$");
    lab.spec.init = true;
    assert_eq!(lab.run().code, 137);
    let mut lab = Lab::new("");
    lab.spec.init = true;
    lab.process.argv = vec!["nothing".into()];
    let error = lab.start().err().expect("there is no such program");
    assert_eq!(error.doing, "`nothing`: not found in PATH of the image");
}

#[test]
fn the_groups_and_their_parents_are_gone_after_removal() {
    if !possible() {
        return;
    }
    let lab = Lab::new("sleep 100");
    let running = lab.start().unwrap();
    let join = lab.group.join();
    let folders = join.version1.iter().map(|(_, folder)| folder).chain(&join.into);
    let stores: Vec<_> = folders.map(|folder| folder.ancestors().nth(2).unwrap().to_owned()).collect();
    assert!(!stores.is_empty() && stores.iter().all(|store| store.exists()));
    lab.group.kill().unwrap();
    running.end();
    lab.group.remove().unwrap();
    assert!(stores.iter().all(|store| !store.exists()), "{stores:?}");
    assert!(lab.group.procs().unwrap().is_empty());
    lab.group.kill().unwrap();
}

#[test]
fn the_container_sees_its_own_group_and_cannot_change_it() {
    if !possible() {
        return;
    }
    let mut lab = Lab::new(
        "cat /sys/fs/cgroup/memory/memory.limit_in_bytes 2>/dev/null || cat /sys/fs/cgroup/memory.max; \
         cut -d: -f3 /proc/self/cgroup | sort -u",
    );
    lab.limits.memory = Some(32 << 20);
    let output = lab.run().output;
    assert!(output.starts_with("33554432\n"), "{output}");
    assert!(output.lines().any(|line| line == "/"), "{output}");
    assert!(!output.contains("sampan"), "{output}");
}

#[test]
fn a_sealed_program_runs_and_its_file_cannot_be_opened_for_writing() {
    if !possible() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let program = folder.path().join("program");
    fs::copy("/bin/cat", &program).unwrap();
    let sealed = exe::seal(&program).unwrap();
    let error = fs::File::options().append(true).open(sealed.path()).unwrap_err();
    assert_eq!(error.raw_os_error(), Some(libc::EROFS));
    let output = Command::new(sealed.path()).arg("/proc/self/stat").output().unwrap();
    assert!(output.status.success());
    assert!(fs::File::options().append(true).open(&program).is_ok(), "the original is as it was");
}

fn eventually(what: &str, mut holds: impl FnMut() -> bool) {
    let late = Instant::now() + Duration::from_secs(30);
    while !holds() {
        assert!(Instant::now() < late, "never: {what}");
        std::thread::sleep(Duration::from_millis(2));
    }
}
