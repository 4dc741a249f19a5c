//! `RUN --mount`: from what is written to what is asked of [`super::run`].

use super::dockerfile::Expander;
use super::dockerfile::mount::{self, Mount, MountKind, Owner};
use super::keys::KeyAgent;
use super::run::{RunMount, RunMountKind};
use super::step::Task;
use crate::error::{Context, Error, Kind, Result};
use planner::desired::{BuildSecret, SshSource};
use std::os::unix::fs::FileTypeExt;
use std::path::PathBuf;

/// One mount whose variables have their values.
pub(super) struct Resolved(mount::RunMount);

/// What the mounts of a `RUN` mean.
pub(super) fn resolve(mounts: &[Mount], expander: &Expander<'_>) -> Result<Vec<Resolved>> {
    let resolve = |mount: &Mount| {
        mount.resolve(expander).map(Resolved).map_err(|wrong| {
            let error = Error::new(Kind::Unsupported, wrong.message);
            if let Some(hint) = wrong.hint { error.hint(hint) } else { error }
        })
    };
    mounts.iter().map(resolve).collect()
}

/// As the run is told of them. Agents of key files are to live as long as it runs.
pub(super) fn requests(
    mounts: &[Resolved],
    task: &Task<'_>,
    agents: &mut Vec<KeyAgent>,
) -> Result<Vec<RunMount>> {
    mounts.iter().map(|mount| mount.request(task, agents)).collect()
}

impl Resolved {
    /// The same mount is always the same text. What a secret says is not in it.
    pub(super) fn normal(&self) -> String {
        format!("{:?}", self.0)
    }

    /// Where files are taken from that the result depends on, and the path there.
    pub(super) fn taken(&self) -> Option<(Option<&str>, &str)> {
        match &self.0.kind {
            MountKind::Bind { from, source } => Some((from.as_deref(), source)),
            MountKind::Cache { from: Some(from), source, .. } => Some((Some(from), source)),
            _ => None,
        }
    }

    fn request(&self, task: &Task<'_>, agents: &mut Vec<KeyAgent>) -> Result<RunMount> {
        let mount::RunMount { target, read_only, kind } = &self.0;
        let images = &task.builder.images;
        let files = |name: Option<&str>| Ok::<_, Error>(task.sources.get(name)?.files(images));
        let kind = match kind {
            MountKind::Bind { from, source } => {
                RunMountKind::Bind { from: files(from.as_deref())?, source: source.clone() }
            }
            MountKind::Cache { id, from, source, sharing, owner } => {
                let (user, mode) = owned(*owner, 0o755);
                let from = from.as_deref().map(|from| Ok::<_, Error>((files(Some(from))?, source.clone())));
                let (id, sharing) = (id.clone(), *sharing);
                RunMountKind::Cache { id, sharing, from: from.transpose()?, owner: user, mode }
            }
            MountKind::Tmpfs { size } => RunMountKind::Tmpfs { size: *size },
            MountKind::Secret { id, env, required, owner } => {
                let (user, mode) = owned(*owner, 0o400);
                let value = secret(task, id)?;
                let (id, env) = (id.clone(), env.clone());
                RunMountKind::Secret { id, value, required: *required, env, owner: user, mode }
            }
            MountKind::Ssh { id, required, owner } => {
                let (user, mode) = owned(*owner, 0o600);
                let socket = agent(task, id, agents)?;
                RunMountKind::Ssh { id: id.clone(), socket, required: *required, owner: user, mode }
            }
        };
        Ok(RunMount { target: target.clone().unwrap_or_default(), read_only: *read_only, kind })
    }
}

fn owned(owner: Owner, mode: u32) -> ((u32, u32), u32) {
    ((owner.uid.unwrap_or(0), owner.gid.unwrap_or(0)), owner.mode.unwrap_or(mode))
}

fn secret(task: &Task<'_>, id: &str) -> Result<Option<Vec<u8>>> {
    match task.builder.spec.secrets.get(id) {
        None => Ok(None),
        Some(BuildSecret::Environment(_)) => Ok(task.builder.inputs.secrets.get(id).cloned()),
        Some(BuildSecret::File(path)) => {
            std::fs::read(path).map(Some).doing(|| format!("read the secret `{id}` from {}", path.display()))
        }
    }
}

/// The socket behind which the keys are.
fn agent(task: &Task<'_>, id: &str, agents: &mut Vec<KeyAgent>) -> Result<Option<PathBuf>> {
    let paths = match task.builder.spec.ssh.get(id) {
        None => return Ok(None),
        Some(SshSource::Agent) => return Ok(task.builder.inputs.agent.clone()),
        Some(SshSource::Paths(paths)) => paths,
    };
    if let [path] = &paths[..]
        && path.metadata().doing(|| format!("find the keys of `{id}`"))?.file_type().is_socket()
    {
        return Ok(Some(path.clone()));
    }
    let folder = task.folder().join(format!("agent-{}", agents.len()));
    let agent = KeyAgent::start(&folder, paths)?;
    let socket = agent.socket.clone();
    agents.push(agent);
    Ok(Some(socket))
}
