//! What is not copied: what is ignored, is not there, cannot be or must not be.

use super::rig::{Line, context, image, listed, of, try_copy};
use crate::bench::{Bench, fail};
use engine::Kind;
use engine::build::Cancel;
use engine::build::copy::{copy, select};
use engine::build::ignore::Ignore;
use engine::build::snapshot::{Context, Files};
use std::fs;
use std::os::unix::fs::{FileTypeExt, symlink};
use std::os::unix::net::UnixListener;
use std::path::Path;

pub(super) fn refusals(bench: &Bench) {
    let (from, image) = (of(&context(bench)), image(bench));
    let table = [
        ("COPY none /x", Kind::NotFound, "`none` is not there"),
        ("COPY a/b /x", Kind::System, "look for `a/b`"),
        ("COPY dir/none/x /x", Kind::NotFound, "`dir/none/x` is not there"),
        ("COPY a b.txt /x", Kind::Unsupported, "`/x` is no folder"),
        ("COPY *.txt /file", Kind::Unsupported, "`/file` is no folder"),
        ("COPY a /file/", Kind::System, "make folder /file/"),
        ("COPY dir /file", Kind::System, "make folder /file"),
        ("COPY --chown=nobody a /x", Kind::NotFound, "there is no user `nobody` in the image"),
        ("COPY --chown=0:none a /x", Kind::NotFound, "there is no group `none` in the image"),
        ("COPY --chmod=9 a /x", Kind::Unsupported, "`9` is not a mode"),
        (
            "COPY [ /x/",
            Kind::Unsupported,
            "`[` is not a pattern: a `[` without its `]`, or a backslash at the end",
        ),
    ];
    for (line, kind, doing) in table {
        let snapshot = bench.snapshot_over(vec![image.clone()]);
        let error = try_copy(&from, &snapshot, line).unwrap_err();
        assert_eq!((error.kind, error.doing.as_str()), (kind, doing), "{line}: {}", error.chain());
        assert!(listed(&snapshot.upper).is_empty(), "{line}: nothing is half done");
    }
    // A file and a folder of one name.
    let other = bench.folder("other");
    fs::create_dir_all(other.join("x/a")).unwrap();
    fs::write(other.join("x/old"), "").unwrap();
    for (line, reason) in [
        ("COPY x /data", "x/a: `a` is no folder there: a folder cannot take its place"),
        ("COPY x/old /data/", "x/old: `old` is a folder there: a file cannot take its place"),
    ] {
        let snapshot = bench.snapshot_over(vec![image.clone()]);
        let error = try_copy(&of(&other), &snapshot, line).unwrap_err();
        assert!(error.causes().concat().contains(reason), "{line}: {}", error.chain());
    }
}

pub(super) fn selected(bench: &Bench) {
    let from = of(&context(bench));
    let snapshot = bench.snapshot();
    let cancel = Cancel::new().unwrap();
    for (line, expected) in [
        ("COPY a dir/ ./linkdir/sub/../one *.txt /x/", "a dir dir/one arr[0].txt b.txt c.txt"),
        ("COPY . /x", ""),
        ("COPY <<f link /x/", "dir/one"),
        ("COPY --parents app/./**/*.c /x/", "app/main.c app/src/x.c"),
    ] {
        let line = Line::read(line);
        let paths = select(&line.request(&from, &snapshot, &cancel)).unwrap_or_else(|error| fail(&error));
        let paths: Vec<_> = paths.iter().map(|path| path.to_str().unwrap()).collect();
        assert_eq!(paths.join(" "), expected);
    }
}

pub(super) fn ignoring(bench: &Bench) {
    let ignored = Ignore::parse("dir\n!dir/sub/three.txt\n*.sh\n.hidden\n**/*.h\n", "ignore").unwrap();
    let from = Files::Context(Context { folder: context(bench), ignored });
    let copied = |line: &str| {
        let snapshot = bench.snapshot_over(Vec::new());
        try_copy(&from, &snapshot, line).map(|_| listed(&snapshot.upper))
    };
    let expected = ["n/ 755 0:0", "n/dir/ 750 0:0", "n/dir/sub/ 711 0:0", "n/dir/sub/three.txt 644 0:0 =3"];
    assert_eq!(copied("COPY --exclude=[a-c]* --exclude=link* --exclude=empty . /n/").unwrap(), expected);
    assert_eq!(copied("COPY dir/sub /n/").unwrap(), ["n/ 755 0:0", "n/three.txt 644 0:0 =3"]);
    assert_eq!(copied("COPY app/src/* /n/").unwrap(), ["n/ 755 0:0", "n/x.c 644 0:0 =X"]);
    assert_eq!(copied("COPY run* .h* /n/").unwrap(), Vec::<String>::new());
    for line in ["COPY run.sh /x", "COPY dir/one /x", "COPY link /x"] {
        let error = copied(line).unwrap_err();
        assert_eq!(error.kind, Kind::NotFound, "{line}");
        assert_eq!(error.hint.as_deref(), Some("it is left out by the ignore file"));
    }
}

pub(super) fn hostile(bench: &Bench) {
    let folder = bench.folder("hostile");
    for (to, at) in
        [("/etc/passwd", "absolute"), ("../../../../../../../etc", "out"), ("loop", "loop"), ("/", "root")]
    {
        symlink(to, folder.join(at)).unwrap();
    }
    let fifo = rustix::fs::FileType::Fifo;
    rustix::fs::mknodat(rustix::fs::CWD, folder.join("fifo"), fifo, rustix::fs::Mode::RUSR, 0).unwrap();
    let _listener = UnixListener::bind(folder.join("socket")).unwrap();
    let copied = |line: &str| {
        let snapshot = bench.snapshot_over(vec![image(bench)]);
        try_copy(&of(&folder), &snapshot, line).map(|_| snapshot)
    };
    for line in [
        "COPY absolute /x",
        "COPY out /x",
        "COPY out/passwd /x",
        "COPY root/etc/passwd /x",
        "COPY ../../../etc/passwd /x",
    ] {
        assert_eq!(copied(line).unwrap_err().kind, Kind::NotFound, "{line}");
    }
    assert!(copied("COPY loop /x").is_err());
    let upper = copied("COPY . /n").unwrap().upper.join("n");
    assert_eq!(fs::read_link(upper.join("out")).unwrap(), Path::new("../../../../../../../etc"));
    assert!(upper.join("fifo").symlink_metadata().unwrap().file_type().is_fifo());
    assert!(!upper.join("socket").exists());
    let upper = copied("COPY fifo /x").unwrap().upper;
    assert!(upper.join("x").symlink_metadata().unwrap().file_type().is_fifo());
    // A context deeper than one may go.
    let mut deep = bench.folder("deep");
    for _ in 0..300 {
        deep.push("d");
    }
    fs::create_dir_all(&deep).unwrap();
    let snapshot = bench.snapshot();
    let error = try_copy(&of(&bench.folder("deep")), &snapshot, "COPY . /n").unwrap_err();
    assert!(error.causes().concat().contains("nested deeper"), "{}", error.chain());
}

pub(super) fn cancelled(bench: &Bench) {
    let (from, snapshot) = (of(&context(bench)), bench.snapshot());
    let cancel = Cancel::new().unwrap();
    cancel.cancel();
    let line = Line::read("COPY . /n");
    assert_eq!(copy(&line.request(&from, &snapshot, &cancel)).unwrap_err().kind, Kind::Cancelled);
}
