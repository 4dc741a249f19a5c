//! A folder with a stack file, and what tests do and see there.

use crate::host::Host;
use crate::output::Output;
use std::fs;
use std::path::{Path, PathBuf};

/// A folder with a stack file on a private host.
#[derive(Debug)]
pub struct Project<'a> {
    host: &'a Host,
    folder: PathBuf,
}

impl<'a> Project<'a> {
    pub(crate) fn new(host: &'a Host, folder: PathBuf) -> Self {
        Self { host, folder }
    }

    /// The folder.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Writes a file below the folder.
    ///
    /// # Panics
    /// When it cannot be written.
    pub fn write(&self, name: &str, text: &str) {
        let path = self.folder.join(name);
        fs::create_dir_all(path.parent().expect("below the folder")).expect("make the folder");
        fs::write(path, text).expect("write the file");
    }

    /// Replaces text in the stack file.
    ///
    /// # Panics
    /// When the text is not there.
    #[track_caller]
    pub fn edit(&self, from: &str, to: &str) {
        let text = fs::read_to_string(self.folder.join("compose.yaml")).expect("read the stack file");
        assert!(text.contains(from), "`{from}` is not in the stack file");
        self.write("compose.yaml", &text.replace(from, to));
    }

    /// Runs sampan in the folder.
    pub fn sampan<'b>(&self, args: impl IntoIterator<Item = &'b str>) -> Output {
        self.host.sampan_in(&self.folder, args)
    }

    /// `sampan up -d`, which must succeed.
    #[track_caller]
    pub fn up(&self) -> Output {
        self.sampan(["up", "-d"]).succeeds()
    }

    /// `sampan down -v`, which must succeed and leave nothing.
    #[track_caller]
    pub fn down(&self) {
        self.sampan(["down", "-v", "-t", "1"]).succeeds();
        self.host.is_clean();
    }

    /// Runs a shell command in a service's first container.
    pub fn exec(&self, service: &str, script: &str) -> Output {
        self.sampan(["exec", "-T", service, "sh", "-c", script])
    }

    /// The container's first process as the private host numbers it, from the state record's
    /// place in `ps --json`.
    ///
    /// # Panics
    /// When the container does not run.
    #[track_caller]
    pub fn pid(&self, container: &str) -> u32 {
        let list = self.sampan(["ps", "-a", "--json"]).succeeds().json();
        let entry = list.as_array().into_iter().flatten().find(|entry| entry["name"] == container);
        let pid = entry.and_then(|entry| entry["pid"].as_u64());
        pid.and_then(|pid| pid.try_into().ok()).unwrap_or_else(|| panic!("{container} does not run: {list}"))
    }

    /// The state word of a container in `ps --json`, when it exists.
    pub fn state(&self, container: &str) -> Option<String> {
        let list = self.sampan(["ps", "-a", "--json"]).succeeds().json();
        let entry = list.as_array().into_iter().flatten().find(|entry| entry["name"] == container)?;
        entry["state"].as_str().map(str::to_owned)
    }

    /// Text of a file of the first process's cgroup, by controller and the file's names in
    /// version 1 and 2.
    ///
    /// # Panics
    /// When there is none.
    #[track_caller]
    pub fn cgroup(&self, pid: u32, controller: &str, v1: &str, v2: &str) -> String {
        let groups = self.host.shell(&format!("cat /proc/{pid}/cgroup")).succeeds().stdout;
        let v1_path = groups.lines().find_map(|line| {
            let mut parts = line.splitn(3, ':').skip(1);
            let (names, path) = (parts.next()?, parts.next()?);
            let found = names.split(',').any(|name| name == controller);
            found.then(|| format!("/sys/fs/cgroup/{names}{path}/{v1}"))
        });
        let v2_path = || {
            let path = groups.lines().find_map(|line| line.strip_prefix("0::"));
            path.map(|path| format!("/sys/fs/cgroup{path}/{v2}"))
        };
        let path = v1_path.or_else(v2_path).expect("the process is in a cgroup");
        fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}")).trim().to_owned()
    }
}
