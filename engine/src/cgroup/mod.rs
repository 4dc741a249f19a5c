//! Resource limits in the kernel: version 1, version 2 and both at once.
//!
//! A container has one group in each hierarchy that matters, at `sampan-<tag>/<stack>/<id>` below
//! the hierarchy's root. The group is made at the root even when this process itself lives in a
//! group further down: limits are the container's own, not those of the shell that started it.

use crate::error::{Error, Kind, Result};
use planner::ContainerId;
use planner::desired::Limits;
use std::os::fd::{AsFd, BorrowedFd};
use std::path::PathBuf;

fn later<T>() -> Result<T> {
    Err(Error::new(Kind::Unsupported, "control groups"))
}

/// Where control groups are mounted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Hierarchy {}

impl Hierarchy {
    /// Looks at this process's mounts.
    pub fn detect() -> Result<Self> {
        later()
    }
}

/// The groups of one container.
#[derive(Clone, Debug)]
pub struct Group {}

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

/// What a container uses.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    /// Bytes of memory in use.
    pub memory: Option<u64>,
    /// The most it ever used, in bytes.
    pub memory_peak: Option<u64>,
    /// What it may use, in bytes.
    pub memory_limit: Option<u64>,
    /// Bytes of swap in use.
    pub swap: Option<u64>,
    /// Processes that the kernel killed for want of memory.
    pub oom_kills: Option<u64>,
    /// Processes and threads.
    pub pids: Option<u64>,
    /// How many processes and threads there may be.
    pub pids_limit: Option<u64>,
    /// CPU time used, in microseconds.
    pub cpu_usec: Option<u64>,
}

/// Becomes readable when the container's memory ran out.
#[derive(Debug)]
pub struct OomWatch {
    fd: std::os::fd::OwnedFd,
}

impl AsFd for OomWatch {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

impl OomWatch {
    /// Empties it after it was readable; then ask [`Group::oom_kills`].
    pub fn drain(&self) {}
}

impl Group {
    /// The groups of this container; nothing is made yet.
    pub fn new(_hierarchy: &Hierarchy, _tag: &str, _id: &ContainerId) -> Self {
        Self {}
    }

    /// Makes the groups with these limits. Groups that are there are used again.
    pub fn create(&self, _limits: &Limits) -> Result<()> {
        later()
    }

    /// Changes the limits of groups that are there.
    pub fn update(&self, _limits: &Limits) -> Result<()> {
        later()
    }

    /// What a child does to be in the groups.
    pub fn join(&self) -> Join {
        Join::default()
    }

    /// Kills every process in the groups.
    pub fn kill(&self) -> Result<()> {
        later()
    }

    /// Stops every process in the groups where it is; returns when all have stopped.
    pub fn freeze(&self) -> Result<()> {
        later()
    }

    /// Lets them go on.
    pub fn thaw(&self) -> Result<()> {
        later()
    }

    /// The processes in the groups, by their numbers in our pid namespace.
    pub fn procs(&self) -> Result<Vec<i32>> {
        later()
    }

    /// Removes the groups, waiting a little for the last process to be gone, and the stack's and
    /// store's parents when they are empty. Groups that are not there are removed already.
    pub fn remove(&self) -> Result<()> {
        later()
    }

    /// What the container uses; what cannot be read is `None`.
    pub fn stats(&self) -> Stats {
        Stats::default()
    }

    /// Processes that the kernel killed for want of memory.
    pub fn oom_kills(&self) -> u64 {
        0
    }

    /// Watches for memory running out; `None` without a memory controller.
    pub fn watch_oom(&self) -> Result<Option<OomWatch>> {
        later()
    }
}
