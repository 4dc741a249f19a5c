//! `COPY` and `ADD`: what comes to be in the layer.

use crate::Test;
use crate::bench::{Bench, fail};
use engine::build::Cancel;
use engine::build::copy::{Add, Copied, CopyRequest, CopySource, copy, select};
use engine::build::ignore::Ignore;
use engine::build::snapshot::{Context, Files, Snapshot};
use engine::{Kind, Result};
use std::fs::{self, File, Permissions};
use std::io::Write;
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt, chown, symlink};
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

pub(crate) const TESTS: &[Test] = &[
    ("copies_come_out_as_the_table_says", table),
    ("what_cannot_be_copied_is_refused_with_the_reason", refusals),
    ("the_paths_of_sources_are_told", selected),
    ("times_holes_hard_links_and_attributes_are_kept", kept),
    ("copies_from_an_image_keep_their_owners_and_see_no_deleted_files", from_image),
    ("what_is_ignored_is_not_there", ignoring),
    ("nothing_is_followed_or_waited_for_in_a_hostile_context", hostile),
    ("archives_are_unpacked_inside_the_target", archives),
    ("hostile_archives_stay_inside", hostile_archives),
    ("a_copy_that_is_cancelled_says_so", cancelled),
];

const THEN: Duration = Duration::from_secs(1_000_000_000);

/// The context that the table copies from. Its owner is no one in particular.
fn context(bench: &Bench) -> PathBuf {
    let folder = bench.folder("context");
    for (path, mode) in
        [("dir", 0o750), ("dir/sub", 0o711), ("empty", 0o700), ("app", 0o755), ("app/src", 0o755)]
    {
        fs::create_dir(folder.join(path)).unwrap();
        fs::set_permissions(folder.join(path), Permissions::from_mode(mode)).unwrap();
    }
    for (path, text, mode) in [
        ("a", "A", 0o644),
        ("b.txt", "B", 0o640),
        ("c.txt", "C", 0o644),
        ("run.sh", "#!", 0o755),
        ("arr[0].txt", "R", 0o644),
        (".hidden", "H", 0o600),
        ("dir/one", "1", 0o600),
        ("dir/two.txt", "2", 0o4755),
        ("dir/sub/three.txt", "3", 0o644),
        ("app/main.c", "M", 0o644),
        ("app/src/x.c", "X", 0o644),
        ("app/src/x.h", "Y", 0o644),
    ] {
        fs::write(folder.join(path), text).unwrap();
        fs::set_permissions(folder.join(path), Permissions::from_mode(mode)).unwrap();
    }
    for (to, at) in
        [("dir/one", "link"), ("dir", "linkdir"), ("/dir/one", "absolute"), ("../one", "dir/sub/up")]
    {
        symlink(to, folder.join(at)).unwrap();
    }
    own(&folder);
    folder
}

fn own(folder: &Path) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let before = path.symlink_metadata().unwrap();
        std::os::unix::fs::lchown(&path, Some(1000), Some(1000)).unwrap();
        if !before.is_symlink() {
            // Changing the owner took set-user-id away.
            fs::set_permissions(&path, before.permissions()).unwrap();
        }
        if before.is_dir() {
            own(&path);
        }
    }
}

/// The image that the table copies into.
fn image(bench: &Bench) -> PathBuf {
    let folder = bench.folder("image");
    if folder.join("etc").exists() {
        return folder;
    }
    for path in ["etc", "usr/lib", "data/old", "tmp"] {
        fs::create_dir_all(folder.join(path)).unwrap();
    }
    fs::set_permissions(folder.join("tmp"), Permissions::from_mode(0o1777)).unwrap();
    fs::set_permissions(folder.join("data"), Permissions::from_mode(0o700)).unwrap();
    chown(folder.join("data"), Some(7), Some(8)).unwrap();
    for (path, text) in [
        ("etc/passwd", "web:x:33:34::/:\n"),
        ("etc/group", "log:x:40:\n"),
        ("data/a", "old"),
        ("file", "old"),
    ] {
        fs::write(folder.join(path), text).unwrap();
    }
    for (to, at) in [
        ("usr/lib", "lib"),
        ("/data", "todata"),
        ("/new/place", "dangling"),
        ("../../../data", "up"),
        ("/file", "tofile"),
    ] {
        symlink(to, folder.join(at)).unwrap();
    }
    folder
}

/// One instruction, in the words of a Dockerfile.
struct Line {
    sources: Vec<CopySource>,
    target: String,
    chown: Option<String>,
    chmod: Option<String>,
    exclude: Vec<String>,
    parents: bool,
    link: bool,
    add: Option<Add>,
    cwd: String,
    epoch: Option<i64>,
}

impl Line {
    fn read(text: &str) -> Self {
        let mut words = text.split(' ');
        let add = (words.next() == Some("ADD")).then(Add::default);
        let mut line = Self {
            sources: Vec::new(),
            target: String::new(),
            chown: None,
            chmod: None,
            exclude: Vec::new(),
            parents: false,
            link: false,
            add,
            cwd: "/data".into(),
            epoch: None,
        };
        let mut paths: Vec<&str> = Vec::new();
        for word in words {
            match word.split_once('=').unwrap_or((word, "")) {
                ("--chown", value) => line.chown = Some(value.into()),
                ("--chmod", value) => {
                    line.chmod = Some(word.trim_start_matches("--chmod=").into())
                        .filter(|_: &String| !value.is_empty())
                }
                ("--exclude", value) => line.exclude.push(value.into()),
                ("--parents", _) => line.parents = true,
                ("--link", _) => line.link = true,
                ("--unpack", value) => line.add = Some(Add { unpack: Some(value == "true"), checksum: None }),
                ("--cwd", value) => line.cwd = value.into(),
                ("--epoch", value) => line.epoch = value.parse().ok(),
                _ => paths.push(word),
            }
        }
        line.target = paths.pop().unwrap().into();
        line.sources = paths.into_iter().map(source).collect();
        line
    }

    fn request<'a>(&'a self, from: &'a Files, snapshot: &'a Snapshot, cancel: &'a Cancel) -> CopyRequest<'a> {
        CopyRequest {
            snapshot,
            from,
            sources: &self.sources,
            target: &self.target,
            cwd: &self.cwd,
            chown: self.chown.as_deref(),
            chmod: self.chmod.as_deref(),
            parents: self.parents,
            link: self.link,
            exclude: &self.exclude,
            add: self.add.clone(),
            epoch: self.epoch,
            cancel,
        }
    }
}

/// `<<name` is a here-document.
fn source(word: &str) -> CopySource {
    match word.strip_prefix("<<") {
        Some(name) => CopySource::Text { name: name.into(), text: "text\n".into() },
        None if word.starts_with("http") => CopySource::Url(word.into()),
        None => CopySource::Path(word.into()),
    }
}

fn try_copy(from: &Files, snapshot: &Snapshot, line: &str) -> Result<Copied> {
    let cancel = Cancel::new().unwrap();
    let line = Line::read(line);
    copy(&line.request(from, snapshot, &cancel))
}

fn must_copy(from: &Files, snapshot: &Snapshot, line: &str) {
    try_copy(from, snapshot, line).unwrap_or_else(|error| panic!("{line}: {}", fail::<String>(&error)));
}

fn of(folder: &Path) -> Files {
    Files::Context(Context { folder: folder.to_owned(), ..Context::default() })
}

/// A layer, one line for each thing in it: `path mode uid:gid =text`, folders with a slash.
fn listed(folder: &Path) -> Vec<String> {
    let one = |path: &String| {
        let whole = folder.join(path);
        let found = whole.symlink_metadata().unwrap();
        let (mode, owner) = (found.mode() & 0o7777, format!("{}:{}", found.uid(), found.gid()));
        if found.is_symlink() {
            return format!("{path} -> {} {owner}", fs::read_link(&whole).unwrap().display());
        }
        if found.is_dir() {
            return format!("{path}/ {mode:o} {owner}");
        }
        if !found.is_file() {
            return format!("{path} special");
        }
        format!("{path} {mode:o} {owner} ={}", fs::read_to_string(&whole).unwrap().trim_end())
    };
    crate::bench::tree(folder).iter().map(one).collect()
}

/// What stands behind each instruction, apart from `/data`, which is 700 7:8 wherever it appears.
const TABLE: &[(&str, &[&str])] = &[
    // A file: at a name, in a folder that is there, in one that is not.
    ("COPY a /x", &["x 644 0:0 =A"]),
    ("COPY a /tmp", &["tmp/ 1777 0:0", "tmp/a 644 0:0 =A"]),
    ("COPY a /tmp/", &["tmp/ 1777 0:0", "tmp/a 644 0:0 =A"]),
    ("COPY a /n/m/", &["n/ 755 0:0", "n/m/ 755 0:0", "n/m/a 644 0:0 =A"]),
    ("COPY a /n/m/x", &["n/ 755 0:0", "n/m/ 755 0:0", "n/m/x 644 0:0 =A"]),
    ("COPY /a /x", &["x 644 0:0 =A"]),
    ("COPY ./a /x", &["x 644 0:0 =A"]),
    ("COPY ../../a /x", &["x 644 0:0 =A"]),
    ("COPY run.sh b.txt /n/", &["n/ 755 0:0", "n/b.txt 640 0:0 =B", "n/run.sh 755 0:0 =#!"]),
    // Targets below the working directory.
    ("COPY a .", &["data/", "data/a 644 0:0 =A"]),
    ("COPY a ./", &["data/", "data/a 644 0:0 =A"]),
    ("COPY a x", &["data/", "data/x 644 0:0 =A"]),
    ("COPY a n/", &["data/", "data/n/ 755 0:0", "data/n/a 644 0:0 =A"]),
    ("COPY a ../x", &["x 644 0:0 =A"]),
    ("COPY a ..", &["a 644 0:0 =A"]),
    ("COPY --cwd=/w/v a .", &["w/ 755 0:0", "w/v/ 755 0:0", "w/v/a 644 0:0 =A"]),
    ("COPY --cwd= a x", &["x 644 0:0 =A"]),
    // A folder: what is in it.
    (
        "COPY dir /n",
        &[
            "n/ 755 0:0",
            "n/one 600 0:0 =1",
            "n/sub/ 711 0:0",
            "n/sub/three.txt 644 0:0 =3",
            "n/sub/up -> ../one 0:0",
            "n/two.txt 4755 0:0 =2",
        ],
    ),
    (
        "COPY dir/ /n/",
        &[
            "n/ 755 0:0",
            "n/one 600 0:0 =1",
            "n/sub/ 711 0:0",
            "n/sub/three.txt 644 0:0 =3",
            "n/sub/up -> ../one 0:0",
            "n/two.txt 4755 0:0 =2",
        ],
    ),
    ("COPY dir/sub .", &["data/", "data/three.txt 644 0:0 =3", "data/up -> ../one 0:0"]),
    ("COPY empty /n", &["n/ 755 0:0"]),
    ("COPY empty dir/sub /n/", &["n/ 755 0:0", "n/three.txt 644 0:0 =3", "n/up -> ../one 0:0"]),
    // Over what is there.
    ("COPY a /data/a", &["data/", "data/a 644 0:0 =A"]),
    ("COPY a /file", &["file 644 0:0 =A"]),
    ("COPY dir/sub/three.txt a /data/", &["data/", "data/a 644 0:0 =A", "data/three.txt 644 0:0 =3"]),
    // Links in the target are followed inside; the last one only when it leads to a folder or file.
    ("COPY a /lib/", &["usr/", "usr/lib/", "usr/lib/a 644 0:0 =A"]),
    ("COPY a /lib/x", &["usr/", "usr/lib/", "usr/lib/x 644 0:0 =A"]),
    ("COPY a /todata", &["data/", "data/a 644 0:0 =A"]),
    ("COPY a /up/x", &["data/", "data/x 644 0:0 =A"]),
    ("COPY a /dangling", &["new/ 755 0:0", "new/place 644 0:0 =A"]),
    ("COPY a /dangling/", &["new/ 755 0:0", "new/place/ 755 0:0", "new/place/a 644 0:0 =A"]),
    ("COPY a /tofile", &["file 644 0:0 =A"]),
    (
        "COPY dir/sub /todata/old",
        &["data/", "data/old/", "data/old/three.txt 644 0:0 =3", "data/old/up -> ../one 0:0"],
    ),
    // Links among the sources: what is named is followed, what is in a folder is not.
    ("COPY link /x", &["x 600 0:0 =1"]),
    ("COPY link /n/", &["n/ 755 0:0", "n/link 600 0:0 =1"]),
    ("COPY absolute /x", &["x 600 0:0 =1"]),
    ("COPY linkdir/sub /n", &["n/ 755 0:0", "n/three.txt 644 0:0 =3", "n/up -> ../one 0:0"]),
    ("COPY linkdir/one /x", &["x 600 0:0 =1"]),
    // Patterns.
    (
        "COPY *.txt /n/",
        &["n/ 755 0:0", "n/arr[0].txt 644 0:0 =R", "n/b.txt 640 0:0 =B", "n/c.txt 644 0:0 =C"],
    ),
    ("COPY ?.txt /n/", &["n/ 755 0:0", "n/b.txt 640 0:0 =B", "n/c.txt 644 0:0 =C"]),
    (
        "COPY [a-b]* /n/",
        &[
            "n/ 755 0:0",
            "n/a 644 0:0 =A",
            "n/absolute 600 0:0 =1",
            "n/arr[0].txt 644 0:0 =R",
            "n/b.txt 640 0:0 =B",
            "n/main.c 644 0:0 =M",
            "n/src/ 755 0:0",
            "n/src/x.c 644 0:0 =X",
            "n/src/x.h 644 0:0 =Y",
        ],
    ),
    ("COPY arr[[]0].txt /x", &["x 644 0:0 =R"]),
    ("COPY d*r/one /x", &["x 600 0:0 =1"]),
    ("COPY */one /x", &["x 600 0:0 =1"]),
    ("COPY app/src/x.[!h] /x", &["x 644 0:0 =X"]),
    ("COPY .h* /x", &["x 600 0:0 =H"]),
    ("COPY nothing* a /n/", &["n/ 755 0:0", "n/a 644 0:0 =A"]),
    ("COPY nothing* /n/", &[]),
    // Owners and modes.
    ("COPY --chown=12 a /x", &["x 644 12:12 =A"]),
    ("COPY --chown=12:34 a /n/x", &["n/ 755 12:34", "n/x 644 12:34 =A"]),
    ("COPY --chown=web a /tmp/", &["tmp/ 1777 0:0", "tmp/a 644 33:34 =A"]),
    (
        "COPY --chown=web:log dir/sub /n",
        &["n/ 755 33:40", "n/three.txt 644 33:40 =3", "n/up -> ../one 33:40"],
    ),
    ("COPY --chmod=600 run.sh /x", &["x 600 0:0 =#!"]),
    (
        "COPY --chmod=u=rwX,go=rX dir /n",
        &[
            "n/ 755 0:0",
            "n/one 644 0:0 =1",
            "n/sub/ 755 0:0",
            "n/sub/three.txt 644 0:0 =3",
            "n/sub/up -> ../one 0:0",
            "n/two.txt 755 0:0 =2",
        ],
    ),
    ("COPY --chmod=711 dir/sub /n", &["n/ 755 0:0", "n/three.txt 711 0:0 =3", "n/up -> ../one 0:0"]),
    // Here-documents.
    ("COPY <<f.txt /n/", &["n/ 755 0:0", "n/f.txt 644 0:0 =text"]),
    ("COPY <<f.txt /x", &["x 644 0:0 =text"]),
    ("COPY --chown=1:2 --chmod=755 <<f a /n/", &["n/ 755 1:2", "n/a 755 1:2 =A", "n/f 755 1:2 =text"]),
    // Leaving out.
    (
        "COPY --exclude=*.txt dir /n",
        &[
            "n/ 755 0:0",
            "n/one 600 0:0 =1",
            "n/sub/ 711 0:0",
            "n/sub/three.txt 644 0:0 =3",
            "n/sub/up -> ../one 0:0",
        ],
    ),
    (
        "COPY --exclude=**/*.txt --exclude=sub/up dir /n",
        &["n/ 755 0:0", "n/one 600 0:0 =1", "n/sub/ 711 0:0"],
    ),
    ("COPY --exclude=sub dir /n", &["n/ 755 0:0", "n/one 600 0:0 =1", "n/two.txt 4755 0:0 =2"]),
    (
        "COPY --exclude=sub --exclude=!sub/three.txt --exclude=one dir /n",
        &["n/ 755 0:0", "n/sub/ 711 0:0", "n/sub/three.txt 644 0:0 =3", "n/two.txt 4755 0:0 =2"],
    ),
    ("COPY --exclude=b* --exclude=a* *.txt /n/", &["n/ 755 0:0", "n/c.txt 644 0:0 =C"]),
    // With the folders of their names.
    (
        "COPY --parents app/src/x.c /n/",
        &["n/ 755 0:0", "n/app/ 755 0:0", "n/app/src/ 755 0:0", "n/app/src/x.c 644 0:0 =X"],
    ),
    (
        "COPY --parents dir/sub/three.txt a /n/",
        &[
            "n/ 755 0:0",
            "n/a 644 0:0 =A",
            "n/dir/ 750 0:0",
            "n/dir/sub/ 711 0:0",
            "n/dir/sub/three.txt 644 0:0 =3",
        ],
    ),
    ("COPY --parents app/./src/*.c /n/", &["n/ 755 0:0", "n/src/ 755 0:0", "n/src/x.c 644 0:0 =X"]),
    (
        "COPY --parents app/**/*.c /n/",
        &[
            "n/ 755 0:0",
            "n/app/ 755 0:0",
            "n/app/main.c 644 0:0 =M",
            "n/app/src/ 755 0:0",
            "n/app/src/x.c 644 0:0 =X",
        ],
    ),
    (
        "COPY --parents ./app/./src /n",
        &["n/ 755 0:0", "n/src/ 755 0:0", "n/src/x.c 644 0:0 =X", "n/src/x.h 644 0:0 =Y"],
    ),
    (
        "COPY --parents --exclude=**/*.h app/src /n/",
        &["n/ 755 0:0", "n/app/ 755 0:0", "n/app/src/ 755 0:0", "n/app/src/x.c 644 0:0 =X"],
    ),
    // Independent of what is below.
    ("COPY --link a /lib/x", &["lib/ 755 0:0", "lib/x 644 0:0 =A"]),
    (
        "COPY --link --chown=5 dir/sub /file",
        &["file/ 755 5:5", "file/three.txt 644 5:5 =3", "file/up -> ../one 5:5"],
    ),
    // ADD of what is no archive.
    ("ADD a dir/sub/three.txt /n/", &["n/ 755 0:0", "n/a 644 0:0 =A", "n/three.txt 644 0:0 =3"]),
];

fn table(bench: &Bench) {
    let (from, image) = (of(&context(bench)), image(bench));
    for (line, expected) in TABLE {
        let snapshot = bench.snapshot_over(vec![image.clone()]);
        must_copy(&from, &snapshot, line);
        let known = |line: &&str| match *line {
            "data/" => "data/ 700 7:8".to_owned(),
            "usr/" | "usr/lib/" | "data/old/" => format!("{line} 755 0:0"),
            line => line.to_owned(),
        };
        let expected: Vec<String> = expected.iter().map(known).collect();
        assert_eq!(listed(&snapshot.upper), expected, "{line}");
    }
}

fn refusals(bench: &Bench) {
    let (from, image) = (of(&context(bench)), image(bench));
    let table = [
        ("COPY none /x", Kind::NotFound, "`none` is not there"),
        ("COPY a/b /x", Kind::System, "look for `a/b`"),
        ("COPY dir/none/x /x", Kind::NotFound, "`dir/none/x` is not there"),
        (
            "ADD a http://127.0.0.1/x /n/",
            Kind::Unsupported,
            "ADD of `http://127.0.0.1/x`, which is on the web, is not supported",
        ),
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

fn selected(bench: &Bench) {
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

fn kept(bench: &Bench) {
    let folder = bench.folder("kept");
    fs::create_dir(folder.join("d")).unwrap();
    fs::write(folder.join("d/one"), "1").unwrap();
    fs::hard_link(folder.join("d/one"), folder.join("d/two")).unwrap();
    fs::hard_link(folder.join("d/one"), folder.join("three")).unwrap();
    let sparse = File::create(folder.join("sparse")).unwrap();
    sparse.set_len(1 << 40).unwrap();
    std::os::unix::fs::FileExt::write_all_at(&sparse, b"middle", 1 << 39).unwrap();
    rustix::fs::setxattr(folder.join("d/one"), c"user.note", b"kept", rustix::fs::XattrFlags::empty())
        .unwrap();
    for path in ["d/one", "sparse", "d"] {
        File::open(folder.join(path)).unwrap().set_modified(SystemTime::UNIX_EPOCH + THEN).unwrap();
    }
    for link in ["", "--link "] {
        let snapshot = bench.snapshot();
        must_copy(&of(&folder), &snapshot, &format!("COPY {link}. /n"));
        let stat = |path: &str| snapshot.upper.join("n").join(path).symlink_metadata().unwrap();
        assert_eq!(
            (stat("d/one").mtime(), stat("sparse").mtime(), stat("d").mtime()),
            (1_000_000_000, 1_000_000_000, 1_000_000_000)
        );
        assert_eq!((stat("d/one").ino(), stat("d/one").nlink()), (stat("d/two").ino(), 3));
        assert_eq!(stat("three").ino(), stat("d/one").ino());
        assert_eq!(stat("sparse").len(), 1 << 40);
        assert!(stat("sparse").blocks() < 100, "holes stay holes");
        let mut note = [0; 8];
        let length = rustix::fs::getxattr(snapshot.upper.join("n/d/two"), c"user.note", &mut note).unwrap();
        assert_eq!(&note[..length], b"kept");
        let mut middle = [0; 6];
        let copy = File::open(snapshot.upper.join("n/sparse")).unwrap();
        std::os::unix::fs::FileExt::read_exact_at(&copy, &mut middle, 1 << 39).unwrap();
        assert_eq!(&middle, b"middle");
    }
    let snapshot = bench.snapshot();
    must_copy(&of(&folder), &snapshot, "COPY --epoch=5 . <<f /n/m/");
    for path in ["n", "n/m", "n/m/d", "n/m/d/one", "n/m/sparse", "n/m/f"] {
        assert_eq!(snapshot.upper.join(path).metadata().unwrap().mtime(), 5, "{path}");
    }
}

fn from_image(bench: &Bench) {
    let image = image(bench);
    let higher = bench.folder("higher");
    fs::create_dir(higher.join("data")).unwrap();
    fs::set_permissions(higher.join("data"), Permissions::from_mode(0o751)).unwrap();
    fs::write(higher.join("data/new"), "N").unwrap();
    chown(higher.join("data/new"), Some(5), Some(6)).unwrap();
    let deleted = |path: PathBuf| {
        let kind = rustix::fs::FileType::CharacterDevice;
        rustix::fs::mknodat(rustix::fs::CWD, path, kind, rustix::fs::Mode::empty(), 0).unwrap();
    };
    deleted(higher.join("data/a"));
    let both = Files::Layers(vec![image.clone(), higher.clone()]);
    let snapshot = bench.snapshot_over(Vec::new());
    must_copy(&both, &snapshot, "COPY data /n");
    assert_eq!(listed(&snapshot.upper), ["n/ 755 0:0", "n/new 644 5:6 =N", "n/old/ 755 0:0"]);
    // A single layer deletes by itself.
    let snapshot = bench.snapshot_over(Vec::new());
    must_copy(&Files::Layers(vec![higher.clone()]), &snapshot, "COPY data todata* /n/");
    assert_eq!(listed(&snapshot.upper), ["n/ 755 0:0", "n/new 644 5:6 =N"]);
    let error = try_copy(&Files::Layers(vec![higher]), &snapshot, "COPY data/a /x").unwrap_err();
    assert_eq!(error.kind, Kind::NotFound);
    let snapshot = bench.snapshot_over(Vec::new());
    must_copy(&both, &snapshot, "COPY --chown=9 todata/new lib/. /n/");
    assert_eq!(listed(&snapshot.upper), ["n/ 755 9:9", "n/new 644 9:9 =N"]);
    let error = try_copy(&Files::Layers(Vec::new()), &snapshot, "COPY a /x").unwrap_err();
    assert_eq!(error.kind, Kind::NotFound);
    // Its own device that deletes never comes along.
    let snapshot = bench.snapshot_over(Vec::new());
    let marked = bench.folder("marked");
    deleted(marked.join("gone"));
    must_copy(&of(&marked), &snapshot, "COPY . /");
    assert!(listed(&snapshot.upper).is_empty());
}

fn ignoring(bench: &Bench) {
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

fn hostile(bench: &Bench) {
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

/// An archive with these entries: name, type, mode, content or link.
fn archive(entries: &[(&str, u8, u32, &str)]) -> Vec<u8> {
    let mut tar = tar::Builder::new(Vec::new());
    for (name, kind, mode, text) in entries {
        let mut header = tar::Header::new_gnu();
        let bytes = name.as_bytes();
        header.as_old_mut().name[..bytes.len()].copy_from_slice(bytes);
        header.set_entry_type(tar::EntryType::new(*kind));
        header.set_mode(*mode);
        header.set_uid(11);
        header.set_gid(12);
        header.set_mtime(THEN.as_secs());
        let is_link = matches!(kind, b'1' | b'2');
        if is_link {
            header.as_old_mut().linkname[..text.len()].copy_from_slice(text.as_bytes());
        }
        let data: &[u8] = if is_link { &[] } else { text.as_bytes() };
        header.set_size(data.len() as u64);
        header.set_device_major(0).unwrap();
        header.set_device_minor(0).unwrap();
        header.set_cksum();
        tar.append(&header, data).unwrap();
    }
    tar.into_inner().unwrap()
}

fn archives(bench: &Bench) {
    let plain = archive(&[
        ("./", b'5', 0o700, ""),
        ("d/", b'5', 0o750, ""),
        ("d/f", b'0', 0o4711, "F"),
        ("d/l", b'2', 0o777, "f"),
        ("h", b'1', 0o644, "d/f"),
        ("p", b'6', 0o644, ""),
        ("a", b'0', 0o600, "new"),
        (".wh.x", b'0', 0o644, "W"),
    ]);
    let folder = bench.folder("archives");
    fs::write(folder.join("x.tar"), &plain).unwrap();
    fs::write(folder.join("no.tar"), "no archive").unwrap();
    fs::write(folder.join("empty.tar.gz"), "").unwrap();
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gzip.write_all(&plain).unwrap();
    fs::write(folder.join("x.tar.gz"), gzip.finish().unwrap()).unwrap();
    fs::write(folder.join("x.tar.zst"), zstd::encode_all(&*plain, 1).unwrap()).unwrap();
    fs::write(folder.join("x.zip"), "PK\u{3}\u{4}zip").unwrap();
    let expected = |top: &str, owner: &str| {
        let lines = [
            ".wh.x 644 O =W",
            "a 600 O =new",
            "d/ 750 O",
            "d/f 4711 O =F",
            "d/l -> f O",
            "h 4711 O =F",
            "p special",
        ];
        lines.map(|line| format!("{top}{}", line.replace('O', owner)))
    };
    let added = |line: &str| {
        let snapshot = bench.snapshot_over(vec![image(bench)]);
        must_copy(&of(&folder), &snapshot, line);
        snapshot.upper
    };
    for name in ["x.tar", "x.tar.gz", "x.tar.zst"] {
        let upper = added(&format!("ADD {name} /n"));
        let lines = listed(&upper);
        assert_eq!((&*lines[0], &lines[1..]), ("n/ 755 0:0", &expected("n/", "11:12")[..]), "{name}");
        let stat = |path: &str| upper.join("n").join(path).symlink_metadata().unwrap();
        assert_eq!(
            (stat("d").mtime(), stat("d/f").mtime(), stat("d/l").mtime()),
            (1_000_000_000, 1_000_000_000, 1_000_000_000)
        );
        assert_eq!(stat("h").ino(), stat("d/f").ino());
    }
    let lines = listed(&added("ADD --chown=7 x.tar.gz /todata/n/"));
    assert_eq!(
        (&*lines[0], &*lines[1], &lines[2..]),
        ("data/ 700 7:8", "data/n/ 755 7:7", &expected("data/n/", "7:7")[..])
    );
    // Over a file, through a link of the image, and not at all.
    assert!(listed(&added("ADD x.tar /data")).contains(&"data/a 600 11:12 =new".to_owned()));
    assert_eq!(
        listed(&added("ADD no.tar empty.tar.gz x.zip /n/"))[..3],
        ["n/ 755 0:0", "n/empty.tar.gz 644 0:0 =", "n/no.tar 644 0:0 =no archive"]
    );
    // What cannot be decompressed is not passed off as something else.
    for (name, head) in [("x.tar.xz", &b"\xfd7zXZ\0"[..]), ("x.tar.bz2", &b"BZh9"[..])] {
        fs::write(folder.join(name), head).unwrap();
        let snapshot = bench.snapshot();
        let error = try_copy(&of(&folder), &snapshot, &format!("ADD {name} /n")).unwrap_err();
        assert_eq!(error.kind, Kind::Unsupported, "{}", error.chain());
        assert!(error.hint.unwrap().contains("--unpack=false"));
        must_copy(&of(&folder), &snapshot, &format!("ADD --unpack=false {name} /m"));
        assert_eq!(fs::read(snapshot.upper.join("m")).unwrap(), head);
    }
    for line in ["COPY x.tar /n", "ADD --unpack=false x.tar /n"] {
        let upper = added(line);
        assert_eq!(fs::read(upper.join("n")).unwrap(), plain, "{line}");
    }
}

fn hostile_archives(bench: &Bench) {
    let folder = bench.folder("hostile");
    let outside = bench.folder("outside");
    let out = outside.to_str().unwrap();
    let added = |entries: &[(&str, u8, u32, &str)]| {
        fs::write(folder.join("x.tar"), archive(entries)).unwrap();
        let snapshot = bench.snapshot_over(vec![image(bench)]);
        try_copy(&of(&folder), &snapshot, "ADD x.tar /n").map(|_| listed(&snapshot.upper))
    };
    assert!(added(&[("../../x", b'0', 0o644, "")]).is_err());
    assert!(added(&[("h", b'1', 0o644, "../../etc/passwd")]).is_err());
    assert!(added(&[("null", b'3', 0o644, "")]).is_err(), "device 0:0 deletes");
    let lines = added(&[("l", b'2', 0o777, out), ("l/x", b'0', 0o644, "X")]).unwrap();
    assert!(lines.iter().any(|line| line.ends_with("/outside/x 644 11:12 =X")), "{lines:?}");
    assert_eq!(fs::read_dir(&outside).unwrap().count(), 0);
    let lines = added(&[("/etc/x", b'0', 0o644, "X")]).unwrap();
    assert_eq!(lines, ["n/ 755 0:0", "n/etc/ 755 0:0", "n/etc/x 644 11:12 =X"]);
    let mut cut = archive(&[("f", b'0', 0o644, "text")]);
    cut.truncate(514);
    fs::write(folder.join("x.tar"), cut).unwrap();
    let snapshot = bench.snapshot();
    assert_eq!(try_copy(&of(&folder), &snapshot, "ADD x.tar /n").unwrap_err().kind, Kind::Corrupt);
}

fn cancelled(bench: &Bench) {
    let (from, snapshot) = (of(&context(bench)), bench.snapshot());
    let cancel = Cancel::new().unwrap();
    cancel.cancel();
    let line = Line::read("COPY . /n");
    assert_eq!(copy(&line.request(&from, &snapshot, &cancel)).unwrap_err().kind, Kind::Cancelled);
}
