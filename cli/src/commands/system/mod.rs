//! `sampan system df`

mod df;

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
}

pub(crate) fn run(args: &SystemArgs, context: &Context) -> Result<Exit, Failure> {
    match &args.verb {
        Verb::Df(args) => df::run(args, context),
    }
}
