//! The engine acts: it observes and changes a Linux machine, one step at a time.
//!
//! The planner decides what is to be done; nothing is decided here while a plan runs.
//!
//! - [`apply`] walks a plan through an [`Engine`].
//! - [`linux`] is the real engine, [`fake`] one in memory that obeys `planner::world`.
//! - [`observe`] turns records and kernel truth into `planner::Live`.
//! - [`container`] holds one verb a file; [`shim`] is the supervisor of one container.
//! - [`sandbox`] gives birth to a container's process; [`cgroup`], [`net`], [`overlay`],
//!   [`volume`] and [`image`] are what it is made of.
//! - [`build`] makes images from Dockerfiles.
//! - [`journal`] tells what happened.
//! - [`stacks`] says which stacks there are and whose they are.
//! - [`store`] is the only place where paths of ours are joined.
//! - [`sys`] is the only place with `unsafe`.
//!
//! On disk: `<root>/{images,volumes,networks,containers,stacks}` survives a reboot,
//! `<runtime>/{locks,containers,netns,dns}` does not need to.

pub mod apply;
pub mod build;
pub mod cgroup;
pub mod container;
pub mod error;
pub mod event;
pub mod fake;
pub mod image;
pub mod journal;
pub mod linux;
pub mod net;
pub mod observe;
pub mod overlay;
pub mod sandbox;
pub mod shim;
mod skeleton;
pub mod stacks;
pub mod store;
#[allow(unsafe_code)]
pub mod sys;
pub mod system;
#[cfg(test)]
mod testing;
pub mod tree;
pub mod volume;

pub use error::{Error, Kind, Result};
pub use event::{Event, Outcome, Progress, Report};
pub use linux::LinuxEngine;

use planner::{Live, Step};
use std::future::Future;

/// Who can observe a world and enact steps in it.
pub trait Engine: Send + Sync + 'static {
    /// One snapshot of a stack, with the named images, networks and volumes that may be used.
    fn observe(&self, scope: &Scope) -> Result<Live>;

    /// Does one step. `tell` receives how it gets on. Dropping the future cancels a wait;
    /// a step that changes the machine runs to its end.
    fn enact(&self, step: &Step, tell: Tell) -> impl Future<Output = Result<()>> + Send;

    /// Asks what takes long and can be given up, such as a build, to end soon.
    fn interrupt(&self) {}
}

/// What to look at when observing.
#[derive(Clone, Debug, Default)]
pub struct Scope {
    /// The stack.
    pub stack: String,
    /// Image references to look up.
    pub images: Vec<String>,
    /// External networks to look up.
    pub networks: Vec<String>,
    /// External volumes to look up.
    pub volumes: Vec<String>,
    /// Containers whose mounts to look up.
    pub containers: Vec<String>,
}

/// Receives how a step gets on.
pub type Tell = std::sync::Arc<dyn Fn(Progress) + Send + Sync>;
