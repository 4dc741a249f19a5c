//! The planner decides: stack files in, a plan of steps out.
//!
//! Everything here is pure, synchronous and deterministic. The only way to the
//! outside is the [`Source`] trait, through which stack files and environment
//! variables are read. The story, in the order in which the modules tell it:
//!
//! 1. [`load`] turns files into a [`Stack`]: what the user wrote, typed.
//! 2. A [`Goal`] says what the command asks for (`up`, `down`, `stop`, …).
//! 3. [`desired::lower`] turns stack and goal into [`Desired`]: what should exist.
//! 4. The engine observes [`Live`]: one snapshot of what does exist.
//! 5. [`diff`](mod@diff) compares the two, field by field.
//! 6. [`plan`](mod@plan) builds the DAG of [`Step`]s that leads from one to the
//!    other, each with its [`Cause`]; [`plan::check`] lints it.
//! 7. [`world`] is the one model of what a step does, shared by the fake engine
//!    and the property tests.
//!
//! [`policy`] holds the pure state machines that a container's supervisor runs:
//! restart with back-off and health.
#![forbid(unsafe_code)]

pub mod desired;
pub mod diagnostic;
pub mod diff;
pub mod goal;
pub mod graph;
pub mod live;
pub mod load;
pub mod model;
pub mod plan;
pub mod policy;
pub mod source;
pub mod validate;
pub mod world;

pub use desired::{ContainerId, ContainerSpec, Desired, NetworkSpec, Slot, VolumeSpec};
pub use diagnostic::{Diagnostic, Diagnostics, Severity};
pub use goal::Goal;
pub use live::Live;
pub use model::Stack;
pub use plan::{Cause, Plan, Step, StepId};
pub use source::Source;
