//! `sampan system prune`

use crate::commands::{consent, image::prune::told};
use crate::context::Context;
use crate::error::{Exit, Failure};
use crate::output::size::size;
use clap::Args;
use engine::system::prune::{self, Choice, Gone, Leftovers};

/// Remove what nobody needs: containers, networks, images and what builds keep
///
/// Containers go that do not run and whose stack is nobody's: its folder is gone. Networks go that
/// no container is on, images without a name that no container is made from, and what builds have
/// not used in 30 days.
#[derive(Debug, Args)]
pub(super) struct PruneArgs {
    /// Also images that have a name, and all that builds keep
    #[arg(short, long)]
    all: bool,

    /// Also anonymous volumes that no container has
    #[arg(long)]
    volumes: bool,

    /// Do not ask
    #[arg(short, long)]
    force: bool,

    /// Only what fits: `until=24h`, `until=2026-01-31`, `label=KEY[=VALUE]`, `label!=…`
    #[arg(long = "filter", value_name = "FILTER")]
    filters: Vec<String>,
}

pub(super) fn run(args: &PruneArgs, context: &Context) -> Result<Exit, Failure> {
    let engine = context.engine_as_root("system prune")?;
    let filter = consent::filter(&args.filters)?;
    let choice = Choice { all: args.all, volumes: args.volumes, filter };
    let found = prune::find(engine.store(), &choice)?;
    if found.is_empty() {
        context.screen.print("nothing to remove\n")?;
        return Ok(Exit::Done);
    }
    if !args.force {
        context.screen.print(&shown(&found))?;
    }
    consent::ask(context, "this removes them", args.force)?;
    let gone = prune::prune(engine.store(), &choice, &found)?;
    context.screen.print(&removed(&gone))?;
    context.screen.print(&format!("freed {}\n", size(gone.images.bytes + gone.cache)))?;
    Ok(Exit::Done)
}

/// What would go, a line each.
fn shown(found: &Leftovers) -> String {
    let mut lines = things(found);
    for (id, names) in &found.images {
        let name = if names.is_empty() { id.clone() } else { names.join(", ") };
        lines.push(format!("image {name}"));
    }
    if found.steps > 0 {
        lines.push(format!("{} steps of builds", found.steps));
    }
    lines.iter().map(|line| format!("{line}\n")).collect()
}

fn things(found: &Leftovers) -> Vec<String> {
    let containers = found.containers.iter().map(|id| format!("container {}", id.name()));
    let networks = found.networks.iter().map(|name| format!("network {name}"));
    let volumes = found.volumes.iter().map(|name| format!("volume {name}, with its data"));
    containers.chain(networks).chain(volumes).collect()
}

/// What went, a line each.
fn removed(gone: &Gone) -> String {
    let things: String = things(&gone.found).iter().map(|line| format!("removed {line}\n")).collect();
    let steps = match gone.found.steps {
        0 => String::new(),
        steps => format!("removed {steps} steps of builds\n"),
    };
    things + &told(&gone.images) + &steps
}
