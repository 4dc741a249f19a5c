//! What can be done with a container: one verb a file.
//!
//! A container has a durable half, made by [`create`], and a volatile half, made by [`start`]
//! and taken down when it ends. Losing the volatile half (a reboot, a wiped runtime folder)
//! is an ordinary state: [`start`] makes it anew.
//!
//! - [`record`] and [`state`] are the two records: what it was made from, what it is doing.
//! - [`process`] merges image and spec into the process that will run.
//! - [`client`] talks to the supervisor.
//! - [`volatile`] takes down what is not durable.

pub mod attach;
mod cdi;
pub mod changes;
pub mod client;
pub mod commit;
mod console;
pub mod cp;
pub mod create;
pub mod detach;
pub mod devices;
pub mod drain;
pub mod exec;
pub mod export;
mod files;
pub(crate) mod given;
pub mod guard;
pub mod handle;
pub(crate) mod hooks;
pub mod inspect;
pub mod kill;
mod launch;
pub mod list;
pub mod logs;
pub mod names;
pub mod owner;
pub mod pause;
pub mod process;
pub mod record;
pub mod remove;
pub mod signal;
pub mod start;
mod stat;
pub mod state;
pub mod stop;
pub mod switch;
pub mod top;
pub mod update;
pub mod usage;
pub mod vacate;
pub mod volatile;
pub mod wait;
mod watch;

pub use attach::{AttachEnd, AttachOptions};
pub use changes::{Change, ChangeKind};
pub use commit::CommitOptions;
pub use cp::CopyOptions;
pub use detach::DetachKeys;
pub use exec::ExecSpec;
pub use inspect::{Inspection, Places};
pub use list::ContainerStatus;
pub use logs::{LogLine, LogOptions, Stream};
pub use process::{HealthCheck, Process};
pub use record::ContainerRecord;
pub use state::{OomKill, Probe, ProcessKey, StateRecord, Status};
