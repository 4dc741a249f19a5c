//! Resource limits in the kernel: version 1, version 2 and both at once.
//!
//! A container has one group in each hierarchy that matters, at `sampan-<tag>/<stack>/<id>` below
//! the hierarchy's root. The group is made at the root even when this process itself lives in a
//! group further down: limits are the container's own, not those of the shell that started it.
//!
//! - Version 2 only: one group, with `cpu`, `memory` and `pids` enabled on the way to it.
//! - Version 1: `cpu`, `memory`, `pids`, and `freezer` when nothing better is there.
//! - Hybrid (version 2 mounted beside version 1, without controllers): the groups of version 1, and
//!   one in version 2 for `cgroup.kill`, `cgroup.freeze` and `cpu.stat`.
//!
//! The supervisors of a store are together in one group, in each hierarchy where the command that
//! started them is not in the root group: `sampan-<tag>/_supervisors`.
//!
//! Containers that ask for CPUs or disks have groups of `cpuset` and `blkio` (`io`), too. Others are
//! left alone: their tasks stay where they were.
//! A controller that is missing is an error only when a limit needs it.

mod delegation;
mod devices;
mod disks;
mod further;
mod group;
mod hierarchy;
mod high;
mod limits;
mod oom;
mod stats;
mod supervisors;

pub use group::Group;
pub use hierarchy::{Controller, Hierarchy, Version};
pub use high::HighWatch;
pub use limits::{Write, writes};
pub use oom::OomWatch;
pub use stats::{Pressure, Stats};
pub use supervisors::Supervisors;

use std::path::PathBuf;

/// The groups that a child joins.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Join {
    /// Version 1: the controller's folder name below `/sys/fs/cgroup`, and the group's folder. The
    /// single-threaded child writes `0` to `tasks` there: quicker than `cgroup.procs`, for which
    /// the kernel waits about 10 ms on a quiet machine.
    pub version1: Vec<(String, PathBuf)>,
    /// Version 2: the folder into which the child is cloned.
    pub into: Option<PathBuf>,
}

/// The group that holds all others of a store.
fn top(tag: &str) -> String {
    format!("sampan-{tag}")
}
