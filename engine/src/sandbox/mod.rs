//! How a container's process is born: spec to ops in the parent, one match per op in the child.
//!
//! 1. A [`Birth`] says all there is to know; nothing in it needs looking up any more.
//! 2. [`compile`] turns it into a [`Program`]: a list of [`Op`]s, one act each, with a text form.
//! 3. [`conceive`] clones a child into its namespaces; the child runs the ops one by one, without
//!    allocating, and reports `(op, errno)` on a pipe whose silent close means that all went well.
//!    On the way it waits at a gate until its parent has got the network ready.
//!
//! [`Entry`], [`compile_exec`] and [`spawn_exec`] do the same for one more process inside a
//! container that lives: health probes and `exec`.

mod birth;
mod caps;
mod compile;
mod gate;
mod op;
mod paths;
mod run;
mod seccomp;
mod spawn;
mod user;

pub use birth::{
    Birth, Confinement, DetachedMount, Device, Entry, GivenFile, Mount, MountSource, Namespaces, Netns,
    Process, Rlimit, Whose,
};
pub use caps::CapSet;
pub use compile::{compile, compile_exec};
pub use op::{Op, Program};
pub use paths::{device_nodes, host_devices};
pub use spawn::{Unborn, conceive, spawn, spawn_exec};
pub use user::User;

pub use crate::sys::clone::Child;
