//! `sampan system df | check | events | prune`

mod check;
mod df;
mod prune;

use crate::commands::events;
use crate::context::Context;
use crate::error::{Exit, Failure};
use clap::{Args, Subcommand};

/// Look after everything that sampan keeps on this machine
#[derive(Debug, Args)]
#[command(subcommand_required = true, arg_required_else_help = true)]
pub(crate) struct SystemArgs {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    Df(df::DfArgs),
    Check(check::CheckArgs),
    Events(events::SystemEventsArgs),
    Prune(prune::PruneArgs),
}

pub(crate) fn run(args: &SystemArgs, context: &Context) -> Result<Exit, Failure> {
    match &args.verb {
        Verb::Df(args) => df::run(args, context),
        Verb::Check(args) => check::run(args, context),
        Verb::Events(args) => events::system(args, context),
        Verb::Prune(args) => prune::run(args, context),
    }
}
