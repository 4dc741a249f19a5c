//! `sampan volume rm`

use crate::context::Context;
use crate::error::{Exit, Failure};
use clap::Args;
use engine::Kind;
use engine::volume::manage;

/// Remove volumes with all their data
#[derive(Debug, Args)]
pub(super) struct RmArgs {
    /// Names
    #[arg(required = true)]
    volumes: Vec<String>,

    /// Those that do not exist are no error
    #[arg(short, long)]
    force: bool,
}

/// Each is removed that no container has, whatever becomes of the others.
pub(super) fn run(args: &RmArgs, context: &Context) -> Result<Exit, Failure> {
    let engine = context.engine_as_root("volume rm")?;
    let mut exit = Exit::Done;
    for name in &args.volumes {
        match manage::remove_unused(engine.store(), name) {
            Ok(()) => context.screen.print(&format!("{name}\n"))?,
            Err(error) if args.force && error.kind == Kind::NotFound => {}
            Err(error) => {
                context.screen.failure(&error.into());
                exit = Exit::NotReached;
            }
        }
    }
    Ok(exit)
}
