//! `RUN --mount`: what a program sees there, and that nothing of it is in the layer.

use crate::Test;
use crate::bench::{Bench, eventually, fail, mount, tree};
use engine::Kind;
use engine::build::ignore::Ignore;
use engine::build::run::{RunMount, RunMountKind, Sharing};
use engine::build::snapshot::{Context, Files};
use std::fs;
use std::io::{Read, Write};
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::PathBuf;
use std::sync::mpsc;

pub(crate) const TESTS: &[Test] = &[
    ("files_of_a_context_are_seen_without_what_is_ignored", context),
    ("what_is_written_to_a_bind_mount_is_thrown_away", written),
    ("files_of_an_image_are_seen_as_its_containers_see_them", image),
    ("a_bind_mount_leads_nowhere_else", contained),
    ("a_cache_stays_and_is_shared_as_asked", cache),
    ("memory_is_limited_and_gone_afterwards", memory),
    ("a_secret_is_a_file_or_a_variable_and_in_no_layer", secret),
    ("an_agent_is_reached_through_a_socket", agent),
    ("mounts_in_mounts_and_places_leave_no_trace", places),
];

fn a_context(bench: &Bench) -> Context {
    let folder = bench.folder("context");
    fs::create_dir_all(folder.join("src/gen")).unwrap();
    for (path, text) in [("a", "1\n"), ("src/b", "2\n"), ("src/gen/c", "3\n"), ("secret.env", "x\n")] {
        fs::write(folder.join(path), text).unwrap();
    }
    Context { folder, ..Context::default() }
}

fn bind(from: Files, source: &str) -> RunMountKind {
    RunMountKind::Bind { from, source: source.to_owned() }
}

fn read_only(target: &str, kind: RunMountKind) -> RunMount {
    RunMount { read_only: true, ..mount(target, kind) }
}

/// Runs a line of shell with one mount; gives what it says and what its layer has.
fn with(bench: &Bench, mount: RunMount, line: &str) -> (Vec<String>, Vec<String>) {
    let (ran, snapshot) = bench.run_with(line, |request| {
        request.cwd = "/data".into();
        request.mounts = vec![mount];
    });
    (ran.out(), tree(&snapshot.upper))
}

fn context(bench: &Bench) {
    let context = a_context(bench);
    let list = "find . | sort; touch x 2>&1 | grep -o Read-only";
    let all = [".", "./a", "./secret.env", "./src", "./src/b", "./src/gen", "./src/gen/c", "Read-only"];
    let whole = read_only("", bind(Files::Context(context.clone()), ""));
    let here = RunMount { target: "/ctx".into(), ..whole };
    assert_eq!(with(bench, here.clone(), &format!("cd /ctx; {list}")).0, all);
    let ignored = Ignore::parse("secret.env\nsrc\n!src/gen/c\n", "ignore").unwrap();
    let filtered = Context { ignored, ..context.clone() };
    let here = RunMount { kind: bind(Files::Context(filtered.clone()), "/"), ..here };
    let kept = [".", "./a", "./src", "./src/gen", "./src/gen/c", "Read-only"];
    assert_eq!(with(bench, here.clone(), &format!("cd /ctx; {list}")).0, kept);
    // A path of it, and one that is ignored.
    let one = RunMount { target: "sub".into(), kind: bind(Files::Context(context), "src/b"), ..here.clone() };
    assert_eq!(with(bench, one, "cat /data/sub").0, ["2"]);
    let snapshot = bench.snapshot();
    let hidden = RunMount { kind: bind(Files::Context(filtered), "secret.env"), ..here };
    let error = bench.try_run(&snapshot, "true", |request| request.mounts = vec![hidden]).unwrap_err();
    assert_eq!(error.kind, Kind::NotFound);
    assert_eq!(error.doing, "--mount=type=bind,target=/ctx: `secret.env` is not there");
}

fn written(bench: &Bench) {
    let context = a_context(bench);
    let line = "echo new > a; rm -r src; mkdir out; cat a; ls; echo kept > /data/kept";
    let (out, layer) =
        with(bench, mount("/ctx", bind(Files::Context(context.clone()), "")), &format!("cd /ctx; {line}"));
    assert_eq!(out, ["new", "a", "out", "secret.env"]);
    assert_eq!(layer, ["data", "data/kept"]);
    assert_eq!(tree(&context.folder), ["a", "secret.env", "src", "src/b", "src/gen", "src/gen/c"]);
    assert_eq!(fs::read_to_string(context.folder.join("a")).unwrap(), "1\n");
}

fn image(bench: &Bench) {
    let upper = bench.folder("higher");
    fs::create_dir(upper.join("data")).unwrap();
    fs::write(upper.join("data/more"), "2\n").unwrap();
    let device = rustix::fs::FileType::CharacterDevice;
    rustix::fs::mknodat(rustix::fs::CWD, upper.join("data/seed"), device, rustix::fs::Mode::empty(), 0)
        .unwrap();
    let layers = || Files::Layers(vec![bench.base.clone(), upper.clone()]);
    let (out, _) = with(bench, read_only("/other", bind(layers(), "/data")), "ls /other; cat /other/more");
    assert_eq!(out, ["more", "2"]);
    let (out, layer) = with(bench, read_only("/other", bind(Files::Layers(Vec::new()), "")), "ls -a /other");
    assert_eq!((out, layer), (vec![".".to_owned(), "..".to_owned()], Vec::new()));
}

fn contained(bench: &Bench) {
    let context = a_context(bench);
    symlink("/etc/passwd", context.folder.join("absolute")).unwrap();
    symlink("../../../../../../etc/passwd", context.folder.join("relative")).unwrap();
    symlink("src/b", context.folder.join("inside")).unwrap();
    let mounted = |source: &str| {
        let mount = read_only("/file", bind(Files::Context(context.clone()), source));
        let snapshot = bench.snapshot();
        bench.try_run(&snapshot, "cat /file", |request| request.mounts = vec![mount])
    };
    for path in ["absolute", "relative", "../../../etc/passwd"] {
        assert_eq!(mounted(path).unwrap_err().kind, Kind::NotFound, "{path}");
    }
    assert_eq!(mounted("inside").unwrap().out(), ["2"]);
    assert_eq!(mounted("src/../src/b").unwrap().out(), ["2"]);
}

fn caching(id: &str, sharing: Sharing) -> RunMountKind {
    RunMountKind::Cache { id: id.to_owned(), sharing, from: None, owner: (33, 34), mode: 0o750 }
}

fn cache(bench: &Bench) {
    let shared = || mount("/cache", caching("/var/cache: odd/../id", Sharing::Shared));
    let (out, layer) = with(bench, shared(), "stat -c '%u %g %a' /cache; echo 1 > /cache/file");
    assert_eq!((out, layer), (vec!["33 34 750".to_owned()], Vec::new()));
    assert_eq!(with(bench, shared(), "cat /cache/file; chmod 777 /cache").0, ["1"]);
    assert_eq!(with(bench, shared(), "stat -c %a /cache").0, ["777"]);
    assert_eq!(
        with(
            bench,
            read_only("/cache", caching("other", Sharing::Locked)),
            "ls -a /cache; touch /cache/x 2>&1 | grep -o Read-only"
        )
        .0,
        [".", "..", "Read-only"]
    );
    let from = Some((Files::Layers(vec![bench.base.clone()]), "/data".to_owned()));
    let kind = RunMountKind::Cache {
        id: "filled".into(),
        sharing: Sharing::Locked,
        from,
        owner: (0, 0),
        mode: 0o755,
    };
    assert_eq!(
        with(bench, mount("/cache", kind.clone()), "cat /cache/seed; rm /cache/seed").0,
        ["from the image"]
    );
    assert_eq!(with(bench, mount("/cache", kind), "ls /cache").0, Vec::<String>::new());
    // The second one comes while the first one is there.
    assert_eq!(meeting(bench, Sharing::Shared), ["first"]);
    assert_eq!(meeting(bench, Sharing::Private), Vec::<String>::new());
    assert_eq!(meeting(bench, Sharing::Locked), ["ended", "first"], "the second sees what the first left");
}

/// What is in a cache for a `RUN` that begins while another one has it, which waits for the test.
fn meeting(bench: &Bench, sharing: Sharing) -> Vec<String> {
    let (store, snapshots) = (&bench.store, [bench.snapshot(), bench.snapshot()]);
    let gate = bench.folder(&format!("gate-{sharing:?}"));
    let fifo = rustix::fs::FileType::Fifo;
    rustix::fs::mknodat(rustix::fs::CWD, gate.join("open"), fifo, rustix::fs::Mode::RUSR, 0).unwrap();
    let cache = || mount("/cache", caching(&format!("{sharing:?}"), sharing));
    let door = Files::Context(Context { folder: gate.clone(), ..Context::default() });
    let first = vec![cache(), read_only("/gate", bind(door, ""))];
    let (up, is_up) = mpsc::channel();
    let [one, other] = &snapshots;
    std::thread::scope(|scope| {
        let line = "touch /cache/first; echo up; read line < /gate/open; touch /cache/ended";
        let one = scope.spawn(move || run_plain(store, one, line, first, &mut || up.send(()).unwrap()));
        is_up.recv().unwrap();
        let other = scope.spawn(|| run_plain(store, other, "ls /cache", vec![cache()], &mut || {}));
        // One that waits for the first comes to its end only behind it.
        let waits = sharing == Sharing::Locked;
        let (other, seen) = if waits { (Some(other), None) } else { (None, Some(other.join().unwrap())) };
        fs::write(gate.join("open"), "\n").unwrap();
        one.join().unwrap();
        other.map(|other| other.join().unwrap()).or(seen).unwrap()
    })
}

/// Runs a line of shell with mounts; gives its output, and tells of each line when it comes.
fn run_plain(
    store: &engine::store::Store,
    snapshot: &engine::build::snapshot::Snapshot,
    line: &str,
    mounts: Vec<RunMount>,
    tell: &mut (dyn FnMut() + Send),
) -> Vec<String> {
    let cancel = engine::build::Cancel::new().unwrap();
    let mut asked = crate::bench::request(store, snapshot, &cancel, line);
    asked.mounts = mounts;
    let mut lines = Vec::new();
    let mut sink = |_, line: &[u8]| {
        lines.push(String::from_utf8_lossy(line).into_owned());
        tell();
    };
    engine::build::run::run(&asked, &mut sink).unwrap_or_else(|error| fail(&error));
    lines
}

fn memory(bench: &Bench) {
    let limited = mount("/scratch", RunMountKind::Tmpfs { size: Some(1 << 20) });
    let line = "df -k /scratch | awk 'END {print $2}'; stat -c %a /scratch; cp=1; cat /bin/busybox > /scratch/b 2>/dev/null || echo full; \
                printf '#!/bin/sh\necho executed\n' > /scratch/x; rm /scratch/b; printf '#!/bin/sh\necho executed\n' > /scratch/x; chmod +x /scratch/x; /scratch/x";
    let (out, layer) = with(bench, limited, line);
    assert_eq!(out, ["1024", "1777", "full", "executed"]);
    assert!(layer.is_empty());
}

fn secret(bench: &Bench) {
    let secret = |env: Option<&str>| RunMountKind::Secret {
        id: "token".into(),
        value: Some(b"s3cret\nline".to_vec()),
        required: true,
        env: env.map(str::to_owned),
        owner: (33, 0),
        mode: 0o400,
    };
    let look = "cat /run/secrets/token; echo; stat -c '%u %g %a %F' /run/secrets/token; grep -c /run/secrets/token /proc/mounts";
    let (out, layer) = with(bench, read_only("", secret(None)), look);
    assert_eq!(out, ["s3cret", "line", "33 0 400 regular file", "1"]);
    assert!(layer.is_empty(), "{layer:?}");
    assert_eq!(with(bench, read_only("/root/.npmrc", secret(None)), "cat ~/.npmrc").0, ["s3cret", "line"]);
    let (out, layer) =
        with(bench, read_only("", secret(Some("TOKEN"))), "echo \"$TOKEN\"; ls /run 2>/dev/null; true");
    assert_eq!((out, layer), (vec!["s3cret".to_owned(), "line".to_owned()], Vec::new()));
    let (out, _) = with(bench, read_only("/t", secret(Some("TOKEN"))), "echo \"$TOKEN\"; cat /t");
    assert_eq!(out, ["s3cret", "line", "s3cret", "line"]);
    // Nothing of it is on the disk.
    let found = std::process::Command::new("grep")
        .arg("-rl")
        .arg("s3cret")
        .arg(bench.store.root().parent().unwrap())
        .output()
        .unwrap();
    assert_eq!(String::from_utf8(found.stdout).unwrap(), "");
    let missing = |required| RunMountKind::Secret {
        id: "none".into(),
        value: None,
        required,
        env: None,
        owner: (0, 0),
        mode: 0o400,
    };
    assert_eq!(with(bench, read_only("", missing(false)), "ls /run 2>/dev/null; echo fine").0, ["fine"]);
    let snapshot = bench.snapshot();
    let error = bench
        .try_run(&snapshot, "true", |request| request.mounts = vec![read_only("", missing(true))])
        .unwrap_err();
    assert_eq!(error.doing, "--mount=type=secret: secret `none` was not given");
}

fn agent(bench: &Bench) {
    let socket: PathBuf = bench.folder("agent").join("sock");
    let listener = UnixListener::bind(&socket).unwrap();
    let ssh = |socket: Option<PathBuf>| {
        let kind =
            RunMountKind::Ssh { id: "default".into(), socket, required: true, owner: (33, 34), mode: 0o600 };
        RunMount { target: String::new(), read_only: false, kind }
    };
    let answer = std::thread::spawn(move || {
        // The first one only looks whether somebody is there.
        drop(listener.accept().unwrap());
        let (mut caller, _) = listener.accept().unwrap();
        let mut asked = [0; 5];
        caller.read_exact(&mut asked).unwrap();
        caller.write_all(b"pong\n").unwrap();
        asked
    });
    let call = std::thread::spawn(|| {
        let found =
            || {
                fs::read_dir("/proc").unwrap().flatten().map(|it| it.path().join("root")).find(|root| {
                    root.join("run/buildkit/ssh_agent.0").exists() && root.join("tmp/done").exists()
                })
            };
        eventually("the socket is there", || found().is_some());
        let root = found().unwrap();
        let mut stream = UnixStream::connect(root.join("run/buildkit/ssh_agent.0")).unwrap();
        stream.write_all(b"ping\n").unwrap();
        let mut heard = String::new();
        stream.read_to_string(&mut heard).unwrap();
        fs::write(root.join("tmp/done"), "\n").unwrap();
        heard
    });
    let line = "busybox mkfifo /tmp/done; echo $SSH_AUTH_SOCK; stat -c '%u %g %a %F' $SSH_AUTH_SOCK; read line < /tmp/done";
    let (out, layer) = with(bench, ssh(Some(socket.clone())), line);
    assert_eq!(out, ["/run/buildkit/ssh_agent.0", "33 34 600 socket"]);
    assert_eq!(layer, ["tmp", "tmp/done"]);
    assert_eq!(call.join().unwrap(), "pong\n");
    assert_eq!(&answer.join().unwrap(), b"ping\n");
    let snapshot = bench.snapshot();
    for socket in [None, Some(socket)] {
        let error =
            bench.try_run(&snapshot, "true", |request| request.mounts = vec![ssh(socket)]).unwrap_err();
        assert_eq!(error.kind, Kind::NotFound, "{error}");
    }
}

fn places(bench: &Bench) {
    let root = bench.base.join("root");
    fs::set_permissions(&root, fs::Permissions::from_mode(0o700)).unwrap();
    let tmpfs = |target: &str| mount(target, RunMountKind::Tmpfs { size: None });
    let line = "touch /root/.cache/pip/x; touch /a/b/c/d/y; ls -ld /root /a/b/c | cut -c1-10; cat /proc/mounts | grep -c tmpfs > /dev/null";
    let (ran, snapshot) = bench.run_with(line, |request| {
        request.cwd = "/root".into();
        request.mounts =
            vec![tmpfs("/a/b/c/d"), tmpfs(".cache/pip"), tmpfs("/a/b"), tmpfs("/a/b/c"), tmpfs("/dev/extra")];
    });
    assert_eq!(ran.out(), ["drwxrwxrwt", "drwx------"]);
    assert!(tree(&snapshot.upper).is_empty(), "{:?}", tree(&snapshot.upper));
    // What is written beside a mount stays, in a folder as it was.
    let (ran, snapshot) = bench.run_with("echo 1 > /root/.profile", |request| {
        request.mounts = vec![tmpfs("/root/.cache/pip")];
    });
    ran.out();
    assert_eq!(tree(&snapshot.upper), ["root", "root/.profile"]);
    let (before, after) = (root.metadata().unwrap(), snapshot.upper.join("root").metadata().unwrap());
    assert_eq!((after.mode(), after.uid()), (before.mode(), before.uid()));
    // A folder that was deleted in the image stays deleted.
    let gone = bench.folder("gone");
    let device = rustix::fs::FileType::CharacterDevice;
    rustix::fs::mknodat(rustix::fs::CWD, gone.join("data"), device, rustix::fs::Mode::empty(), 0).unwrap();
    let snapshot = bench.snapshot_over(vec![bench.base.clone(), gone]);
    let ran =
        bench.try_run(&snapshot, "ls /data /data/mnt", |request| request.mounts = vec![tmpfs("/data/mnt")]);
    assert_eq!(ran.unwrap_or_else(|error| fail(&error)).out(), ["/data:", "mnt", "", "/data/mnt:"]);
    assert!(tree(&snapshot.upper).is_empty());
    for target in ["/", "/data/.."] {
        let error =
            bench.try_run(&snapshot, "true", |request| request.mounts = vec![tmpfs(target)]).unwrap_err();
        assert_eq!(error.kind, Kind::Unsupported);
    }
}
