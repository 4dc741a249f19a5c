//! `sampan volume create | ls | inspect | rm | prune | clone | snapshot | restore`

mod copies;
mod create;
pub(crate) mod inspect;
mod ls;
mod prune;
mod rm;

use crate::context::Context;
use crate::error::{Exit, Failure};
use clap::{Args, Subcommand};

/// Make, list, inspect, copy and remove volumes
#[derive(Debug, Args)]
#[command(subcommand_required = true, arg_required_else_help = true)]
pub(crate) struct VolumeArgs {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    Create(create::CreateArgs),
    #[command(alias = "list")]
    Ls(ls::LsArgs),
    Inspect(inspect::InspectArgs),
    #[command(alias = "remove")]
    Rm(rm::RmArgs),
    Prune(prune::PruneArgs),
    Clone(copies::CloneArgs),
    Snapshot(copies::SnapshotArgs),
    Restore(copies::RestoreArgs),
}

pub(crate) fn run(args: &VolumeArgs, context: &Context) -> Result<Exit, Failure> {
    match &args.verb {
        Verb::Create(args) => create::run(args, context),
        Verb::Ls(args) => ls::run(args, context),
        Verb::Inspect(args) => inspect::run(args, context),
        Verb::Rm(args) => rm::run(args, context),
        Verb::Prune(args) => prune::run(args, context),
        Verb::Clone(args) => copies::clone(args, context),
        Verb::Snapshot(args) => copies::snapshot(args, context),
        Verb::Restore(args) => copies::restore(args, context),
    }
}
