//! `sampan network rm`

use crate::commands::each;
use crate::context::Context;
use crate::error::{Exit, Failure};
use clap::Args;
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
    each::remove(&args.networks, args.force, context, |name| manage::remove(engine.store(), name))
}
