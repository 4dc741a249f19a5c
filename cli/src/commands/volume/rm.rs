//! `sampan volume rm`

use crate::commands::each;
use crate::context::Context;
use crate::error::{Exit, Failure};
use clap::Args;
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
    each::remove(&args.volumes, args.force, context, |name| manage::remove_unused(engine.store(), name))
}
