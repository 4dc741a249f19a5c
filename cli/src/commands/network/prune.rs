//! `sampan network prune`

use crate::commands::consent;
use crate::context::Context;
use crate::error::{Exit, Failure};
use clap::Args;
use engine::Kind;
use engine::net::{self, manage};

/// Remove networks that no container is on, not even one that does not run
#[derive(Debug, Args)]
pub(super) struct PruneArgs {
    /// Do not ask
    #[arg(short, long)]
    force: bool,

    /// Only what fits: `label=KEY[=VALUE]`, `label!=…`
    #[arg(long = "filter", value_name = "FILTER")]
    filters: Vec<String>,
}

pub(super) fn run(args: &PruneArgs, context: &Context) -> Result<Exit, Failure> {
    let filter = consent::filter(&args.filters)?;
    let engine = context.engine_as_root("network prune")?;
    let mut unused = Vec::new();
    for network in net::list(engine.store())? {
        let spec = network.spec;
        if filter.fits(None, &spec.labels) && manage::users(engine.store(), &spec.name)?.is_empty() {
            unused.push(spec.name);
        }
    }
    if unused.is_empty() {
        context.screen.print("nothing to remove\n")?;
        return Ok(Exit::Done);
    }
    if !args.force {
        context.screen.print(&unused.iter().map(|name| format!("network {name}\n")).collect::<String>())?;
    }
    consent::ask(context, "this removes them", args.force)?;
    let mut exit = Exit::Done;
    for name in &unused {
        match manage::remove(engine.store(), name) {
            Ok(()) => context.screen.print(&format!("removed network {name}\n"))?,
            // Somebody took it into use, or removed it, since.
            Err(error) if matches!(error.kind, Kind::Conflict | Kind::NotFound) => {}
            Err(error) => {
                context.screen.failure(&error.into());
                exit = Exit::NotReached;
            }
        }
    }
    Ok(exit)
}
