//! What copies are made from and into, and a copy as a line of a Dockerfile.

use crate::bench::{Bench, fail};
use engine::Result;
use engine::build::Cancel;
use engine::build::copy::{Add, Copied, CopyRequest, CopySource, copy};
use engine::build::snapshot::{Context, Files, Snapshot};
use std::fs::{self, Permissions};
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown, symlink};
use std::path::{Path, PathBuf};
use std::time::Duration;

pub(super) const THEN: Duration = Duration::from_secs(1_000_000_000);

/// The context that the table copies from. Its owner is no one in particular.
pub(super) fn context(bench: &Bench) -> PathBuf {
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
pub(super) fn image(bench: &Bench) -> PathBuf {
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
pub(super) struct Line {
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
    pub(super) fn read(text: &str) -> Self {
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
                ("--unpack", value) => line.add = Some(Add { unpack: Some(value == "true") }),
                ("--cwd", value) => line.cwd = value.into(),
                ("--epoch", value) => line.epoch = value.parse().ok(),
                _ => paths.push(word),
            }
        }
        line.target = paths.pop().unwrap().into();
        line.sources = paths.into_iter().map(source).collect();
        line
    }

    pub(super) fn request<'a>(
        &'a self,
        from: &'a Files,
        snapshot: &'a Snapshot,
        cancel: &'a Cancel,
    ) -> CopyRequest<'a> {
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
            add: self.add,
            epoch: self.epoch,
            cancel,
        }
    }
}

/// `<<name` is a here-document.
fn source(word: &str) -> CopySource {
    match word.strip_prefix("<<") {
        Some(name) => CopySource::Text { name: name.into(), text: "text\n".into() },
        None => CopySource::Path(word.into()),
    }
}

pub(super) fn try_copy(from: &Files, snapshot: &Snapshot, line: &str) -> Result<Copied> {
    let cancel = Cancel::new().unwrap();
    let line = Line::read(line);
    copy(&line.request(from, snapshot, &cancel))
}

pub(super) fn must_copy(from: &Files, snapshot: &Snapshot, line: &str) {
    try_copy(from, snapshot, line).unwrap_or_else(|error| panic!("{line}: {}", fail::<String>(&error)));
}

pub(super) fn of(folder: &Path) -> Files {
    Files::Context(Context { folder: folder.to_owned(), ..Context::default() })
}

/// A layer, one line for each thing in it: `path mode uid:gid =text`, folders with a slash.
pub(super) fn listed(folder: &Path) -> Vec<String> {
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
