//! A store and a base image for one test, and what a `RUN` on it says and changes.

use crate::private::busybox_path;
use crate::suite::Machine;
use engine::build::Cancel;
use engine::build::run::{
    RunCommand, RunMount, RunMountKind, RunNetwork, RunOutcome, RunRequest, Stream, run,
};
use engine::build::snapshot::Snapshot;
use engine::store::Store;
use engine::{Error, Result};
use planner::desired::Limits;
use std::cell::Cell;
use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// A machine for one test.
pub(crate) struct Bench {
    folder: tempfile::TempDir,
    pub(crate) store: Store,
    pub(crate) base: PathBuf,
    next: Cell<u32>,
}

/// What a `RUN` did.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) outcome: RunOutcome,
    pub(crate) out: Vec<String>,
    pub(crate) err: Vec<String>,
}

impl Machine for Bench {
    fn new() -> Self {
        // On a disk: an overlay over tmpfs would hide what real ones do.
        let place = std::env::var_os("CARGO_TARGET_TMPDIR").unwrap_or("/var/tmp".into());
        let folder = tempfile::tempdir_in(place).unwrap();
        let store = Store::new(folder.path().join("root"), folder.path().join("run"));
        store.prepare().unwrap();
        let base = folder.path().join("base");
        fill(&base);
        Self { folder, store, base, next: Cell::new(0) }
    }

    fn must_be_clean(&self) {
        let here = self.folder.path().to_str().unwrap();
        let mounts = fs::read_to_string("/proc/self/mountinfo").unwrap();
        assert!(!mounts.contains(here), "a mount is left: {mounts}");
        for folder in ["netns", "build", "endpoints"] {
            let left = names(&self.store.runtime().join(folder));
            assert!(left.is_empty(), "left in {folder}: {left:?}");
        }
        assert!(names(&self.store.networks()).is_empty(), "a network is left");
        assert_eq!(cgroups(&self.store.tag()), Vec::<PathBuf>::new());
        let links = fs::read_to_string("/proc/net/dev").unwrap();
        assert!(!links.contains(" sp"), "a bridge is left: {links}");
    }
}

impl Bench {
    /// A new folder for files that a test makes.
    pub(crate) fn folder(&self, name: &str) -> PathBuf {
        let path = self.folder.path().join(name);
        fs::create_dir_all(&path).unwrap();
        path
    }

    /// A snapshot over the base image in which nothing was changed yet.
    pub(crate) fn snapshot(&self) -> Snapshot {
        self.snapshot_over(vec![self.base.clone()])
    }

    pub(crate) fn snapshot_over(&self, lower: Vec<PathBuf>) -> Snapshot {
        self.next.set(self.next.get() + 1);
        let name = format!("step-{}", self.next.get());
        let folder = self.folder(&name);
        Snapshot { lower, upper: folder.join("upper"), work: folder.join("work") }
    }

    /// A `RUN` of a line of shell.
    pub(crate) fn request<'a>(
        &'a self,
        snapshot: &'a Snapshot,
        cancel: &'a Cancel,
        line: &str,
    ) -> RunRequest<'a> {
        request(&self.store, snapshot, cancel, line)
    }

    /// Runs a line of shell on the base image, with changes to the request.
    pub(crate) fn run_with(&self, line: &str, change: impl FnOnce(&mut RunRequest<'_>)) -> (Ran, Snapshot) {
        let snapshot = self.snapshot();
        let ran = self.try_run(&snapshot, line, change).unwrap_or_else(|error| fail(&error));
        (ran, snapshot)
    }

    pub(crate) fn try_run(
        &self,
        snapshot: &Snapshot,
        line: &str,
        change: impl FnOnce(&mut RunRequest<'_>),
    ) -> Result<Ran> {
        let cancel = Cancel::new().unwrap();
        let mut request = self.request(snapshot, &cancel, line);
        change(&mut request);
        let (mut out, mut err) = (Vec::new(), Vec::new());
        let outcome = run(&request, &mut |stream, line| {
            let line = String::from_utf8_lossy(line).into_owned();
            match stream {
                Stream::Stdout => out.push(line),
                Stream::Stderr => err.push(line),
            }
        })?;
        Ok(Ran { outcome, out, err })
    }

    /// The output of a line of shell that must not fail.
    pub(crate) fn sh(&self, line: &str) -> Vec<String> {
        self.run_with(line, |_| {}).0.out()
    }

    /// A process of its own that executes a line of shell in a `RUN`.
    pub(crate) fn apart(&self, line: &str) -> Child {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.arg("run").args([self.store.root(), self.store.runtime(), &self.base]).arg(line);
        command.stdout(Stdio::piped()).spawn().unwrap()
    }
}

impl Ran {
    /// What it said; it must not have failed.
    pub(crate) fn out(self) -> Vec<String> {
        assert!(self.outcome.is_success(), "{self:?}");
        self.out
    }
}

pub(crate) fn request<'a>(
    store: &'a Store,
    snapshot: &'a Snapshot,
    cancel: &'a Cancel,
    line: &str,
) -> RunRequest<'a> {
    RunRequest {
        store,
        snapshot,
        command: shell(line),
        env: BTreeMap::new(),
        user: String::new(),
        cwd: String::new(),
        network: RunNetwork::None,
        mounts: Vec::new(),
        extra_hosts: Vec::new(),
        privileged: false,
        shm_size: None,
        rlimits: Vec::new(),
        limits: Limits::default(),
        cancel,
    }
}

pub(crate) fn shell(line: &str) -> RunCommand {
    RunCommand::Shell { shell: words("/bin/sh -c"), text: line.to_owned() }
}

pub(crate) fn words(text: &str) -> Vec<String> {
    text.split(' ').map(str::to_owned).collect()
}

pub(crate) fn mount(target: &str, kind: RunMountKind) -> RunMount {
    RunMount { target: target.to_owned(), read_only: false, kind }
}

/// The other process of [`Bench::apart`].
pub(crate) fn run_alone([root, runtime, base]: [&String; 3], script: &str) -> i32 {
    let store = Store::new(root, runtime);
    let folder = Path::new(root).join("alone");
    fs::create_dir_all(&folder).unwrap();
    let snapshot =
        Snapshot { lower: vec![base.into()], upper: folder.join("upper"), work: folder.join("work") };
    let cancel = Cancel::new().unwrap();
    let request = RunRequest { network: RunNetwork::Default, ..request(&store, &snapshot, &cancel, script) };
    let mut say = |_: Stream, line: &[u8]| {
        let mut out = std::io::stdout();
        out.write_all(line).and_then(|()| out.write_all(b"\n")).unwrap();
    };
    match run(&request, &mut say) {
        Ok(outcome) => outcome.code,
        Err(error) => fail(&error),
    }
}

pub(crate) fn fail<T>(error: &Error) -> T {
    panic!("{}\nevidence: {:#?}\nhint: {:?}", error.chain(), error.evidence, error.hint)
}

pub(crate) fn eventually(what: &str, test: impl Fn() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(30);
    while !test() {
        assert!(Instant::now() < deadline, "never: {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// Everything in a folder, by path, sorted.
pub(crate) fn tree(folder: &Path) -> Vec<String> {
    fn walk(folder: &Path, top: &Path, found: &mut Vec<String>) {
        for entry in fs::read_dir(folder).into_iter().flatten() {
            let path = entry.unwrap().path();
            found.push(path.strip_prefix(top).unwrap().to_str().unwrap().to_owned());
            if path.symlink_metadata().unwrap().is_dir() {
                walk(&path, top, found);
            }
        }
    }
    let mut found = Vec::new();
    walk(folder, folder, &mut found);
    found.sort();
    found
}

fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect()
}

/// Control groups of a store.
pub(crate) fn cgroups(tag: &str) -> Vec<PathBuf> {
    let name = format!("sampan-{tag}");
    let hierarchies = fs::read_dir("/sys/fs/cgroup").unwrap().flatten().map(|entry| entry.path());
    let mut found: Vec<_> = hierarchies.chain(["/sys/fs/cgroup".into()]).map(|it| it.join(&name)).collect();
    found.retain(|path| path.exists());
    found
}

/// The numbers of all processes here.
pub(crate) fn processes() -> Vec<u32> {
    let mut found: Vec<u32> = names(Path::new("/proc")).iter().filter_map(|name| name.parse().ok()).collect();
    found.sort_unstable();
    found
}

/// A root file system around a static busybox, without places for mounts.
fn fill(base: &Path) {
    for folder in ["bin", "etc", "tmp", "root", "data"] {
        fs::create_dir_all(base.join(folder)).unwrap();
    }
    // By another process: one that is born here at this moment would hold the copy open for writing.
    let busybox = busybox_path().expect("the package busybox-static must be installed");
    assert!(Command::new("cp").arg(busybox).arg(base.join("bin/busybox")).status().unwrap().success());
    let applets = "sh cat echo sleep true false env id ls ps kill touch mkdir dd printf stat hostname wc rm nc nslookup ip \
                   grep seq test mount umount df chown chmod awk find mv ln readlink tr head sort yes ulimit tail cut";
    for applet in applets.split_whitespace() {
        symlink("busybox", base.join("bin").join(applet)).unwrap();
    }
    fs::write(base.join("etc/passwd"), "root:x:0:0:root:/root:/bin/sh\nweb:x:33:34:web:/data:/bin/sh\n")
        .unwrap();
    fs::write(base.join("etc/group"), "root:x:0:\nweb:x:34:\nlog:x:40:web\n").unwrap();
    fs::write(base.join("data/seed"), "from the image\n").unwrap();
}
