//! `sampan volume prune`

use crate::commands::consent;
use crate::context::Context;
use crate::error::{Exit, Failure};
use crate::output::size::size;
use clap::Args;
use engine::Kind;
use engine::volume::{VolumeRecord, manage};

/// Remove volumes that no container has, with all their data
#[derive(Debug, Args)]
pub(super) struct PruneArgs {
    /// Also those that have a name, among them those of stacks that are down
    #[arg(short, long)]
    all: bool,

    /// Do not ask
    #[arg(short, long)]
    force: bool,

    /// Only what fits: `until=24h`, `until=2026-01-31`, `label=KEY[=VALUE]`, `label!=…`
    #[arg(long = "filter", value_name = "FILTER")]
    filters: Vec<String>,
}

pub(super) fn run(args: &PruneArgs, context: &Context) -> Result<Exit, Failure> {
    let engine = context.engine_as_root("volume prune")?;
    let unused = manage::unused(engine.store(), args.all, &consent::filter(&args.filters)?)?;
    if unused.is_empty() {
        context.screen.print("nothing to remove\n")?;
        return Ok(Exit::Done);
    }
    if !args.force {
        context.screen.print(&unused.iter().map(shown).collect::<String>())?;
    }
    consent::ask(context, "this removes them with all their data", args.force)?;
    let (mut freed, mut exit) = (0, Exit::Done);
    for volume in &unused {
        let name = &volume.spec.name;
        let bytes = manage::size(engine.store(), name)?;
        match manage::remove_unused(engine.store(), name) {
            Ok(()) => {
                freed += bytes;
                context.screen.print(&format!("removed volume {name}\n"))?;
            }
            // Somebody took it into use, or removed it, since.
            Err(error) if matches!(error.kind, Kind::Conflict | Kind::NotFound) => {}
            Err(error) => {
                context.screen.failure(&error.into());
                exit = Exit::NotReached;
            }
        }
    }
    context.screen.print(&format!("freed {}\n", size(freed)))?;
    Ok(exit)
}

fn shown(volume: &VolumeRecord) -> String {
    match &volume.spec.stack {
        Some(stack) => format!("volume {} of stack {stack}\n", volume.spec.name),
        None => format!("volume {}\n", volume.spec.name),
    }
}
