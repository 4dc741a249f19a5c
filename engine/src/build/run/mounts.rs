//! `--mount`: from what was asked for to what the sandbox mounts.

use super::agent::Agent;
use super::cache::{self, Cache};
use super::command::SCRIPTS;
use super::request::{RunCommand, RunMount, RunMountKind, RunRequest};
use super::workspace::{Access, Workspace};
use crate::build::files::View;
use crate::error::{Context, Error, Kind, Result};
use crate::sandbox::{Mount, MountSource};
use crate::sys::mountfd;
use crate::tree;
use std::fs::{self, File, Permissions};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

/// Where secrets are when nothing else is said.
const SECRETS: &str = "/run/secrets";
/// Where agents are when nothing else is said, with a number behind.
const AGENTS: &str = "/run/buildkit/ssh_agent.";
/// Tells programs where the agent is.
const AGENT_VARIABLE: &str = "SSH_AUTH_SOCK";

/// All mounts of one `RUN`, and what must be kept as long as it goes on.
#[derive(Debug, Default)]
pub(super) struct Mounts {
    list: Vec<Mount>,
    env: Vec<(String, String)>,
    caches: Vec<Cache>,
    agents: Vec<Agent>,
}

impl Mounts {
    /// Prepares all that the request names, in the order in which they are mounted: what is mounted
    /// in another mount comes behind it.
    pub(super) fn prepare(request: &RunRequest<'_>, workspace: &Workspace) -> Result<Self> {
        let mut mounts = Self::default();
        // Caches first, always in the same order: two RUNs never wait for each other.
        let order = |mount: &&RunMount| match &mount.kind {
            RunMountKind::Cache { id, .. } => (false, id.clone()),
            _ => (true, String::new()),
        };
        let mut asked: Vec<&RunMount> = request.mounts.iter().collect();
        asked.sort_by_key(order);
        for (number, mount) in asked.into_iter().enumerate() {
            let scratch = request.snapshot.work.join(format!("mount-{number}"));
            let doing = |error: Error| Error { doing: format!("{}: {}", named(mount), error.doing), ..error };
            mounts.add(request, workspace, (mount, &scratch)).map_err(doing)?;
        }
        mounts.list.sort_by(|one, other| one.target.cmp(&other.target));
        Ok(mounts)
    }

    /// What the sandbox mounts.
    pub(super) fn list(&self) -> &[Mount] {
        &self.list
    }

    /// Variables that tell of mounts, or are secrets.
    pub(super) fn env(&self) -> &[(String, String)] {
        &self.env
    }

    /// The script, if that is what runs.
    pub(super) fn add_script(&mut self, command: &RunCommand, workspace: &Workspace) -> Result<()> {
        let RunCommand::Script { name, body, .. } = command else { return Ok(()) };
        let folder = workspace.folder()?;
        let path = folder.join(name);
        let write = || {
            fs::write(&path, body)?;
            fs::set_permissions(&path, Permissions::from_mode(0o755))
        };
        write().doing(|| "write the script of a RUN".to_owned())?;
        let source = MountSource::Folder(folder);
        self.list.push(Mount { target: SCRIPTS.to_owned(), read_only: true, source });
        Ok(())
    }

    /// Adds those whose place is free.
    pub(super) fn add_missing(&mut self, further: impl IntoIterator<Item = Mount>) {
        for mount in further {
            if self.list.iter().all(|other| other.target != mount.target) {
                self.list.push(mount);
            }
        }
    }

    /// To poll for reading; then call [`Mounts::connect`]. Only one agent is ever forwarded.
    pub(super) fn fd(&self) -> Option<BorrowedFd<'_>> {
        self.agents.first().map(Agent::fd)
    }

    /// Somebody calls an agent.
    pub(super) fn connect(&mut self) {
        self.agents.iter().for_each(Agent::connect);
    }

    fn add(
        &mut self,
        request: &RunRequest<'_>,
        workspace: &Workspace,
        (mount, scratch): (&RunMount, &Path),
    ) -> Result<()> {
        let (source, default) = match &mount.kind {
            RunMountKind::Bind { from, source } => {
                let view = if mount.read_only {
                    View::open(from, scratch)?
                } else {
                    View::open_writable(from, scratch)?
                };
                (bind(workspace, &view, source)?, String::new())
            }
            RunMountKind::Cache { .. } => (self.cache(request, mount, scratch)?, String::new()),
            RunMountKind::Tmpfs { size } => (MountSource::Folder(workspace.tmpfs(*size)?), String::new()),
            RunMountKind::Secret { id, .. } => match self.secret(mount, workspace)? {
                Some(source) => (source, format!("{SECRETS}/{id}")),
                None => return Ok(()),
            },
            RunMountKind::Ssh { .. } => match self.agent(mount, workspace)? {
                Some(source) => (source, format!("{AGENTS}{}", self.agents.len() - 1)),
                None => return Ok(()),
            },
        };
        let target = if mount.target.is_empty() { &default } else { &mount.target };
        let target = absolute(target, &request.cwd)?;
        if matches!(mount.kind, RunMountKind::Ssh { .. }) {
            self.env.push((AGENT_VARIABLE.to_owned(), target.clone()));
        }
        self.list.push(Mount { target, read_only: mount.read_only, source });
        Ok(())
    }

    fn cache(&mut self, request: &RunRequest<'_>, mount: &RunMount, scratch: &Path) -> Result<MountSource> {
        let RunMountKind::Cache { id, sharing, from, owner, mode } = &mount.kind else {
            return Err(Error::new(Kind::System, "it is no cache"));
        };
        let fill = |folder: &Path| {
            let Some((files, path)) = from else {
                let access = Access { owner: *owner, mode: *mode };
                return cache::describe(folder, access).doing(|| "describe a new cache".to_owned());
            };
            let view = View::open(files, scratch)?;
            let source = view.find(path)?;
            let target = tree::open_path(folder).doing(|| format!("open {}", folder.display()))?;
            tree::copy(view.folder(&source)?.as_fd(), target.as_fd())
        };
        let cache = cache::take(request.store, (id, *sharing), request.cancel, &fill)?;
        let source = MountSource::Folder(cache.folder.clone());
        self.caches.push(cache);
        Ok(source)
    }

    fn secret(&mut self, mount: &RunMount, workspace: &Workspace) -> Result<Option<MountSource>> {
        let RunMountKind::Secret { id, value, required, env, owner, mode } = &mount.kind else {
            return Ok(None);
        };
        let Some(value) = value else { return missing(*required, || format!("secret `{id}` was not given")) };
        if let Some(name) = env {
            let text = String::from_utf8(value.clone());
            let text = text.ok().filter(|text| !text.contains('\0')).ok_or_else(|| {
                Error::new(Kind::Unsupported, format!("secret `{id}` is no text: it cannot be a variable"))
            })?;
            self.env.push((name.clone(), text));
            if mount.target.is_empty() {
                return Ok(None);
            }
        }
        let file = workspace.file(value, Access { owner: *owner, mode: *mode })?;
        Ok(Some(MountSource::File(file)))
    }

    fn agent(&mut self, mount: &RunMount, workspace: &Workspace) -> Result<Option<MountSource>> {
        let RunMountKind::Ssh { id, socket, required, owner, mode } = &mount.kind else { return Ok(None) };
        let Some(socket) = socket else {
            return missing(*required, || format!("agent `{id}` was not given"));
        };
        let agent = Agent::listen(workspace, socket, Access { owner: *owner, mode: *mode })?;
        let source = MountSource::File(agent.path.clone());
        self.agents.push(agent);
        Ok(Some(source))
    }
}

fn missing<T>(required: bool, what: impl FnOnce() -> String) -> Result<Option<T>> {
    if required {
        Err(Error::new(Kind::NotFound, what())
            .hint("give it to the build, or take `required` away from the mount"))
    } else {
        Ok(None)
    }
}

/// How a mount is called where it fails.
fn named(mount: &RunMount) -> String {
    let kind = match &mount.kind {
        RunMountKind::Bind { .. } => "bind",
        RunMountKind::Cache { .. } => "cache",
        RunMountKind::Tmpfs { .. } => "tmpfs",
        RunMountKind::Secret { .. } => "secret",
        RunMountKind::Ssh { .. } => "ssh",
    };
    let target = if mount.target.is_empty() { String::new() } else { format!(",target={}", mount.target) };
    format!("--mount=type={kind}{target}")
}

/// Puts a file or folder of a view into the workspace.
fn bind(workspace: &Workspace, view: &View, source: &str) -> Result<MountSource> {
    let whole = workspace.attach(view.mount()?.as_fd(), true)?;
    let found = View::at(&whole)?.find(source)?;
    let is_folder = File::from(found.try_clone().doing(|| format!("open {source}"))?)
        .metadata()
        .doing(|| format!("look at {source}"))?
        .is_dir();
    let copy = mountfd::copy_of(found.as_fd(), false).doing(|| format!("mount {source}"))?;
    let path = workspace.attach(copy.as_fd(), is_folder)?;
    Ok(if is_folder { MountSource::Folder(path) } else { MountSource::File(path) })
}

/// An absolute path without `.` and `..`; relative ones are below the working directory.
fn absolute(path: &str, cwd: &str) -> Result<String> {
    let whole = if path.starts_with('/') { path.to_owned() } else { format!("/{cwd}/{path}") };
    let mut steps: Vec<&str> = Vec::new();
    for step in whole.split('/') {
        match step {
            "" | "." => {}
            ".." => drop(steps.pop()),
            step => steps.push(step),
        }
    }
    if steps.is_empty() {
        return Err(Error::new(Kind::Unsupported, format!("`{path}` cannot be mounted on")));
    }
    Ok(format!("/{}", steps.join("/")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn targets_are_below_the_working_directory_and_never_the_root() {
        assert_eq!(absolute("/a//b/./c/", "/w").unwrap(), "/a/b/c");
        assert_eq!(absolute("node_modules", "/w/app").unwrap(), "/w/app/node_modules");
        assert_eq!(absolute("../x", "/w/app").unwrap(), "/w/x");
        assert_eq!(absolute("x", "").unwrap(), "/x");
        for path in ["/", "..", "/a/.."] {
            assert!(absolute(path, "/w").is_err(), "{path}");
        }
    }
}
