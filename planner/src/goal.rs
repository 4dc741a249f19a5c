//! What a command asks for. `up`, `down`, `stop` and the others differ only here.

use crate::desired::{OneOff, PullPolicy, Slot};
use crate::plan::Step;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// What the command asks, and of which services.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Goal {
    /// What should become of the services in scope.
    pub verb: Verb,
    /// The services named on the command line; empty means all.
    pub services: BTreeSet<String>,
    /// Grace period that overrides every service's own.
    pub stop_timeout: Option<Duration>,
}

/// What should become of the services in scope.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Verb {
    /// Exist as the stack says, and run.
    Up(UpOptions),
    /// Be gone, with networks; with volumes when `volumes` is set.
    Down {
        /// Also remove the stack's named and anonymous volumes.
        volumes: bool,
    },
    /// Existing containers run.
    Start,
    /// Existing containers are stopped, not removed.
    Stop,
    /// Existing containers are stopped and started again, as they are.
    Restart,
    /// Existing containers receive this signal at once.
    Kill {
        /// A signal name without `SIG`, such as `KILL`.
        signal: String,
    },
    /// What runs stands still, or what stands still goes on.
    Pause {
        /// Which of both: `false` lets it go on.
        paused: bool,
    },
    /// These slots have the occupant before their newest one again: the update to that one failed.
    Restore(RestoreOptions),
    /// Containers that do not run are gone.
    Remove(RemoveOptions),
    /// Images are as their registries have them.
    Pull(PullOptions),
    /// Images are built from their build sections.
    Build(BuildOptions),
    /// Registries have the images that are built here.
    Push(PushOptions),
}

/// The ways in which `up` can be varied.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct UpOptions {
    /// The plan ends with every service running, healthy or completed.
    pub wait: bool,
    /// How long all waiting may take.
    pub wait_timeout: Option<Duration>,
    /// Replace containers that did not change.
    pub force_recreate: bool,
    /// Leave the services that the named ones depend on alone.
    pub no_deps: bool,
    /// Remove containers whose service left the file.
    pub remove_orphans: bool,
    /// Replica counts that override the file's.
    pub scale: BTreeMap<String, u32>,
    /// Containers are made but not started.
    pub no_start: bool,
    /// How images come here.
    pub images: ImageOptions,
    /// In place of the replicas of the one service that is named, one more container of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run: Option<RunOptions>,
}

/// One more container of a service, that is no replica.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunOptions {
    /// Its number, one of those that replicas do not have.
    pub number: u32,
    /// What is special about it.
    pub one_off: OneOff,
    /// It answers to the names of the service, too.
    pub aliases: bool,
    /// It is started again as its policy says; otherwise it runs once.
    #[serde(default)]
    pub keeps_restart: bool,
}

/// How `up` gets its images, and what of it is done.
///
/// A container names its image by an id that is not known before the image is here. So a command
/// plans, does only what is about images, notes here what became of it, and plans again.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImageOptions {
    /// Takes the place of every service's own policy.
    pub pull: Option<PullPolicy>,
    /// When images are built.
    pub build: BuildWhen,
    /// Images that this command has pulled or built: they are taken as they are.
    pub settled: BTreeSet<String>,
    /// Images that could not be pulled and are therefore built.
    pub not_pulled: BTreeSet<String>,
}

/// When `up` builds images that have a build section.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum BuildWhen {
    /// As each service's policy says: when the image is not here, or always.
    #[default]
    Policy,
    /// Always.
    Always,
    /// Never.
    Never,
}

/// Which slots go back to an older container.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RestoreOptions {
    /// The slots.
    pub slots: BTreeSet<Slot>,
}

/// The ways in which `rm` can be varied.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RemoveOptions {
    /// What runs is stopped first, instead of being left alone.
    pub stop: bool,
    /// Their anonymous volumes go too.
    pub volumes: bool,
}

/// The ways in which `pull` can be varied.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PullOptions {
    /// Takes the place of every service's own policy.
    pub policy: Option<PullPolicy>,
    /// Leave images alone that can be built.
    pub ignore_buildable: bool,
    /// Also for the services that the named ones depend on.
    pub include_deps: bool,
    /// The goal is reached although some images cannot be pulled.
    pub ignore_failures: bool,
}

/// The ways in which `build` can be varied.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct BuildOptions {
    /// Values of ARG over those of the file.
    pub args: BTreeMap<String, String>,
    /// Take nothing from the cache.
    pub no_cache: bool,
    /// Ask for the images of FROM at their registry even when they are here.
    pub pull: bool,
    /// Push what was built.
    pub push: bool,
    /// Bytes of memory that a RUN may use.
    pub memory: Option<u64>,
    /// Keys for `RUN --mount=type=ssh` over those of the file; empty for the agent.
    pub ssh: BTreeMap<String, String>,
    /// Also for the services that the named ones depend on.
    pub include_deps: bool,
}

/// The ways in which `push` can be varied.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PushOptions {
    /// Also for the services that the named ones depend on.
    pub include_deps: bool,
    /// The goal is reached although some images cannot be pushed.
    pub ignore_failures: bool,
}

impl Goal {
    /// A goal for all services of the stack.
    pub fn all(verb: Verb) -> Self {
        Self { verb, services: BTreeSet::new(), stop_timeout: None }
    }

    /// Notes what became of a step about an image, for the next plan of the same command.
    pub fn settle(&mut self, step: &Step, done: bool) {
        let Verb::Up(options) = &mut self.verb else { return };
        let images = &mut options.images;
        match step {
            Step::PullImage { reference, .. } | Step::BuildImage { reference, .. } if done => {
                images.settled.insert(reference.clone());
            }
            Step::PullImage { reference, may_fail: true, .. } => {
                images.not_pulled.insert(reference.clone());
            }
            _ => {}
        }
    }

    /// Whether the goal is also about what the named services depend on.
    pub(crate) fn includes_dependencies(&self) -> bool {
        match &self.verb {
            Verb::Up(options) => !options.no_deps,
            Verb::Pull(options) => options.include_deps,
            Verb::Build(options) => options.include_deps,
            Verb::Push(options) => options.include_deps,
            _ => true,
        }
    }
}
