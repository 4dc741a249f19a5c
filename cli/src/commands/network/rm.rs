//! `sampan network rm`

use crate::context::Context;
use crate::error::{Exit, Failure};
use clap::Args;
use engine::Kind;
use engine::net::manage;

/// Remove networks on which no container runs
#[derive(Debug, Args)]
pub(super) struct RmArgs {
    /// Names
    #[arg(required = true)]
    networks: Vec<String>,

    /// Those that do not exist are no error
    #[arg(short, long)]
    force: bool,
}

/// Each is removed that can be, whatever becomes of the others.
pub(super) fn run(args: &RmArgs, context: &Context) -> Result<Exit, Failure> {
    let engine = context.engine_as_root("network rm")?;
    let mut exit = Exit::Done;
    for name in &args.networks {
        match manage::remove(engine.store(), name) {
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
