//! `sampan image prune`

use crate::commands::consent;
use crate::context::Context;
use crate::error::{Exit, Failure};
use crate::output::size::size;
use clap::Args;
use engine::image::{Images, Pruned, Unused};

/// Remove images that have no name and that no container is made from
#[derive(Debug, Args)]
pub(super) struct PruneArgs {
    /// Also those that have a name
    #[arg(short, long)]
    all: bool,

    /// Do not ask
    #[arg(short, long)]
    force: bool,

    /// Only what fits: `until=24h`, `until=2026-01-31`, `label=KEY[=VALUE]`, `label!=…`
    #[arg(long = "filter", value_name = "FILTER")]
    filters: Vec<String>,
}

pub(super) fn run(
    args: &PruneArgs,
    context: &Context,
    images: &Images,
    in_use: &dyn Fn(&str) -> Option<String>,
) -> Result<Exit, Failure> {
    let unused = Unused { all: args.all, filter: consent::filter(&args.filters)? };
    let what = if args.all { "all images without a container" } else { "all images without a name" };
    consent::ask(context, &format!("this removes {what}"), args.force)?;
    let pruned = images.prune(&unused, in_use)?;
    context.screen.print(&told(&pruned))?;
    context.screen.print(&format!("freed {}\n", size(pruned.bytes)))?;
    Ok(Exit::Done)
}

/// What went, a line each.
pub(crate) fn told(pruned: &Pruned) -> String {
    let untagged = pruned.untagged.iter().map(|tag| format!("untagged {tag}\n"));
    untagged.chain(pruned.deleted.iter().map(|id| format!("deleted {id}\n"))).collect()
}
