//! The program of a `RUN`: who, where, with what, how it ends, and what is left.

use crate::Test;
use crate::bench::{Bench, cgroups, eventually, fail, processes, request, shell, tree, words};
use crate::suite::Machine;
use engine::Kind;
use engine::build::Cancel;
use engine::build::run::{LINE_MAX, RunCommand, RunNetwork, run, sweep};
use engine::sandbox::Rlimit;
use planner::desired::Limits;
use std::fs;
use std::io::{BufRead, BufReader};
use std::os::unix::fs::{MetadataExt, symlink};

pub(crate) const TESTS: &[Test] = &[
    ("a_run_has_its_environment_user_and_directory", surroundings),
    ("what_a_run_writes_is_all_that_is_in_its_layer", layer),
    ("exec_form_has_no_shell_and_a_script_is_interpreted_by_what_it_says", forms),
    ("exit_codes_and_signals_are_told", ends),
    ("a_program_that_is_not_there_is_an_error", not_there),
    ("lines_of_both_streams_come_in_their_order_and_long_ones_in_pieces", output),
    ("a_run_has_default_capabilities_and_a_filter_unless_it_is_privileged", privileges),
    ("limits_hold", limits),
    ("what_a_run_leaves_running_ends_with_it", background),
    ("a_run_that_is_cancelled_leaves_nothing", cancelled),
    ("a_builder_that_is_killed_leaves_no_process_and_what_is_left_is_swept", killed),
    ("runs_at_the_same_time_do_not_meet", together),
    ("an_image_of_nothing_can_run_a_static_program", scratch),
];

fn surroundings(bench: &Bench) {
    let line = "id; echo $PWD $HOME \"$GREETING\" $PATH; hostname; umask";
    let (ran, snapshot) = bench.run_with(line, |request| {
        request.user = "web".into();
        request.cwd = "/data/deep".into();
        request.env.insert("GREETING".into(), "a  b".into());
    });
    let path = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
    let who = "uid=33(web) gid=34(web) groups=34(web),40(log)".to_owned();
    let expected = [who, format!("/data/deep /data a  b {path}"), "sampan-build".into(), "0022".into()];
    assert_eq!(ran.out(), expected);
    assert_eq!(tree(&snapshot.upper), ["data", "data/deep"]);
    let of = |user: &str| {
        let user = user.to_owned();
        bench.run_with("echo $(id -u):$(id -g) $HOME", |request| request.user = user).0.out()
    };
    assert_eq!(of("12:34"), ["12:34 /"]);
    assert_eq!(of("web:root"), ["33:0 /data"]);
    assert_eq!(of(""), ["0:0 /root"]);
    let snapshot = bench.snapshot();
    let error = bench.try_run(&snapshot, "true", |request| request.user = "nobody".into()).unwrap_err();
    assert_eq!((error.kind, &*error.doing), (Kind::NotFound, "there is no user `nobody` in the image"));
}

fn layer(bench: &Bench) {
    let before = bench.base.join("etc").metadata().unwrap().mtime();
    let (ran, snapshot) = bench
        .run_with("echo 1 > /tmp/new; rm /data/seed; ls -a /dev /run /proc/1/fd >&2; cat /etc/hosts", |_| {});
    assert!(ran.out().iter().any(|line| line.contains("localhost")));
    assert_eq!(tree(&snapshot.upper), ["data", "data/seed", "tmp", "tmp/new"]);
    assert_eq!(fs::read_to_string(snapshot.upper.join("tmp/new")).unwrap(), "1\n");
    let gone = snapshot.upper.join("data/seed").symlink_metadata().unwrap();
    assert_eq!((gone.mode() & libc::S_IFMT, gone.rdev()), (libc::S_IFCHR, 0));
    assert_eq!(bench.base.join("etc").metadata().unwrap().mtime(), before);
    assert!(bench.base.join("data/seed").exists() && !bench.base.join("proc").exists());
    // A link that leads nowhere is where the file is mounted, and stays one.
    let lower = bench.folder("linked");
    fs::create_dir(lower.join("etc")).unwrap();
    symlink("../run/resolve/stub.conf", lower.join("etc/resolv.conf")).unwrap();
    let snapshot = bench.snapshot_over(vec![bench.base.clone(), lower]);
    let line =
        "readlink /etc/resolv.conf; test -f /run/resolve/stub.conf && cat /etc/resolv.conf; touch /etc/x";
    let ran = bench.try_run(&snapshot, line, |_| {}).unwrap_or_else(|error| fail(&error));
    assert_eq!(ran.out(), ["../run/resolve/stub.conf"]);
    assert_eq!(tree(&snapshot.upper), ["etc", "etc/x"]);
}

fn forms(bench: &Bench) {
    let exec = |argv: &[&str]| {
        let argv = argv.iter().map(|word| (*word).to_owned()).collect();
        bench.run_with("", |request| request.command = RunCommand::Exec(argv)).0.out()
    };
    assert_eq!(exec(&["echo", "$HOME", "a b"]), ["$HOME a b"]);
    let script =
        |body: &str| RunCommand::Script { shell: words("/bin/sh -c"), name: "EOF".into(), body: body.into() };
    let (ran, snapshot) = bench.run_with("", |request| {
        request.command = script("#!/bin/awk -f\nBEGIN { print \"awk\", 6 * 7 }\n");
    });
    assert_eq!(ran.out(), ["awk 42"]);
    assert!(tree(&snapshot.upper).is_empty());
    let lines = "set -e\nx=1\nif true; then\n  echo $x\nfi\n";
    assert_eq!(bench.sh(lines), ["1"]);
}

fn ends(bench: &Bench) {
    let code = |line: &str| bench.run_with(line, |_| {}).0.outcome.code;
    assert_eq!(code("exit 0"), 0);
    assert_eq!(code("exit 3"), 3);
    assert_eq!(code("exit 255"), 255);
    assert_eq!(code("nonsense"), 127);
    assert_eq!(code("kill -TERM $$"), 143);
    assert_eq!(code("kill -KILL $$"), 137);
    assert_eq!(code("false; true"), 0);
}

fn not_there(bench: &Bench) {
    let snapshot = bench.snapshot();
    let run = |argv: &str| {
        let command = RunCommand::Exec(words(argv));
        bench.try_run(&snapshot, "", |request| request.command = command).unwrap_err()
    };
    let error = run("nonsense");
    assert_eq!((error.kind, &*error.doing), (Kind::NotFound, "`nonsense`: not found in PATH of the image"));
    assert_eq!(run("/etc/passwd").kind, Kind::Denied);
    let error = bench.try_run(&snapshot, "", |request| request.command = RunCommand::Exec(Vec::new()));
    assert_eq!(error.unwrap_err().kind, Kind::Container);
}

fn output(bench: &Bench) {
    let line = "seq 1 20000; echo one >&2; printf 'no end'; printf '\\n\\nlast' >&2";
    let (ran, _) = bench.run_with(line, |_| {});
    assert_eq!(ran.err, ["one", "", "", "last"][..].to_vec());
    let out = ran.out();
    let numbers = (1..=20_000).map(|number| number.to_string());
    assert!(out.iter().cloned().eq(numbers.chain(["no end".to_owned()])), "{} lines", out.len());
    let out = bench.sh("head -c 150000 /dev/zero | tr '\\0' x; echo; echo end");
    let lengths: Vec<usize> = out.iter().map(String::len).collect();
    assert_eq!(lengths, [LINE_MAX, LINE_MAX, 150_000 - 2 * LINE_MAX, 3]);
    assert_eq!(bench.sh("echo a > /dev/stdout; echo b > /proc/self/fd/1; cat; cat < /dev/stdin"), ["a", "b"]);
}

fn privileges(bench: &Bench) {
    let field = |name: &str, privileged: bool| {
        let line = format!("grep ^{name}: /proc/self/status | cut -f2");
        bench.run_with(&line, |request| request.privileged = privileged).0.out().remove(0)
    };
    assert_eq!((field("CapEff", false), field("Seccomp", false)), ("00000000a80425fb".into(), "2".into()));
    // All that we have ourselves.
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let all = status.lines().find_map(|line| line.strip_prefix("CapEff:")).unwrap().trim().to_owned();
    assert_eq!((field("CapEff", true), field("Seccomp", true)), (all, "0".into()));
    let tries =
        "mkdir /m; mount -t tmpfs x /m 2>/dev/null && echo mounted; ls /dev/full /dev/kmsg 2>/dev/null";
    assert_eq!(bench.run_with(tries, |_| {}).0.out, ["/dev/full"]);
    let (ran, _) = bench.run_with(tries, |request| request.privileged = true);
    assert_eq!(ran.out, ["mounted", "/dev/full", "/dev/kmsg"]);
}

fn limits(bench: &Bench) {
    let (ran, _) = bench.run_with("ulimit -n; df -k /dev/shm | awk 'END {print $2}'", |request| {
        request.rlimits = vec![Rlimit::named("nofile", 99, 99).unwrap()];
        request.shm_size = Some(8 << 20);
    });
    assert_eq!(ran.out(), ["99", "8192"]);
    let (ran, _) = bench.run_with("head -c 100000000 /dev/zero | tail -c 90000000 > /dev/null", |request| {
        request.limits = Limits { memory: Some(20 << 20), ..Limits::default() };
    });
    assert!(ran.outcome.out_of_memory && !ran.outcome.is_success(), "{ran:?}");
    let (ran, _) = bench.run_with("true", |_| {});
    assert!(!ran.outcome.out_of_memory);
}

fn background(bench: &Bench) {
    let before = processes();
    assert_eq!(bench.sh("sleep 1000 & (sleep 1000 & ) ; echo done"), ["done"]);
    assert_eq!(processes(), before);
}

fn cancelled(bench: &Bench) {
    let before = processes();
    let snapshot = bench.snapshot();
    let cancel = Cancel::new().unwrap();
    let mut request = bench.request(&snapshot, &cancel, "trap '' TERM INT; echo up; sleep 1000 & sleep 1000");
    request.network = RunNetwork::Default;
    let wish = cancel.clone();
    let error = run(&request, &mut |_, line| {
        assert_eq!(line, b"up");
        wish.cancel();
    });
    assert_eq!(error.unwrap_err().kind, Kind::Cancelled);
    assert_eq!(processes(), before);
    // What is cancelled before does not begin.
    let error = run(&request, &mut |_, line| panic!("{line:?}"));
    assert_eq!(error.unwrap_err().kind, Kind::Cancelled);
}

fn killed(bench: &Bench) {
    let before = processes();
    let mut builder = bench.apart("trap '' TERM INT HUP; sleep 1000 & echo up; sleep 1000");
    let mut line = String::new();
    BufReader::new(builder.stdout.take().unwrap()).read_line(&mut line).unwrap();
    assert_eq!(line, "up\n");
    assert!(processes().len() > before.len() + 2);
    builder.kill().unwrap();
    builder.wait().unwrap();
    eventually("its processes are gone", || processes() == before);
    let mounts = fs::read_to_string("/proc/self/mountinfo").unwrap();
    assert!(!mounts.contains(bench.store.root().to_str().unwrap()), "{mounts}");
    assert!(!cgroups(&bench.store.tag()).is_empty(), "there is something to sweep");
    sweep(&bench.store).unwrap_or_else(|error| fail(&error));
    bench.must_be_clean();
}

fn together(bench: &Bench) {
    let snapshots: Vec<_> = (0..6).map(|_| bench.snapshot()).collect();
    let cancel = Cancel::new().unwrap();
    std::thread::scope(|scope| {
        for (number, snapshot) in snapshots.iter().enumerate() {
            let (store, cancel) = (&bench.store, &cancel);
            scope.spawn(move || {
                let line = format!("echo {number} > /tmp/mine; ip -4 addr show eth0 | grep -c inet; ls /tmp");
                let mut asked = request(store, snapshot, cancel, "");
                asked.command = shell(&line);
                asked.network = RunNetwork::Default;
                let mut lines = Vec::new();
                let outcome = run(&asked, &mut |_, line| lines.push(line.to_vec()));
                assert!(outcome.unwrap_or_else(|error| fail(&error)).is_success());
                assert_eq!(lines, [b"1".to_vec(), b"mine".to_vec()]);
            });
        }
    });
    for (number, snapshot) in snapshots.iter().enumerate() {
        assert_eq!(fs::read_to_string(snapshot.upper.join("tmp/mine")).unwrap(), format!("{number}\n"));
    }
}

fn scratch(bench: &Bench) {
    let snapshot = bench.snapshot_over(Vec::new());
    fs::create_dir_all(&snapshot.upper).unwrap();
    let copied =
        std::process::Command::new("cp").arg(bench.base.join("bin/busybox")).arg(&snapshot.upper).status();
    assert!(copied.unwrap().success());
    let command = RunCommand::Exec(words("/busybox mkdir /made"));
    let ran = bench
        .try_run(&snapshot, "", |request| request.command = command)
        .unwrap_or_else(|error| fail(&error));
    assert!(ran.outcome.is_success());
    assert_eq!(tree(&snapshot.upper), ["busybox", "made"]);
}
