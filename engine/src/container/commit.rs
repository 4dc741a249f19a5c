//! A container as an image: what it wrote becomes one more layer.

use super::pause::{pause, unpause};
use super::record::{self, ContainerRecord};
use super::state::StateRecord;
use crate::error::{Context, Error, Result};
use crate::image::commit::{Commit, commit as commit_layer};
use crate::image::registry::Stop;
use crate::image::{ImageConfig, Images};
use crate::store::Store;
use crate::tree;
use planner::live::State;
use planner::{ContainerId, ContainerSpec};
use std::os::fd::AsFd;

/// Labels by which a stack knows its containers: they say nothing about the image.
const OWN: &str = "com.docker.compose.";

/// What the image is to be.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CommitOptions {
    /// Its name.
    pub reference: Option<String>,
    /// Who made it.
    pub author: Option<String>,
    /// Why.
    pub message: Option<String>,
    /// Lines such as `CMD ["sh"]`.
    pub changes: Vec<String>,
    /// The container stands still while its files are read, if it runs.
    pub pause: bool,
}

/// Makes an image of the files of a container, without what is mounted into it, and of how it was
/// started. Gives the image's id.
pub fn commit(store: &Store, id: &ContainerId, options: &CommitOptions, stop: &Stop) -> Result<String> {
    let record = record::read(store, id)?;
    let upper = store.upper(id);
    let doing = || format!("open the files of {}", id.name());
    let root = tree::open_path(&upper).doing(doing)?;
    let commit = Commit {
        base: &record.image_id,
        upper: root.as_fd(),
        reference: options.reference.as_deref(),
        author: options.author.as_deref(),
        message: options.message.as_deref(),
        changes: &options.changes,
        stop,
    };
    let adjust = |config: &mut ImageConfig| started(config, &record);
    let still = || if options.pause { Pause::of(store, id) } else { Ok(None) };
    commit_layer(&Images::new(store), &commit, adjust, still).map_err(|error| {
        let doing = format!("make an image of container {}", id.name());
        Error { doing: format!("{doing}: {}", error.doing), ..error }
    })
}

/// How the container was started is how those of the image start.
fn started(config: &mut ImageConfig, ContainerRecord { spec, .. }: &ContainerRecord) {
    let ContainerSpec { entrypoint, command, environment, working_dir, user, labels, .. } = spec;
    if let Some(entrypoint) = entrypoint {
        (config.entrypoint, config.cmd) = (entrypoint.clone(), Vec::new());
    }
    config.cmd = command.clone().unwrap_or_else(|| config.cmd.clone());
    for (name, value) in environment {
        config.env.retain(|variable| variable.split_once('=').is_none_or(|(other, _)| other != name));
        config.env.extend(value.as_ref().map(|value| format!("{name}={value}")));
    }
    config.working_dir = working_dir.clone().or_else(|| config.working_dir.clone());
    config.user = user.clone().or_else(|| config.user.clone());
    config.stop_signal = spec.stop_signal.clone().or_else(|| config.stop_signal.clone());
    let labels = labels.iter().filter(|(name, _)| !name.starts_with(OWN));
    config.labels.extend(labels.map(|(name, value)| (name.clone(), value.clone())));
}

/// A container that is paused until this is dropped.
struct Pause<'a>(&'a Store, &'a ContainerId);

impl<'a> Pause<'a> {
    /// `None` when it does not run, or is paused already.
    fn of(store: &'a Store, id: &'a ContainerId) -> Result<Option<Self>> {
        if !matches!(StateRecord::now(store, id)?, State::Running { .. } | State::Unsupervised) {
            return Ok(None);
        }
        let paused = pause(store, id, &mut |_| {}).map(|()| Some(Self(store, id)));
        paused.map_err(|error| match error.hint {
            Some(_) => error,
            None => error.hint("with `--pause=false` its files are read while it runs"),
        })
    }
}

impl Drop for Pause<'_> {
    fn drop(&mut self) {
        // One that ended meanwhile does not stand still any more.
        let _ = unpause(self.0, self.1, &mut |_| {});
    }
}
