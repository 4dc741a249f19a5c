//! The verbs: one file each.

pub(crate) mod completion;
pub(crate) mod config;
pub(crate) mod version;

use crate::args::Command;
use crate::context::Context;
use crate::error::{Exit, Failure};

/// Does what the verb says.
pub(crate) fn run(command: Command, context: &Context) -> Result<Exit, Failure> {
    match command {
        Command::Config(args) => config::run(&args, context),
        Command::Version(args) => version::run(&args, context),
        Command::Completion(args) => completion::run(&args, context),
    }
}
